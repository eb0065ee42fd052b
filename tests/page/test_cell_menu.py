"""What can be done with a cell and with a column: conditions, copying, charts, marks; also while the kernel is busy."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from .test_accessibility import keys

TRADES = [
    {
        "type": "quote" if i % 4 == 3 else "trade",
        "data": json.dumps(
            {"symbol": ["BTC", "ETH", "SOL"][i % 3], "price": 100 + i, "failed": None}
        ),
    }
    for i in range(12)
]


@pytest.fixture
def busy(stub):
    """Columns are shown, and nothing of the kernel answers from here on."""
    stub.feed(*TRADES)
    stub.kernel("kernel.setColumns(['symbol', 'price'])")
    expect(stub.rows.first.locator(".sse-cell").first).to_have_text("BTC")
    stub.kernel("kernel.busy = true")
    return stub


def menu(stub, cell):
    cell.click(button="right")
    return stub.page.locator(".sse-column-menu")


def conditions(stub):
    return stub.page.get_by_role("group", name="Conditions")


def where(stub):
    return stub.filter()["where"]


def test_a_cell_filters_and_excludes(busy):
    symbol = busy.rows.first.locator(".sse-cell").first
    menu(busy, symbol).get_by_role("button", name="Filter to this value").click()
    expect(busy.rows).to_have_count(4)
    assert where(busy) == [["symbol", "==", "BTC"]]
    expect(conditions(busy)).to_contain_text("symbol = BTC")
    price = busy.rows.nth(1).locator(".sse-cell").nth(1)
    menu(busy, price).get_by_role("button", name="Exclude this value").click()
    expect(busy.rows).to_have_count(3)
    assert where(busy) == [["symbol", "==", "BTC"], ["price", "!=", 103]]
    conditions(busy).get_by_role("button", name="Remove the condition symbol = BTC").click()
    expect(busy.rows).to_have_count(11)
    busy.button("Show all", exact=True).click()
    expect(busy.rows).to_have_count(12)
    expect(conditions(busy)).to_be_hidden()
    expect(busy.page.get_by_text("Kernel busy")).to_be_hidden()


def test_types_and_times_are_cells_too(busy):
    kind = busy.rows.nth(3).locator(".sse-type")
    menu(busy, kind).get_by_role("button", name="Exclude this type").click()
    expect(busy.rows).to_have_count(9)
    menu(busy, busy.rows.nth(2).locator(".sse-type")).get_by_role(
        "button", name="Mark as error"
    ).click()
    expect(busy.rows.first).to_have_attribute("data-error", "true")
    menu(busy, busy.rows.nth(2).locator(".sse-type")).get_by_role("button", name="No error").click()
    expect(busy.rows.first).not_to_have_attribute("data-error", "true")
    menu(busy, busy.rows.nth(2).locator(".sse-time")).get_by_role(
        "button", name="Until here"
    ).click()
    assert busy.filter()["until"] is not None


def test_a_path_is_marked_and_says_so_by_its_value(busy):
    busy.feed({"data": '{"symbol":"X","price":1,"failed":"timeout"}'})
    busy.rows.last.click()
    details = busy.page.get_by_role("region", name="Event details")
    line = details.locator(".sse-line", has_text="failed")
    line.hover()
    line.get_by_role("button", name="Menu of this value").click()
    busy.page.get_by_role("button", name="Mark as error").click()
    expect(busy.rows.last).to_have_attribute("data-error", "true")
    assert busy.rows.first.get_attribute("data-error") is None  # null there


def test_the_menu_is_one_click_away_and_charts(busy):
    price = busy.rows.nth(2).locator(".sse-cell").nth(1)
    price.hover()
    busy.page.get_by_role("button", name="Menu of this cell").click()
    cells = busy.page.get_by_role("group", name="Cell price")
    expect(cells).to_contain_text("102")
    cells.get_by_role("button", name="Chart over time").click()
    expect(busy.page.get_by_role("group", name="price by type, over time")).to_be_visible()
    expect(cells).to_be_hidden()


def test_keys_reach_every_cell(busy):
    busy.log.focus()
    keys(busy, "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight", "m")
    cells = busy.page.get_by_role("group", name="Cell symbol")
    expect(cells).to_be_visible()
    keys(busy, "Escape")
    expect(cells).to_be_hidden()
    expect(busy.log).to_be_focused()


def test_a_column_takes_a_condition(busy):
    def add(op, value):
        busy.page.get_by_role("group", name="Columns", exact=True).get_by_role(
            "button", name="price"
        ).click()
        form = busy.page.get_by_role("group", name="Column price")
        form.get_by_label("Operator").select_option(op)
        if value is not None:
            form.get_by_label("Value").fill(value)
        form.get_by_role("button", name="Filter").click()
        return form

    expect(add(">", "104")).to_be_hidden()
    expect(busy.rows).to_have_count(7)
    assert where(busy) == [["price", ">", 104]]
    add("in", "105, 106, x")
    expect(busy.rows).to_have_count(2)
    assert where(busy)[1] == ["price", "in", [105, 106, "x"]]
    add("exists", None)
    assert where(busy)[2] == ["price", "exists", True]
    # What is no condition is said, and changes nothing.
    form = add("<", "true")
    expect(form.get_by_role("alert")).to_contain_text("have an order")
    assert len(where(busy)) == 3


def test_pinning_makes_a_column(stub):
    stub.feed(*TRADES)
    stub.rows.first.click()
    leaf = stub.page.locator(".sse-line", has_text="symbol").locator(".sse-leaf")
    leaf.click(button="right")
    stub.page.get_by_role("button", name="Pin as column").click()
    expect(stub.rows.first.locator(".sse-cell")).to_have_text(["BTC"])


def test_what_python_wrote_is_shown_and_hostile_text_is_text(stub):
    evil = "<img src=x onerror=alert(1)>\u202e"
    stub.feed({"data": json.dumps({evil: evil})}, {"data": "{}"})
    stub.kernel(
        "model.put('_filter', {...model.attributes._filter, rev: 1, by: '', where: [[arg, '==', arg]]})",
        evil,
    )
    expect(stub.rows).to_have_count(1)
    expect(conditions(stub).get_by_role("button")).to_contain_text("<img src=x onerror=")
    stub.rows.first.locator(".sse-data").click(button="right")
    expect(stub.page.locator(".sse-column-title")).to_contain_text("<img")
