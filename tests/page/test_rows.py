"""Rows, the tail, pause and the accounts of the page."""

from playwright.sync_api import expect

TICKS = [
    {"type": "trade", "id": "1", "data": '{"symbol":"BTC","price":67012.1}'},
    {"type": "quote", "id": "2", "data": '{"symbol":"ETH","bid":3120.5}'},
    {"type": "trade", "id": "3", "data": '{"symbol":"SOL","price":151.07}'},
]
TOP = "document.querySelector('[role=log]').getBoundingClientRect().top"
# The data of the row at the middle of the log: what a reader has under the cursor.
MIDDLE = """(() => {
  const log = document.querySelector('[role=log]').getBoundingClientRect();
  const row = document.elementFromPoint(log.left + 60, log.top + log.height / 2).closest('[role=listitem]');
  return row.querySelector('.sse-data').textContent + ' @ ' + Math.round(row.getBoundingClientRect().top - log.top);
})()"""


def balanced(stub):
    a = stub.accounts()
    assert a["received"] == a["shown"] + a["filtered"] + a["paused"] + a["elsewhere"]
    return a


def scroll_up(stub, by=1500):
    stub.log.hover()
    top = stub.log.evaluate("(log) => log.scrollTop")
    stub.page.mouse.wheel(0, -by)
    # Rows that are measured as they come into sight move the log as well: not by exactly that.
    stub.wait(f"document.querySelector('[role=log]').scrollTop < {top}")
    expect(stub.button("Jump to latest")).to_be_visible()


def test_a_row_shows_time_type_id_and_data(stub):
    stub.feed({**TICKS[0], "at": 1767323045006}, *TICKS[1:])
    expect(stub.rows).to_have_count(3)
    for text in ("trade", '{"symbol":"BTC","price":67012.1}', ":04:05.006"):
        expect(stub.rows.first).to_contain_text(text)
    expect(stub.rows.first).to_have_attribute("aria-posinset", "1")
    expect(stub.rows.last).to_have_attribute("aria-setsize", "3")


def test_the_header_counts_and_the_footer_balances(stub):
    stub.feed(*TICKS)
    expect(stub.page.get_by_text("3 events", exact=True)).to_be_visible()
    expect(stub.account("shown")).to_have_text("3")
    assert balanced(stub)["received"] == 3


def test_100_000_rows_need_few_nodes_and_the_rest_is_accounted_for(stub):
    stub.kernel("kernel.flood(130000)")
    expect(stub.account("received")).to_have_text("130,000")
    expect(stub.row('{"i":129999,')).to_be_visible()
    assert stub.rows.count() < 150
    assert balanced(stub)["shown"] == 100_000
    expect(stub.account("elsewhere")).to_have_text("30,000")


def test_each_number_explains_itself_to_pointer_and_focus(stub):
    stub.kernel(
        "kernel.oldest = 2; kernel.feed(Array.from({length: 5}, () => ({data: 'x'})), {skip: true}); kernel.clear()"
    )
    stub.kernel(
        "kernel.feed([{data: 'shown'}]); kernel.oldest = 6; kernel.feed([{data: 'lost'}], {skip: true})"
    )
    stub.feed(*TICKS)
    expect(stub.row("SOL")).to_be_visible()
    tip = stub.page.get_by_role("tooltip")
    expect(tip).to_be_hidden()
    figures = {
        "received": "since the stream began",
        "shown": "In the log above",
        "filtered": "hidden by the filter",
        "paused": "the view is live",
        "elsewhere": "not on this page",
    }
    figure = stub.page.locator("[data-account=received]")
    figure.focus()
    for name, words in figures.items():
        figure = stub.page.locator(f"[data-account={name}]")
        expect(figure).to_be_focused()
        expect(tip).to_contain_text(words)
        assert figure.get_attribute("aria-describedby") == tip.get_attribute("id")
        stub.page.keyboard.press("Tab")
    stub.page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    stub.page.locator("[data-account=shown]").hover()
    expect(tip).to_contain_text("In the log above")
    # The explanation can be pointed at, too; elsewhere it goes.
    tip.hover()
    expect(tip).to_be_visible()
    stub.log.hover()
    expect(tip).to_be_hidden()


def test_what_is_elsewhere_adds_up(stub):
    """2 evicted, 3 cleared, and what the page let go."""
    stub.kernel(
        "kernel.take(Array.from({length: 5}, () => ({data: 'x'}))); kernel.oldest = 2; kernel.clear()"
    )
    stub.kernel("kernel.flood(100100)")
    stub.feed(*TICKS)
    expect(stub.account("elsewhere")).to_have_text("108")
    stub.page.locator("[data-account=elsewhere]").hover()
    tip = stub.page.get_by_role("tooltip")
    for part in ("2 no longer held by the kernel", "3 cleared", "103 still held by the kernel"):
        expect(tip).to_contain_text(part)


def test_the_tail_is_followed_until_the_reader_scrolls_up(stub):
    stub.kernel("kernel.flood(500)")
    stub.beats()
    expect(stub.row('{"i":499,')).to_be_visible()
    scroll_up(stub)
    before = stub.page.evaluate(MIDDLE)
    expect(stub.button("Jump to latest")).to_have_text("Jump to latest")  # no "(+0)"
    stub.kernel("kernel.flood(37, 37)")
    expect(stub.button("Jump to latest")).to_have_text("Jump to latest (+37)")
    assert stub.page.evaluate(MIDDLE) == before
    stub.button("Jump to latest").click()
    expect(stub.row('{"i":536,')).to_be_visible()
    expect(stub.button("Jump to latest")).to_be_hidden()
    stub.kernel("kernel.flood(5, 5)")
    expect(stub.row('{"i":541,')).to_be_visible()


def test_what_is_under_the_cursor_stays_while_older_rows_come_and_go(stub):
    stub.kernel("kernel.take(Array.from({length: 3000}, (_, i) => ({data: 'older ' + i})))")
    stub.kernel("kernel.flood(96000)")
    stub.beats()
    # The 3,000 before this page come by themselves; then the page is full and evicts its oldest.
    expect(stub.account("shown")).to_have_text("99,000")
    scroll_up(stub, 40_000)
    before = stub.page.evaluate(MIDDLE)
    stub.kernel("kernel.flood(15000)")
    expect(stub.account("shown")).to_have_text("100,000")
    assert stub.page.evaluate(MIDDLE) == before
    balanced(stub)


def test_pause_holds_the_view_and_counts_what_waits(stub):
    stub.feed(*TICKS)
    stub.button("Pause").click()
    stub.feed({"type": "trade", "data": "while paused"})
    expect(stub.account("paused")).to_have_text("1")
    expect(stub.rows).to_have_count(3)
    assert balanced(stub)["shown"] == 3
    stub.button("Resume").click()
    expect(stub.row("while paused")).to_be_visible()
    expect(stub.account("paused")).to_have_text("0")
    expect(stub.button("Pause")).to_be_visible()


def test_a_paused_view_survives_a_flood(stub):
    stub.kernel("kernel.flood(200)")
    expect(stub.row('{"i":199,')).to_be_visible()
    stub.button("Pause").click()
    stub.kernel("kernel.flood(150000)")
    expect(stub.account("received")).to_have_text("150,200")
    expect(stub.row('{"i":199,')).to_be_visible()
    assert balanced(stub)["shown"] == 200


def test_space_pauses_and_slash_searches_without_reaching_the_host(stub):
    stub.feed(*TICKS)
    stub.kernel(
        "document.addEventListener('keydown', (e) => (window.leaked = (window.leaked ?? '') + e.key))"
    )
    stub.log.focus()
    stub.page.keyboard.press("Space")
    expect(stub.button("Resume")).to_be_visible()
    stub.page.keyboard.press("Space")
    expect(stub.button("Pause")).to_be_visible()
    stub.page.keyboard.press("/")
    expect(stub.search).to_be_focused()
    stub.page.keyboard.type("btc")
    expect(stub.rows).to_have_count(1)
    assert stub.page.evaluate("window.leaked ?? ''") == ""


def test_two_views_share_events_and_filter_but_not_pause(stub):
    stub.feed(*TICKS)
    stub.kernel("view()")
    logs = stub.page.get_by_role("log")
    expect(logs).to_have_count(2)
    expect(logs.nth(1).get_by_role("listitem")).to_have_count(3)
    stub.button("Pause").first.click()
    stub.feed({"type": "trade", "data": "later"})
    expect(logs.nth(1).get_by_role("listitem")).to_have_count(4)
    expect(logs.nth(0).get_by_role("listitem")).to_have_count(3)
    assert len(stub.heard("hello")) <= 2


def test_each_view_has_its_own_scroll(stub):
    stub.kernel("kernel.flood(500); view()")
    logs = stub.page.get_by_role("log")
    ends = [logs.nth(i).get_by_role("listitem").filter(has_text='{"i":499,') for i in range(2)]
    for last in ends:
        expect(last).to_be_visible()
    stub.kernel("document.querySelectorAll('[role=log]')[0].focus()")
    stub.page.keyboard.press("Home")
    expect(logs.nth(0).get_by_role("listitem").filter(has_text='{"i":0,')).to_be_visible()
    expect(last).to_be_visible()
    stub.feed({"data": "the latest"})
    expect(logs.nth(1).get_by_role("listitem").filter(has_text="the latest")).to_be_visible()
    expect(logs.nth(0).get_by_role("listitem").filter(has_text='{"i":0,')).to_be_visible()
    expect(stub.button("Jump to latest")).to_have_count(1)


def test_a_view_that_goes_leaves_nothing_behind(stub):
    stub.feed(*TICKS)
    stub.kernel("window.first.abort()")
    expect(stub.page.get_by_role("log")).to_have_count(0)
    stub.kernel("window.life.abort()")
    assert stub.page.evaluate("model.handlers.length") == 0


def test_an_empty_log_says_what_it_waits_for(stub):
    expect(stub.page.get_by_text("Waiting for the first event")).to_be_visible()
    stub.feed(TICKS[0])
    expect(stub.page.get_by_text("Waiting for the first event")).to_be_hidden()


def test_clear_empties_the_view_and_can_be_undone(stub):
    stub.feed(*TICKS)
    stub.kernel("kernel.busy = true")
    stub.lasting()
    stub.button("Clear").click()
    expect(stub.rows).to_have_count(0)
    # Counts, head and accounts begin anew; the kernel lets go of nothing.
    expect(stub.chip("trade")).to_contain_text("trade 0")
    expect(stub.page.get_by_text("0 events", exact=True)).to_be_visible()
    assert balanced(stub)["filtered"] == 3
    assert not stub.heard("clear")
    stub.feed({"type": "trade", "data": "after the clear"})
    expect(stub.rows.last).to_contain_text("after the clear")
    expect(stub.row('"symbol"')).to_have_count(0)
    expect(stub.chip("trade")).to_contain_text("trade 1")
    balanced(stub)
    stub.button("Undo").click()
    expect(stub.rows).to_have_count(4)
    assert stub.accounts()["filtered"] == 0
    balanced(stub)
    stub.button("Clear").click()
    stub.button("Show all events").click()
    expect(stub.rows).to_have_count(4)


def test_what_python_cleared_is_gone_from_counts_too(stub):
    stub.feed(*TICKS)
    stub.kernel("kernel.clear()")
    expect(stub.rows).to_have_count(0)
    expect(stub.account("elsewhere")).to_have_text("3")
    expect(stub.chip("trade")).to_contain_text("trade 0")
    stub.feed({"type": "trade", "data": "after the clear"})
    expect(stub.row("after the clear")).to_be_visible()
    expect(stub.chip("trade")).to_contain_text("trade 1")
    balanced(stub)


def test_gaps_are_rows_but_no_events(stub):
    stub.feed(*TICKS[:2])
    gap = {"seq": 2, "at": 1767323045006, "cause": "reconnect", "text": "Connection lost for 1.3 s"}
    stub.feed(TICKS[2], gaps=[gap])
    expect(stub.rows).to_have_count(4)
    expect(stub.rows.nth(2)).to_contain_text("Connection lost for 1.3 s")
    assert balanced(stub)["shown"] == 3


def test_a_gap_sent_again_takes_the_place_of_the_first(stub):
    gap = {"seq": 2, "at": 1767323045006, "cause": "reconnect", "text": "resumed after id '7'"}
    stub.feed(*TICKS[:2])
    stub.feed(TICKS[2], gaps=[gap])
    expect(stub.row("resumed after id '7'")).to_be_visible()
    stub.feed(TICKS[0], gaps=[{**gap, "text": "resumed after id '7': nothing is missing"}])
    expect(stub.row("nothing is missing")).to_be_visible()
    expect(stub.row("resumed after")).to_have_count(1)
    # The same moment with another cause is another gap.
    stub.feed(TICKS[1], gaps=[{**gap, "cause": "oversize", "text": "too large"}])
    expect(stub.row("too large")).to_be_visible()
    expect(stub.rows).to_have_count(7)


def test_the_footer_tells_what_the_kernel_holds_and_read(stub):
    stub.kernel("kernel.stats.bytes = 6042")
    stub.feed(*TICKS)
    expect(stub.page.get_by_text("kernel holds 3 · read 5.9 KiB")).to_be_visible()
