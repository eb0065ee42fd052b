"""Rows that are made to freeze a page do not: it answers as ever.

A page that froze as it once did would be waited for in vain: each of these took it half a minute.
"""

from __future__ import annotations

import json

from playwright.sync_api import expect


def answers(stub):
    """The page takes a press, and draws what that changes."""
    stub.button("Pause").click()
    expect(stub.button("Resume")).to_be_visible()
    stub.button("Resume").click()
    expect(stub.button("Pause")).to_be_visible()


def test_words_from_right_to_left_without_a_line_end(stub):
    words = "שלום עולם " * 53_000
    stub.feed({"data": words + "THE END"})
    stub.rows.first.click()
    stub.button("Load all").click()
    data = stub.page.get_by_role("region", name="Event details").get_by_label("Data")
    expect(data).to_contain_text("שלום")
    answers(stub)
    assert data.evaluate("node => node.textContent.length") == 2**19
    longest = "node => Math.max(...[...node.children].map(block => block.textContent.length))"
    assert data.evaluate(longest) <= 2048
    assert data.evaluate("node => getComputedStyle(node.firstChild).direction") == "rtl"


def test_quotes_without_end_beside_a_number_that_is_none(stub):
    """As JSON it is none; to know that, each character is looked at once."""
    rows = ['{"a":NaN,"b":"' + '\\"' * 30_000 for _ in range(12)]
    stub.feed(*({"data": data} for data in rows), {"data": '{"a":NaN,"b":"yes"}'})
    stub.kernel("kernel.setColumns(['b'])")
    expect(stub.row("yes")).to_be_visible()
    answers(stub)


def test_a_pattern_that_goes_back_for_ever_where_workers_are_forbidden(open_stub):
    stub = open_stub("noworker")
    evil = "a" * 60_000
    stub.feed(*({"data": evil + "!"} for _ in range(5)), {"data": "it ends with aaa"})
    stub.button("Use a regular expression").click()
    stub.search.fill("(a+)+$")
    expect(stub.page.get_by_text("This host forbids workers")).to_be_visible()
    answers(stub)
    stub.search.fill("ends.*a{3}$")
    expect(stub.rows).to_have_count(1)
    expect(stub.row("it ends with")).to_be_visible()
    answers(stub)
    open_stub.errors_expected = True  # the refused workers are logged by the browser


def test_a_deep_payload_and_one_of_many_keys(stub):
    deep = '{"a":' * 6_000 + "1" + "}" * 6_000
    wide = json.dumps({f"key {n}": n for n in range(4_000)})
    stub.feed({"data": deep}, {"data": wide})
    for row in (0, 1):
        stub.rows.nth(row).click()
        answers(stub)
