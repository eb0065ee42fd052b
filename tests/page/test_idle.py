"""What has nothing to do costs nothing: heartbeats are not answered, and what is out of sight is not drawn."""

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
    stub.page.clock.run_for(31_000)
    assert stub.page.evaluate("model.attributes._ack.n") > acknowledged + 5


def test_a_page_with_nothing_new_asks_for_no_frame(open_stub):
    stub = open_stub(clock=True)
    stub.feed(*TICKS)
    stub.page.clock.run_for(4_000)
    stub.page.evaluate(
        """() => {
          const ask = requestAnimationFrame;
          window.frames_asked = 0;
          window.requestAnimationFrame = (draw) => (window.frames_asked++, ask(draw));
        }"""
    )
    for _ in range(5):
        stub.kernel("kernel.feed([], {still: true})")
        stub.page.clock.run_for(2_000)
    assert stub.page.evaluate("frames_asked") == 0
    # What a second changes is drawn all the same.
    stub.page.clock.run_for(9_000)
    expect(stub.status).to_contain_text("No sign of the kernel")
    stub.kernel("kernel.feed([], {still: true})")
    stub.page.clock.run_for(2_000)
    expect(stub.status).not_to_contain_text("No sign of the kernel")


def test_a_log_out_of_sight_is_drawn_once_a_minute_and_holds_nothing_up(open_stub):
    stub = open_stub(clock=True)
    stub.feed(*TICKS)
    stub.page.clock.run_for(4_000)
    expect(stub.rows).to_have_count(3)
    stub.page.evaluate("document.body.style.paddingTop = '5000px'")
    assert stub.page.evaluate(SIGHT) is False
    stub.page.clock.run_for(61_100 - stub.page.evaluate("Date.now() % 60000"))
    stub.feed({"data": "meanwhile"})
    stub.page.clock.run_for(58_000)
    expect(stub.row("meanwhile")).to_have_count(0)
    # What is said of the stream is read out also where nobody looks.
    stub.kernel("kernel.be({state: 'waiting', retry_in: 60, error: 'refused'})")
    stub.page.clock.run_for(1_000)
    expect(stub.status).to_contain_text("refused")
    expect(stub.row("meanwhile")).to_have_count(1)
    # The state alone carried no row, and is no reason to answer.
    assert stub.page.evaluate("model.attributes._ack.n === kernel.n - 1")
    stub.feed({"data": "just now"})
    stub.page.evaluate("document.body.style.paddingTop = ''")
    assert stub.page.evaluate(SIGHT) is True
    stub.page.clock.run_for(200)
    expect(stub.row("just now")).to_have_count(1)


def test_the_kernel_hears_whether_somebody_looks(open_stub):
    def told(after):
        stub.page.clock.run_for(after)
        return [message["seen"] for message in stub.heard("sight")]

    stub = open_stub(clock=True)
    stub.feed(*TICKS)
    assert told(4_000) == []
    stub.page.evaluate("document.body.style.paddingTop = '5000px'")
    assert stub.page.evaluate(SIGHT) is False
    # Who only scrolls past tells it nothing.
    assert told(3_000) == []
    assert told(5_000) == [False]
    stub.page.evaluate("document.body.style.paddingTop = ''")
    assert stub.page.evaluate(SIGHT) is True
    assert told(0) == [False, True]
    # Another page says that nobody looks at it there.
    stub.feed(*TICKS, unseen=True)
    assert told(0) == [False, True, True]


def test_a_log_that_follows_is_at_its_end_after_one_layout_of_the_page(open_stub):
    stub = open_stub()
    stub.feed(*({"data": f"event {n}"} for n in range(200)))
    expect(stub.row("event 199")).to_be_in_viewport()
    stub.feed({"data": "the newest"})
    expect(stub.row("the newest")).to_be_in_viewport()
    assert stub.page.evaluate(
        "(({scrollTop, clientHeight, scrollHeight}) => scrollHeight - clientHeight - scrollTop)"
        "(document.querySelector('.sse-log')) < 1"
    )


def test_the_code_of_the_log_is_made_once_a_page(stub):
    ran = """async () => {
      const kept = () => Object.getOwnPropertySymbols(globalThis)
        .filter(({description}) => description.startsWith('sse-widget'));
      await import('/widget.js?once');
      const [made] = kept();
      const first = globalThis[made];
      await import('/widget.js?again');
      return kept().length === 1 && globalThis[made] === first;
    }"""
    assert stub.page.evaluate(ran) is True


def test_a_paint_lays_the_page_out_once(open_stub):
    """To ask whether text is selected is to have the page laid out, a second time at each paint of a flood."""
    stub = open_stub()
    stub.feed(*({"data": f"event {n}"} for n in range(200)))
    expect(stub.row("event 199")).to_be_in_viewport()
    devtools = stub.page.context.new_cdp_session(stub.page)
    devtools.send("Performance.enable")

    def layouts():
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "LayoutCount")

    def paint(text):
        stub.feed({"data": text})
        stub.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    paint("the first")
    before = layouts()
    for n in range(20):
        paint(f"painted {n}")
    assert layouts() - before < 30
    devtools.detach()


def test_a_paint_of_the_latest_of_each_key_asks_not_where_it_is_scrolled_to(open_stub):
    """That too is to have the page laid out. The person who scrolls is heard."""
    stub = open_stub()
    ticks = [{"data": f'{{"key":"k{n % 100:02}","n":{n}}}'} for n in range(200)]
    stub.feed(*ticks)
    expect(stub.row('"k99","n":199')).to_be_in_viewport()
    stub.button("View").click()
    stub.button("Latest of each key").click()
    expect(stub.row("k00")).to_be_in_viewport()
    stub.page.evaluate("""() => {
      const {get, set} = Object.getOwnPropertyDescriptor(Element.prototype, 'scrollTop');
      window.asked = 0;
      Object.defineProperty(Element.prototype, 'scrollTop', {
        get() { window.asked++; return get.call(this); }, set, configurable: true,
      });
    }""")
    for n in range(5):
        stub.feed({"data": f'{{"key":"k01","n":{1000 + n}}}'})
        expect(stub.row("k01")).to_contain_text(str(1000 + n))
    assert stub.page.evaluate("window.asked") == 0
    stub.rows.first.hover()
    stub.page.mouse.wheel(0, 1200)
    expect(stub.row("k60")).to_be_in_viewport()
    stub.feed({"data": '{"key":"k60","n":2000}'})
    expect(stub.row("k60")).to_contain_text("2000")
    expect(stub.row("k60")).to_be_in_viewport()


def test_a_state_that_lasts_moves_nothing_for_long(open_stub):
    """An animation has the page drawn 60 times a second, out of sight too."""
    stub = open_stub(clock=True)
    stub.kernel("kernel.be({state: 'waiting', retry_in: 3600, error: 'refused'})")
    stub.page.clock.run_for(1_000)
    expect(stub.status).to_contain_text("refused")
    lasts = """() => {
      const {animationName, animationDuration, animationIterationCount} =
        getComputedStyle(document.querySelector('.sse-dot'));
      return [animationName, parseFloat(animationDuration) * Number(animationIterationCount)];
    }"""
    name, seconds = stub.page.evaluate(lasts)
    assert name == "sse-breathe"
    assert 0 < seconds < 10
