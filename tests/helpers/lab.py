"""A real JupyterLab in headless Chromium, driven through the application object it exposes.

One `Lab` is one server and one browser; each `notebook()` is a page with a kernel of its own.
Everything lives in a temporary folder, listens on loopback only and is ended on the way out.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import Browser, Locator, Page

from .scripted import free_port

ROOT = Path(__file__).resolve().parents[2]

SLOWEST = 300.0  # seconds that a machine which does much else may take to start something

SETTINGS: dict[str, dict[str, Any]] = {  # nothing is fetched, asked or saved by itself
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}

APPS = {"jupyterlab": "LabApp", "notebook": "JupyterNotebookApp"}

PANEL = """[...window.jupyterapp.shell.widgets('main')].find(
    w => w.content?.model && w.sessionContext && w.content.widgets && w.context.path === PATH)"""


def notebook_of(cells: list[str]) -> dict[str, Any]:
    return {
        "cells": [
            {
                "cell_type": "code",
                "id": uuid.uuid4().hex[:8],
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
            for source in cells
        ],
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    }


class Lab:
    """A JupyterLab server, and pages of it in `browser`."""

    def __init__(
        self,
        browser: Browser,
        *,
        dark: bool = False,
        app: str = "jupyterlab",
        base_url: str = "",
        python: str = sys.executable,
    ) -> None:
        self.browser = browser
        self.dark = dark
        self.app = app
        self.python = python
        self.base_url = base_url  # where a hub puts the server of one person
        self._folder = tempfile.TemporaryDirectory(prefix="sse-widget-lab-")
        self.base = Path(self._folder.name)
        self.root = self.base / "notebooks"
        self._notebooks: list[Notebook] = []

    def __enter__(self) -> Self:
        for name in ("notebooks", "config", "data", "runtime", "settings", "workspaces", "home"):
            (self.base / name).mkdir()
        settings = dict(SETTINGS)
        if self.dark:
            settings["@jupyterlab/apputils-extension:themes"] = {"theme": "JupyterLab Dark"}
        for plugin, value in settings.items():
            package, _, name = plugin.partition(":")
            file = self.base / "settings" / package / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(value))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}{self.base_url}"
        env = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")}
        env |= {
            "HOME": str(self.base / "home"),
            "IPYTHONDIR": str(self.base / "home" / "ipython"),
            "JUPYTER_CONFIG_DIR": str(self.base / "config"),
            "JUPYTER_DATA_DIR": str(self.base / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.base / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.base / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.base / "workspaces"),
            "PYTHONPATH": str(ROOT),
        }
        self._log = (self.base / "server.log").open("wb")
        self._server = subprocess.Popen(
            [
                *(self.python, "-m", self.app, "--no-browser", "--allow-root"),
                *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"),
                *("--ServerApp.port_retries=0", "--IdentityProvider.token="),
                f"--ServerApp.base_url={self.base_url}/",
                "--ServerApp.disable_check_xsrf=True",  # the tests end kernels through the API
                *(
                    f"--ServerApp.root_dir={self.root}",
                    f"--{APPS[self.app]}.expose_app_in_browser=True",
                ),
                *("--LabApp.extension_manager=readonly", "--LabApp.collaborative=False"),
            ],
            env=env,
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        end = time.monotonic() + SLOWEST
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/api/status", timeout=30).close()
                return self
            except OSError:
                if self._server.poll() is not None or time.monotonic() > end:
                    self.__exit__(None, None, None)
                    raise RuntimeError("JupyterLab did not start:\n" + self.log) from None
                time.sleep(0.1)  # there is nothing to await on a server that is not there yet

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for notebook in self._notebooks:
            notebook.page.context.close()
        self._notebooks.clear()
        self._server.terminate()
        try:
            self._server.wait(20)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait(5)
        self._log.close()
        self._folder.cleanup()

    def close_notebooks(self) -> None:
        """Close every page and end every kernel; the server stays for the next test."""
        for notebook in self._notebooks:
            notebook.page.context.close()
        self._notebooks.clear()
        with urllib.request.urlopen(f"{self.url}/api/sessions", timeout=SLOWEST) as answer:
            sessions = json.load(answer)
        for session in sessions:
            end = urllib.request.Request(
                f"{self.url}/api/sessions/{session['id']}", method="DELETE"
            )
            urllib.request.urlopen(end, timeout=SLOWEST).close()

    @property
    def log(self) -> str:
        return (self.base / "server.log").read_text(errors="replace")[-4000:]

    def notebook(
        self, cells: list[str] | dict[str, Any], *, width: int = 1280, height: int = 900
    ) -> Notebook:
        """Open a notebook of these cells (or this whole document); its kernel is idle then."""
        document = cells if isinstance(cells, dict) else notebook_of(cells)
        name = f"{uuid.uuid4().hex[:8]}.ipynb"
        (self.root / name).write_text(json.dumps(document))
        return self.page_of(name, width=width, height=height)

    def page_of(self, name: str, *, width: int = 1280, height: int = 900) -> Notebook:
        """A page of a notebook that is there; of one kernel, where it is open already."""
        context = self.browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        page.set_default_timeout(SLOWEST * 1000)
        notebook = Notebook(self, page, name)
        self._notebooks.append(notebook)
        notebook.open()
        return notebook


class Notebook:
    """One notebook on a page."""

    def __init__(self, lab: Lab, page: Page, name: str) -> None:
        self.lab = lab
        self.page = page
        self.name = name
        self.blocked: list[str] = []
        self.page_errors: list[str] = []
        page.on("pageerror", lambda e: self.page_errors.append(str(e)))
        page.route(lambda url: not url.startswith(lab.url), self._guard)

    def _guard(self, route: Any) -> None:
        """Loopback only, whatever a page asks for."""
        url = route.request.url
        if re.match(r"(https?://127\.0\.0\.1[:/]|data:|blob:)", url):
            route.continue_()
        else:
            self.blocked.append(url)
            route.abort()

    def open(self) -> None:
        # A workspace each, or the pages of one server would open each other's notebooks.
        space = self.name.partition(".")[0]
        lab = f"lab/workspaces/{space}/tree" if self.lab.app == "jupyterlab" else "notebooks"
        self.page.goto(f"{self.lab.url}/{lab}/{self.name}")
        self._ready()

    def reload(self) -> None:
        self.page.reload()
        self._ready()

    def _ready(self) -> None:
        self.page.wait_for_function("!!window.jupyterapp")
        self.page.wait_for_function(
            self._with_panel(
                "return !!panel?.context.isReady && panel.content.widgets.length > 0"
                " && panel.sessionContext.session?.kernel?.status === 'idle'"
            )
        )

    def _with_panel(self, body: str) -> str:
        panel = PANEL.replace("PATH", json.dumps(self.name))
        return f"(arg) => {{ const panel = {panel}; const app = window.jupyterapp; {body} }}"

    def js(self, body: str, arg: Any = None) -> Any:
        """Run JavaScript with `panel` (the notebook) and `app` in scope; may use await."""
        return self.page.evaluate("async " + self._with_panel(body), arg)

    def start(self, index: int) -> None:
        """Run a cell; do not wait for it."""
        self.js(
            "panel.content.activeCellIndex = arg; panel.content.deselectAll();"
            "app.shell.activateById(panel.id); app.commands.execute('notebook:run-cell');",
            index,
        )

    def run(self, index: int, timeout: float = SLOWEST) -> None:
        """Run a cell and wait for its end; an error output fails the test."""
        self.js(
            "panel.content.widgets[arg].model.executionState; panel.content.activeCellIndex = arg;"
            "panel.content.deselectAll(); app.shell.activateById(panel.id);"
            "await app.commands.execute('notebook:run-cell');",
            index,
        )
        self.finished(index, timeout)
        assert not self.errors(), self.errors()

    def finished(self, index: int, timeout: float = SLOWEST) -> None:
        """Wait until this cell has an execution number again."""
        self.page.wait_for_function(
            self._with_panel(
                "const m = panel.content.widgets[arg].model;"
                "return m.executionCount !== null && m.executionState !== 'running'"
            ),
            arg=index,
            timeout=timeout * 1000,
        )

    def running(self, index: int) -> bool:
        return bool(
            self.js("return panel.content.widgets[arg].model.executionState === 'running'", index)
        )

    def errors(self) -> list[list[Any]]:
        """[cell, name, text] of every error output now in the notebook."""
        found: list[list[Any]] = self.js(
            "return panel.content.widgets.flatMap((c, i) => c.model.type !== 'code' ? [] :"
            "c.model.outputs.toJSON().filter(o => o.output_type === 'error')"
            ".map(o => [i, o.ename, o.evalue]))"
        )
        return found

    def execute(self, code: str) -> str:
        """Run code in the kernel outside of any cell; what it printed or returned."""
        out: str = self.js(
            "const f = panel.sessionContext.session.kernel.requestExecute("
            "{code: arg, store_history: false}); let out = '';"
            "f.onIOPub = m => { const c = m.content; const t = m.header.msg_type;"
            "if (t === 'stream') out += c.text;"
            "if (t === 'execute_result') out += c.data['text/plain'];"
            "if (t === 'error') out += c.ename + ': ' + c.evalue; };"
            "await f.done; return out;",
            code,
        )
        return out

    def restart_kernel(self) -> None:
        self.js("await panel.sessionContext.session.kernel.restart();")
        self._ready()

    def save(self) -> dict[str, Any]:
        self.js("await panel.context.save();")
        document: dict[str, Any] = json.loads((self.lab.root / self.name).read_text())
        return document

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    @property
    def widget(self) -> Locator:
        """The first live log of the page."""
        return self.page.locator(".sse-widget").first
