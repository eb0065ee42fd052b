"""Chips, search and patterns: the filter of page and kernel is one value."""

import re

from playwright.sync_api import expect

EVENTS = [
    {"type": "trade", "data": '{"symbol":"BTC","price":1}'},
    {"type": "quote", "data": '{"symbol":"BTC","bid":2}'},
    {"type": "trade", "data": '{"symbol":"ETH","price":3}'},
    {"type": "news", "data": "Strasse STRASSE straße"},
]


def test_chips_count_filter_and_tell_the_kernel(stub):
    stub.feed(*EVENTS)
    expect(stub.chip("trade 2")).to_have_attribute("aria-pressed", "false")
    stub.chip("trade").click()
    expect(stub.rows).to_have_count(2)
    expect(stub.chip("trade")).to_have_attribute("aria-pressed", "true")
    written = stub.filter()
    assert written["types"] == ["trade"]
    assert written["by"] == stub.page.evaluate("kernel.page")
    assert "_filter" in stub.page.evaluate("model.saved.flatMap(Object.keys)")
    stub.chip("news").click()
    expect(stub.rows).to_have_count(3)
    assert stub.filter()["types"] == ["trade", "news"]
    stub.chip("trade").click()
    stub.chip("news").click()
    expect(stub.rows).to_have_count(4)
    assert stub.filter()["types"] is None


def test_alt_click_leaves_a_type_out(stub):
    stub.feed(*EVENTS)
    stub.chip("trade").click(modifiers=["Alt"])
    expect(stub.rows).to_have_count(2)
    assert stub.filter()["exclude_types"] == ["trade"]
    stub.chip("trade").click()
    expect(stub.rows).to_have_count(4)


def test_the_kernels_filter_moves_chips_and_search(stub):
    stub.feed(*EVENTS)
    stub.kernel("kernel.setFilter({types: ['trade', 'never seen'], text: 'btc'})")
    expect(stub.rows).to_have_count(1)
    expect(stub.chip("trade")).to_have_attribute("aria-pressed", "true")
    expect(stub.chip("never seen 0")).to_have_attribute("aria-pressed", "true")
    expect(stub.search).to_have_value("btc")
    stub.chip("trade").click()
    assert stub.filter()["rev"] == 1


def test_conditions_of_the_kernel_filter_with_the_search_and_stay(stub):
    stub.feed(*EVENTS)
    stub.kernel("kernel.setFilter({where: [['price', '>', 1]]})")
    expect(stub.rows).to_have_count(1)
    expect(stub.rows).to_contain_text("ETH")
    stub.feed({"type": "trade", "data": '{"symbol":"BTC","price":"7"}'})
    expect(stub.rows).to_have_count(2)
    stub.search.fill("btc")
    expect(stub.rows).to_have_count(1)
    assert stub.filter()["where"] == [["price", ">", 1]]
    stub.kernel("kernel.setFilter({where: [['price', '>', 1]], text: '[bB]TC', regex: true})")
    # What is shown was the same before it came.
    expect(stub.search).to_have_value("[bB]TC")
    expect(stub.rows).to_have_count(1)
    expect(stub.rows).to_contain_text("7")
    stub.button("Show all", exact=True).click()
    expect(stub.rows).to_have_count(5)
    assert stub.filter()["where"] == []


def test_search_counts_and_new_rows_are_filtered_as_they_come(stub):
    stub.feed(*EVENTS)
    stub.search.fill("btc")
    expect(stub.rows).to_have_count(2)
    expect(stub.page.get_by_text("2 found")).to_be_visible()
    stub.feed({"type": "trade", "data": "more BTC"}, {"type": "trade", "data": "other"})
    expect(stub.rows).to_have_count(3)
    expect(stub.account("filtered")).to_have_text("3")
    stub.button("Match case").click()
    expect(stub.rows).to_have_count(0)
    expect(stub.page.get_by_text("No event matches the filter")).to_be_visible()
    stub.button("Show all events").click()
    expect(stub.rows).to_have_count(6)
    expect(stub.search).to_have_value("")


def test_a_pattern_filters_in_a_worker(stub):
    stub.feed(*EVENTS)
    stub.button("Use a regular expression").click()
    stub.search.fill('"(BTC|ETH)","price"')
    expect(stub.rows).to_have_count(2)
    stub.feed({"type": "trade", "data": '{"symbol":"ETH","price":9}'})
    expect(stub.rows).to_have_count(3)
    assert stub.filter()["regex"] is True


def test_an_invalid_pattern_is_named_and_changes_nothing(stub):
    stub.feed(*EVENTS)
    stub.search.fill("btc")
    expect(stub.rows).to_have_count(2)
    stub.button("Use a regular expression").click()
    stub.search.fill("btc(?=x)")
    expect(stub.page.get_by_text("look-ahead")).to_be_visible()
    expect(stub.search).to_have_attribute("aria-invalid", "true")
    expect(stub.rows).to_have_count(2)
    assert stub.filter()["text"] == "btc"
    stub.search.fill("btc")
    expect(stub.page.get_by_text("look-ahead")).to_be_hidden()


def test_a_catastrophic_pattern_is_stopped_and_says_so(stub):
    stub.feed(*EVENTS, {"type": "trade", "data": "a" * 40 + "!"})
    stub.button("Use a regular expression").click()
    stub.search.fill("(a+)+$")
    # The page answers while the pattern runs: a press takes effect at once.
    stub.button("Pause").click()
    expect(stub.button("Resume")).to_be_visible()
    expect(stub.page.get_by_text("takes too long")).to_be_visible()
    stub.search.fill("news|BTC")
    expect(stub.rows).to_have_count(2)


def test_patterns_work_where_workers_are_forbidden(open_stub):
    stub = open_stub("noworker")
    stub.feed(*EVENTS)
    stub.button("Use a regular expression").click()
    stub.search.fill("BTC.*price")
    expect(stub.rows).to_have_count(1)
    expect(stub.log.locator("mark")).to_have_text(re.compile("^BTC.*price$"))
    open_stub.errors_expected = True  # the refused workers are logged by the browser


def test_many_types_fold_into_a_searchable_list(stub):
    stub.kernel(
        "kernel.feed(Array.from({length: 10000}, (_, i) => ({type: 'type-' + i, data: 'x' + i})))"
    )
    chips = stub.page.get_by_role("group", name="Event types", exact=True).get_by_role("button")
    expect(chips.first).to_contain_text("type-0")
    assert chips.count() <= 14
    stub.button("more").click()
    stub.page.get_by_role("textbox", name="Find a type").fill("type-9876")
    found = stub.page.get_by_role("group", name="All event types").get_by_role("button")
    expect(found).to_have_count(1)
    found.click()
    expect(stub.rows).to_have_count(1)
    expect(stub.row("x9876")).to_be_visible()
    stub.page.keyboard.press("Escape")
    expect(stub.chip("type-9876")).to_have_attribute("aria-pressed", "true")


def test_search_over_100_000_rows_ends_with_the_right_count(stub):
    stub.kernel("kernel.flood(100000)")
    stub.search.fill('"i":9999')
    expect(stub.page.get_by_text("11 found")).to_be_visible()
    expect(stub.rows).to_have_count(11)


def test_show_all_ends_an_unfinished_pattern_too(stub):
    stub.feed(*EVENTS)
    stub.chip("news").click()
    stub.button("Use a regular expression").click()
    stub.search.fill("(?=x)")
    expect(stub.page.get_by_text("look-ahead")).to_be_visible()
    stub.button("Show all", exact=True).click()
    expect(stub.rows).to_have_count(4)
    expect(stub.search).to_have_value("")
    expect(stub.page.get_by_text("look-ahead")).to_be_hidden()


def test_a_pattern_does_not_lose_rows_that_come_while_it_runs(stub):
    stub.button("Use a regular expression").click()
    stub.search.fill("3\\d*\\}$")
    stub.wait("model.attributes._filter.text !== ''")
    stub.kernel("for (let i = 0; i < 40; i++) kernel.flood(500, 100)")
    expected = stub.page.evaluate("kernel.events.filter((e) => /3\\d*\\}$/.test(e.data)).length")
    expect(stub.account("shown")).to_have_text(f"{expected:,}")
    expect(stub.account("received")).to_have_text("20,000")
