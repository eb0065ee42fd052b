"""The growing text beside the raw events (issue: streams that end): read on the page, bounded."""

import json

from playwright.sync_api import expect


def delta(content: str, **more) -> dict:
    return {"data": json.dumps({"choices": [{"delta": {"content": content}}], **more})}


def pane(stub):
    return stub.page.get_by_role("region", name="Text so far")


def toggle(stub):
    return stub.page.get_by_role("button", name="Text", exact=True)


def test_the_button_appears_with_a_text_in_the_data(stub):
    stub.feed({"data": '{"price": 1}'})
    expect(stub.row("price")).to_be_visible()
    expect(toggle(stub)).to_be_hidden()
    stub.feed(delta("Hel"), delta("lo,\n"), {"data": "[DONE]"})
    expect(pane(stub)).to_be_hidden()
    toggle(stub).click()
    expect(toggle(stub)).to_have_attribute("aria-pressed", "true")
    expect(pane(stub)).to_have_text("Hello,\n")
    expect(stub.rows).to_have_count(4)
    stub.feed(delta("world"), delta(" <b>!</b>"))
    expect(pane(stub)).to_have_text("Hello,\nworld <b>!</b>")
    assert pane(stub).inner_text() == "Hello,\nworld <b>!</b>"
    stub.button("Close text").click()
    expect(pane(stub)).to_be_hidden()
    expect(stub.log).to_be_focused()


def test_its_path_is_chosen_from_those_with_strings(stub):
    stub.feed({"data": '{"a":{"b":"one "},"c":"x","n":1}'}, {"data": '{"a":{"b":"two"}}'})
    expect(toggle(stub)).to_be_hidden()
    stub.button("View").click()
    stub.button("Text…").click()
    picker = stub.page.get_by_label("Path of the text")
    assert picker.locator("option").all_text_contents() == ["choose a path", "a.b", "c"]
    picker.select_option("a.b")
    expect(pane(stub)).to_have_text("one two")
    stub.feed({"data": '{"a":{"b":", three"}}'})
    expect(pane(stub)).to_have_text("one two, three")
    picker.select_option("c")
    expect(pane(stub)).to_have_text("x")
    stub.button("Close text").click()
    expect(pane(stub)).to_be_hidden()


def test_it_needs_no_kernel_and_no_filter(stub):
    stub.feed(delta("a"), delta("b"))
    stub.kernel("kernel.busy = true")
    stub.search.fill("nothing like this")
    toggle(stub).click()
    expect(pane(stub)).to_have_text("ab")


def test_it_follows_its_end_until_the_reader_scrolls_up(stub):
    stub.feed(delta("line\n" * 200))
    toggle(stub).click()
    away = "const e = document.querySelector('.sse-text-body'); const away = e.scrollHeight - e.clientHeight - e.scrollTop"
    stub.wait(f"(() => {{ {away}; return e.scrollHeight > 1000 && away < 2 }})()")
    stub.feed(delta("more\n" * 50))
    expect(pane(stub)).to_contain_text("more")
    stub.wait(f"(() => {{ {away}; return away < 2 }})()")
    pane(stub).hover()
    stub.page.mouse.wheel(0, -600)
    stub.wait(f"(() => {{ {away}; return away > 500 }})()")
    top = stub.page.evaluate("document.querySelector('.sse-text-body').scrollTop")
    stub.feed(delta("THE END"))
    expect(pane(stub)).to_contain_text("THE END")
    assert stub.page.evaluate("document.querySelector('.sse-text-body').scrollTop") == top


def test_what_the_page_lays_out_is_bounded_and_it_says_so(stub):
    stub.feed(delta("first words\n"))
    toggle(stub).click()
    for _ in range(8):
        stub.feed(*(delta(f"{'word ' * 99}\n") for _ in range(150)))
    expect(stub.page.get_by_text("the last 2")).to_contain_text("of 581 KiB")
    assert len(pane(stub).text_content()) < 300_000
    assert "first words" not in pane(stub).text_content()
    assert stub.page.locator(".sse-text-body *").count() < 160


def test_it_stands_beside_the_log_or_above_it(open_stub):
    for width, beside in ((1000, True), (500, False)):
        stub = open_stub(f"width={width}")
        stub.feed(delta("words"))
        toggle(stub).click()
        expect(pane(stub)).to_have_text("words")
        text, log = pane(stub).bounding_box(), stub.log.bounding_box()
        assert (text["x"] >= log["x"] + log["width"]) is beside
        assert (text["y"] + text["height"] <= log["y"]) is not beside


def test_the_text_can_be_copied(open_stub):
    stub = open_stub()
    stub.lasting()
    stub.kernel("navigator.clipboard.writeText = async (text) => void (window.copied = text)")
    stub.feed(delta("a\n"), delta("b"))
    toggle(stub).click()
    expect(pane(stub)).to_have_text("a\nb")
    stub.button("Copy text").click()
    expect(stub.button("Copied")).to_be_visible()
    assert stub.page.evaluate("window.copied") == "a\nb"
