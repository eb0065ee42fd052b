"""The history of a capture on its page: bars to jump by, a time to go to, a search in the files."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from .test_accessibility import AXE
from .test_overview import Many


class Past(Many):
    def __init__(self, page):
        super().__init__(page)
        self.button = page.get_by_role("button", name="History")
        self.panel = page.get_by_role("region", name="History")
        self.bars = page.get_by_role("slider", name="Events over time")
        self.box = page.get_by_role("searchbox", name="Search in the files")
        self.found = page.get_by_role("list", name="Found").get_by_role("listitem")
        self.progress = self.panel.get_by_role("status")
        self.log = page.get_by_role("log", name="Events")

    def open(self, rows="[3, 0, 5]"):
        self.kernel(
            "kernel.keep(100000); kernel.make(3);"
            f"kernel.past = {{start: Date.UTC(2026, 2, 1) / 1000, step: 3600, rows: {rows}}}"
        )
        self.button.click()

    def found_part(self, *rows, searched, done=False):
        told = ",".join(
            f"['stream 0001', {seq}, Date.UTC(2026, 2, 1) + {seq}000, 'tick', 'event {seq}']"
            for seq in rows
        )
        self.kernel(
            f"kernel.finds.push({{rows: [{told}], searched: {searched}, events: 100, "
            f"since: Date.UTC(2026, 2, 1), done: {str(done).lower()}}})"
        )


@pytest.fixture
def past(open_stub) -> Past:
    return Past(open_stub(path="/many").page)


def test_it_is_closed_until_it_is_asked_for(past):
    past.kernel("kernel.make(3)")
    expect(past.rows).to_have_count(3)
    expect(past.panel).to_have_count(0)
    assert past.heard("timeline") == []
    past.open()
    expect(past.panel).to_contain_text("all streams: 8 events on disk")
    past.button.click()
    expect(past.panel).to_have_count(0)


def test_a_pattern_is_searched_for_where_the_button_is_pressed(past):
    past.open()
    past.box.fill("event \\d")
    past.box.press("Enter")
    pattern = past.panel.get_by_role("button", name="Use a regular expression")
    pattern.click()
    expect(pattern).to_have_attribute("aria-pressed", "true")
    asked = [(m["text"], m["regex"]) for m in past.heard("find")]
    assert asked == [("event \\d", False), ("event \\d", True)]


def test_a_bar_says_what_came_and_jumps_there_in_the_log(past):
    past.open()
    past.kernel("kernel.sought = {name: 'stream 0001', seq: 50000}")
    past.bars.focus()
    past.page.keyboard.press("End")
    expect(past.bars).to_have_attribute("aria-valuetext", re.compile("5 events in 1 h"))
    past.page.keyboard.press("ArrowLeft")
    expect(past.bars).to_have_attribute("aria-valuetext", re.compile("0 events in 1 h"))
    past.page.keyboard.press("Enter")
    # No stream was selected: that of the first event after is.
    expect(past.row("stream 0001")).to_have_attribute("aria-selected", "true")
    expect(past.log.get_by_text("event 50000", exact=True)).to_be_in_viewport()
    expect(past.log.get_by_text("event 50003", exact=True)).to_be_in_viewport()
    assert past.heard("seek")[0]["name"] is None
    # From there the log goes on in both directions, whatever lies between it and the newest.
    past.log.evaluate("node => node.scrollTop -= 4000")
    expect(past.log.get_by_text(re.compile("^event 49[0-9]{3}$")).nth(8)).to_be_in_viewport()
    past.page.get_by_role("button", name="Jump to latest").click()
    expect(past.log.get_by_text("event 99999", exact=True)).to_be_in_viewport()
    # In the log that is open it jumps as well.
    past.kernel("kernel.sought = {name: 'stream 0001', seq: 7}")
    past.bars.click(position={"x": 4, "y": 20})
    expect(past.log.get_by_text("event 7", exact=True)).to_be_in_viewport()
    assert past.heard("seek")[-1]["name"] == "stream 0001"


def test_a_time_is_gone_to(past):
    past.open()
    past.page.get_by_label("Go to a time").fill("2026-03-01T05:00:00")
    expect(past.panel).to_contain_text("No event came then or later.")
    local = past.page.evaluate("new Date('2026-03-01T05:00:00').getTime()")
    assert past.heard("seek")[-1]["at"] == local


def test_a_search_tells_its_progress_and_leads_to_the_event(past):
    past.open()
    past.found_part(90, 80, searched=20)
    past.box.fill("event")
    past.box.press("Enter")
    expect(past.found).to_have_count(2)
    expect(past.progress).to_contain_text("2 found, 20% searched, back to")
    # Each part is asked for: a page that is gone has ended its search.
    assert [m["id"] for m in past.heard("find")] == [past.heard("find")[0]["id"]] * 2
    past.found_part(70, searched=100, done=True)
    past.kernel("kernel.hear(kernel.heard.filter(m => m.kind === 'find').at(-1))")
    expect(past.progress).to_have_text("3 found in 100 events")
    expect(past.found.last).to_contain_text("stream 0001")
    past.found.last.get_by_role("button").click()
    expect(past.log.get_by_text("event 70", exact=True)).to_be_in_viewport()
    past.box.fill("")
    expect(past.found).to_have_count(0)


def test_a_search_can_be_cancelled(past):
    past.open()
    past.found_part(90, searched=20)
    past.box.fill("event")
    past.box.press("Enter")
    expect(past.found).to_have_count(1)
    past.panel.get_by_role("button", name="Stop").click()
    expect(past.progress).to_have_text("1 found, stopped at 20%")
    assert past.heard("find-end")[0]["id"] == past.heard("find")[0]["id"]
    expect(past.found).to_have_count(1)


def test_many_matches_wait_for_a_word(past):
    past.open()
    past.found_part(*range(500, 300, -1), searched=50)
    past.found_part(10, searched=100, done=True)
    past.box.fill("event")
    past.box.press("Enter")
    expect(past.found).to_have_count(200)
    expect(past.progress).to_contain_text("the newest 200")
    past.panel.get_by_role("button", name="More").click()
    expect(past.found).to_have_count(201)


def test_what_waits_for_a_busy_kernel_is_said(past):
    past.kernel("kernel.busy = true")
    past.open()
    past.box.fill("event")
    past.box.press("Enter")
    expect(past.accounts).to_contain_text(
        "Kernel busy: the history, the search as soon as the cell is done."
    )
    past.found_part(90, searched=100, done=True)
    past.kernel("kernel.free()")
    expect(past.found).to_have_count(1)
    expect(past.accounts).not_to_contain_text("Kernel busy")


def test_text_of_a_server_is_text(past):
    past.open()
    past.kernel(
        "kernel.finds.push({rows: [['<b>s</b>', 1, 0, 'tick', '<img src=x onerror=\"window.hit=1\">\\u202e']],"
        "searched: 1, events: 1, since: 0, done: true})"
    )
    past.box.fill("x")
    past.box.press("Enter")
    expect(past.found).to_contain_text("<b>s</b>")
    expect(past.found).to_contain_text("<img src=x")
    assert past.page.evaluate("window.hit") is None


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it(open_stub, theme):
    past = Past(open_stub(f"theme={theme}", path="/many").page)
    past.open()
    past.found_part(90, searched=100, done=True)
    past.box.fill("event")
    past.box.press("Enter")
    expect(past.found).to_have_count(1)
    past.page.evaluate(AXE.read_text())
    found = past.page.evaluate(
        "axe.run('.sse-past', {resultTypes: ['violations']}).then((r) => r.violations.map("
        "(v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`))"
    )
    assert found == []
