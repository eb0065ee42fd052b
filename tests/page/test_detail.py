"""The whole of one event, and text that would like to be more than text."""

from playwright.sync_api import expect


def details(stub):
    return stub.page.get_by_role("region", name="Event details")


def test_a_click_shows_the_event_with_its_json_laid_out(stub):
    stub.feed(
        {
            "type": "trade",
            "id": "42",
            "data": '{"id":12345678901234567890,"a":{"b":[1.0]},"a":2}',
            "at": 1767323045006,
        }
    )
    stub.row("12345678901234567890").click()
    pane = details(stub)
    for text in ("#0", "trade", "id 42", "49 bytes", "2026-01-02T"):
        expect(pane).to_contain_text(text)
    data = pane.get_by_label("Data").inner_text()
    assert (
        data
        == '{\n  "id": 12345678901234567890,\n  "a": {\n    "b": [\n      1.0\n    ]\n  },\n  "a": 2\n}'
    )
    stub.button("Close details").click()
    expect(pane).to_be_hidden()


def test_the_row_that_was_clicked_stays_in_sight(stub):
    stub.kernel("kernel.flood(400)")
    expect(stub.row('{"i":399,')).to_be_visible()
    stub.rows.last.click()
    expect(stub.page.get_by_role("region", name="Event details")).to_contain_text("#399")
    stub.wait("""(() => {
      const log = document.querySelector('[role=log]').getBoundingClientRect();
      const row = document.querySelector('[aria-current=true]')?.getBoundingClientRect();
      return row && row.top >= log.top - 1 && row.bottom <= log.bottom + 1;
    })()""")


def test_keys_walk_through_the_rows_and_escape_closes(stub):
    stub.feed(*({"data": f"event number {i}"} for i in range(50)))
    expect(stub.row("event number 49")).to_be_visible()
    stub.log.focus()
    stub.page.keyboard.press("ArrowUp")
    stub.page.keyboard.press("Enter")
    expect(details(stub)).to_contain_text("event number 49")
    stub.page.keyboard.press("ArrowUp")
    expect(details(stub)).to_contain_text("event number 48")
    stub.feed({"data": "one more"})
    expect(details(stub)).to_contain_text("event number 48")
    stub.page.keyboard.press("Escape")
    expect(details(stub)).to_be_hidden()


def test_many_lines_and_what_is_not_json_stay_as_they_are(stub):
    stub.feed({"data": "one\n\ttwo\n{not json"})
    expect(stub.rows.first).to_contain_text("one⏎ two⏎{not json")
    stub.rows.first.click()
    assert details(stub).get_by_label("Data").inner_text() == "one\n\ttwo\n{not json"


def test_a_long_event_comes_whole_when_asked_for(stub):
    stub.feed({"data": "x" * 300_000 + "THE END"})
    stub.rows.first.click()
    expect(details(stub)).to_contain_text("showing 64 KiB of 293 KiB")
    stub.button("Load all").click()
    expect(details(stub)).to_contain_text("THE END")
    expect(stub.button("Load all")).to_be_hidden()
    assert stub.heard("event")[0]["seq"] == 0


def test_the_event_stays_readable_after_the_page_let_it_go(stub):
    stub.feed({"type": "trade", "data": "keep me"})
    stub.row("keep me").click()
    stub.kernel("kernel.clear()")
    expect(stub.rows).to_have_count(0)
    expect(details(stub)).to_contain_text("keep me")


def test_hostile_text_is_text(stub):
    stub.feed(
        {
            "type": "<script>alert(1)</script>",
            "id": "<b>id</b>",
            "data": "<img src=x onerror=alert(1)>",
        },
        {"type": "rtl", "data": "a \u202egnp.exe \x00 nul \u200b"},
        {"type": "ansi", "data": "\x1b[31mred </textarea>"},
        {"type": "x" * 5000, "id": "y" * 5000, "data": "z" * 60_000},
    )
    expect(stub.rows).to_have_count(4)
    expect(stub.rows.nth(0)).to_contain_text("<img src=x onerror=alert(1)>")
    expect(stub.rows.nth(0)).to_contain_text("<script>alert(1)</script>")
    expect(stub.rows.nth(1)).to_contain_text("a ‹U+202E›gnp.exe ␀ nul ‹U+200B›")
    expect(stub.rows.nth(2)).to_contain_text("␛[31mred </textarea>")
    stub.kernel("kernel.setFilter({types: ['<img src=x onerror=alert(2)>']})")
    expect(stub.chip("<img src=x")).to_be_visible()
    stub.kernel("kernel.setFilter({types: null})")
    stub.kernel(
        "kernel.be({state: 'failed', error: '<img src=x onerror=alert(3)>', hint: '<script>alert(4)</script>'})"
    )
    expect(stub.status).to_contain_text("<img src=x onerror=alert(3)>")
    stub.rows.nth(0).click()
    expect(details(stub)).to_contain_text("<img src=x onerror=alert(1)>")
    root = stub.page.locator(".sse-widget")
    expect(root.locator("img, script, b:not(.sse-figure), textarea")).to_have_count(0)
    # Nothing grows out of the widget or changes the height of a line.
    box = root.bounding_box()
    assert stub.page.evaluate("document.documentElement.scrollWidth") <= 1000
    assert box["height"] == 420
    assert {row.bounding_box()["height"] for row in stub.rows.all()} == {24}


def test_lines_of_ten_megabytes_hold(stub):
    stub.kernel("""
      const long = 'x'.repeat(10 * 2 ** 20);
      kernel.feed([{type: 'line', data: long + '<b>THE END</b>'}, {type: 'lines', data: 'y\\n'.repeat(5 * 2 ** 20)},
        {type: 'json', data: JSON.stringify({a: long, b: [long, {c: '<b>THE END</b>'}]})}, {type: long, data: 'a'}, {id: long, data: 'b'}]);
      kernel.setColumns(['a', 'b.1.c']);
    """)
    expect(stub.rows).to_have_count(5)
    expect(stub.rows.first).to_contain_text("x" * 300 + "…")
    for i, shown in ((0, "<b>THE END</b>"), (2, '"b": [')):
        stub.rows.nth(i).click()
        expect(details(stub)).to_contain_text("showing 64 KiB of")
        stub.button("Load all").click()
        expect(stub.button("Load all")).to_be_hidden()
        if i == 0:
            expect(details(stub)).to_contain_text("showing the first 512 KiB of 10 MiB")
        else:
            expect(details(stub)).to_contain_text(shown)
    for i in (1, 3, 4):
        stub.rows.nth(i).click()
        expect(details(stub)).to_contain_text(f"#{i}")
    assert stub.page.evaluate("document.documentElement.scrollWidth") <= 1000
    assert {row.bounding_box()["height"] for row in stub.rows.all()} == {24}
    expect(stub.page.locator(".sse-widget").locator("b:not(.sse-figure)")).to_have_count(0)
