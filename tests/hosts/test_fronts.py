"""VS Code and Colab, imitated: the real widget manager of VS Code's Jupyter extension over a real kernel.

Neither has subshells, so what needs the kernel waits for the cell, and the page says so. VS Code carries
buffers as numbers; Colab has a frame a cell, and may drop what a thread sends while nothing runs.
"""

from __future__ import annotations

import queue
import re

import pytest
from playwright.sync_api import Page, expect

from ..helpers.browser import chromium
from ..helpers.front import Front
from ..helpers.scripted import Peer, Server

pytestmark = pytest.mark.lab

EVENTS = "".join(
    f"id: {i}\nevent: {'trade' if i % 3 else 'quote'}\ndata: number {i};\n\n" for i in range(1, 91)
)


@pytest.fixture(scope="module")
def front():
    with chromium() as browser, Front(browser) as front:
        yield front


class Feed:
    """A server that sends what a test says, when it says so."""

    def __init__(self) -> None:
        self._more: queue.Queue[str] = queue.Queue()

    def __call__(self, peer: Peer) -> None:
        peer.stream(EVENTS)
        while text := self._more.get():
            peer.send(text)
        peer.hold()

    def send(self, *data: str) -> None:
        self._more.put("".join(f"event: trade\ndata: {line}\n\n" for line in data))

    def end(self) -> None:
        self._more.put("")


def run(page: Page, code: str) -> str:
    """Run a cell to its end; what it printed."""
    return str(
        page.evaluate("async code => { window.said = ''; await run(code); return said }", code)
    )


def colours(page: Page) -> list[str]:
    return page.locator(".sse-widget").first.evaluate(
        "e => { const s = getComputedStyle(e); return [s.backgroundColor, s.color, s.colorScheme] }"
    )


def test_vs_code(front):
    page = front.page("vscode")
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    feed = Feed()
    with Server(feed) as server:
        run(page, f"from sse_widget import SSEStream\nstream = SSEStream({server.url!r})\nstream")
        widget = page.locator(".sse-widget").first
        rows = widget.get_by_role("log").get_by_role("listitem")
        expect(rows.filter(has_text="number 90;")).to_be_visible()
        expect(widget.get_by_role("status")).to_contain_text("Open")
        # The extension's own styles are of a light theme; the editor's are not.
        assert colours(page) == ["rgb(30, 30, 30)", "rgb(212, 212, 212)", "dark"]
        widget.get_by_role("button", name=re.compile("^trade")).click()
        expect(rows.filter(has_text="quote")).to_have_count(0)
        # A cell may overtake what the page has just changed; it is there for one of the next.
        said = next(
            s for _ in range(600) if (s := run(page, "print(stream.filter.types)")) != "None\n"
        )
        assert "trade" in said
        # While a cell runs the log moves, and what needs the kernel waits and says so.
        page.evaluate(
            "void run('import time\\ntry: time.sleep(60)\\nexcept KeyboardInterrupt: pass')"
        )
        feed.send("while it is busy")
        expect(rows.filter(has_text="while it is busy")).to_be_visible()
        widget.get_by_role("button", name="Stop").click()
        expect(widget).to_contain_text("Kernel busy: Stop as soon as the cell is done.")
        front.interrupt()
        expect(widget.get_by_role("status")).to_contain_text("Closed")
        feed.end()
        page.close()
    assert broken == []


def test_what_crosses_to_vs_code_is_text(front):
    page = front.page("vscode")
    feed = Feed()
    with Server(feed) as server:
        run(page, f"from sse_widget import SSEStream\nstream = SSEStream({server.url!r})\nstream")
        rows = page.get_by_role("log").get_by_role("listitem")
        expect(rows.filter(has_text="number 90;")).to_be_visible()
        # The first rows may come before the kernel has heard the page, which asks for text: on the
        # same way as this cell, so before it.
        run(page, "pass")
        feed.send("heard by now")
        expect(rows.filter(has_text="heard by now")).to_be_visible()
        binary, before = page.evaluate("[seen.binary_bytes, seen.json_chars]")
        lines = [f"{i} " + "x" * 400 for i in range(2_000)]
        # Buffers would be 3.6 characters a byte.
        feed.send(*lines, "the last")
        expect(rows.filter(has_text="the last")).to_be_visible()
        crossed = page.evaluate("seen.json_chars") - before
        assert page.evaluate("seen.binary_bytes") == binary
        assert crossed < 1.5 * sum(len(line.encode()) for line in lines)
        feed.end()
        run(page, "stream.close()")
        page.close()


def test_colab(front):
    page = front.page("colab")
    feed = Feed()
    with Server(feed) as server:
        run(page, f"from sse_widget import SSEStream\nstream = SSEStream({server.url!r})\nstream")
        run(page, "stream")
        for i in range(2):
            frame = page.frame_locator("iframe").nth(i)
            rows = frame.get_by_role("log").get_by_role("listitem")
            expect(rows.filter(has_text="number 90;")).to_be_visible()
        # No cell runs: what comes now is dropped, and the page asks for it.
        feed.send("nobody said so")
        for i in range(2):
            frame = page.frame_locator("iframe").nth(i)
            expect(frame.get_by_text("nobody said so")).to_be_visible()
            expect(frame.get_by_role("status")).to_contain_text("Open")
        assert page.evaluate("seen.dropped") > 0
        inside = page.frames[1]
        assert colours(inside) == ["rgb(56, 56, 56)", "rgb(213, 213, 213)", "dark"]
        # A filter of one cell's frame is the other's.
        page.frame_locator("iframe").first.get_by_role("searchbox").fill("nobody")
        expect(page.frame_locator("iframe").last.get_by_role("searchbox")).to_have_value("nobody")
        feed.end()
        run(page, "stream.close()")
        page.close()
