"""Reading: times, wrapped rows of any height, the detail pane (tree, raw, images, bytes)."""

from playwright.sync_api import expect

from .test_rows import MIDDLE, TICKS, scroll_up

T = 1767323045006
# Rows of one to a dozen lines.
LONG = "(i) => ({id: String(i), data: `row ${i} ` + 'many words '.repeat((i * 7919) % 97)})"
BELOW = "document.querySelector('[role=log]').getBoundingClientRect().bottom - [...document.querySelectorAll('[role=listitem]')].at(-1).getBoundingClientRect().bottom"


def choose(stub, label: str):
    stub.button("View").click()
    stub.page.get_by_text(label, exact=True).click()
    stub.page.keyboard.press("Escape")


def test_times_as_clock_age_or_difference(stub):
    stub.kernel(
        "kernel.head = ((f) => (...a) => ({...f.apply(kernel, a), now: arg + 90000}))(kernel.head)",
        T,
    )
    stub.feed({**TICKS[0], "at": T}, {**TICKS[1], "at": T + 31}, {**TICKS[2], "at": T + 2031})
    expect(stub.rows.first).to_contain_text(":04:05.006")
    choose(stub, "Delta")
    times = stub.page.locator(".sse-row .sse-time")
    expect(times).to_have_text(["", "+31 ms", "+2.000 s"])
    # What the filter hides is no row: the difference is to the row above.
    stub.chip("trade").click()
    expect(times).to_have_text(["", "+2.031 s"])
    choose(stub, "Ago")
    expect(times).to_have_text(["1 min ago", "1 min ago"])
    choose(stub, "Clock")
    expect(stub.rows.first).to_contain_text(":04:05.006")


def test_wrapped_rows_show_all_and_the_tail_is_followed(stub):
    stub.kernel(f"kernel.flood(400, 50, {LONG})")
    choose(stub, "Wrap long lines")
    expect(stub.row("row 399 ")).to_be_in_viewport()
    stub.wait(f"Math.abs({BELOW}) < 2")
    # All that are in sight have been laid out.
    heights = (
        "[...document.querySelectorAll('.sse-row')].map((r) => r.getBoundingClientRect().height)"
    )
    stub.wait(f"new Set({heights}).size > 4")
    stub.kernel(f"kernel.flood(60, 20, {LONG})")
    expect(stub.row("row 459 ")).to_be_in_viewport()
    stub.wait(f"Math.abs({BELOW}) < 2")
    assert stub.rows.count() < 150
    stub.feed({"data": "one\ntwo\n\tthree"})
    expect(stub.rows.last).to_contain_text("one\ntwo\n\tthree")
    choose(stub, "Wrap long lines")
    expect(stub.rows.last).to_contain_text("one⏎two⏎ three")
    stub.wait(f"Math.abs({BELOW}) < 2")


def test_a_wrapped_row_under_the_cursor_never_moves(stub):
    stub.kernel(f"kernel.take(Array.from({{length: 2000}}, (_, i) => ({LONG})(i)))")
    stub.kernel(f"kernel.flood(400, 50, {LONG})")
    stub.beats()
    expect(stub.account("shown")).to_have_text("2,400")
    choose(stub, "Wrap long lines")
    scroll_up(stub, 3000)
    before = stub.page.evaluate(MIDDLE)
    stub.kernel(f"kernel.flood(200, 20, {LONG})")
    expect(stub.button("Jump to latest")).to_have_text("Jump to latest (+200)")
    assert stub.page.evaluate(MIDDLE) == before
    # A small turn of the wheel moves what is seen by just that, measured rows above or not.
    for _ in range(12):
        where = stub.page.evaluate(
            "(() => { const r = document.querySelectorAll('[role=listitem]'); const e = [...r].find((x) => x.getBoundingClientRect().top > 150); window.held = e.textContent; return e.getBoundingClientRect().top; })()"
        )
        stub.page.mouse.wheel(0, -90)
        stub.wait(
            "(() => { const e = [...document.querySelectorAll('[role=listitem]')].find((x) => x.textContent === window.held);"
            f" return e && Math.abs(e.getBoundingClientRect().top - {where} - 90) < 2; }})()"
        )
    stub.page.set_viewport_size({"width": 700, "height": 640})
    stub.page.set_viewport_size({"width": 1000, "height": 640})
    stub.button("Jump to latest").click()
    expect(stub.row("row 2599 ")).to_be_in_viewport()
    stub.wait(f"Math.abs({BELOW}) < 2")


def test_text_that_runs_from_right_to_left_reads_so(stub):
    stub.feed({"data": "مرحبا بالعالم"}, {"data": "left"})
    directions = "[...document.querySelectorAll('.sse-row .sse-data')].map((e) => getComputedStyle(e).direction)"
    expect(stub.rows).to_have_count(2)
    assert stub.page.evaluate(directions) == ["rtl", "ltr"]


def details(stub):
    return stub.page.get_by_role("region", name="Event details")


def data(stub):
    return details(stub).get_by_label("Data")


def test_json_opens_and_closes_and_stays_letter_for_letter(stub):
    raw = '{"id":12345678901234567890,"a":{"b":[1.0,{"c":"\\u0041"}]},"a":2,"e":{}}'
    stub.feed({"data": raw})
    stub.rows.first.click()
    laid = '{\n  "id": 12345678901234567890,\n  "a": {\n    "b": [\n      1.0,\n      {\n        "c": "\\u0041"\n      }\n    ]\n  },\n  "a": 2,\n  "e": {}\n}'
    assert data(stub).inner_text() == laid
    twist = details(stub).get_by_role("button", name='"a": object, 1')
    twist.click()
    expect(twist).to_have_attribute("aria-expanded", "false")
    assert (
        data(stub).inner_text()
        == '{\n  "id": 12345678901234567890,\n  "a": {…}, 1\n  "a": 2,\n  "e": {}\n}'
    )
    stub.page.keyboard.press("ArrowRight")
    expect(data(stub)).to_contain_text('"b": […] 2')
    stub.page.keyboard.press("ArrowDown")
    stub.page.keyboard.press("ArrowRight")
    expect(data(stub)).to_contain_text("1.0,")
    stub.page.keyboard.press("ArrowLeft")
    expect(data(stub)).to_contain_text('"b": […] 2')
    details(stub).get_by_role("button", name="Raw").click()
    assert data(stub).inner_text() == raw
    details(stub).get_by_role("button", name="Raw").click()
    assert data(stub).inner_text() == laid


def test_a_deep_and_a_wide_value_are_opened_piece_by_piece(stub):
    stub.feed(
        {"data": "[" * 10_000 + "]" * 10_000}, {"data": f"[{','.join(map(str, range(9000)))}]"}
    )
    stub.rows.first.click()
    expect(data(stub)).to_contain_text("[")
    assert stub.page.locator(".sse-line").count() < 1000
    stub.rows.last.click()
    expect(data(stub)).to_contain_text("200 of 8,800 more")
    details(stub).get_by_role("button", name="200 of 8,800 more").click()
    expect(data(stub)).to_contain_text("399,")
    expect(data(stub)).to_contain_text("200 of 8,600 more")
    details(stub).get_by_role("button", name="array, 9,000").click()
    assert data(stub).inner_text() == "[…] 9,000"


PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk"
    "+M9Qz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC"
)


def test_a_picture_in_a_leaf_is_named_and_drawn_on_demand(stub):
    stub.feed({"data": f'{{"icon":"{PNG}","n":1}}'}, {"data": f"data:image/png;base64,{PNG}"})
    stub.rows.first.click()
    chip = details(stub).get_by_role("button", name="PNG image, 78 bytes")
    expect(details(stub).get_by_role("img")).to_have_count(0)
    chip.click()
    picture = details(stub).get_by_role("img", name="PNG image")
    expect(picture).to_be_visible()
    stub.wait("document.querySelector('.sse-picture').naturalWidth === 10")
    chip.click()
    expect(picture).to_be_hidden()
    stub.rows.last.click()
    details(stub).get_by_role("button", name="PNG image").click()
    stub.wait("document.querySelector('.sse-picture')?.naturalWidth === 10")
    expect(data(stub)).to_contain_text("data:image/png;base64,iVBOR")


def test_other_bytes_are_a_dump_and_svg_is_never_drawn(stub):
    import base64

    gz = base64.b64encode(b"\x1f\x8b\x08" + bytes(range(200)) * 20).decode()
    svg = base64.b64encode(
        b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>'
    ).decode()
    stub.feed({"data": gz}, {"data": f"data:image/svg+xml;base64,{svg}"})
    stub.rows.first.click()
    details(stub).get_by_role("button", name="gzip data, 3.9 KiB").click()
    dump = details(stub).get_by_role("region", name="Bytes")
    expect(dump).to_contain_text("00000000  1f 8b 08 00 01 02")
    expect(dump).not_to_contain_text("00000400")
    details(stub).get_by_role("button", name="More").click()
    expect(dump).to_contain_text("00000400")
    stub.rows.last.click()
    details(stub).get_by_role("button", name="SVG (not drawn)").click()
    expect(dump).to_contain_text("<svg")
    expect(details(stub).get_by_role("img")).to_have_count(0)


def test_hostile_json_is_text_in_the_tree(stub):
    evil = "<img src=x onerror=alert(1)>"
    stub.feed({"data": f'{{"{evil}":["{evil}",{{"__proto__":{{"a\\u202eb\u202ec":1}}}}]}}'})
    stub.rows.first.click()
    expect(data(stub)).to_contain_text(f'"{evil}": [')
    expect(data(stub)).to_contain_text('"__proto__": {')
    # An escape stays an escape; the character itself is named.
    expect(data(stub)).to_contain_text('"a\\u202eb‹U+202E›c": 1')
    expect(details(stub).locator("img, script")).to_have_count(0)


def test_a_press_elsewhere_closes_the_menu(stub):
    stub.feed(*TICKS)
    menu = stub.page.get_by_role("group", name="View options")
    stub.button("View").click()
    expect(menu).to_be_visible()
    stub.page.mouse.click(500, 620)
    expect(menu).to_be_hidden()
    stub.button("View").click()
    stub.page.get_by_text("Delta", exact=True).click()
    expect(menu).to_be_visible()
    stub.rows.first.click()
    expect(menu).to_be_hidden()
