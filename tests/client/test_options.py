"""What cannot work is refused in the cell that gives it, by name."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import inspect
import io
import pickle
import queue
import threading
import uuid
from datetime import UTC, datetime

import httpx
import numpy as np
import pandas as pd
import pytest
import traitlets

from sse_widget import Capture, EventFilter, EventSource, RetryPolicy, SSECapture, SSEStream

from ..helpers.clients import AT_ONCE
from ..helpers.scripted import Peer, Server, answers, sends

URL = "http://127.0.0.1:1/"


class AsyncCallable:
    async def __call__(self, event):
        """What a call returns is a coroutine, and so always true."""


def read_already():
    iterator = iter([("a", "b")])
    list(iterator)
    return iterator


WRONG = [
    ("last_event_id", 5, "must be text"),
    ("last_event_id", b"5", "must be text, not bytes"),
    ("headers", [1], "must be a mapping of text"),
    ("headers", "A: b", "must be a mapping of text"),
    ("headers", ["ab"], "must be a mapping of text.* it holds a str"),
    ("headers", {"Authorization": None}, "'Authorization' must be text, not NoneType"),
    ("headers", {"X-Count": 5}, "'X-Count' must be text, not int"),
    ("headers", lambda request: {}, "without arguments"),
    ("params", ["a", "b"], "must be a mapping, pairs.*; it holds a str"),
    ("params", 5, "must be a mapping"),
    ("params", {"since": {"a": 1}}, "'since' must be text, a number"),
    ("params", {"since": b"1"}, "'since' must be text, a number"),
    ("params", {1: "a"}, "a name must be text"),
    ("cookies", "a=1", "must be a mapping of text to text"),
    ("cookies", {"a": 1}, "'a' must be text, not int"),
    ("content", {"a": 1}, "must be text or bytes, not a mapping: json= sends it"),
    ("content", 5, "must be text or bytes, not int"),
    ("content", [1, 2], "must be text or bytes"),
    ("json", {1, 2}, "cannot be JSON: set"),
    ("method", 5, "must be text"),
    ("auth", 5, r"must be \(user, password\)"),
    ("auth", ("user", None), "the password must be text, not NoneType"),
    ("client", 5, "must be an httpx-compatible"),
    ("retry", 3, r"must be a RetryPolicy, such as RetryPolicy\(attempts=3\), not int"),
    ("retry", RetryPolicy, "must be a RetryPolicy.*, not the class RetryPolicy"),
    ("reconnect", 3, 'must be True, False or "auto", not int'),
    ("idle_timeout", "5", "must be a number of seconds"),
    ("idle_timeout", True, "must be a number of seconds"),
    ("max_event_bytes", 1.5, "must be a whole number, not float"),
    ("max_event_bytes", 1e6, "must be a whole number, such as 1000000, not float"),
    ("max_event_bytes", True, "must be a whole number, not bool"),
    ("stop_when", 5, "must be text"),
    ("stop_when", [], "must be text"),
    ("stop_when", [5], "must be text"),
    ("stop_when", AsyncCallable(), "a plain function, not an async one"),
    ("stop_when", lambda: True, "it cannot be called so"),
    ("dedupe", "id", "must be True, False, or a callable"),
    ("dedupe", lambda: 1, "it cannot be called so"),
    ("resume", "id", "must be a callable"),
    ("resume", AsyncCallable(), "a plain function, not an async one"),
]


@pytest.mark.parametrize(("name", "value", "says"), WRONG)
def test_an_option_of_the_wrong_type_is_refused_by_name(name, value, says):
    with pytest.raises(TypeError, match=rf"^{name}\b.* ?{says}"):
        EventSource(URL, **{name: value})


def test_what_a_widget_is_refused_for_leaves_nothing_behind():
    for name, value, _ in WRONG:
        with pytest.raises(TypeError, match=rf"^{name}\b"):
            SSEStream(URL, **{name: value})
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
        ("method", "P OST"),
        ("method", "PÖST"),
        ("method", "CONNECT"),
        ("headers", {"A B": "c"}),
        ("headers", {"": "c"}),
        ("headers", {"A": "b\x07"}),
        ("headers", {"A": "half \ud800"}),
        ("headers", read_already()),
        ("params", read_already()),
        ("params", {"a": "half \ud800"}),
        ("cookies", {"a": "b;c"}),
        ("cookies", {"a": "ä"}),
        ("cookies", {"a=b": "c"}),
        ("content", read_already()),
        ("content", io.BytesIO()),
        ("json", {"a": float("nan")}),
        ("json", "half \ud800"),
    ],
)
def test_an_option_out_of_its_range_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        EventSource(URL, **{name: value})


@pytest.mark.parametrize("make", [EventSource, SSEStream])
def test_an_unknown_option_is_refused_with_the_name_that_may_be_meant(make):
    with pytest.raises(TypeError, match=f"{make.__name__} has no option 'headrs'.*'headers'"):
        make(URL, headrs={})


@pytest.mark.parametrize("make", [EventSource, SSEStream, SSECapture])
def test_an_editor_sees_every_option_by_name(make):
    named = inspect.signature(make).parameters
    assert {"headers", "params", "stop_when", "resume"} <= named.keys()
    assert named["reconnect"].default == "auto"
    assert not any(p.kind is p.VAR_KEYWORD for p in named.values())


def test_a_count_of_numpy_is_a_whole_number():
    stream = SSEStream(
        URL, max_events=np.int64(5), max_bytes=np.uint32(1000), save_events=np.int8(0)
    )
    stream.close()
    EventSource(URL, max_event_bytes=np.int32(100), idle_timeout=np.float32(3))


@pytest.mark.parametrize("name", ["reconnect", "auth", "headers", "cookies", "params", "retry"])
def test_text_in_the_wrong_place_is_not_repeated(name):
    """Whoever mixes the arguments up gives a token as another option."""
    options = {name: "hunter2"}
    if name == "params":
        options = {name: ["hunter2"]}
    with pytest.raises((TypeError, ValueError)) as caught:
        EventSource(URL, **options)
    assert "hunter2" not in str(caught.value)


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
        {"last_event_id": None},
        {"headers": {"A": "äö€"}},
        {"headers": {"A": b"b"}},
        {"headers": iter([("A", "b")])},
        {"params": "a=1&b="},
        {"params": {"a": [1, True, None, "x"], "b": np.int64(3)}},
        {"params": [("a", 1), ("a", 2)]},
        {"params": {"since": datetime.now(UTC), "id": uuid.uuid4()}},
        {"params": httpx.QueryParams({"a": 1})},
        {"cookies": {"a": "b"}},
        {"cookies": [("a", "b")]},
        {"cookies": httpx.Cookies({"a": "b"})},
        {"content": "text"},
        {"content": bytearray(b"bytes")},
        {"content": iter([b"a", b"b"])},
        {"content": io.StringIO("a file")},
        {"json": {"n": np.int64(5)}},
        {"json": []},
        {"method": "report"},
        {"reconnect": False},
        {"reconnect": np.True_},
        {"stop_when": ["[DONE]", "end"]},
    ],
    ids=lambda options: "-".join(f"{k}-{type(v).__name__}" for k, v in options.items()),
)
def test_every_documented_form_is_taken(options):
    assert EventSource(URL, **options).url.startswith(URL)


def test_an_id_of_none_is_no_id():
    assert EventSource(URL, last_event_id=None).last_event_id == ""


@pytest.mark.anyio
@pytest.mark.parametrize("make", [EventSource, SSEStream])
async def test_what_can_be_read_once_is_sent_on_every_attempt(make):
    with Server(answers("503 Busy"), sends("data: a\n\n")) as server:
        source = make(
            server.url,
            headers=iter([("X-Sent", "äö ")]),
            params=iter([("a", 1), ("b", True)]),
            content=(piece for piece in (b"whole ", b"body")),
            retry=AT_ONCE,
            reconnect=True,
            stop_when="a",
        )
        assert [event.data async for event in source] == ["a"]
        source.close()
    assert len(server.requests) == 2
    for asked in server.requests:
        assert asked.target.endswith("?a=1&b=true")
        assert asked.headers["x-sent"] == "äö"
        assert asked.body == b"whole body"


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["[DONE]", "end"])
async def test_any_of_several_texts_ends_the_stream(end):
    script = sends(f"data: a\n\nevent: {end}\ndata: {end}\n\ndata: b\n\n", then="hold")
    with Server(script) as server:
        source = EventSource(server.url, stop_when=["[DONE]", "end"])
        assert [event.data async for event in source] == ["a", end]


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
    with pytest.raises(traitlets.TraitError, match=r"EventFilter\(text="):
        stream.filter = "BTC"
    assert stream.filter == EventFilter()


@pytest.mark.parametrize("read", [iter, list, pd.DataFrame], ids=["for", "list", "DataFrame"])
def test_a_loop_without_async_never_holds_the_cell(stream, read):
    with pytest.raises(TypeError, match="async for event in stream"):
        read(stream)


# ------------------------------------------------------------------ attributes


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("colums", "SSEStream has no attribute 'colums'; did you mean 'columns'"),
        ("max_event", "did you mean 'max_events'"),
        ("fliter", "did you mean 'filter'"),
        ("something", "has no attribute 'something'$"),
        ("on_message", r'@stream.on\("message"\) registers a function'),
        ("stop", "'stop' is a method: call it"),
        ("headers", r"headers= is given when it is made: SSEStream\(\.\.\., headers=\.\.\.\)"),
        ("df", "has no setter"),
        ("url", "has no setter"),
        ("last_event_id", "read-only"),
    ],
)
def test_an_attribute_that_would_do_nothing_is_refused(stream, name, says):
    with pytest.raises((AttributeError, traitlets.TraitError), match=says):
        setattr(stream, name, 5)


def test_attributes_of_a_source_and_of_a_capture_are_refused_too(tmp_path):
    source = EventSource(URL)
    with pytest.raises(
        AttributeError, match=r"EventSource has no attribute 'onmessage'.*'on_message'"
    ):
        source.onmessage = print
    with pytest.raises(AttributeError, match="stop_when= is given when it is made"):
        source.stop_when = "end"
    source.on_message = print
    capture = SSECapture({"a": URL}, to=tmp_path)
    for one in (capture, capture["a"]):
        with pytest.raises(AttributeError, match="has no attribute 'filters'"):
            one.filters = {}
    capture.close()


@pytest.mark.parametrize(
    ("value", "name", "near"),
    [
        (EventFilter(text="x"), "text", "txt"),
        (RetryPolicy(attempts=3), "attempts", "attempt"),
        (Capture("folder"), "keep", "keeps"),
    ],
)
def test_a_value_that_never_changes_says_how_to_get_another(value, name, near):
    for change in (lambda: setattr(value, name, None), lambda: delattr(value, name)):
        with pytest.raises(AttributeError, match=rf"dataclasses.replace\(it, {name}=...\)"):
            change()
    with pytest.raises(AttributeError, match=f"has no attribute '{near}'; did you mean '{name}'"):
        setattr(value, near, 1)
    assert pickle.loads(pickle.dumps(value)) == value == dataclasses.replace(value)


def test_what_a_widget_has_can_be_set(stream):
    stream.layout.width = "50%"
    stream.layout = {"width": "40%"}
    stream.columns = ["a"]
    stream.filter = EventFilter(text="x")
    stream._repr = None  # noqa: SLF001 (a private name is somebody's own business)


def test_a_class_of_somebody_else_may_have_attributes_of_its_own():
    class Mine(SSEStream):
        def __init__(self, *args, **options):
            self.label = "mine"
            super().__init__(*args, **options)

    mine = Mine(URL)
    mine.label = "still mine"
    mine.close()


def reached(stream, seq):
    asyncio.run(stream.until(where=lambda event: event.seq >= seq, timeout=30))


@pytest.fixture
def counted():
    """A stream that holds 0 to 99, 10,000 bytes each."""
    body = "".join(f"data: {n:02}{'.' * 9_998}\n\n" for n in range(100))
    with Server(sends(body, then="hold")) as server:
        stream = SSEStream(server.url)
        reached(stream, 99)
        yield stream
        stream.close()


def held(stream):
    stats = stream.stats
    assert stats.received == stats.held + stats.evicted + stats.cleared == 100
    assert len(stream.df) == stats.held
    return [data.rstrip(".") for data in stream.df.data]


def test_bounds_can_be_set_while_it_lives(counted):
    counted.max_events = np.int64(10)
    assert counted.max_events == 10
    assert held(counted) == [str(n) for n in range(90, 100)]
    counted.max_events = 1000
    assert held(counted) == [str(n) for n in range(90, 100)], "what was evicted does not come back"
    counted.max_bytes = 60_000  # for all that is held, of which the events are nearly everything
    assert counted.max_bytes == 60_000
    assert held(counted) == [str(n) for n in range(95, 100)]
    counted.clear()
    counted.max_bytes = counted.max_events = 10_000
    assert held(counted) == []


def test_bounds_that_are_none_change_nothing(counted):
    for name in ("max_events", "max_bytes", "save_events"):
        before = getattr(counted, name)
        for wrong in ("5", 1.5, True, None):
            with pytest.raises(TypeError, match=f"{name} must be a whole number"):
                setattr(counted, name, wrong)
        with pytest.raises(ValueError, match=f"{name} must be at least"):
            setattr(counted, name, -1)
        assert getattr(counted, name) == before
    assert len(held(counted)) == 100


def test_bounds_hold_for_what_comes_after():
    def more(peer):
        peer.stream("data: 00\n\n" * 3)
        step.get(timeout=60)
        peer.send("data: 01\n\n" * 50)
        peer.hold()

    step = queue.Queue()
    with Server(more) as server:
        stream = SSEStream(server.url, max_events=1)
        reached(stream, 2)
        stream.max_events = 20
        assert stream.stats.held == 1
        step.put(None)
        reached(stream, 52)
        assert (stream.stats.held, stream.stats.evicted) == (20, 33)
        stream.close()


def test_bounds_can_be_set_by_a_callback_of_the_stream(counted):
    done = threading.Event()

    @counted.on()
    def bound(event):
        counted.max_events = 7
        done.set()

    assert done.wait(30)
    assert len(held(counted)) == 7
