"""Text of a live log can be selected and copied: what is under the selection stands still meanwhile."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .test_reading import BELOW

EVENTS = [
    {"type": "trade", "id": str(i), "data": f'{{"i":{i},"note":"a\\tb"}}'} for i in range(200)
]
COPIED = """new Promise((done) => {
  document.addEventListener("copy", (event) => done(event.clipboardData.getData("text/plain")), {once: true});
  document.execCommand("copy");
})"""


@pytest.fixture
def live(stub):
    stub.feed(*EVENTS)
    stub.beats()
    expect(stub.row('"i":199,')).to_be_in_viewport()
    stub.wait(f"Math.abs({BELOW}) < 2")
    return stub


def drag(stub, start, end):
    a, b = start.bounding_box(), end.bounding_box()
    stub.page.mouse.move(a["x"] + 2, a["y"] + 12)
    stub.page.mouse.down()
    stub.page.mouse.move(b["x"] + b["width"] - 2, b["y"] + 12, steps=4)
    stub.page.mouse.up()


def test_selected_rows_stay_and_are_copied_as_lines_with_tabs(live):
    first, last = live.row('"i":193,'), live.row('"i":195,')
    drag(live, first.locator(".sse-type"), last.locator(".sse-data"))
    top = first.bounding_box()["y"]
    for i in range(200, 240):
        live.feed({"type": "trade", "data": f'{{"i":{i},}}'})
    jump = live.page.get_by_role("button", name="Jump to latest")
    expect(jump).to_have_text("Jump to latest (+40)")
    assert first.bounding_box()["y"] == top
    lines = [line.split("\t") for line in live.page.evaluate(COPIED).split("\n")]
    assert [line[1:] for line in lines] == [
        ["trade", str(i), EVENTS[i]["data"]] for i in (193, 194, 195)
    ]
    jump.click()
    expect(live.row('"i":239,')).to_be_visible()
    expect(jump).to_be_hidden()
    assert live.page.evaluate("getSelection().isCollapsed")


def test_selected_rows_outlive_scrolling_and_a_flood(live):
    drag(live, live.row('"i":193,').locator(".sse-type"), live.row('"i":194,').locator(".sse-data"))
    live.kernel("document.querySelector('[role=log]').scrollTop = 0")
    expect(live.row('"i":0,')).to_be_visible()
    live.kernel("kernel.flood(3000)")
    expect(live.account("received")).to_have_text("3,200")
    assert len(live.page.evaluate(COPIED).split("\n")) == 2


def test_a_part_of_one_cell_is_copied_as_it_is(live):
    live.rows.nth(3).locator(".sse-type").dblclick()
    assert live.page.evaluate("getSelection().toString()") == "trade"
    live.feed(*EVENTS)
    assert live.page.evaluate("getSelection().toString()") == "trade"


def test_between_press_and_click_no_other_row_comes_under_the_pointer(live):
    row = live.row('"i":195,')
    box = row.bounding_box()
    live.page.mouse.move(box["x"] + 300, box["y"] + 12)
    live.page.mouse.down()
    live.feed(*({"data": f"later {i}"} for i in range(30)))
    expect(live.account("received")).to_have_text("230")
    live.page.mouse.up()
    expect(live.page.get_by_role("region", name="Event details")).to_contain_text("195")
