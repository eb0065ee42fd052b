"""Pinned rows: at the top of the log, whatever comes, goes or is scrolled; also while the kernel is busy."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .test_accessibility import keys


def pin(stub, words):
    stub.row(words).last.locator(".sse-data").click(button="right")
    stub.button("Pin row").click()


def pinned(stub):
    return stub.page.get_by_role("list", name="Pinned rows").get_by_role("listitem")


@pytest.fixture
def busy(stub):
    """A log longer than it is tall, and nothing of the kernel answers from here on."""
    stub.feed(*({"type": "tick", "id": f"i{n}", "data": f"event {n}."} for n in range(60)))
    expect(stub.row("event 59.")).to_be_in_viewport()
    stub.kernel("kernel.busy = true")
    stub.beats()
    return stub


def test_a_row_stays_at_the_top_until_it_is_unpinned(busy):
    pin(busy, "event 58.")
    pin(busy, "event 55.")
    expect(pinned(busy)).to_have_count(2)
    # In the order of the log, and a copy: the row itself stays where it was.
    assert [row.locator(".sse-data").text_content() for row in pinned(busy).all()] == [
        "event 55.",
        "event 58.",
    ]
    expect(busy.row("event 58.")).to_have_count(2)
    heading = busy.page.get_by_role("group", name="Columns", exact=True).bounding_box()
    assert pinned(busy).first.bounding_box()["y"] == heading["y"] + heading["height"]
    busy.feed(*({"data": f"later {n}."} for n in range(40)))
    expect(busy.row("later 39.")).to_be_in_viewport()
    expect(pinned(busy).first).to_be_in_viewport()
    busy.page.get_by_role("button", name="Unpin #55").click()
    expect(pinned(busy)).to_have_count(1)
    pinned(busy).locator(".sse-type").click(button="right")
    busy.button("Unpin row").click()
    expect(pinned(busy)).to_have_count(0)
    expect(busy.page.get_by_text("Kernel busy")).to_be_hidden()


def test_it_covers_no_row_and_moves_none_that_is_read(busy):
    busy.log.focus()
    keys(busy, "Home")
    expect(busy.row("event 0.")).to_be_in_viewport()
    busy.page.mouse.wheel(0, 0)
    busy.log.evaluate("log => log.scrollTop = 240")
    expect(busy.button("Jump to latest")).to_be_visible()
    before = busy.row("event 14.").bounding_box()["y"]
    pin(busy, "event 14.")
    expect(pinned(busy)).to_have_count(1)
    assert busy.row("event 14.").last.bounding_box()["y"] == before
    keys(busy, "Home")
    busy.log.evaluate("log => log.scrollTop = 0")
    expect(busy.row("event 0.")).to_be_in_viewport(ratio=0.9)
    at = pinned(busy).bounding_box()
    assert busy.row("event 0.").bounding_box()["y"] == at["y"] + at["height"]
    keys(busy, "End")
    expect(busy.row("event 59.")).to_be_in_viewport(ratio=0.9)


def test_it_outlives_its_event_and_the_filter(busy):
    accounts = busy.accounts()
    pin(busy, "event 57.")
    expect(pinned(busy)).to_have_count(1)
    assert busy.accounts() == accounts
    busy.kernel("kernel.busy = false; kernel.flood(101000)")
    expect(busy.account("received")).to_have_text("101,060")
    expect(busy.row("event 57.")).to_have_count(1)
    now = busy.accounts()
    parts = now["shown"] + now["filtered"] + now["paused"] + now["elsewhere"]
    assert now["received"] == parts
    busy.account("elsewhere").hover()
    expect(busy.page.get_by_role("tooltip")).to_contain_text("Copies of 1 of them are pinned.")
    busy.chip("tick").click(modifiers=["Alt"])
    pinned(busy).locator(".sse-data").click()
    details = busy.page.get_by_role("region", name="Event details")
    expect(details).to_contain_text("#57")
    expect(details).to_contain_text("id i57")
    expect(details).to_contain_text("event 57.")
    # Nobody was sent away from the tail.
    expect(busy.button("Jump to latest")).to_be_hidden()


def test_the_kernel_keeps_it_for_a_page_that_is_loaded_anew(busy):
    pin(busy, "event 57.")
    expect(pinned(busy)).to_have_count(1)
    kept = busy.page.evaluate("model.attributes._pins")
    assert [(row["seq"], row["data"], row["cut"]) for row in kept["rows"]] == [
        (57, "event 57.", False)
    ]
    busy.page.reload()
    busy.page.wait_for_selector("body[data-ready]")
    busy.kernel("model.put('_pins', arg)", kept)
    expect(pinned(busy)).to_contain_text("event 57.")
    # Two views of one page have the same.
    busy.kernel("view()")
    expect(pinned(busy)).to_have_count(2)
    busy.button("Unpin #57").first.click()
    expect(pinned(busy)).to_have_count(0)
    assert busy.page.evaluate("model.attributes._pins.rows") == []


def test_by_keys(busy):
    busy.log.focus()
    keys(busy, "ArrowUp", "ArrowUp", "p")
    expect(pinned(busy)).to_contain_text("event 58.")
    pinned(busy).focus()
    keys(busy, "Enter")
    expect(busy.page.get_by_role("region", name="Event details")).to_contain_text("#58")
    keys(busy, "Escape")
    pinned(busy).focus()
    keys(busy, "Tab", "Enter")
    expect(pinned(busy)).to_have_count(0)
    expect(busy.log).to_be_focused()


def test_so_many_fit(busy):
    busy.lasting()
    busy.log.focus()
    for _ in range(9):
        keys(busy, "ArrowUp", "p")
    expect(pinned(busy)).to_have_count(8)
    expect(busy.page.get_by_text("8 rows are pinned: unpin one to pin another.")).to_be_visible()


def test_what_is_long_is_kept_by_its_beginning(stub):
    stub.feed({"data": "x" * 60_000, "id": "7" * 20_000, "type": "\U0001f44d" * 9_000})
    pin(stub, "xxx")
    (row,) = stub.page.evaluate("model.attributes._pins.rows")
    assert (len(row["data"]), row["size"], row["cut"]) == (16_000, 60_000, True)
    assert (len(row["id"]), row["type"]) == (2_000, "\U0001f44d" * 1_000)
