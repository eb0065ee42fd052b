"""Everyone: by keyboard, by ear, in any colours, at any width; the host's keys stay the host's."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from .test_rows import TICKS
from .test_text import delta

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"


def keys(stub, *names):
    for name in names:
        stub.page.keyboard.press(name)


def details(stub):
    return stub.page.get_by_role("region", name="Event details")


def test_all_of_it_by_keyboard(stub):
    stub.kernel("kernel.flood(300)")
    expect(stub.row('{"i":299,')).to_be_visible()
    stub.log.focus()
    keys(stub, "ArrowUp", "Enter")
    expect(details(stub)).to_contain_text("#299")
    keys(stub, "PageUp")
    expect(details(stub)).not_to_contain_text("#299")
    keys(stub, "Home")
    expect(details(stub)).to_contain_text("#0")
    expect(stub.row('{"i":0,')).to_be_visible()
    keys(stub, "ArrowDown", "PageDown", "ArrowUp", "ArrowUp")
    expect(details(stub)).not_to_contain_text("#0 ")
    keys(stub, "Escape")
    expect(details(stub)).to_be_hidden()
    expect(stub.log).to_be_focused()
    keys(stub, "f")
    expect(stub.row('{"i":299,')).to_be_visible()
    expect(stub.button("Jump to latest")).to_be_hidden()
    keys(stub, "Space")
    expect(stub.button("Resume")).to_be_visible()
    keys(stub, "End")
    expect(stub.button("Pause")).to_be_visible()
    keys(stub, "/")
    expect(stub.search).to_be_focused()
    keys(stub, "Escape")
    expect(stub.log).to_be_focused()


def test_page_keys_scroll_where_nothing_is_selected(stub):
    stub.kernel("kernel.flood(300)")
    expect(stub.row('{"i":299,')).to_be_visible()
    stub.log.focus()
    keys(stub, "Home")
    expect(stub.row('{"i":0,')).to_be_visible()
    expect(stub.button("Jump to latest")).to_be_visible()
    keys(stub, "PageDown")
    expect(stub.row('{"i":0,')).to_have_count(0)


def test_the_keys_are_listed(stub):
    stub.feed(*TICKS)
    stub.log.focus()
    keys(stub, "?")
    help_ = stub.page.get_by_role("dialog", name="Keys")
    expect(help_).to_contain_text("Pause, resume")
    keys(stub, "Tab", "Tab", " ")
    expect(help_).to_be_hidden()
    expect(stub.log).to_be_focused()
    stub.button("View").click()
    stub.button("Keys").click()
    expect(help_).to_be_visible()
    keys(stub, "Escape")
    expect(help_).to_be_hidden()


def test_letters_are_ours_and_chords_are_the_hosts(stub):
    stub.feed(*TICKS)
    # As JupyterLab does: one listener that captures at the document and asks for the attribute.
    stub.kernel("""
      window.taken = [];
      document.addEventListener('keydown', (event) => {
        if (!event.target.closest('[data-lm-suppress-shortcuts]')) window.taken.push(event.key);
      }, true);
    """)
    stub.log.focus()
    keys(stub, "d", "d", "f", "Control+s", "Alt+x", "b")
    assert [k for k in stub.page.evaluate("window.taken") if len(k) == 1] == ["s", "x"]
    stub.search.focus()
    stub.page.keyboard.type("adf")
    assert [k for k in stub.page.evaluate("window.taken") if len(k) == 1] == ["s", "x"]


def test_escape_goes_on_to_the_host_where_there_is_nothing_to_close(stub):
    stub.kernel(
        "document.addEventListener('keydown', (e) => (window.heard = e.key + e.defaultPrevented))"
    )
    stub.log.focus()
    keys(stub, "Escape")
    assert stub.page.evaluate("window.heard") == "Escapefalse"


def test_news_are_said_at_most_every_ten_seconds(open_stub):
    stub = open_stub(clock=True)
    spoken = stub.page.locator("[aria-live=polite][aria-atomic=true]:not([role])")

    def drawn_after(ms):
        stub.page.clock.run_for(ms)
        stub.kernel("kernel.beat()")
        stub.page.clock.run_for(100)

    stub.feed(*TICKS)
    drawn_after(9_000)
    expect(spoken).to_have_text("")
    drawn_after(2_000)
    expect(spoken).to_have_text("3 new events")
    stub.chip("trade").click()
    stub.feed(*TICKS)
    drawn_after(5_000)
    expect(spoken).to_have_text("3 new events")
    drawn_after(6_000)
    expect(spoken).to_have_text("3 new events, 2 match")
    stub.kernel("kernel.be({state: 'waiting', retry_in: 3, error: 'refused'})")
    stub.page.clock.run_for(100)
    expect(stub.status).to_contain_text("Waiting")


SCENES = {
    "empty": lambda stub: None,
    "failed": lambda stub: stub.kernel(
        "kernel.be({state: 'failed', error: '404 Not Found', hint: 'Check the path.'})"
    ),
    "flooded": lambda stub: stub.kernel("""
      kernel.feed(Array.from({length: 60}, (_, i) => ({type: 'type-' + i, id: 'i' + i, data: 'x'})));
      kernel.flood(30000);
      kernel.feed([], {gaps: [{seq: 30050, at: Date.now(), cause: 'reconnect', text: 'Lost for 1 s'}]});
    """),
    "detail": lambda stub: (
        stub.feed(*TICKS, {"data": '{"a":[1,"x",null,{"b":true}],"c":"' + "long " * 400 + '"}'}),
        stub.row('"c"').click(),
    ),
    "text": lambda stub: (
        stub.feed(delta("Hello\n"), delta("world")),
        stub.page.get_by_role("button", name="Text", exact=True).click(),
    ),
    "menu": lambda stub: (stub.feed(*TICKS), stub.button("View").click()),
    "connection": lambda stub: (stub.feed(*TICKS), stub.button("Open").click()),
    "chart": lambda stub: (
        stub.feed(*TICKS),
        stub.button("View").click(),
        stub.page.get_by_text("Rate chart").click(),
        keys(stub, "Escape"),
    ),
    "columns and charts": lambda stub: (
        stub.feed(*TICKS, *TICKS, {"data": '{"symbol":null,"user":{"name":"a rather long name"}}'}),
        stub.kernel("kernel.setColumns(['symbol', 'price', 'user.name', 'bid'])"),
        stub.kernel("kernel.plot('price', 'symbol')"),
        stub.button("View").click(),
        stub.page.get_by_text("Rate chart").click(),
        keys(stub, "Escape"),
        stub.row("BTC").first.click(),
    ),
    "column menu": lambda stub: (
        stub.feed(*TICKS),
        stub.kernel("kernel.setColumns(['price'])"),
        stub.page.locator(".sse-column-name").click(),
    ),
    "choosing columns": lambda stub: (
        stub.feed(*TICKS),
        stub.button("View").click(),
        stub.button("Columns…").click(),
    ),
    "waiting": lambda stub: (
        stub.feed(*TICKS),
        stub.kernel(
            "kernel.be({state: 'waiting', retry_in: 60, attempt: 2, error: 'refused', hint: 'Is it on?'})"
        ),
        stub.button("Waiting").click(),
    ),
    "no kernel": lambda stub: (
        stub.feed(*TICKS),
        stub.kernel("kernel.busy = true; model.trigger('comm_live_update')"),
    ),
    "all types": lambda stub: (
        stub.kernel(
            "kernel.feed(Array.from({length: 200}, (_, i) => ({type: 'type-' + i, data: 'x'})))"
        ),
        stub.page.get_by_role("button", name="more").click(),
    ),
    "explained": lambda stub: (
        stub.feed(*TICKS),
        stub.page.locator("[data-account=shown]").focus(),
    ),
    "paused": lambda stub: (stub.feed(*TICKS), stub.button("Pause").click(), stub.feed(*TICKS)),
    "away from the tail": lambda stub: (
        stub.kernel("kernel.flood(300)"),
        stub.log.focus(),
        keys(stub, "Home"),
    ),
    "help": lambda stub: (stub.feed(*TICKS), stub.log.focus(), keys(stub, "?")),
    "selected and filtered": lambda stub: (
        stub.feed(*TICKS),
        stub.search.fill("btc"),
        stub.chip("trade").click(),
        stub.rows.first.click(),
    ),
    "the menu of a cell": lambda stub: (
        stub.feed({"type": "error", "data": '{"symbol":"BTC","price":1}'}),
        stub.kernel("kernel.setColumns(['symbol', 'price'])"),
        stub.rows.first.locator(".sse-cell").first.click(button="right"),
    ),
    "a condition": lambda stub: (
        stub.feed({"type": "error", "data": '{"symbol":"BTC","price":1}'}),
        stub.kernel("kernel.setColumns(['symbol', 'price'])"),
        stub.rows.first.locator(".sse-cell").first.click(button="right"),
        stub.button("Filter to this value").click(),
        stub.page.locator(".sse-column-name").first.click(),
        stub.page.get_by_label("Operator").select_option("<"),
        stub.page.get_by_label("Value").fill("true"),
        stub.page.get_by_label("Value").press("Enter"),
    ),
    "pinned rows": lambda stub: (
        stub.feed(*({"type": "tick", "data": f"event {n}."} for n in range(30))),
        stub.row("event 29.").locator(".sse-data").click(button="right"),
        stub.button("Pin row").click(),
    ),
    "the latest of each key": lambda stub: (
        stub.feed({"data": '{"symbol":"BTC","price":1}'}, {"data": '{"symbol":"ETH","price":2}'}),
        stub.button("View").click(),
        stub.button("Latest of each key").click(),
    ),
}


# What a theme changes is colour: the second one asks of that alone.
THEMES = {"light": "", "dark": ", runOnly: ['color-contrast', 'link-in-text-block']"}


@pytest.mark.parametrize("name", SCENES)
def test_axe_finds_nothing(open_stub, name):
    stub = open_stub("theme=light")
    SCENES[name](stub)
    stub.wait("document.querySelector('.sse-word').textContent !== ''")
    stub.page.evaluate(AXE.read_text())
    for theme, only in THEMES.items():
        stub.page.evaluate(f"document.body.classList.replace('lab-light', 'lab-{theme}')")
        found = stub.page.evaluate(
            f"axe.run('.sse-widget', {{resultTypes: ['violations']{only}}}).then((r) => r.violations.map("
            "(v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 150) + n.any.map((a) => a.message)).join(' | ')}`))"
        )
        assert found == [], theme


@pytest.mark.parametrize("width", [320, 480, 760, 2000])
def test_nothing_leaves_the_widget_at_any_width(browser, address, errors, width):
    from .conftest import Stub

    context = browser.new_context(viewport={"width": width + 24, "height": 640})
    page = errors.watch(context.new_page())
    for play in SCENES.values():
        page.goto(f"{address}/?width={width}")
        page.wait_for_selector("body[data-ready]")
        play(Stub(page))
        assert page.evaluate("document.documentElement.scrollWidth") <= width + 24
        outside = page.evaluate("""(() => {
          const box = document.querySelector('.sse-widget').getBoundingClientRect();
          return [...document.querySelectorAll('.sse-widget button, .sse-widget input[type=search], [role=log]')]
            .filter((e) => e.offsetParent && !e.closest('.sse-chip-row, .sse-heading'))
            .filter((e) => { const b = e.getBoundingClientRect(); return b.left < box.left - 1 || b.right > box.right + 1; })
            .map((e) => e.outerHTML.slice(0, 120));
        })()""")
        assert outside == []
    context.close()


def test_nothing_moves_where_less_motion_is_asked_for(browser, address, errors):
    context = browser.new_context(reduced_motion="reduce")
    page = errors.watch(context.new_page())
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    page.evaluate("kernel.be({state: 'waiting', retry_in: 5})")
    assert page.evaluate("document.getAnimations().length") == 0
    context.close()


def test_what_is_pressed_or_selected_is_seen_in_forced_colours(browser, address, errors):
    from .conftest import Stub

    context = browser.new_context(forced_colors="active")
    page = errors.watch(context.new_page())
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    stub = Stub(page)
    stub.feed(*TICKS, {"type": "trade", "data": "another"})
    stub.chip("trade").click()
    stub.row("another").click()
    expect(stub.chip("trade")).to_have_attribute("aria-pressed", "true")
    expect(stub.row("another")).to_have_attribute("aria-current", "true")
    ground = "e => getComputedStyle(e).backgroundColor"
    for chosen, plain in (
        (stub.chip("trade"), stub.chip("quote")),
        (stub.row("another"), stub.row("BTC")),
    ):
        assert chosen.evaluate(ground) != plain.evaluate(ground)
    context.close()
