"""What a log looks like by itself: colours by name, widths by what is there, times that say their zone, errors."""

from __future__ import annotations

from playwright.sync_api import expect

from .test_reading import choose

COLOUR = "(n) => getComputedStyle(n).getPropertyValue('--sse-colour')"


def test_one_name_has_one_colour_whatever_came_first(open_stub):
    seen = []
    for order in (("trade", "quote", "ping"), ("ping", "other", "trade", "quote")):
        stub = open_stub()
        stub.feed(*({"type": name, "data": "x"} for name in order))
        expect(stub.rows).to_have_count(len(order))
        seen.append([stub.chip(name).evaluate(COLOUR) for name in ("trade", "quote", "ping")])
        assert stub.rows.first.locator(".sse-type").evaluate(COLOUR) == stub.chip(
            order[0]
        ).evaluate(COLOUR)
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 3


def test_columns_are_as_wide_as_what_is_there_and_have_a_heading(stub):
    stub.feed({"type": "a", "data": "x"})
    heading = stub.page.get_by_role("group", name="Columns", exact=True)
    expect(heading.locator("> *")).to_have_count(3)  # no id came: no column for it
    stub.feed({"type": "content_block_delta", "id": "7", "data": "x"})
    expect(heading.locator("> *")).to_have_count(4)
    kind = stub.rows.last.locator(".sse-type")
    assert kind.evaluate("(n) => n.scrollWidth <= n.clientWidth")
    grip = heading.get_by_role("separator", name="Width of type")
    before = kind.bounding_box()["width"]
    box = grip.bounding_box()
    stub.page.mouse.move(box["x"] + 5, box["y"] + 5)
    stub.page.mouse.down()
    stub.page.mouse.move(box["x"] + 65, box["y"] + 5, steps=3)
    stub.page.mouse.up()
    stub.wait(f"document.querySelector('.sse-row .sse-type').offsetWidth > {before + 40}")


def test_times_name_their_zone_utc_is_a_choice_and_another_day_its_date(browser, address, errors):
    from .conftest import Stub

    context = browser.new_context(timezone_id="Asia/Kolkata")
    stub = Stub(errors.watch(context.new_page()))
    stub.page.goto(address)
    stub.page.wait_for_selector("body[data-ready]")
    at = 1_790_000_000_000  # 2026-09-21T14:13:20Z
    # Noon there, three weeks later: the day is the same for as long as the test takes.
    now = 1_791_786_600_000
    stub.kernel(
        "kernel.head = ((head) => (...of) => ({...head.apply(kernel, of), now: arg}))(kernel.head)",
        now,
    )
    stub.feed({"data": "then", "at": at}, {"data": "now", "at": now})
    first = stub.row("then").locator(".sse-time")
    heading = stub.page.get_by_role("group", name="Columns", exact=True)
    expect(heading).to_contain_text("time +05:30")
    expect(heading.get_by_text("time")).to_be_visible()
    expect(first).to_contain_text("09-21 19:43:20.000")
    assert stub.row("now").locator(".sse-time").text_content().count("-") == 0
    # A frame later than the text its column is as wide.
    stub.wait(
        "(n => n && n.scrollWidth <= n.clientWidth)(document.querySelector('.sse-row .sse-time'))"
    )
    choose(stub, "UTC")
    expect(heading).to_contain_text("time UTC")
    expect(first).to_contain_text("09-21 14:13:20.000")
    context.close()


def test_errors_look_like_errors(stub):
    stub.feed({"type": "error", "data": "x"}, {"type": "ok", "data": "y"})
    expect(stub.row("x")).to_have_attribute("data-error", "true")
    assert stub.row("y").get_attribute("data-error") is None


def test_many_types_stand_by_count_and_do_not_jump(stub):
    stub.kernel("kernel.flood(30, 5, (i) => ({type: 'rare' + i, data: ''}))")
    stub.kernel("kernel.flood(400, 400, (i) => ({type: 'often' + (i % 20), data: ''}))")
    row = stub.page.get_by_role("group", name="Event types", exact=True)
    names = row.locator(".sse-chip-name")
    expect(names.first).to_contain_text("often")
    before = names.all_text_contents()
    assert all(name.startswith("often") for name in before)
    stub.kernel("kernel.flood(200, 20, (i) => ({type: 'often' + (i % 20), data: ''}))")
    expect(stub.account("received")).to_have_text("630")
    assert names.all_text_contents() == before
    assert row.evaluate("(n) => n.scrollHeight <= n.clientHeight")


def test_what_has_ended_cannot_be_paused_and_has_no_rate(stub):
    stub.feed(*({"data": "x"} for _ in range(10)))
    stub.kernel("kernel.be({state: 'closed', reason: 'It was stopped.'})")
    expect(stub.button("Pause")).to_be_disabled()
    expect(stub.page.locator(".sse-chip-rate").first).to_have_text("")
    stub.log.focus()
    stub.page.keyboard.press("Space")
    expect(stub.button("Pause")).to_be_disabled()
