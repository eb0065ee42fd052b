"""What the page and the kernel owe each other: hello, holes, history, acks, silence."""

import re

import pytest
from playwright.sync_api import expect

from sse_widget.notebook.allowance import BATCHES

from .test_rows import TICKS, balanced

SILENT = re.compile(r"No sign of the kernel for \d+ s \(busy or gone\)")


def test_hello_is_said_twice_and_batches_are_acknowledged(stub):
    stub.wait("kernel.heard.filter((m) => m.kind === 'hello').length === 2")
    pages = {m["page"] for m in stub.heard("hello")}
    assert len(pages) == 1
    stub.feed(*TICKS)
    stub.wait("model.attributes._ack.n === 1")
    # Soon again where many are on the way; where few are, some time later.
    for _ in range(BATCHES // 2):
        stub.feed(*TICKS)
    stub.wait(f"model.attributes._ack.n >= {BATCHES // 2}")
    assert {stub.page.evaluate("model.attributes._ack.page")} == pages


def test_a_kernel_may_have_it_acknowledge_by_messages_from_now_on(stub):
    stub.feed(*TICKS)
    stub.wait("model.attributes._ack.n === 1")
    stub.kernel("model.put('_settings', {...model.attributes._settings, ack: 'message'})")
    for _ in range(12):
        stub.feed(*TICKS)
    stub.wait("kernel.heard.some((m) => m.kind === 'ack' && m.n >= 12)")
    assert stub.page.evaluate("model.attributes._ack.n") == 1


def test_a_lost_batch_is_asked_for_again(stub):
    stub.feed(*TICKS[:1])
    stub.feed({"type": "trade", "data": "lost on the way"}, lost=True)
    stub.feed(*TICKS[2:])
    expect(stub.row("lost on the way")).to_be_visible()
    asked = stub.heard("rows")[0]
    assert (asked["first"], asked["stop"]) == (1, 2)
    expect(stub.rows).to_have_count(3)
    assert balanced(stub)["elsewhere"] == 0
    # The counts of a lost batch come with a hello.
    expect(stub.chip("trade 3")).to_be_visible()


def test_a_lost_batch_is_asked_for_at_once_even_in_a_flood(open_stub):
    stub = open_stub(clock=True)
    stub.kernel("kernel.flood(10000)")
    stub.page.clock.run_for(500)
    stub.kernel("kernel.flood(10000)")
    stub.feed(*TICKS, lost=True)
    assert stub.heard("rows") == []
    stub.kernel("kernel.flood(10)")
    assert [(m["first"], m["stop"]) for m in stub.heard("rows")] == [(20_000, 20_003)]


def test_rows_held_back_in_a_flood_are_fetched_when_it_ended_in_it(open_stub):
    """The last thing heard of a stream is that it is fast: no later message says that it is calm."""
    stub = open_stub(clock=True)
    stub.kernel("kernel.flood(10000)")
    stub.page.clock.run_for(500)
    stub.kernel("kernel.feed(Array.from({length: 30000}, () => ({data: 'late'})), {skip: true})")
    stub.kernel("kernel.flood(10000)")
    assert stub.heard("rows") == []
    stub.kernel("kernel.be({state: 'closed'})")
    stub.page.clock.run_for(5_000)
    expect(stub.account("shown")).to_have_text("50,000")


def test_what_the_kernel_no_longer_holds_is_a_row(stub):
    stub.feed(*TICKS[:1])
    stub.kernel("kernel.busy = true")
    stub.feed(*({"data": f"lost {i}"} for i in range(5)), lost=True)
    stub.feed(*TICKS[2:])
    expect(stub.row("5 events are on the way")).to_be_visible()
    stub.kernel(
        "kernel.busy = false; kernel.oldest = 6; kernel.heard.filter((m) => m.kind === 'rows').forEach((m) => kernel.answerRows(m))"
    )
    expect(stub.row("5 events are no longer held by the kernel")).to_be_visible()
    assert balanced(stub)["elsewhere"] == 5


def test_a_late_page_gets_the_history(open_stub):
    stub = open_stub("idle")
    stub.kernel("""
      kernel.take(Array.from({length: 50000}, (_, i) => ({type: 'old', data: 'old ' + i})));
      widget.initialize({model: model.wrapper()}); view();
    """)
    expect(stub.account("shown")).to_have_text("50,000")
    expect(stub.row("old 49999")).to_be_visible()
    asked = [(m["first"], m["stop"]) for m in stub.heard("rows")]
    assert asked == [(0, 50_000), (0, 30_000), (0, 10_000)]


def test_rows_held_back_are_fetched_when_it_is_calm(stub):
    stub.feed(*TICKS[:1])
    stub.feed(*({"data": f"held back {i}"} for i in range(10)), skip=True)
    stub.feed(*TICKS[2:])
    expect(stub.row("held back 9")).to_be_visible()
    assert balanced(stub)["elsewhere"] == 0


def test_seven_seconds_without_a_sign(open_stub):
    stub = open_stub(clock=True)
    stub.feed(*TICKS)
    stub.page.clock.run_for(6000)
    expect(stub.page.get_by_text("No sign of the kernel")).to_be_hidden()
    # Where nothing comes it is drawn every other second.
    stub.page.clock.run_for(3000)
    expect(stub.status).to_contain_text(SILENT)
    expect(stub.row("BTC")).to_be_visible()
    stub.kernel("kernel.beat()")
    stub.page.clock.run_for(100)
    expect(stub.status).to_contain_text("Open")
    expect(stub.page.get_by_text("No sign of the kernel")).to_be_hidden()


def test_an_ended_stream_is_silent_by_right(open_stub):
    stub = open_stub(clock=True)
    stub.feed(*TICKS)
    for state in ("closed", "failed"):
        stub.kernel("kernel.be({state: arg, error: 'It is over.'})", state)
        stub.page.clock.run_for(60_000)
        expect(stub.status).to_contain_text("It is over.")
        expect(stub.page.get_by_text("No sign of the kernel")).to_be_hidden()


def test_the_countdown_runs_and_retry_now_asks_the_kernel(open_stub):
    stub = open_stub(clock=True)
    # It is drawn at full seconds, the first time just after this.
    stub.page.clock.run_for(1900 - stub.page.evaluate("Date.now() % 1000"))
    stub.kernel(
        "kernel.be({state: 'waiting', retry_in: 5, attempt: 2, error: 'refused', hint: 'Is it running?'})"
    )
    stub.page.clock.run_for(200)
    expect(stub.status).to_contain_text("Waiting")
    expect(stub.status).to_contain_text("retry in 5 s, attempt 2")
    expect(stub.status).to_contain_text("refused")
    expect(stub.status).to_contain_text("Is it running?")
    # The line of the hint made the log lower, which is drawn after a real frame.
    stub.page.evaluate(
        "new Promise((done) => new ResizeObserver(done).observe(document.querySelector('[role=log]')))"
    )
    stub.page.clock.run_for(2000)
    for left in (2, 1):
        stub.page.clock.run_for(1000)
        expect(stub.status).to_contain_text(f"retry in {left} s")
    stub.button("Retry now").click()
    stub.page.clock.run_for(100)
    expect(stub.status).to_contain_text("Open")
    expect(stub.button("Retry now")).to_be_hidden()
    assert stub.heard("retry")


def test_stop_and_start(stub):
    stub.button("Stop").click()
    expect(stub.status).to_contain_text("Closed")
    stub.button("Start").click()
    expect(stub.status).to_contain_text("Open")
    assert stub.heard("stop")
    assert stub.heard("start")


def test_a_failure_says_why_and_what_to_do(stub):
    stub.kernel("kernel.be({state: 'failed', error: '404 Not Found', hint: 'Check the path.'})")
    expect(stub.status).to_contain_text("404 Not Found")
    expect(stub.status).to_contain_text("Check the path.")
    expect(stub.button("Start")).to_be_visible()


def test_what_is_odd_while_it_runs_is_said_beside_the_state(stub):
    note = "4,096 bytes came and no event: the lines look like JSON."
    stub.kernel("kernel.be({state: 'open', note: arg})", note)
    expect(stub.status).to_contain_text(note)
    expect(stub.page.locator(".sse-empty")).to_contain_text(note)
    stub.page.locator(".sse-state").click()
    expect(stub.page.locator(".sse-facts")).to_contain_text(note)
    stub.feed(*TICKS)
    expect(stub.page.locator(".sse-note")).to_be_visible()
    # Beside an error, and never in place of it.
    stub.kernel("kernel.be({state: 'waiting', retry_in: 60, error: 'refused', note: arg})", note)
    expect(stub.page.locator(".sse-note")).to_have_text(f"refused{note}")
    stub.kernel("kernel.be({state: 'open'})")
    expect(stub.page.locator(".sse-note")).to_be_hidden()


def test_an_address_that_was_asked_for_is_shown_in_place_of_the_settings(stub):
    url = "https://stream.example/page/7?since=***"
    expect(stub.status).not_to_contain_text(url)
    stub.kernel("kernel.url = arg; kernel.be({state: 'open'})", url)
    expect(stub.status).to_contain_text(url)
    stub.page.locator(".sse-state").click()
    expect(stub.page.locator(".sse-facts")).to_contain_text(url)


def test_a_closed_stream_says_why_beside_the_state(stub):
    reason = "The server ended the stream."
    stub.kernel("kernel.be({state: 'closed', reason: arg})", reason)
    expect(stub.status).to_contain_text("Closed\u2013 the server ended the stream")
    expect(stub.page.locator(".sse-empty")).to_contain_text(reason)
    stub.page.locator(".sse-state").click()
    expect(stub.page.locator(".sse-facts")).to_contain_text(reason)
    stub.feed(*TICKS)
    expect(stub.page.locator(".sse-note")).to_be_hidden()


def test_a_stream_that_ended_too_early_is_a_warning(stub):
    stub.feed(*TICKS)
    reason = "The stream ended before the event came that stop_when= waits for."
    stub.kernel("kernel.be({state: 'closed', reason: arg, warns: true})", reason)
    expect(stub.page.locator(".sse-note")).to_be_visible()
    expect(stub.status).to_contain_text(f"Warning: {reason}")
    stub.kernel("kernel.be({state: 'open'})")
    expect(stub.status).not_to_contain_text("Warning")


def test_a_busy_kernel_is_named_and_nothing_else_waits(stub):
    stub.feed(*TICKS)
    stub.kernel("kernel.busy = true")
    stub.button("Stop").click()
    expect(stub.page.get_by_text("Kernel busy: Stop")).to_be_visible()
    stub.chip("trade").click()
    expect(stub.rows).to_have_count(2)
    stub.kernel("kernel.busy = false; kernel.be({state: 'closed'})")
    expect(stub.page.get_by_text("Kernel busy")).to_be_hidden()


BUSY = {
    "Retry": lambda stub: (
        stub.kernel("kernel.be({state: 'waiting', retry_in: 60, attempt: 2, error: 'refused'})"),
        stub.page.clock.run_for(100),
        stub.button("Retry now").click(),
    ),
    "earlier events": lambda stub: stub.feed({"data": "lost"}, lost=True),
    "the whole event": lambda stub: (
        stub.feed({"data": "x" * 100_000}),
        stub.page.clock.run_for(100),
        stub.row("xxx").click(),
        stub.page.clock.run_for(100),
        stub.page.get_by_role("button", name="Load").click(),
    ),
}


@pytest.mark.parametrize("what", BUSY)
def test_what_needs_the_kernel_waits_for_it_and_says_so(open_stub, what):
    """... and every view action works meanwhile; then it happens."""
    stub = open_stub(clock=True)
    stub.feed(*TICKS)
    stub.kernel("kernel.busy = true")
    BUSY[what](stub)
    stub.feed({"data": "after"})
    for _ in range(4):
        stub.page.clock.run_for(500)
    expect(
        stub.page.get_by_text(f"Kernel busy: {what} as soon as the cell is done")
    ).to_be_visible()
    stub.chip("trade").click()
    stub.page.clock.run_for(100)
    expect(stub.row("ETH")).to_have_count(0)
    stub.search.fill("btc")
    stub.page.clock.run_for(500)
    expect(stub.rows.filter(has_text="BTC")).to_have_count(1)
    stub.button("Pause").click()
    stub.page.clock.run_for(100)
    expect(stub.button("Resume")).to_be_visible()
    # The cell is done: the kernel answers what it was asked meanwhile.
    stub.kernel("kernel.busy = false; kernel.heard.splice(0).forEach((m) => kernel.hear(m))")
    stub.page.clock.run_for(200)
    expect(stub.page.get_by_text("Kernel busy")).to_be_hidden()


def test_a_restarted_kernel_is_said_and_the_log_stays(stub):
    stub.feed(*TICKS)
    # It answers no hello that comes after.
    stub.kernel("kernel.busy = true; model.trigger('comm_live_update')")
    expect(stub.status).to_contain_text("Kernel restarted or gone: run the cell again to go on.")
    expect(stub.rows).to_have_count(3)


def test_a_hidden_page_does_not_stall_the_stream(stub):
    stub.kernel(
        "Object.defineProperty(document, 'hidden', {get: () => true}); window.requestAnimationFrame = () => 1"
    )
    for _ in range(BATCHES + 6):
        stub.feed(*TICKS)
    # Less than the kernel lets be on the way.
    stub.wait(f"kernel.n - model.attributes._ack.n < {BATCHES}")


def test_a_message_for_another_page_is_ignored(stub):
    stub.feed(*TICKS)
    stub.kernel(
        "model.trigger('msg:custom', {kind: 'hello', to: 'another', n: 99, ...kernel.head([['ghost', 5]])}, [])"
    )
    stub.feed(*TICKS)
    expect(stub.rows).to_have_count(6)
    expect(stub.chip("ghost")).to_have_count(0)
    assert stub.heard("rows") == []


def test_no_request_leaves_the_page(open_stub):
    stub = open_stub()
    seen = []
    stub.page.on("request", lambda request: seen.append(request.url))
    stub.feed(*TICKS)
    stub.button("Use a regular expression").click()
    stub.search.fill("B.C")
    expect(stub.rows).to_have_count(1)
    assert [url for url in seen if not url.startswith("blob:")] == []


def test_it_works_without_randomuuid_and_without_a_signal(open_stub):
    stub = open_stub("idle")
    stub.kernel("""
      delete Crypto.prototype.randomUUID;
      const ends = [widget.initialize({model: model.wrapper()})];
      const el = document.body.appendChild(document.createElement('div'));
      ends.push(widget.render({model: model.wrapper(), el}));
      window.ends = ends;
    """)
    stub.feed(*TICKS)
    expect(stub.rows).to_have_count(3)
    stub.kernel("window.ends.forEach((end) => end())")
    expect(stub.page.get_by_role("log")).to_have_count(0)
    assert stub.page.evaluate("model.handlers.length") == 0


def test_the_state_opens_the_details_of_the_connection(open_stub):
    stub = open_stub(clock=True)
    stub.kernel("kernel.retry = 2500; kernel.stats.bytes = 10; kernel.stats.ignored = 3")
    stub.feed({"data": "x", "id": "id-7"})
    stub.kernel("kernel.be({state: 'waiting', retry_in: 60, attempt: 3, error: 'refused'})")
    stub.page.clock.run_for(5_000)
    facts = stub.page.get_by_role("group", name="Connection details")
    expect(facts).to_be_hidden()
    stub.button("Waiting").click()
    stub.page.clock.run_for(100)
    for text in (
        "Attempt3",
        "id-7",
        "2,500 ms",
        "5 s ago",
        "refused",
        "key=***",
        "3 lines of unknown",
    ):
        expect(facts).to_contain_text(text)
    stub.kernel("kernel.beat()")
    stub.page.clock.run_for(3_900)
    expect(facts).to_contain_text("8 s ago")
    stub.kernel("kernel.beat()")
    stub.page.keyboard.press("Escape")
    expect(facts).to_be_hidden()
    expect(stub.button("Waiting")).to_be_focused()


def test_a_page_that_hears_nothing_asks(open_stub):
    """As in a host that drops what the kernel says of its own accord."""
    stub = open_stub(clock=True)
    stub.feed(*TICKS[:1])
    stub.page.clock.run_for(2_000)
    assert stub.heard("poll") == []
    stub.kernel("kernel.answersPolls = true")
    stub.feed({"type": "trade", "data": "heard when asked"}, lost=True)
    stub.page.clock.run_for(2_000)
    expect(stub.row("heard when asked")).to_be_visible()
    asked = len(stub.heard("poll"))
    assert asked >= 1
    # It goes on asking, quickly ...
    for i in range(3):
        stub.feed({"type": "trade", "data": f"and again {i}"}, lost=True)
        stub.page.clock.run_for(1_000)
        expect(stub.row(f"and again {i}")).to_be_visible()
    expect(stub.status).to_contain_text("Open")
    # ... until something comes by itself, or the stream has ended.
    stub.kernel("kernel.be({ state: 'closed' })")
    asked = len(stub.heard("poll"))
    stub.page.clock.run_for(20_000)
    assert len(stub.heard("poll")) == asked
