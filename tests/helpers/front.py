"""A page of outputs as VS Code or Colab has it, over a real kernel of a real Jupyter server.

The widget manager is the real one of VS Code's Jupyter extension; the host around it is an imitation of
what a widget can tell of it (`tests/hosts/front/front.js` says which). `make fronts` fetches what it needs.
"""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anywidget
from playwright.sync_api import Browser, Page

from .lab import ROOT, SLOWEST
from .scripted import free_port

FRONT = ROOT / "tests" / "hosts" / "front"
FILES = {
    "/": FRONT / "front.html",
    "/front.js": FRONT / "built" / "front.js",
    "/ipywidgets.js": FRONT / "built" / "ipywidgets.js",
    "/require.js": FRONT / "node_modules" / "requirejs" / "require.js",
    "/anywidget.js": Path(anywidget.__file__).parent / "nbextension" / "index.js",
}


def fetch_fronts() -> None:
    """`make fronts`, where it was not made."""
    subprocess.run([sys.executable, str(ROOT / "scripts" / "fronts.py")], check=True)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        file = FILES.get(self.path.partition("?")[0])
        if file is None:
            self.send_error(404)
            return
        body = file.read_bytes()
        self.send_response(200)
        kind = "text/html; charset=utf-8" if file.suffix == ".html" else "text/javascript"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Front:
    """A Jupyter server, one kernel of it, and the files of the page."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self._folder = tempfile.TemporaryDirectory(prefix="sse-widget-front-")
        self._pages: list[Page] = []

    def __enter__(self) -> Self:
        fetch_fronts()
        self._files = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._files.serve_forever, daemon=True)
        self._thread.start()
        port = free_port()
        self.server = f"http://127.0.0.1:{port}/"
        env = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")}
        env |= {f"JUPYTER_{name}_DIR": self._folder.name for name in ("CONFIG", "DATA", "RUNTIME")}
        self._jupyter = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
                *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"),
                *("--ServerApp.port_retries=0", "--IdentityProvider.token="),
                *(f"--ServerApp.root_dir={self._folder.name}", "--ServerApp.allow_origin=*"),
                "--ServerApp.disable_check_xsrf=True",
            ],
            env=env | {"HOME": self._folder.name, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()
        self.kernel: str = self._ask("api/kernels", b"{}")["id"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for page in self._pages:
            page.context.close()
        self._jupyter.terminate()
        try:
            self._jupyter.wait(20)
        except subprocess.TimeoutExpired:
            self._jupyter.kill()
            self._jupyter.wait(SLOWEST)
        self._files.shutdown()
        self._thread.join()
        self._files.server_close()
        self._folder.cleanup()

    def _wait(self) -> None:
        end = time.monotonic() + SLOWEST
        while True:
            try:
                self._ask("api/status")
                return
            except OSError:
                assert self._jupyter.poll() is None, "the server did not start"
                assert time.monotonic() < end, "the server did not start"
                time.sleep(0.1)  # there is nothing to await on a server that is not there yet

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(self.server + path, data=body)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def interrupt(self) -> None:
        """Interrupt the kernel, as the person's Stop of a cell does."""
        self._ask(f"api/kernels/{self.kernel}/interrupt", b"{}")

    def page(self, host: str) -> Page:
        """A page as `host` ("vscode" or "colab") has it."""
        page = self.browser.new_context(viewport={"width": 1000, "height": 700}).new_page()
        self._pages.append(page)
        at = f"http://127.0.0.1:{self._files.server_port}"
        page.goto(f"{at}/?host={host}&server={self.server}&kernel={self.kernel}")
        page.wait_for_selector("body[data-ready]", timeout=SLOWEST * 1000)
        return page
