"""The log that runs in the documentation's first page: it works by itself, also from a file, and asks nobody.

What a reader sees of it in Python, below the log, is Python that does the same to a stream.
"""

from __future__ import annotations

import functools
import http.server
import math
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sse_widget import EventFilter, SSEStream

from ..helpers.browser import chromium, stop_clock

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = """<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>A page</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="_static/site.css"></head><body>%s</body></html>"""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The part of the first page that is the log, with the files it names."""
    folder = tmp_path_factory.mktemp("site")
    made = folder / "_static" / "widget"
    made.mkdir(parents=True)
    command = ["npm", "--prefix", ROOT / "js", "run", "--silent", "live", "--"]
    subprocess.run([*command, f"--file={made / 'live.js'}"], check=True)
    (made / "widget.css").write_bytes((ROOT / "sse_widget/static/widget.css").read_bytes())
    (folder / "_static" / "site.css").write_bytes((DOCS / "_static/site.css").read_bytes())
    (raw,) = re.findall(
        r"^```\{raw\} html\n(.*?)^```", (DOCS / "index.md").read_text("utf-8"), re.M | re.S
    )
    (folder / "index.html").write_text(PAGE % raw, "utf-8")
    return folder


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None: ...

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=site)
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Any) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    yield opened
    context.close()
    assert wrong == []


@pytest.fixture(params=["file", "http"])
def address(request: pytest.FixtureRequest, site: Path) -> str:
    return site.as_uri() if request.param == "file" else request.getfixturevalue("served")


def rows(page: Page) -> Any:
    return page.get_by_role("log", name="Events").get_by_role("listitem")


def received(page: Page) -> int:
    return int(page.locator("[data-account=received] b").inner_text().replace(",", ""))


def test_the_log_runs_from_a_file_and_asks_nobody(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/index.html")
    expect(rows(page).first).to_be_visible()
    expect(page.get_by_role("group", name=re.compile("over time"))).to_be_visible()
    began = received(page)
    assert began > 500
    expect(page.locator("[data-account=received] b")).not_to_have_text(f"{began:,}")
    # A pattern runs in a worker, which a page from a file may have too.
    page.get_by_role("searchbox", name="Search data").fill('"ACME"|"BTC"')
    page.get_by_role("button", name="Use a regular expression").click()
    expect(rows(page).filter(has_text="ETH")).to_have_count(0)
    expect(rows(page).filter(has_text="BTC").first).to_be_visible()
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def test_what_a_reader_does_is_shown_as_python_that_does_the_same(page: Page, site: Path) -> None:
    page.goto(f"{site.as_uri()}/index.html")
    page.get_by_role("button", name="Only trades of BTC").click()
    expect(rows(page).filter(has_text="quote")).to_have_count(0)
    said = page.get_by_label("The same in Python")
    expect(said).to_contain_text('EventFilter(types={"trade"}, text="BTC")')
    types = page.get_by_role("group", name="Event types", exact=True)
    types.get_by_role("button", name=re.compile("^quote")).click(modifiers=["Alt"])
    expect(said).to_contain_text("exclude_types")
    with SSEStream.replay(DOCS / "live" / "ticks.sse", speed=math.inf) as stream:
        exec(said.inner_text(), {"stream": stream, "EventFilter": EventFilter})
        assert stream.filter == EventFilter(types={"trade"}, exclude_types={"quote"}, text="BTC")
        assert list(stream.columns) == ["symbol", "price", "size", "side"]
        assert set(stream.view_df["symbol"]) == {"BTC"}
    page.get_by_role("button", name="Everything").click()
    expect(said).to_contain_text("stream.filter = EventFilter()")
    expect(rows(page).filter(has_text="quote").first).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    rows(page).locator(".sse-cell").get_by_text("BTC", exact=True).last.click(button="right")
    page.get_by_text("Filter to this value").click()
    expect(said).to_contain_text('EventFilter(where=[("symbol", "==", "BTC")])')
    expect(rows(page).filter(has_text="ETH")).to_have_count(0)


def test_a_cut_is_a_row_and_nothing_is_lost(page: Page, site: Path) -> None:
    stop_clock(page)
    page.goto(f"{site.as_uri()}/index.html")
    page.clock.run_for(2000)
    expect(rows(page).first).to_be_visible()
    page.get_by_role("button", name="Cut the connection").click()
    page.clock.run_for(500)
    expect(page.get_by_role("status").first).to_contain_text("connection was reset")
    page.clock.run_for(1700)
    log = page.get_by_role("log", name="Events")
    expect(log.get_by_text("Reconnected after 2.0 s (the connection was reset)")).to_be_visible()
    expect(page.get_by_label("The same in Python")).to_contain_text("gaps[-1].text  # Reconnected")
    ids = [int(i) for i in rows(page).locator(".sse-id").all_inner_texts()]
    assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_the_log_is_dark_where_the_page_is(page: Page, site: Path) -> None:
    page.goto(f"{site.as_uri()}/index.html")
    widget = page.locator(".sse-widget").first
    shade = "e => getComputedStyle(e).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    expect(widget).to_be_visible()
    assert min(widget.evaluate(shade)) > 200
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(widget).not_to_have_css("background-color", "rgb(255, 255, 255)")
    assert max(widget.evaluate(shade)) < 80
