"""The rate chart: on demand, its marks, and brushing as a filter by time."""

import re

from playwright.sync_api import expect

from .test_accessibility import keys
from .test_reading import choose


def brush(stub, plot):
    """Draw over the seconds from 9.5 to 5.5 before the end of the last minute, which is shown.

    Returns where a time ago is: (x, y) of the page.
    """
    box = plot.bounding_box()

    def at(ago):
        return box["x"] + box["width"] * (60 - ago) / 60, box["y"] + 20

    stub.page.mouse.move(*at(9.5))
    stub.page.mouse.down()
    stub.page.mouse.move(*at(7))
    stub.page.mouse.move(*at(5.5))
    stub.page.mouse.up()
    stub.page.clock.run_for(600)
    return at


def filled(stub):
    """Ten seconds with 12 events each, seen as they came."""
    for _ in range(10):
        stub.kernel("kernel.flood(12, 12)")
        stub.page.clock.run_for(1000)
    choose(stub, "Rate chart")
    stub.page.clock.run_for(600)
    return stub.page.get_by_role("group", name="Events a second")


def test_it_stays_away_until_it_is_wanted(open_stub):
    stub = open_stub(clock=True)
    plot = stub.page.get_by_role("group", name="Events a second")
    expect(plot).to_be_hidden()
    filled(stub)
    expect(plot).to_be_visible()
    expect(stub.page.locator(".sse-chart-top")).to_have_text("12/s")
    # Its size is known after a real frame, whatever the clock says.
    expect(plot.locator("canvas")).not_to_have_js_property("width", 0)
    painted = stub.page.evaluate("""(() => {
      const c = document.querySelector('[aria-label="Events a second"] canvas');
      return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0);
    })()""")
    assert painted
    choose(stub, "Rate chart")
    expect(plot).to_be_hidden()


def test_brushing_filters_by_time_and_a_click_ends_it(open_stub):
    stub = open_stub(clock=True)
    plot = filled(stub)
    at = brush(stub, plot)  # the events came 1 to 11 s before its end
    filter_ = stub.filter()
    assert filter_["until"] - filter_["since"] == 5000
    assert 12 < stub.accounts()["shown"] < 84
    expect(stub.button("All times")).to_be_visible()
    stub.page.mouse.click(*at(20))
    stub.page.clock.run_for(600)
    assert (stub.filter()["since"], stub.filter()["until"]) == (None, None)
    assert stub.accounts()["shown"] == 120


def test_the_same_by_keys(open_stub):
    stub = open_stub(clock=True)
    plot = filled(stub)
    plot.focus()
    keys(stub, *["ArrowLeft"] * 4)
    expect(stub.page.locator(".sse-chart-read")).to_contain_text("trade 8, quote 4")
    keys(stub, "Shift+ArrowLeft", "Shift+ArrowLeft")
    filter_ = stub.filter()
    assert filter_["until"] - filter_["since"] == 3000
    keys(stub, "Escape")
    assert stub.filter()["since"] is None


def test_gaps_are_marks(open_stub):
    stub = open_stub(clock=True)
    filled(stub)
    stub.kernel(
        "kernel.feed([], {gaps: [{seq: 100, at: Date.now() - 3000, cause: 'reconnect', text: 'Lost for 1 s'}]})"
    )
    stub.page.clock.run_for(600)
    expect(stub.page.locator(".sse-chart-mark:visible:not([data-first])")).to_have_attribute(
        "title", re.compile("Lost for 1 s")
    )


def test_types_seen_for_the_first_time_are_marks(open_stub):
    stub = open_stub(clock=True)
    filled(stub)
    stub.feed({"type": "<b>halt</b>", "data": "a"})
    stub.page.clock.run_for(600)
    stub.feed({"type": "<b>halt</b>", "data": "again"})
    stub.page.clock.run_for(600)
    firsts = stub.page.locator(".sse-chart-mark[data-first]:visible")
    expect(firsts).to_have_count(3)
    expect(firsts.last).to_have_attribute("title", re.compile(r"first <b>halt</b>$"))
