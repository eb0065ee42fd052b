"""The latest of each key beside the log: one row a key, sorted, marked where it changed; the kernel is not needed."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from .test_download import save


def tick(symbol, **more):
    return {"type": "trade", "data": json.dumps({"symbol": symbol, **more})}


@pytest.fixture
def busy(stub):
    """A few keys, and a kernel that answers nothing."""
    stub.feed(
        tick("SOL", price=20), tick("BTC", price=100), tick("ETH", price=9), tick("BTC", price=101)
    )
    stub.kernel("kernel.busy = true")
    stub.button("View").click()
    stub.button("Latest of each key").click()
    expect(stub.page.get_by_role("group", name="Latest", exact=True)).to_contain_text("3 keys")
    return stub


def shows(stub, *rows):
    """These rows, each by the first of its cells: mostly its key and its price."""
    expect(stub.rows).to_have_count(len(rows))
    for n, cells in enumerate(rows):
        for i, cell in enumerate(cells):
            expect(stub.rows.nth(n).locator(".sse-cell").nth(i)).to_have_text(cell)


def test_one_row_a_key_with_its_newest_values(busy):
    shows(busy, ("BTC", "101"), ("ETH", "9"), ("SOL", "20"))
    busy.feed(tick("ETH", price=10), tick("ADA", price=1))
    shows(busy, ("ADA", "1"), ("BTC", "101"), ("ETH", "10"), ("SOL", "20"))
    # What an event does not have stays as it was.
    busy.feed(tick("SOL", size=5))
    busy.feed(tick("SOL", price=21))
    expect(busy.row("SOL").locator(".sse-cell").nth(1)).to_have_text("21")
    busy.button("Back to the log").click()
    expect(busy.rows).to_have_count(8)


def test_what_changed_is_marked_for_a_moment(busy):
    cell = busy.row("ETH").locator(".sse-cell").nth(1)
    assert cell.get_attribute("data-fresh") is None
    # The moment lasts until the test has looked.
    busy.kernel("window.now = performance.now(); performance.now = () => now")
    busy.feed(tick("ETH", price=11))
    expect(cell).to_have_attribute("data-fresh", "true")
    assert busy.row("BTC").locator("[data-fresh]").count() == 0
    busy.kernel("now += 1500; kernel.beat()")
    expect(cell).not_to_have_attribute("data-fresh", "true")


def test_it_is_sorted_by_any_column_and_by_another_key(busy):
    def by(order):
        heading = busy.page.get_by_role("group", name="Columns", exact=True)
        heading.get_by_role("button", name="price").click()
        busy.button(order).click()

    by("Sort descending")
    shows(busy, ("BTC", "101"), ("SOL", "20"), ("ETH", "9"))
    by("Sort ascending")
    expect(busy.rows.first).to_contain_text("ETH")
    busy.feed({"data": '{"symbol":"X","venue":"a"}'}, {"data": '{"symbol":"Y","venue":"b"}'})
    picker = busy.page.get_by_label("One row for each")
    picker.focus()
    picker.select_option("venue")
    expect(busy.rows).to_have_count(2)


def test_it_goes_with_filter_pause_and_clear(busy):
    busy.row("ETH").locator(".sse-cell").first.click(button="right")
    busy.button("Exclude this value").click()
    expect(busy.rows).to_have_count(2)
    busy.button("Pause").click()
    busy.feed(tick("NEW", price=1))
    expect(busy.account("paused")).to_have_text("1")
    assert busy.rows.count() == 2
    busy.button("Resume").click()
    expect(busy.rows).to_have_count(3)
    busy.button("Clear").click()
    expect(busy.rows).to_have_count(0)
    busy.feed(tick("BTC", price=5))
    expect(busy.rows).to_have_count(1)


def test_rows_outlive_their_events_and_keys_are_bounded(stub):
    bar = stub.page.get_by_role("group", name="Latest", exact=True)
    stub.feed(tick("first", price=1))
    stub.button("View").click()
    stub.button("Latest of each key").click()
    expect(bar).to_contain_text("1 key")
    stub.kernel(
        'kernel.flood(101000, 5000, (i) => ({data: `{"symbol":"S${i % 1000}","price":${i}}`}))'
    )
    expect(bar).to_contain_text("1,001 keys")
    stub.kernel('kernel.flood(9000, 5000, (i) => ({data: `{"symbol":"T${i}"}`}))')
    expect(bar).to_contain_text("older ones let go")
    assert stub.page.locator(".sse-row").count() < 60


def test_objects_of_one_form_are_read_as_any_other_is(stub):
    """Most are read by a pattern of the one before; what the pattern would read otherwise is no match."""
    odd = [
        '{"symbol":"A","price":1.50,"at":"12:00"}',
        '{"symbol":"A","price":1.60,"at":"13:00"}',
        '{"symbol": "B", "price": -2e-7, "at": null}',
        '{"symbol":"say \\"C\\"","price":3,"at":"\\u00e9"}',
        '{"symbol":"D","price":[1,"x"],"at":{"symbol":"E"}}',
        '{"symbol":null,"price":9,"at":"no key"}',
        '{"symbol":"A","price":01,"at":"no JSON"}',
        '{"symbol":7,"price":true,"at":"a number"}',
        '{"symbol":"F","price":1,"price":2,"at":"the last counts"}',
        '{"symbol":"A","at":"14:00"}',
        '{"symbol":"G","price":4,"at":"cut',
    ]
    stub.feed(*({"type": "trade", "data": text} for text in odd))
    stub.button("View").click()
    stub.button("Latest of each key").click()
    stub.feed(*({"type": "trade", "data": text} for text in odd[:1] + odd[-3:]))
    shows(
        stub,
        ("7", "true", "a number"),
        ("A", "1.50", "14:00"),
        ("B", "-2e-7", "null"),
        ("D", '[1,"x"]', '{"symbol":"E"}'),
        ("F", "2", "the last counts"),
        ('say "C"', "3", "é"),
    )


def test_what_is_shown_is_what_is_saved(busy):
    """The table in its order, with its columns, in the place of the log."""
    saved = save(busy, ".csv").splitlines()
    assert saved[0].endswith('"data","symbol","price"')
    assert [line.rpartition("}")[2] for line in saved[1:]] == [
        '","BTC",101',
        '","ETH",9',
        '","SOL",20',
    ]
    expect(busy.page.get_by_text("Saved 3 events")).to_be_visible()
    busy.button("Back to the log").click()
    assert len(save(busy, ".ndjson").splitlines()) == 4


def test_it_is_found_below_many_events_that_do_not_have_it(stub):
    stub.feed(tick("BTC", price=1))
    stub.kernel(
        'kernel.flood(30000, 5000, (i) => ({data: `{"other": ${i}, "list": [${[1, 2, 3].join()}]}`}))'
    )
    stub.kernel("kernel.setColumns(['symbol', 'price'])")
    stub.button("View").click()
    stub.button("Latest of each key").click()
    picker = stub.page.get_by_label("One row for each")
    picker.focus()
    picker.select_option("symbol")
    shows(stub, ("BTC", "1"))
