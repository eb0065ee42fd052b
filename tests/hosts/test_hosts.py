"""The other hosts: Notebook 7 (as a hub serves it), marimo, where a widget lives in a shadow root, and a terminal.

JupyterLab has `test_lab.py`; VS Code and Colab, imitated, have `test_fronts.py`.
"""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ..helpers.browser import chromium
from ..helpers.lab import ROOT, SLOWEST, Lab
from ..helpers.scripted import Peer, Server, free_port, sends

pytestmark = pytest.mark.lab

EVENTS = "".join(
    f"id: {i}\nevent: {'trade' if i % 3 else 'quote'}\ndata: number {i};\n\n" for i in range(1, 91)
)


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


def look(page: Page) -> None:
    """What a person does first; it ends with the filter on `trade` and a pattern."""
    widget = page.locator(".sse-widget").first
    log = widget.get_by_role("log")
    rows = log.get_by_role("listitem")
    expect(rows.filter(has_text="number 90;")).to_be_visible()
    expect(widget.get_by_role("status")).to_contain_text("Open")
    widget.get_by_role("button", name=re.compile("^trade")).click()
    expect(rows.filter(has_text="quote")).to_have_count(0)
    # The keys are the log's, not the host's.
    log.focus()
    page.keyboard.press("/")
    page.keyboard.type("number 8[0-9]")
    expect(widget.get_by_role("searchbox")).to_have_value("number 8[0-9]")
    widget.get_by_role("button", name="Use a regular expression").click()
    expect(rows).to_have_count(7)
    expect(log.locator("mark").first).to_have_text("number 80")
    rows.first.click()
    expect(widget.get_by_role("region", name="Event details")).to_contain_text("number 80;")
    page.keyboard.press("Escape")
    log.focus()
    page.keyboard.press("Space")
    expect(widget.get_by_role("button", name="Resume")).to_be_visible()
    dark = widget.evaluate("e => getComputedStyle(e).backgroundColor.match(/\\d+/g).map(Number)")
    assert max(dark[:3]) < 64


def test_notebook_7(browser):
    with (
        Server(sends(EVENTS, then="hold")) as server,
        Lab(browser, app="notebook", dark=True, base_url="/hub/user/ann") as host,
    ):
        notebook = host.notebook(
            [
                f"from sse_widget import SSEStream\nstream = SSEStream({server.url!r})\nstream",
                "import time\n"
                "for _ in range(600):\n"
                "    if stream.filter.regex: break\n"
                "    time.sleep(0.05)\n"
                "len(stream.view_df)",
            ]
        )
        notebook.run(0)
        look(notebook.page)
        notebook.run(1)
        expect(notebook.cell(1)).to_contain_text("7")
        saved = notebook.page.locator(".sse-snapshot")
        expect(saved).to_have_count(1)
        expect(saved).to_be_hidden()
        assert notebook.blocked == []


TERMINAL = """import asyncio
from sse_widget import SSECapture, SSEStream
stream = SSEStream({url!r})
capture = SSECapture({{"one": {url!r}}}, to={to!r})
event = asyncio.run(stream.until(where=lambda event: "number 90;" in event.data, timeout=30))
stats = asyncio.run(capture.until(lambda stats: stats.received == 90, timeout=30))
stream
capture
"""


def test_a_terminal_shows_a_readable_line(tmp_path):
    """IPython without a front end: what a widget is worth there, in words; and it ends without any."""
    with Server(*[sends(EVENTS, then="hold")] * 2) as server:
        done = subprocess.run(
            [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
            input=TERMINAL.format(url=server.url, to=str(tmp_path / "capture")),
            env=os.environ | {"IPYTHONDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=SLOWEST,
        )
    assert (done.stderr, done.returncode) == ("", 0)
    assert "Error" not in done.stdout
    assert f"<SSEStream {server.url} open: 90 received, 90 held>" in done.stdout
    assert "1 of 1 streams open, 90 received" in done.stdout


CAPTURE = """from sse_widget import SSECapture
capture = SSECapture({{'one': {url!r}}}, to={to!r})
capture"""


def test_the_log_of_a_capture_in_notebook_7(browser, tmp_path):
    with (
        Server(sends(EVENTS, then="hold")) as server,
        Lab(browser, app="notebook", dark=True) as host,
    ):
        notebook = host.notebook([CAPTURE.format(url=server.url, to=str(tmp_path / "capture"))])
        notebook.run(0)
        select(notebook.page)
        assert notebook.blocked == []


def select(page: Page) -> None:
    """The log of a capture's one stream comes from the kernel, and is as of a stream alone."""
    grid = page.locator(".sse-overview").get_by_role("grid", name="Streams")
    grid.get_by_role("row").filter(has_text="one").click()
    log = page.locator(".sse-below").get_by_role("log")
    expect(log.get_by_role("listitem").filter(has_text="number 90;")).to_be_visible()


APP = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from sse_widget import SSEStream
    runs = []
    anew = mo.ui.run_button(label="Connect anew")
    anew
    return SSEStream, anew, mo, runs


@app.cell
def _(SSEStream, anew, mo):
    anew.value
    stream = mo.ui.anywidget(SSEStream(URL))
    stream
    return (stream,)


@app.cell
def _(mo, runs, stream):
    runs.append(1)
    mo.md(f"run {len(runs)}: {len(stream.view_df)} in view, {stream.filter.text}.")
    return


if __name__ == "__main__":
    app.run()
"""


@contextmanager
def marimo(folder: Path, app: str) -> Iterator[str]:
    """A marimo server with this app; its address."""
    config = folder / "home" / ".config" / "marimo"
    config.mkdir(parents=True)
    (config / "marimo.toml").write_text('[display]\ntheme = "dark"\n')
    (folder / "app.py").write_text(app)
    port = free_port()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MARIMO", "XDG"))}
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "marimo", "-q", "run", "app.py", "--headless", "--no-token"),
            *("--host", "127.0.0.1", "--port", str(port), "--session-ttl", "1"),
        ],
        cwd=folder,
        env=env | {"HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + SLOWEST
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=30).close()
                break
            except OSError:
                assert server.poll() is None, "marimo did not start"
                assert time.monotonic() < end, "marimo did not start"
                time.sleep(0.1)  # there is nothing to await on a server that is not there yet
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(SLOWEST)


CAPTURE_APP = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from sse_widget import SSECapture
    capture = mo.ui.anywidget(SSECapture({"one": URL}, to=TO))
    runs = []
    capture
    return capture, mo, runs


@app.cell
def _(mo, runs, capture):
    runs.append(1)
    mo.md(f"run {len(runs)}: {len(capture.streams)} streams.")
    return


if __name__ == "__main__":
    app.run()
"""


def test_the_log_of_a_capture_in_marimo(browser: Browser, tmp_path):
    more: queue.Queue[str] = queue.Queue()

    def one_by_one(peer: Peer) -> None:
        peer.stream(EVENTS)
        while text := more.get():
            peer.send(text)
        peer.hold()

    app = CAPTURE_APP.replace("TO", repr(str(tmp_path / "capture")))
    with (
        Server(one_by_one) as server,
        marimo(tmp_path, app.replace("URL", repr(server.url))) as url,
    ):
        page = browser.new_page()
        broken = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(url)
        select(page)
        # What the page acknowledges runs no cell.
        rows = page.locator(".sse-below").get_by_role("log").get_by_role("listitem")
        totals = page.get_by_role("group", name="Accounts").last
        for i in range(5):
            more.put(f"data: single {i};\n\n")
            expect(rows.filter(has_text=f"single {i};")).to_be_visible()
            expect(totals).to_contain_text(f"received {91 + i} =")
        expect(page.get_by_text("run 1: 1 streams.")).to_be_visible()
        more.put("")
        assert broken == []
        page.close()


def test_marimo(browser: Browser, tmp_path):
    more: queue.Queue[str] = queue.Queue()

    def one_by_one(peer: Peer) -> None:
        peer.stream("")
        while text := more.get():
            peer.send(text)
        peer.hold()

    with (
        Server(one_by_one, sends("", then="hold")) as server,
        marimo(tmp_path, APP.replace("URL", repr(server.url))) as url,
    ):
        # The computer prefers another ground than the host has.
        context = browser.new_context(color_scheme="light")
        page = context.new_page()
        blocked, broken = [], []
        page.on("pageerror", lambda error: broken.append(str(error)))

        def guard(route):
            if route.request.url.startswith((url, "data:", "blob:")):
                return route.continue_()
            blocked.append(route.request.url)
            return route.abort()

        page.route("**/*", guard)
        page.goto(url)
        widget = page.locator(".sse-widget")
        assert widget.evaluate("e => e.getRootNode() instanceof ShadowRoot")
        rows = widget.get_by_role("log").get_by_role("listitem")
        # Batches that are shown and acknowledged run no cell ...
        for i in range(5):
            more.put(f"data: single {i};\n\n")
            expect(rows.filter(has_text=f"single {i};")).to_be_visible()
        more.put(EVENTS)
        expect(rows.filter(has_text="number 90;")).to_be_visible()
        expect(page.get_by_text("run 1: ")).to_be_visible()
        # ... and a filter does, as marimo's own inputs do.
        look(page)
        expect(page.get_by_text("7 in view, number 8[0-9].")).to_be_visible()
        more.put("")
        # A cell that runs again leaves no second connection.
        page.get_by_role("button", name="Connect anew").click()
        server.gone.get(timeout=60)
        for _ in range(2):
            server.asked.get(timeout=60)
        expect(widget.get_by_role("button", name="Pause")).to_be_visible()
        expect(widget.get_by_role("status")).to_contain_text("Open")
        assert len(server.requests) == 2
        assert server.connections == 1
        assert broken == []
        assert blocked == []
        # Nor does a visitor who has left.
        context.close()
        server.gone.get(timeout=60)
        assert server.connections == 0
