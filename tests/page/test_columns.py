"""Columns of the log: chosen from what is found, from a leaf, from Python; read for visible rows only."""

import json

from playwright.sync_api import expect

from .test_accessibility import keys
from .test_reading import choose
from .test_rows import MIDDLE, balanced, scroll_up

TRADES = [
    {"type": "trade", "data": '{"symbol":"BTC","price":67012.10,"user":{"name":"Ada"}}'},
    {"type": "trade", "data": '{"symbol":"ETH","price":3120.5,"user":{"name":"Grace"}}'},
    {"type": "note", "data": "no JSON at all"},
]
MANY = "(i) => ({type: 'trade', data: JSON.stringify({i, price: i / 4, name: 'row ' + i, nested: {deep: [i, i + 1]}})})"


def heading(stub):
    return stub.page.get_by_role("group", name="Columns", exact=True).locator("visible=true")


def named(stub, *names: str):
    """The columns of the log, in order."""
    expect(heading(stub).locator(".sse-column-name")).to_have_text(list(names))


def shows(stub, row: int, *texts: str):
    expect(stub.rows.nth(row).locator(".sse-cell")).to_have_text(list(texts))


def chooser(stub):
    stub.button("View").click()
    stub.button("Columns…").click()
    return stub.page.get_by_role("group", name="Paths")


def columns(stub) -> list[str]:
    return stub.page.evaluate("kernel.columns")


def test_paths_are_found_in_the_data_and_become_columns(stub):
    stub.feed(*TRADES)
    named(stub)
    found = chooser(stub)
    expect(found.locator("label")).to_have_text(
        ["symbol" + "BTC", "price" + "67012.10", "user.name" + "Ada"]
    )
    found.get_by_text("price", exact=True).click()
    found.get_by_text("user.name", exact=True).click()
    keys(stub, "Escape")
    expect(found).to_be_hidden()
    expect(stub.button("View")).to_be_focused()
    named(stub, "price", "user.name")
    # Letter for letter, as it came; a payload without it has an empty cell.
    shows(stub, 0, "67012.10", "Ada")
    shows(stub, 1, "3120.5", "Grace")
    shows(stub, 2, "", "")
    assert columns(stub) == ["price", "user.name"]
    stub.feed({"data": '{"price":1e5}'})
    expect(stub.rows.nth(3).locator(".sse-cell").first).to_have_text("1e5")
    stub.button("Choose columns").click()
    found.get_by_text("price", exact=True).click()
    named(stub, "user.name")
    assert columns(stub) == ["user.name"]
    found.get_by_text("user.name", exact=True).click()
    expect(heading(stub).locator(".sse-column-name")).to_have_count(0)


def test_many_paths_are_searched_and_one_that_is_not_there_can_be_written(stub):
    stub.feed({"data": json.dumps({f"key{i}": {"x": i} for i in range(250)})})
    found = chooser(stub)
    expect(stub.page.get_by_text("200 of 250: type to narrow")).to_be_visible()
    box = stub.page.get_by_role("textbox", name="Find or write a path")
    expect(box).to_be_focused()
    box.fill("KEY24")
    expect(found.locator("label")).to_have_count(11)
    box.fill("later.price")
    expect(stub.button("Add “later.price”")).to_be_visible()
    keys(stub, "Enter")
    assert columns(stub) == ["later.price"]
    expect(found.locator("label").first).to_contain_text("later.price")
    stub.feed({"data": '{"later":{"price":3}}'})
    expect(stub.rows.last.locator(".sse-cell")).to_have_text("3")


def test_a_leaf_of_the_tree_becomes_a_column_by_mouse_and_by_keys(stub):
    stub.feed(*TRADES, {"data": '[{"a":1}]'})
    stub.rows.first.click()
    pane = stub.page.get_by_role("region", name="Event details")
    price = pane.get_by_role("button", name='"price"')
    price.click()
    expect(price).to_have_attribute("aria-pressed", "true")
    named(stub, "price")
    assert columns(stub) == ["price"]
    pane.get_by_text('"Ada"').click()
    assert columns(stub) == ["price", "user.name"]
    price.focus()
    keys(stub, "ArrowUp", "Enter")
    assert columns(stub) == ["price", "user.name", "symbol"]
    keys(stub, "Enter")
    expect(pane.get_by_role("button", name='"symbol"')).to_have_attribute("aria-pressed", "false")
    # A change from elsewhere shows in the tree too; what no path leads to is no button.
    stub.kernel("kernel.setColumns(['symbol'])")
    expect(pane.get_by_role("button", name='"symbol"')).to_have_attribute("aria-pressed", "true")
    expect(price).to_have_attribute("aria-pressed", "false")
    stub.rows.last.click()
    expect(pane).to_contain_text('"a": 1')
    expect(pane.get_by_role("button", name='"a"')).to_have_count(0)


def test_marking_a_value_is_no_click(stub):
    stub.feed(*TRADES)
    stub.rows.first.click()
    stub.page.get_by_role("region", name="Event details").get_by_text('"Ada"').dblclick()
    assert stub.page.evaluate("document.getSelection().toString()").strip('"') == "Ada"
    assert columns(stub) in ([], ["user.name"])


def test_python_sets_them_and_wins_over_what_the_page_wrote_before(stub):
    stub.feed(*TRADES)
    stub.kernel("kernel.setColumns(['symbol'])")
    expect(stub.rows.first.locator(".sse-cell")).to_have_text("BTC")
    stub.kernel("kernel.busy = true")
    stub.rows.first.click()
    pane = stub.page.get_by_role("region", name="Event details")
    pane.get_by_role("button", name='"price"').click()
    # At once, from the page's own data, though the kernel does not answer; and it is said.
    shows(stub, 0, "BTC", "67012.10")
    assert columns(stub) == ["symbol"]
    expect(stub.page.get_by_text("Kernel busy: the columns of df")).to_be_visible()
    stub.kernel("kernel.free()")
    expect(stub.page.get_by_text("Kernel busy")).to_be_hidden()
    assert columns(stub) == ["symbol", "price"]
    stub.kernel("kernel.busy = true")
    pane.get_by_role("button", name='"symbol"').click()
    named(stub, "price")
    stub.kernel("kernel.setColumns(['user.name']); kernel.free()")
    expect(stub.rows.first.locator(".sse-cell")).to_have_text("Ada")
    assert columns(stub) == ["user.name"]


def test_the_menu_moves_fits_and_removes(stub):
    stub.feed(*TRADES)
    stub.kernel("kernel.setColumns(['symbol', 'price', 'user.name'])")
    menu = stub.page.get_by_role("group", name="Column price")
    heading(stub).get_by_role("button", name="price", exact=True).click()
    menu.get_by_role("button", name="Move left").click()
    assert columns(stub) == ["price", "symbol", "user.name"]
    shows(stub, 0, "67012.10", "BTC", "Ada")
    heading(stub).get_by_role("button", name="price", exact=True).click()
    expect(menu.get_by_role("button", name="Move left")).to_be_disabled()
    menu.get_by_role("button", name="Remove column").click()
    assert columns(stub) == ["symbol", "user.name"]
    expect(menu).to_be_hidden()


def width(stub, row: int, cell: int) -> float:
    return stub.rows.nth(row).locator(".sse-cell").nth(cell).bounding_box()["width"]


def test_columns_are_as_wide_as_what_they_hold_until_somebody_says_otherwise(stub):
    stub.feed({"data": '{"name":"short","n":1}'})
    stub.kernel("kernel.setColumns(['name', 'n'])")
    expect(stub.rows.first.locator(".sse-cell").first).to_have_text("short")
    before = width(stub, 0, 0)
    stub.feed({"data": '{"name":"a rather long name","n":2}'})
    stub.wait("document.querySelector('.sse-cell').getBoundingClientRect().width > 120")
    grown = width(stub, 0, 0)
    assert grown > before
    # All rows and the heading stand under each other.
    lefts = "[...document.querySelectorAll('.sse-row, .sse-heading')].map((r) => [...r.children].at(-2).getBoundingClientRect().left)"
    assert len(set(stub.page.evaluate(lefts))) == 1
    grip = heading(stub).get_by_role("separator", name="Width of name")
    box = grip.bounding_box()
    stub.page.mouse.move(box["x"] + 5, box["y"] + 10)
    stub.page.mouse.down()
    stub.page.mouse.move(box["x"] - 55, box["y"] + 10, steps=4)
    stub.page.mouse.up()
    stub.wait("document.querySelector('.sse-cell').getBoundingClientRect().width < 110")
    stub.feed({"data": '{"name":"an even longer name than that","n":3}'})
    expect(stub.rows).to_have_count(3)
    narrow = width(stub, 0, 0)
    grip.focus()
    keys(stub, "ArrowRight", "ArrowRight")
    stub.wait(f"document.querySelector('.sse-cell').getBoundingClientRect().width > {narrow} + 10")
    grip.dblclick()
    stub.wait("document.querySelector('.sse-cell').getBoundingClientRect().width > 150")


def test_numbers_stand_at_the_right(stub):
    stub.feed({"data": '{"n":1,"s":"1"}'}, {"data": '{"n":22.5,"s":"22.5"}'})
    stub.kernel("kernel.setColumns(['n', 's'])")
    expect(stub.rows.first.locator(".sse-cell").first).to_have_text("1")
    align = "[...document.querySelectorAll('.sse-row')].map((r) => [...r.querySelectorAll('.sse-cell')].map((c) => [getComputedStyle(c).textAlign, getComputedStyle(c).fontVariantNumeric]))"
    assert stub.page.evaluate(align) == [[["right", "tabular-nums"], ["left", "tabular-nums"]]] * 2
    expect(heading(stub).locator("[data-numeric]")).to_have_text("n")


def test_only_visible_rows_are_read_and_the_view_holds_still(stub):
    stub.kernel("""
      window.parsed = 0;
      const parse = JSON.parse;
      JSON.parse = (...args) => (window.parsed++, parse(...args));
    """)
    stub.kernel(f"kernel.flood(50000, 5000, {MANY})")
    stub.beats()
    expect(stub.account("shown")).to_have_text("50,000")
    scroll_up(stub, 4000)
    before = stub.page.evaluate(MIDDLE)
    stub.kernel("window.parsed = 0; kernel.setColumns(['i', 'name', 'nested.deep.1'])")
    expect(heading(stub)).to_be_visible()
    # The heading took its place from above: what is read stays where it is.
    assert stub.page.evaluate(MIDDLE) == before
    stub.wait("window.parsed > 0")
    assert stub.page.evaluate("window.parsed") < 500
    stub.kernel(f"kernel.flood(500, 500, {MANY})")
    expect(stub.button("Jump to latest")).to_have_text("Jump to latest (+500)")
    assert stub.page.evaluate(MIDDLE) == before
    assert stub.rows.count() < 100
    balanced(stub)
    stub.button("Jump to latest").click()
    expect(stub.rows.last.locator(".sse-cell").nth(1)).to_have_text("row 50499")
    bottom = "document.querySelector('[role=log]').getBoundingClientRect().bottom - [...document.querySelectorAll('[role=listitem]')].at(-1).getBoundingClientRect().bottom"
    stub.wait(f"Math.abs({bottom}) < 2")
    stub.log.focus()
    keys(stub, "Home")
    first = stub.rows.first
    expect(first.locator(".sse-cell").first).to_have_text("0")
    # The oldest row is not under the heading.
    assert first.bounding_box()["y"] >= heading(stub).bounding_box()["y"] + 23


def test_wrapped_and_narrow_they_stay_readable(stub):
    stub.kernel(f"kernel.flood(300, 100, {MANY})")
    stub.kernel("kernel.setColumns(['name', 'price'])")
    choose(stub, "Wrap long lines")
    last = stub.rows.last
    expect(last.locator(".sse-data")).to_contain_text('"i":299')
    # The data has a line of its own then.
    stub.wait("""(() => {
      const [cell, data] = ['.sse-cell', '.sse-data'].map((s) =>
        [...document.querySelectorAll(`.sse-row ${s}`)].at(-1)?.getBoundingClientRect().top);
      return data > cell + 15;
    })()""")
    stub.page.set_viewport_size({"width": 344, "height": 640})
    expect(last.locator(".sse-cell").first).to_have_text("row 299")
    # Rows are used again for others while they are laid out anew: the last one as it is at a time.
    stub.wait("""(() => {
      const data = [...document.querySelectorAll('.sse-row .sse-data')].at(-1)?.getBoundingClientRect();
      return data && data.width > 0 && data.right <= document.querySelector('.sse-widget').getBoundingClientRect().right;
    })()""")
    assert stub.page.evaluate("document.documentElement.scrollWidth") <= 344
    choose(stub, "Wrap long lines")
    # What does not fit is a scroll to the side away, heading and rows together.
    stub.kernel("document.querySelector('[role=log]').scrollLeft = 60")
    lefts = "['.sse-row .sse-cell', '.sse-column:has(.sse-column-name)'].map((s) => Math.round(document.querySelector(s).getBoundingClientRect().left))"
    stub.wait(f"new Set({lefts}).size === 1")
    stub.page.set_viewport_size({"width": 1000, "height": 640})


def test_our_own_columns_can_be_left_out(stub):
    stub.feed({"id": "the-id", "data": '{"a":1}'})
    chooser(stub)
    own = stub.page.locator(".sse-own")
    own.get_by_text("id", exact=True).click()
    expect(stub.rows.first).not_to_contain_text("the-id")
    own.get_by_text("data", exact=True).click()
    expect(stub.rows.first).not_to_contain_text('{"a":1}')
    own.get_by_text("data", exact=True).click()
    own.get_by_text("id", exact=True).click()
    expect(stub.rows.first).to_contain_text("the-id")
    expect(stub.rows.first).to_contain_text('{"a":1}')


def test_two_views_have_the_same_columns_and_their_own_widths(stub):
    stub.feed(*TRADES)
    stub.kernel("view()")
    stub.rows.first.first.click()
    stub.page.get_by_role("region", name="Event details").get_by_role(
        "button", name='"symbol"'
    ).click()
    expect(heading(stub)).to_have_count(2)
    grips = stub.page.get_by_role("separator", name="Width of symbol")
    grips.first.focus()
    keys(stub, *["ArrowRight"] * 6)
    stub.wait(
        "((w) => w[0] > w[1] + 20)([...document.querySelectorAll('.sse-column')].map((c) => c.getBoundingClientRect().width))"
    )


def test_more_columns_than_can_be_drawn_are_said(stub):
    stub.feed({"data": json.dumps({f"c{i}": i for i in range(60)})})
    stub.kernel("kernel.setColumns(Array.from({length: 60}, (_, i) => 'c' + i))")
    expect(heading(stub)).to_contain_text("+10 in df only")
    expect(stub.rows.first.locator(".sse-cell")).to_have_count(50)


EVIL = "<img src=x onerror=alert(1)>"


def test_hostile_keys_and_values_are_text_and_break_nothing(stub):
    keys_ = [
        EVIL,
        "</textarea><script>alert(2)</script>",
        "\x1b[31mred",
        "a\u202eb\u200bc",
        "nul\x00",
        "__proto__",
        "x" * 280,
        "line\nbreak",
    ]
    values = [
        EVIL,
        "<script>alert(3)</script>",
        "\x1b[0m",
        "\u202eevil",
        "\x00",
        "y" * 50_000,
        "a\nb",
        "",
    ]
    stub.feed(
        *(
            {"data": json.dumps({k: {"a": [v]} for k, v in zip(keys_, values, strict=True)})}
            for _ in range(3)
        ),
        {"type": EVIL, "data": json.dumps(dict(zip(keys_, values, strict=True)))},
    )
    found = chooser(stub)
    for text in (EVIL, "␛[31mred", "a‹U+202E›b‹U+200B›c", "nul␀", "__proto__", "line␊break"):
        expect(found.get_by_text(text, exact=True).first).to_be_visible()
    for box in found.get_by_role("checkbox").all()[:8]:
        box.check()
    keys(stub, "Escape")
    assert len(columns(stub)) == 8
    texts = ("␛[31mred", "a‹U+202E›b‹U+200B›c", "nul␀", "__proto__", "x" * 120 + "…", "line␊break")
    named(stub, EVIL, "</textarea><script>alert(2)</script>", *texts)
    rest = ("␛[0m", "‹U+202E›evil", "␀", "y" * 200 + "…", "a⏎b", "")
    shows(stub, 3, EVIL, "<script>alert(3)</script>", *rest)
    stub.rows.last.click()
    pane = stub.page.get_by_role("region", name="Event details")
    expect(pane.get_by_role("button", name=EVIL)).to_have_attribute("aria-pressed", "true")
    heading(stub).get_by_role("button", name=EVIL).click()
    expect(stub.page.get_by_role("group", name=f"Column {EVIL}")).to_be_visible()
    root = stub.page.locator(".sse-widget")
    expect(root.locator("img, script, textarea")).to_have_count(0)
    assert stub.page.evaluate("document.documentElement.scrollWidth") <= 1000
    assert {row.bounding_box()["height"] for row in stub.rows.all()} == {24}
    assert heading(stub).bounding_box()["height"] == 24
