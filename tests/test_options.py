"""What cannot work is refused in the cell that gives it, by name."""

from __future__ import annotations

import gc

import httpx
import pandas as pd
import pytest
import traitlets

from sse_widget import EventFilter, EventSource, RetryPolicy, SSEStream

from .scripted import Peer, Server

URL = "http://127.0.0.1:1/"

WRONG = {
    "last_event_id": 5,
    "headers": [1],
    "method": 5,
    "auth": 5,
    "client": 5,
    "retry": 3,
    "idle_timeout": "5",
    "max_event_bytes": 1.5,
    "stop_when": 5,
    "dedupe": "id",
    "resume": "id",
}


@pytest.mark.parametrize("make", [EventSource, SSEStream])
@pytest.mark.parametrize("name", WRONG)
def test_an_option_of_the_wrong_type_is_refused_by_name(make, name):
    with pytest.raises(TypeError, match=f"^{name} must be"):
        make(URL, **{name: WRONG[name]})
    gc.collect()  # a half-built widget must go without a word: warnings are errors here


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("idle_timeout", 0),
        ("idle_timeout", float("nan")),
        ("max_event_bytes", 0),
        ("reconnect", "sometimes"),
        ("last_event_id", "a\nX-Injected: 1"),
        ("last_event_id", "a\0"),
    ],
)
def test_an_option_out_of_its_range_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"^{name} "):
        EventSource(URL, **{name: value})


def test_what_is_refused_is_not_repeated_where_it_may_be_a_secret():
    with pytest.raises(TypeError) as caught:
        EventSource(URL, auth="hunter2")
    assert "hunter2" not in str(caught.value)
    assert "Authorization" in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"A": "b"}},
        {"headers": [("A", "b")]},
        {"headers": httpx.Headers({"A": "b"})},
        {"headers": lambda: {"A": "b"}},
        {"auth": ("user", "password")},
        {"auth": httpx.BasicAuth("user", "password")},
        {"auth": lambda: ("user", "password")},
        {"client": httpx.AsyncClient},
        {"retry": RetryPolicy(attempts=1)},
        {"retry": None},
        {"idle_timeout": 5},
        {"stop_when": "[DONE]"},
        {"stop_when": lambda event: True},
        {"dedupe": True},
        {"dedupe": lambda event: event.data},
        {"resume": lambda last: last},
        {"last_event_id": "äö"},
    ],
    ids=lambda options: "-".join(f"{k}-{type(v).__name__}" for k, v in options.items()),
)
def test_every_documented_form_is_taken(options):
    assert EventSource(URL, **options).url == URL


@pytest.mark.parametrize("value", ["Bearer sesame\n", "a\rb", "a\0b"])
def test_a_header_that_cannot_be_sent_is_named_and_not_shown(value):
    """A token read from a file has a line end: the mistake everybody makes once."""
    with pytest.raises(ValueError, match=r"headers: 'Authorization' holds a line end") as caught:
        EventSource(URL, headers={"Authorization": value})
    assert "sesame" not in str(caught.value)


def test_half_a_character_is_no_id():
    with pytest.raises(ValueError, match="last_event_id holds half a character"):
        EventSource(URL, last_event_id="a\ud800")


@pytest.fixture
def stream():
    with Server(Peer.hold) as server:
        stream = SSEStream(server.url)
        yield stream
        stream.close()


def test_a_filter_of_none_is_everything(stream):
    stream.filter = EventFilter(text="x")
    stream.filter = None
    assert stream.filter == EventFilter()


def test_text_as_a_filter_is_told_what_to_write(stream):
    with pytest.raises(traitlets.TraitError, match=r"EventFilter\(text='BTC'\)"):
        stream.filter = "BTC"
    assert stream.filter == EventFilter()


@pytest.mark.parametrize("read", [iter, list, pd.DataFrame], ids=["for", "list", "DataFrame"])
def test_a_loop_without_async_never_holds_the_cell(stream, read):
    with pytest.raises(TypeError, match="async for event in stream"):
        read(stream)
