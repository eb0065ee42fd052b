"""What has nothing to do costs nothing: heartbeats are not answered, and out of sight a second is soon enough."""

from playwright.sync_api import expect

from .test_rows import TICKS

# An observer that begins now is told after those that were there before.
SIGHT = """() => new Promise((done) =>
  new IntersectionObserver(([{isIntersecting}]) => done(isIntersecting)).observe(
    document.querySelector('.sse-widget')))"""


def test_heartbeats_are_not_answered(open_stub):
    stub = open_stub(clock=True)
    stub.feed(*TICKS)
    stub.page.clock.run_for(4_000)
    acknowledged = stub.page.evaluate("model.attributes._ack.n")
    for _ in range(5):
        stub.kernel("kernel.beat()")
        stub.page.clock.run_for(2_000)
    assert stub.page.evaluate("model.attributes._ack.n") == acknowledged
    stub.feed(*TICKS)
    stub.page.clock.run_for(4_000)
    assert stub.page.evaluate("model.attributes._ack.n") > acknowledged + 5


def test_a_log_out_of_sight_is_drawn_once_a_second_and_holds_nothing_up(open_stub):
    stub = open_stub(clock=True)
    stub.feed(*TICKS)
    stub.page.clock.run_for(4_000)
    expect(stub.rows).to_have_count(3)
    stub.page.evaluate("document.body.style.paddingTop = '5000px'")
    assert stub.page.evaluate(SIGHT) is False
    # A kernel of which nothing was heard for long is asked more often: it says that it is there.
    stub.kernel("kernel.beat()")
    stub.page.clock.run_for(1_000)
    stub.page.clock.run_for(1_100 - stub.page.evaluate("Date.now() % 1000"))
    stub.feed({"data": "meanwhile"})
    stub.page.clock.run_for(200)
    expect(stub.row("meanwhile")).to_have_count(0)
    stub.page.clock.run_for(1_000)
    expect(stub.row("meanwhile")).to_have_count(1)
    stub.page.clock.run_for(4_000)
    assert stub.page.evaluate("model.attributes._ack.n === kernel.n")
    stub.page.evaluate("document.body.style.paddingTop = ''")
    assert stub.page.evaluate(SIGHT) is True
    stub.feed({"data": "in sight again"})
    stub.page.clock.run_for(200)
    expect(stub.row("in sight again")).to_have_count(1)
