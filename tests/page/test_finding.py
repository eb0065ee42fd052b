"""Finding: marks, the number of matches, next and previous, text to leave out, rates."""

from playwright.sync_api import expect

from .test_filter import EVENTS

MARKED = "[...document.querySelectorAll('.sse-row .sse-hit')].map((e) => e.textContent)"
LIT = "[...(CSS.highlights.get('sse-found') ?? [])].map(String)"


def test_what_is_found_is_marked_in_rows_and_details(stub):
    stub.feed(*EVENTS, {"data": f'{{"far":"{"x" * 1500} btc end"}}'})
    stub.search.fill("btc")
    expect(stub.rows).to_have_count(3)
    stub.wait(f"{MARKED}.join() === 'BTC,BTC,btc'")
    # A match that is far inside is shown, not only counted.
    expect(stub.rows.last).to_contain_text("xxx btc end")
    stub.rows.first.click()
    stub.wait(f"{LIT}.join() === 'BTC'")
    stub.search.fill("")
    expect(stub.rows).to_have_count(5)
    stub.wait(f"{MARKED}.length === 0")
    stub.wait(f"{LIT}.length === 0")


def test_patterns_are_marked_too(stub):
    stub.feed(*EVENTS)
    stub.button("Use a regular expression").click()
    stub.search.fill('(BTC|ETH)|"price":\\d*')
    stub.wait(f'{MARKED}.join() === \'BTC,"price":1,BTC,ETH,"price":3\'')
    stub.rows.last.click()
    stub.wait(f"{LIT}.join() === 'ETH'")


def test_a_pattern_that_runs_away_on_a_part_does_not_freeze_the_page(stub):
    stub.feed({"data": "hit " + "a" * 60 + "!"}, {"data": "hit b"})
    stub.button("Use a regular expression").click()
    stub.search.fill("^hit|(a+)+$")
    expect(stub.rows).to_have_count(2)
    stub.button("Pause").click()
    expect(stub.button("Resume")).to_be_visible()


def test_next_and_previous(stub):
    stub.feed(*EVENTS)
    stub.search.fill("strasse")
    expect(stub.page.get_by_text("1 found")).to_be_visible()
    stub.search.fill("btc")
    expect(stub.page.get_by_text("2 found")).to_be_visible()
    selected = stub.page.locator("[aria-current=true]")
    stub.page.keyboard.press("Enter")
    expect(selected).to_contain_text('"price":1')
    expect(stub.page.get_by_text("1 of 2")).to_be_visible()
    stub.page.keyboard.press("Enter")
    expect(selected).to_contain_text('"bid":2')
    expect(stub.page.get_by_text("2 of 2")).to_be_visible()
    stub.page.keyboard.press("Enter")
    expect(selected).to_contain_text('"price":1')
    stub.page.keyboard.press("Shift+Enter")
    expect(selected).to_contain_text('"bid":2')
    stub.button("Previous match").click()
    expect(selected).to_contain_text('"price":1')
    expect(stub.search).not_to_be_focused()
    stub.search.fill("")
    expect(stub.button("Previous match")).to_be_hidden()


def test_text_to_leave_out(stub):
    stub.feed(*EVENTS)
    leave_out = stub.page.get_by_role("textbox", name="Leave out data with")
    expect(leave_out).to_be_hidden()
    stub.button("Text that must not occur").click()
    expect(leave_out).to_be_focused()
    leave_out.fill("BTC")
    expect(stub.rows).to_have_count(2)
    assert stub.filter()["exclude"] == "BTC"
    stub.search.fill("eth")
    expect(stub.rows).to_have_count(1)
    stub.button("Use a regular expression").click()
    leave_out.fill("(?=x)")
    expect(stub.page.get_by_text("look-ahead")).to_be_visible()
    expect(leave_out).to_have_attribute("aria-invalid", "true")
    stub.button("Show all", exact=True).click()
    expect(stub.rows).to_have_count(4)
    expect(leave_out).to_be_hidden()
    stub.kernel("kernel.setFilter({exclude: 'ETH'})")
    expect(leave_out).to_have_value("ETH")
    expect(stub.rows).to_have_count(3)
    stub.button("Text that must not occur").click()
    expect(stub.rows).to_have_count(4)
    assert stub.filter()["exclude"] == ""


def test_a_chip_tells_its_rate(open_stub):
    stub = open_stub(clock=True)
    for _ in range(8):
        stub.kernel("kernel.flood(12, 12)")
        stub.page.clock.run_for(1000)
    stub.kernel("kernel.beat()")
    stub.page.clock.run_for(100)
    assert "trade, 8.0/s" in stub.chip("trade").get_attribute("title")
    assert "quote, 4.0/s" in stub.chip("quote").get_attribute("title")
