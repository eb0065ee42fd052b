"""Many streams on the page: a row a stream, found, sorted and selected."""

from __future__ import annotations

import os
import re

import pytest
from playwright.sync_api import expect

from ..helpers.measured import measured
from .test_accessibility import AXE


class Many:
    """The page of a capture."""

    def __init__(self, page):
        self.page = page
        self.grid = page.get_by_role("grid", name="Streams")
        # Without the head, which is a row too.
        self.rows = self.grid.locator("[aria-selected]")
        self.status = page.get_by_role("status").first
        self.accounts = page.get_by_role("group", name="Accounts").last
        self.search = page.get_by_role("searchbox", name="Search streams")

    def kernel(self, script: str):
        return self.page.evaluate(f"() => {{ {script} }}")

    def row(self, name: str):
        return self.rows.filter(has_text=name)

    def sort(self, column: str):
        self.grid.get_by_role("columnheader", name=column).get_by_role("button").click()

    def heard(self, kind: str):
        return [m for m in self.page.evaluate("kernel.heard") if m["kind"] == kind]


@pytest.fixture
def many(open_stub) -> Many:
    return Many(open_stub(path="/many").page)


def test_a_row_says_how_a_stream_is(many):
    # Of a kernel whose clock is ahead, so that it is now for long enough.
    many.kernel("kernel.make(3); kernel.set(1, {last: Date.now() + 3_600_000})")
    expect(many.rows).to_have_count(3)
    expect(many.row("stream 0001")).to_contain_text("Open")
    for text in ("10/s", "now", "101", "0.3 s"):
        expect(many.row("stream 0001")).to_contain_text(text)
    expect(many.status).to_contain_text("3 of 3 open")
    expect(many.accounts).to_contain_text("received 303 = on disk 296 + pending 7")
    many.kernel("kernel.set(1, {received: 5000, gaps: 2})")
    expect(many.row("stream 0001")).to_contain_text("5,000")
    expect(many.accounts).to_contain_text("2 gaps")


def test_a_thousand_streams_are_a_few_rows_of_nodes(many):
    many.kernel("kernel.make(1000)")
    expect(many.row("stream 0000")).to_be_visible()
    assert many.rows.count() < 40
    expect(many.grid).to_have_attribute("aria-rowcount", "1001")
    many.grid.focus()
    many.page.keyboard.press("End")
    expect(many.row("stream 0999")).to_be_visible()
    expect(many.row("stream 0999")).to_have_attribute("aria-rowindex", "1001")
    assert many.rows.count() < 40


def test_trouble_is_found_by_search_by_state_and_by_sorting(many):
    many.kernel("kernel.make(500)")
    many.kernel(
        "kernel.set(321, {state: 'failed', error: 'the server answered 404', hint: 'Look.'})"
    )
    many.search.fill("ANSWERED")
    expect(many.rows).to_have_count(1)
    expect(many.rows).to_contain_text("the server answered 404")
    expect(many.rows).to_have_attribute("title", re.compile("Look"))
    many.search.fill("no such stream")
    expect(many.page.get_by_text("No stream matches.")).to_be_visible()
    many.search.fill("")
    many.page.get_by_role("button", name="Failed 1").click()
    expect(many.rows).to_have_count(1)
    many.page.get_by_role("button", name="Failed 1").click()
    many.sort("State")
    expect(many.rows.first).to_contain_text("stream 0321")
    many.kernel("kernel.set(7, {rate: 99})")
    many.sort("Rate")
    expect(many.rows.first).to_contain_text("stream 0007")
    many.sort("Rate")
    many.sort("Rate")
    expect(many.rows.first).to_contain_text("stream 0000")


def test_rows_do_not_change_places_under_the_pointer(many):
    many.kernel("kernel.make(20)")
    many.sort("Rate")
    many.rows.first.hover()
    many.kernel("kernel.set(5, {rate: 99})")
    expect(many.row("stream 0005")).to_contain_text("99/s")
    expect(many.rows.first).to_contain_text("stream 0000")
    many.search.hover()
    many.kernel("kernel.set(6, {rate: 50})")
    expect(many.rows.first).to_contain_text("stream 0005")


def test_the_log_of_the_selected_stream_is_below(many):
    many.kernel("kernel.make(30)")
    many.row("stream 0002").click()
    log = many.page.get_by_role("log", name="Events")
    expect(log).to_be_visible()
    expect(many.row("stream 0002")).to_have_attribute("aria-selected", "true")
    many.kernel("kernel.event(1, 'of the first log')")
    expect(log.get_by_role("listitem")).to_contain_text("of the first log")
    many.grid.focus()
    many.page.keyboard.press("ArrowDown")
    many.page.keyboard.press("Enter")
    expect(many.row("stream 0003")).to_have_attribute("aria-selected", "true")
    # A late message of the earlier selection is nobody's.
    many.kernel("kernel.event(1, 'too late'); kernel.event(2, 'of the second log')")
    expect(log.get_by_role("listitem")).to_have_count(1)
    expect(log.get_by_role("listitem")).to_contain_text("of the second log")
    many.page.get_by_role("button", name="Close the log").click()
    expect(log).to_have_count(0)
    assert [m["name"] for m in many.heard("select")] == ["stream 0002", "stream 0003", None]


def test_workers_and_trouble_are_told(many):
    many.kernel(
        "kernel.workers = [{name: 'worker 0', state: 'open', streams: 2, rate: 20},"
        " {name: 'worker 1', state: 'failed', streams: 0, rate: 0}]; kernel.make(2);"
        "kernel.set(0, {worker: 'worker 0'})"
    )
    expect(many.row("stream 0000")).to_contain_text("worker 0")
    expect(many.accounts).to_contain_text("worker 0: 2 streams, 20/s")
    expect(many.accounts).to_contain_text("worker 1: 0 streams")
    many.kernel("kernel.trouble = 'No space left on device'; kernel.tell(false)")
    expect(many.status).to_contain_text("No space left on device")


def test_stop_and_start(many):
    many.kernel("kernel.make(2)")
    many.page.get_by_role("button", name="Stop").click()
    expect(many.status).to_contain_text("Stopped, 0 of 2 open")
    many.page.get_by_role("button", name="Start").click()
    expect(many.status).to_contain_text("2 of 2 open")


def test_a_lost_message_is_asked_for_again(many):
    many.kernel("kernel.make(3)")
    expect(many.rows).to_have_count(3)
    # In one step: after half a second a new page says hello once more by itself.
    asked = many.kernel(
        "const before = kernel.heard.length;"
        "kernel.streams[0].received = 9999; kernel.n++; kernel.set(1, {received: 1});"
        "return kernel.heard.slice(before).map((message) => message.kind)"
    )
    assert asked == ["hello"]
    expect(many.row("stream 0000")).to_contain_text("9,999")


def test_a_log_is_asked_for_once_and_only_when_a_stream_is_selected(many):
    many.kernel("kernel.make(3)")
    expect(many.rows).to_have_count(3)
    assert many.heard("script") == []
    for name in ("stream 0001", "stream 0002"):
        many.row(name).click()
        expect(many.row(name)).to_have_attribute("aria-selected", "true")
        expect(many.page.get_by_role("log", name="Events")).to_be_visible()
    assert len(many.heard("script")) == 1


def test_where_blobs_are_no_scripts_the_log_is_there_all_the_same(open_stub):
    """As VS Code forbids them."""
    open_stub.errors_expected = True  # what a policy refuses is an error of the page
    many = Many(open_stub("vscode=dark", path="/many").page)
    many.kernel("kernel.make(3)")
    many.row("stream 0001").click()
    expect(many.page.get_by_role("log", name="Events")).to_be_visible()


def test_where_no_script_is_allowed_it_is_said_and_the_streams_go_on(open_stub):
    open_stub.errors_expected = True
    many = Many(open_stub("noscript", path="/many").page)
    many.kernel("kernel.make(3)")
    many.row("stream 0001").click()
    expect(many.page.get_by_text("allows no script from the kernel")).to_be_visible()
    many.kernel("kernel.set(1, {received: 5000})")
    expect(many.row("stream 0001")).to_contain_text("5,000")


def test_text_of_a_server_is_never_markup(many):
    many.kernel("kernel.make(1); kernel.set(0, {error: '<img src=x onerror=alert(1)>'})")
    expect(many.rows.first).to_contain_text("<img src=x onerror=alert(1)>")
    assert many.page.locator("img").count() == 0


def test_what_is_odd_about_a_stream_stands_beside_its_name(many):
    many.kernel("kernel.make(1); kernel.set(0, {note: 'No answer for 10 s.'})")
    expect(many.rows.first).to_contain_text("No answer for 10 s.")
    many.kernel("kernel.set(0, {state: 'waiting', error: 'refused'})")
    expect(many.rows.first).to_contain_text("refused")


def test_what_waits_for_a_busy_kernel_is_said(many):
    """A host without subshells: the log of a stream, Close and Stop wait for the cell that runs."""
    many.kernel("kernel.make(3); kernel.busy = true")
    many.row("stream 0001").click()
    busy = "Kernel busy: {} as soon as the cell is done."
    expect(many.accounts).to_contain_text(busy.format("the log of stream 0001"))
    many.kernel("kernel.free()")
    expect(many.page.get_by_role("log")).to_be_visible()
    expect(many.page.get_by_text("Kernel busy")).to_have_count(0)
    many.kernel("kernel.busy = true")
    many.page.get_by_role("button", name="Stop").first.click()
    expect(many.page.get_by_text(busy.format("Stop"))).to_be_visible()
    many.kernel("kernel.free()")
    expect(many.status).to_contain_text("Stopped")
    expect(many.page.get_by_text("Kernel busy")).to_have_count(0)


@pytest.mark.parametrize("theme", ["", "light", "dark"])
def test_axe_finds_nothing(open_stub, theme):
    many = Many(open_stub(f"theme={theme}", path="/many").page)
    many.kernel("kernel.make(50); kernel.set(3, {state: 'failed', error: 'refused'})")
    expect(many.row("stream 0003")).to_be_visible()
    many.page.evaluate(AXE.read_text())
    found = many.page.evaluate(
        "axe.run('.sse-widget', {resultTypes: ['violations']}).then((r) => r.violations.map("
        "(v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`))"
    )
    assert found == []


# How much is sorted and how many nodes change is counted; how long it takes is only told (`make heavy`).
WORK = """() => {
  window.work = {sorted: 0, changed: 0, long: []};
  const sort = Array.prototype.sort;
  Array.prototype.sort = function (...how) {
    if (this.length > 500) work.sorted += this.length;
    return sort.apply(this, how);
  };
  new MutationObserver((changes) => (work.changed += changes.length)).observe(
    document.querySelector('.sse-overview'),
    {subtree: true, childList: true, attributes: true, characterData: true});
  new PerformanceObserver((list) => work.long.push(...list.getEntries().map((e) => Math.round(e.duration)))).observe(
    {type: 'longtask'});
}"""
FRAMES = """(n) => new Promise((done) => {
  const grid = document.querySelector('.sse-streams');
  const next = () => {
    if (n-- === 0) return done();
    grid.scrollTop += 2400;
    requestAnimationFrame(next);
  };
  next();
})"""
UPDATE = """kernel.streams.forEach((stream, i) => { stream.received++; stream.rate = (i * 7919 + stream.received) % 101; });
kernel.tell(false, kernel.streams.map((_, i) => i));"""


def test_what_is_done_for_ten_thousand_streams_is_bounded(many):
    """No task over 50 ms: rows are sorted once where they changed, and only those in sight are written."""
    streams = int(os.environ.get("SSE_WIDGET_ROWS", "3000"))
    many.kernel(f"kernel.make({streams})")
    expect(many.grid).to_have_attribute("aria-rowcount", f"{streams + 1:,}".replace(",", ""))
    many.page.evaluate(WORK)
    many.kernel("kernel.busy = true")  # what it says, it says when the test tells it to

    def work(what):
        many.page.evaluate("Object.assign(work, {sorted: 0, changed: 0, long: []})")
        what()
        many.page.evaluate(FRAMES, 2)
        done = many.page.evaluate("work")
        if "SSE_WIDGET_ROWS" in os.environ:
            measured(f"the page with {streams:,} streams, {what.__name__}", str(done))
        return done["sorted"], done["changed"]

    def sort():
        many.sort("Rate")
        # Under a pointer the rows keep their places.
        many.page.mouse.move(0, 0)

    def update():
        many.kernel(UPDATE)

    def scroll():
        many.page.evaluate(FRAMES, 30)

    def search():
        for end in range(1, 8):
            many.search.fill("stream 1"[:end])

    assert work(sort)[0] == streams
    sorted_, changed = work(update)
    assert sorted_ == streams
    assert changed < 60 * 12
    assert work(scroll)[0] == 0
    assert many.rows.count() < 60
    sorted_, changed = work(search)
    assert sorted_ <= 7 * streams
    assert changed < 8 * 60 * 12
