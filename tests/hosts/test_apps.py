"""Hosts that take long to install, by `make heavy`: Voila, Solara, Panel, Shiny, and JupyterLab 4.0.

Each has an environment of its own under `SSE_WIDGET_APPS`; without that nothing here is collected. They
are real servers, and a page of each; only what Panel would load from a CDN is given to it from here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anywidget
import pytest
from playwright.sync_api import Browser, Locator, Route, expect

from ..helpers.browser import chromium
from ..helpers.lab import Lab, notebook_of
from ..helpers.scripted import Peer, Server, free_port

ENVIRONMENTS = os.environ.get("SSE_WIDGET_APPS")

STREAM = "from sse_widget import SSEStream\nstream = SSEStream(URL)\n"
SOLARA = """import solara
from sse_widget import SSEStream

@solara.component
def Page():
    stream = solara.use_memo(lambda: SSEStream(URL), [])
    solara.use_effect(lambda: stream.close, [])
    solara.display(stream)
"""
PANEL = f"""import panel as pn
pn.extension("ipywidgets")
{STREAM}
pn.state.on_session_destroyed(lambda context, stream=stream: stream.close())
pn.Column(pn.pane.IPyWidget(stream, width=900, height=500)).servable()
"""
SHINY = """from shiny import App, ui
from shinywidgets import output_widget, render_widget
from sse_widget import SSEStream

def server(input, output, session):
    @render_widget
    def log():
        stream = SSEStream(URL)
        session.on_ended(stream.close)
        return stream

app = App(ui.page_fluid(output_widget("log")), server)
"""
# Of each: its file, and its command where PORT is.
APPS = {
    "voila": (
        "app.ipynb",
        json.dumps(notebook_of([STREAM.replace("URL", "'URL'") + "stream"])),
        "voila app.ipynb --port=PORT --no-browser --Voila.ip=127.0.0.1",
    ),
    "solara": ("app.py", SOLARA, "solara run app.py --port PORT --host 127.0.0.1 --no-open"),
    "panel": (
        "app.py",
        PANEL,
        "panel serve app.py --port PORT --address 127.0.0.1"
        " --unused-session-lifetime 1000 --check-unused-sessions 500",
    ),
    "shiny": ("app.py", SHINY, "shiny run app.py --port PORT --host 127.0.0.1"),
}
# Where a stream ends with its visitor; Voila ends a kernel in its own time.
ENDS = {"solara", "panel", "shiny"}


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


def ticks(peer: Peer) -> None:
    """Fifty events a second, until the client goes."""
    peer.stream("")
    for i in range(1, 100_000):
        peer.send(f"id: {i}\nevent: {'trade' if i % 3 else 'quote'}\ndata: number {i};\n\n")
        time.sleep(0.02)


@contextmanager
def serving(name: str, folder: Path, url: str) -> Iterator[str]:
    """The app's server; the address of its page."""
    file, source, command = APPS[name]
    source = source.replace("'URL'", repr(url)).replace("(URL)", f"({url!r})")
    (folder / file).write_text(source)
    port = free_port()
    program, *options = command.replace("PORT", str(port)).split()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "PYTHON"))}
    server = subprocess.Popen(
        [Path(ENVIRONMENTS, name, "bin", program).absolute(), *options],
        cwd=folder,
        env=env | {"HOME": str(folder), "SOLARA_KERNEL_CULL_TIMEOUT": "2s"},
        stdin=subprocess.DEVNULL,
    )
    page = f"http://127.0.0.1:{port}/{'app' if name == 'panel' else ''}"
    try:
        end = time.monotonic() + 120
        while True:
            try:
                # Not the page: that would be a visitor.
                urllib.request.urlopen(f"http://127.0.0.1:{port}/nothing", timeout=5).close()
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                assert server.poll() is None, f"{name} did not start"
                assert time.monotonic() < end, f"{name} did not start"
                time.sleep(0.1)  # there is nothing to await on a server that is not there yet
        yield page
    finally:
        server.terminate()
        server.wait(20)


def loopback_only(route: Route) -> None:
    url = route.request.url
    if re.match(r"(https?|wss?)://(127\.0\.0\.1|localhost)[:/]|data:|blob:", url):
        return route.continue_()
    if "anywidget" in url:
        script = Path(anywidget.__file__).parent / "nbextension" / "index.js"
        return route.fulfill(path=script, content_type="text/javascript")
    return route.abort()


def received(widget: Locator) -> int:
    text = widget.get_by_role("group", name="Accounts").inner_text()
    return int(re.search(r"received\s+([\d,]+)", text).group(1).replace(",", ""))


def look(widget: Locator) -> None:
    """It moves, filters and stops."""
    page = widget.page
    rows = widget.get_by_role("log").get_by_role("listitem")
    expect(rows.first).to_be_visible(timeout=120_000)
    for _ in range(3):
        before = received(widget)
        page.wait_for_function(
            "n => { const all = [...document.querySelectorAll('.sse-footer')];"
            "return all.length === 0 || Number(all[0].innerText.match(/received\\s+([\\d,]+)/)[1]"
            ".replace(/,/g, '')) > n + 20 }",
            arg=before,
        )
    widget.get_by_role("button", name=re.compile("^trade")).click()
    expect(rows.filter(has_text="quote")).to_have_count(0)
    widget.get_by_role("button", name="Stop").click()
    expect(widget.get_by_role("status")).to_contain_text("Closed")
    widget.get_by_role("button", name="Start").click()
    expect(widget.get_by_role("status")).to_contain_text("Open")


def try_app(name: str, browser: Browser, folder: Path) -> None:
    with Server(ticks) as server, serving(name, folder, server.url) as url:
        context = browser.new_context(viewport={"width": 1100, "height": 700})
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.route("**/*", loopback_only)
        page.goto(url)
        look(page.locator(".sse-widget").first)
        page.goto("about:blank")
        context.close()
        if name in ENDS:
            end = time.monotonic() + 60
            while server.connections > 0:
                assert time.monotonic() < end, "the stream outlives its visitor"
                time.sleep(0.1)


def try_old_lab(app: str, browser: Browser) -> None:
    python = str(Path(ENVIRONMENTS, "lab40", "bin", "python").absolute())
    with Server(ticks) as server, Lab(browser, app=app, python=python) as lab:
        show = STREAM.replace("URL", repr(server.url)) + "stream"
        sleep = "import time\ntry: time.sleep(60)\nexcept KeyboardInterrupt: pass"
        notebook = lab.notebook([show, sleep])
        notebook.run(0)
        widget = notebook.widget
        look(widget)
        notebook.start(1)
        before = received(widget)
        notebook.page.wait_for_function(
            "n => Number(document.querySelector('.sse-footer').innerText"
            ".match(/received\\s+([\\d,]+)/)[1].replace(/,/g, '')) > n + 50",
            arg=before,
        )
        widget.get_by_role("button", name="Stop").click()
        expect(widget).to_contain_text("Kernel busy: Stop as soon as the cell is done.")
        notebook.js("await panel.sessionContext.session.kernel.interrupt();")
        expect(widget.get_by_role("status")).to_contain_text("Closed")


if ENVIRONMENTS:

    @pytest.mark.lab
    @pytest.mark.parametrize("name", APPS)
    def test_an_app(name, browser, tmp_path):
        try_app(name, browser, tmp_path)

    @pytest.mark.lab
    @pytest.mark.parametrize("app", ["jupyterlab", "notebook"])
    def test_an_old_lab(app, browser):
        try_old_lab(app, browser)
