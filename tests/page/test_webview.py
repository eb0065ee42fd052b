"""A frame without an origin, under a policy that forbids nearly all: stricter than any host we know.

(VS Code's notebooks have such a policy only where an experimental setting asks for it, and then no
widget is loaded at all. What they run otherwise is in `tests/hosts/test_fronts.py`.)

No request leaves it, patterns are tested in a worker all the same, its colours are used."""

import pytest
from playwright.sync_api import expect

from .conftest import Stub
from .test_filter import EVENTS


@pytest.fixture
def webview(browser, address):
    context = browser.new_context(viewport={"width": 1000, "height": 640})
    page = context.new_page()
    seen, broken = [], []
    page.on("request", lambda request: seen.append(request.url))
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(f"{address}/webview")
    page.wait_for_function("window.frames.length === 1")
    frame = page.frames[1]
    frame.wait_for_selector("body[data-ready]")
    loaded = len(seen)
    yield Stub(frame)
    assert broken == []
    assert [url for url in seen[loaded:] if not url.startswith(("blob:", "data:"))] == []
    context.close()


def test_it_works_in_a_frame_without_an_origin(webview):
    assert webview.page.evaluate("window.origin") == "null"
    webview.feed(*EVENTS)
    expect(webview.rows).to_have_count(len(EVENTS))
    webview.button("Use a regular expression").click()
    webview.search.fill("BTC.*price")
    expect(webview.rows).to_have_count(1)
    expect(webview.log.locator("mark")).to_have_count(1)
    # Not in the page: a pattern without end is stopped, and the page goes on.
    webview.kernel("kernel.feed([{type: 'trade', data: 'a'.repeat(60) + '!'}])")
    webview.search.fill("(a+)+$")
    expect(webview.page.get_by_text("takes too long")).to_be_visible()
    webview.button("Use a regular expression").click()
    webview.search.fill("btc")
    webview.rows.first.click()
    expect(webview.page.get_by_role("region", name="Event details")).to_be_visible()
    webview.lasting()
    webview.button("Copy data").click()
    expect(webview.button("Copied").or_(webview.button("Copy failed"))).to_be_visible()


def test_its_colours_are_used(webview):
    webview.feed(*EVENTS)
    style = "getComputedStyle(document.querySelector('.sse-widget'))"
    assert webview.page.evaluate(f"{style}.backgroundColor") == "rgb(30, 30, 30)"
    assert webview.page.evaluate(f"{style}.color") == "rgb(212, 212, 212)"
    assert webview.page.evaluate(f"{style}.colorScheme") == "dark"


def test_the_dark_colours_of_colab_are_used(open_stub):
    """Not those of ipywidgets, which are always of a light theme there."""
    stub = open_stub("colab")
    stub.feed(*EVENTS)
    style = "getComputedStyle(document.querySelector('.sse-widget'))"
    assert stub.page.evaluate(f"{style}.backgroundColor") == "rgb(56, 56, 56)"
    assert stub.page.evaluate(f"{style}.color") == "rgb(213, 213, 213)"
    assert stub.page.evaluate(f"{style}.colorScheme") == "dark"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_that_says_only_its_scheme(open_stub, scheme):
    """No variables of a known host: the ground decides, not what the computer prefers."""
    stub = open_stub()
    stub.page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    stub.kernel("document.body.style.colorScheme = arg", scheme)
    ground = stub.page.evaluate(
        "getComputedStyle(document.querySelector('.sse-widget')).backgroundColor"
    )
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(27, 29, 33)")
    stub.page.emulate_media(color_scheme="null")
