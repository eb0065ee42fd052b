"""Types and ids that differ by characters without a glyph look different on the page."""

from playwright.sync_api import expect

TYPES = [
    "trade",
    "trade\u200d",
    "trade\ufe0f",
    "trade\u3164",
    "trade ",
    "trade\u00a0",
    "‹U+200D›trade",
]


def test_no_two_types_look_alike(stub):
    stub.feed(*({"type": type_, "id": f"7{type_[5:]}", "data": "x"} for type_ in TYPES))
    expect(stub.rows).to_have_count(len(TYPES))
    rows = stub.rows.all_inner_texts()
    assert len(set(rows)) == len(TYPES)
    assert "trade‹U+200D›" in rows[1]
    assert "7‹U+200D›" in rows[1]
    chips = stub.page.locator("button[aria-pressed]").all_inner_texts()
    assert len({chip.partition("\n")[0] for chip in chips}) == len(chips)
    stub.rows.nth(2).click()
    expect(stub.page.get_by_text("id 7‹U+FE0F›")).to_be_visible()


def test_no_title_has_hidden_text(stub):
    stub.feed({"type": "a\u202eb", "data": "x"})
    titles = stub.page.evaluate("[...document.querySelectorAll('[title]')].map((e) => e.title)")
    assert not any("\u202e" in title for title in titles)
