"""The numeric chart: drawn from the page's own events, live, by type or by a value; brushed and read."""

import json
import re

from playwright.sync_api import expect

from .test_accessibility import keys
from .test_chart import brush
from .test_columns import EVIL, chooser, heading
from .test_reading import choose

PRICES = {"BTC": 66_500.0, "ETH": 3_480.0, "SOL": 152.0}
# Ten events a second, a symbol after the other; `at` ends now.
TRADES = """(i) => {
  const s = ['BTC', 'ETH', 'SOL'][i % 3];
  return {type: 'trade', at: Date.now() - (arg - i) * 100, data: JSON.stringify({symbol: s, side: i % 2 ? 'buy' : 'sell', price: {BTC: 66500, ETH: 3480, SOL: 152}[s] * (1 + (i % 30) / 1000)})};
}"""


def feed(stub, n=300):
    stub.kernel(f"kernel.flood(arg, 100, {TRADES})", n)


def chart(stub, name=re.compile("over time$")):
    return stub.page.get_by_role("group", name=name)


def legend(stub):
    return stub.page.get_by_role("group", name="Lines").get_by_role("button")


def named(stub, *names: str):
    expect(legend(stub).locator(".sse-plot-name")).to_have_text(list(names))


def colours(stub) -> int:
    """How many different opaque colours are on the canvas."""
    return stub.page.evaluate("""(() => {
      const c = document.querySelector('.sse-plot canvas');
      const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
      const seen = new Map();
      for (let i = 0; i < d.length; i += 4) if (d[i + 3] === 255) seen.set(d[i] + ' ' + d[i + 1] + ' ' + d[i + 2], (seen.get(d[i] + ' ' + d[i + 1] + ' ' + d[i + 2]) ?? 0) + 1);
      return [...seen.values()].filter((n) => n > 20).length;
    })()""")


def test_python_asks_for_it_and_takes_it_away(stub):
    feed(stub)
    expect(chart(stub)).to_have_count(0)
    stub.kernel("kernel.plot('price', 'symbol')")
    expect(chart(stub, "price by symbol, over time")).to_be_visible()
    named(stub, "BTC", "ETH", "SOL")
    stub.wait("document.querySelector('.sse-plot-value').textContent.length > 2")
    assert colours(stub) == 3
    # Prices that far apart are drawn as their change, and told as they are.
    expect(stub.button("Change in per cent")).to_have_attribute("aria-pressed", "true")
    expect(legend(stub).first).to_contain_text(re.compile(r"6[678],\d{3}"))
    stub.kernel("kernel.plot('')")
    expect(chart(stub)).to_have_count(0)


def test_from_the_column_menu_by_type_or_another_path(stub):
    feed(stub)
    stub.kernel("kernel.setColumns(['price'])")
    heading(stub).get_by_role("button", name="price", exact=True).click()
    stub.button("Chart over time").click()
    expect(chart(stub, "price by type, over time")).to_be_visible()
    named(stub, "trade")
    by = stub.page.get_by_role("combobox", name="Lines by")
    assert by.locator("option").all_text_contents() == ["by type", "by symbol", "by side"]
    by.select_option("by side")
    named(stub, "buy", "sell")
    expect(chart(stub, "price by side, over time")).to_be_visible()
    stub.button("Close the chart").click()
    expect(chart(stub)).to_have_count(0)
    # And from the list of paths: there for numbers only.
    found = chooser(stub)
    expect(found.get_by_role("button", name="Chart")).to_have_count(1)
    found.get_by_role("button", name="Chart").click()
    expect(chart(stub, "price by type, over time")).to_be_visible()


def test_it_is_live_and_read_under_the_pointer(open_stub):
    stub = open_stub(clock=True)
    stub.kernel("kernel.plot('n')")
    for i in range(20):
        stub.feed(
            {"type": "a", "data": json.dumps({"n": i})},
            {"type": "b", "data": json.dumps({"n": str(100 + i)})},
        )
        stub.page.clock.run_for(1000)
    named(stub, "a", "b")
    values = legend(stub).locator(".sse-plot-value")
    expect(values).to_have_text(["19", "119"])
    box = chart(stub).bounding_box()
    stub.page.mouse.move(box["x"] + box["width"] * (60 - 10.5) / 60, box["y"] + 40)
    expect(values).to_have_text(["10", "110"])
    expect(stub.page.locator(".sse-chart-read")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    stub.page.mouse.move(5, 5)
    expect(values).to_have_text(["19", "119"])
    chart(stub).focus()
    keys(stub, "ArrowLeft", "ArrowLeft", "ArrowLeft")
    expect(values).not_to_have_text(["19", "119"])
    # By keys as by the pointer: a time is a filter, in both charts.
    keys(stub, "Shift+ArrowLeft", "Shift+ArrowLeft")
    assert stub.filter()["until"] - stub.filter()["since"] == 3000
    keys(stub, "Escape")
    assert stub.filter()["since"] is None


def test_brushing_it_filters_and_both_charts_show_it(open_stub):
    stub = open_stub(clock=True)
    for _ in range(10):
        stub.kernel("kernel.flood(12, 12)")
        stub.page.clock.run_for(1000)
    choose(stub, "Rate chart")
    stub.kernel("kernel.plot('price')")
    stub.page.clock.run_for(600)
    brush(stub, chart(stub))
    assert stub.filter()["until"] - stub.filter()["since"] == 5000
    assert 12 < stub.accounts()["shown"] < 84
    brushes = stub.page.locator(".sse-chart-brush")
    first, second = (brushes.nth(i).bounding_box() for i in range(2))
    assert (first["x"], first["width"]) == (second["x"], second["width"])
    assert first["width"] > 20
    # What is filtered out is still drawn: the chart shows the stream.
    named(stub, "quote", "trade")
    stub.button("All times").click()
    stub.page.clock.run_for(600)
    assert stub.filter()["since"] is None


def test_a_selected_row_stays_where_a_chart_makes_the_log_grow(stub):
    feed(stub)
    stub.beats()
    expect(stub.rows.last).to_be_in_viewport()
    stub.rows.nth(-3).click()
    held = stub.page.locator(".sse-row[aria-current] .sse-data").text_content()
    stub.kernel("kernel.plot('price')")
    expect(chart(stub)).to_be_visible()
    stub.page.set_viewport_size({"width": 1000, "height": 700})
    feed(stub, 30)
    expect(stub.button("Jump to latest")).to_have_text("Jump to latest (+30)")
    expect(stub.page.locator(".sse-row[aria-current] .sse-data")).to_have_text(held)
    expect(stub.page.locator(".sse-row[aria-current]")).to_be_in_viewport()
    stub.page.set_viewport_size({"width": 1000, "height": 640})


def test_many_lines_are_eight_and_others(stub):
    stub.kernel(
        "kernel.flood(400, 100, (i) => ({type: 't', at: Date.now() - (400 - i) * 140, data: JSON.stringify({n: i, k: 'k' + Math.floor(Math.sqrt(i))})}))"
    )
    stub.kernel("kernel.plot('n', 'k')")
    named(stub, *[f"k{i}" for i in range(12, 20)], "others")
    expect(legend(stub).last).to_have_attribute("title", re.compile("^others: 144 numbers"))
    assert colours(stub) == 8
    legend(stub).first.click()
    expect(legend(stub).first).to_have_attribute("aria-pressed", "false")
    stub.wait("document.querySelector('.sse-plot-line').getAttribute('aria-pressed') === 'false'")
    assert colours(stub) == 7


GAP = """(() => {
  // Of the columns of the canvas, from left to right: whether something is drawn in them.
  const c = document.querySelector('.sse-plot canvas');
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let out = '';
  for (let x = 0; x < c.width; x++) {
    let drawn = false;
    for (let y = 0; y < c.height && !drawn; y++) drawn = d[(y * c.width + x) * 4 + 3] === 255;
    if (out.at(-1) !== (drawn ? '#' : '.')) out += drawn ? '#' : '.';
  }
  return out;
})()"""


def test_a_gap_and_a_silence_break_the_line(stub):
    stub.kernel("""
      const wave = (i) => 10 + (i % 7);
      kernel.feed(Array.from({length: 500}, (_, i) => i).filter((i) => i < 150 || i > 300).map((i) => ({type: 't', at: Date.now() - (500 - i) * 100, data: JSON.stringify({n: wave(i)})})));
      kernel.plot('n');
    """)
    named(stub, "t")
    stub.wait("document.querySelector('.sse-plot-value').textContent.length > 1")
    # Drawn, fifteen seconds of nothing, drawn again, and nothing after the last event.
    assert re.fullmatch(r"\.?#\.#\.?", stub.page.evaluate(GAP))
    stub.kernel(
        "kernel.feed([], {gaps: [{seq: 250, at: Date.now() - 10000, cause: 'reconnect', text: 'Lost for 1 s'}]})"
    )
    expect(stub.page.locator(".sse-plot .sse-chart-mark")).to_have_attribute(
        "title", re.compile("Lost for 1 s")
    )
    stub.wait(f"{GAP}.split('#').length >= 4")


def test_no_numbers_is_said(stub):
    feed(stub)
    stub.kernel("kernel.plot('side')")
    expect(stub.page.get_by_text("No numbers at side in this time")).to_be_visible()
    stub.kernel("kernel.plot('nothing.here')")
    expect(stub.page.get_by_text("No numbers at nothing.here in this time")).to_be_visible()


def test_it_is_drawn_while_the_kernel_is_busy(stub):
    feed(stub)
    stub.kernel("kernel.busy = true")
    choosing = chooser(stub)
    choosing.get_by_role("button", name="Chart").click()
    expect(chart(stub, "price by type, over time")).to_be_visible()
    stub.page.get_by_role("combobox", name="Lines by").select_option("by symbol")
    named(stub, "BTC", "ETH", "SOL")
    assert colours(stub) == 3
    # It needs nothing of the kernel, so there is nothing to wait for.
    expect(stub.page.get_by_text("Kernel busy")).to_have_count(0)


def test_hostile_names_are_text_in_the_legend_and_break_nothing(stub):
    names = [
        EVIL,
        "</script><script>alert(2)</script>",
        "\x1b[31mred",
        "a\u202eb\u200bc",
        "x" * 5000,
        "",
        "\u0000others",
    ]
    stub.feed(
        *(
            {"type": EVIL, "data": json.dumps({EVIL: i, "by": name})}
            for name in names
            for i in (1, 2)
        ),
        {"data": json.dumps({EVIL: 1, "by": None})},
    )
    stub.kernel("kernel.plot(arg, 'by')", EVIL)
    shown = (
        EVIL,
        "</script><script>alert(2)</script>",
        "␛[31mred",
        "a‹U+202E›b‹U+200B›c",
        "x" * 40 + "…",
        "no by",
        "␀others",
    )
    expect(legend(stub)).to_have_count(len(shown))
    assert sorted(legend(stub).locator(".sse-plot-name").all_text_contents()) == sorted(shown)
    expect(chart(stub, f"{EVIL} by by, over time")).to_be_visible()
    stub.kernel("kernel.plot(arg)", EVIL)
    named(stub, EVIL, "message")
    root = stub.page.locator(".sse-widget")
    expect(root.locator("img, script")).to_have_count(0)
    assert stub.page.evaluate("document.documentElement.scrollWidth") <= 1000
    assert stub.page.locator(".sse-plot-head").bounding_box()["height"] == 26


def test_ten_thousand_lines_are_bounded(stub):
    stub.kernel(
        "kernel.flood(10000, 5000, (i) => ({type: 'type ' + i, at: Date.now() - i, data: JSON.stringify({n: i})}))"
    )
    stub.kernel("kernel.plot('n')")
    expect(legend(stub)).to_have_count(9)
    expect(legend(stub).last).to_have_attribute("title", re.compile("^others: 9,992 numbers"))


def test_the_axis_has_two_labels_at_least_and_no_two_alike(stub):
    """Also where there is one number only, or large ones that differ little."""
    ticks = stub.page.locator(".sse-plot-ticks > span")
    for i, numbers in enumerate(
        (
            [5],
            [0, 0],
            [-3.5, -3.5],
            [1_700_000_000, 1_700_000_002],
            [1.7e12, 1.7e12 + 3],
            [1e-9, 3e-9],
        )
    ):
        stub.feed(*({"data": json.dumps({f"n{i}": number})} for number in numbers))
        stub.kernel(f"kernel.plot('n{i}')")
        expect(chart(stub, f"n{i} by type, over time")).to_be_visible()
        expect(ticks.nth(1)).to_be_visible()
        said = ticks.all_text_contents()
        assert len(said) == len(set(said)) >= 2, numbers
