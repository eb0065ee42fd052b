"""EventSource on a scripted raw socket: WHATWG HTML 9.2 as far as it applies outside a browser."""

from __future__ import annotations

import asyncio
import gzip
import threading

import httpx
import pytest

from sse_widget import (
    BadContentType,
    BadStatus,
    ConnectionFailed,
    EventSource,
    EventTooLarge,
    IdleTimeout,
    InvalidURL,
    RetryPolicy,
    TooManyRedirects,
)
from sse_widget.client.codings import decoder_of
from sse_widget.client.connection import Connection
from sse_widget.client.exchange import Answer
from sse_widget.client.hint_facts import RequestFacts
from sse_widget.client.options import SourceOptions
from sse_widget.client.request import Request
from sse_widget.runtime import loop as background

from ..helpers.clients import AT_ONCE, OVER, collect, connect, failure, watched
from ..helpers.scripted import CHUNKED, Peer, Server, answers, free_port, sends

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("transport")]

# ---------------------------------------------------------------------- the browser's program


async def test_the_browser_program_line_by_line():
    """The README's table: open, error, one type, messages until the id CLOSE."""
    said = []
    stream = "event: foo\ndata: a\n\nid: 1\ndata: b\n\nid: CLOSE\ndata: c\n\nid: 2\ndata: d\n\n"
    with Server(sends(stream, then="hold")) as server:
        source = connect(server.url)
        source.on_open = lambda: said.append("open")
        source.on_error = lambda error: said.append(f"error {error}")
        source.add_event_listener("foo", lambda event: said.append(f"foo {event.data}"))

        def on_message(event):
            said.append(f"{event.last_event_id} {event.data}")
            if event.last_event_id == "CLOSE":
                source.close()

        source.on_message = on_message
        await source.run()
        assert source.ready_state == EventSource.CLOSED
    assert said == ["open", "foo a", "1 b", "CLOSE c"]


async def test_listeners_are_called_before_the_event_is_yielded():
    order = []
    with Server(sends("data: 1\n\ndata: 2\n\n"), OVER) as server:
        source = connect(server.url, retry=AT_ONCE)

        async def listener(event):
            await asyncio.sleep(0)
            order.append(("heard", event.data))

        source.add_event_listener("message", listener)
        source.add_event_listener("message", listener)  # once, like in the DOM
        async for event in source:
            order.append(("read", event.data))
    assert order == [("heard", "1"), ("read", "1"), ("heard", "2"), ("read", "2")]


async def test_removed_listener_is_not_called():
    heard = []
    with Server(sends("data: 1\n\n"), OVER) as server:
        source = connect(server.url, retry=AT_ONCE)
        source.add_event_listener("message", heard.append)
        source.remove_event_listener("message", heard.append)
        await source.run()
    assert heard == []


async def test_second_driver_is_refused():
    with Server(sends("data: 1\n\n", then="hold")) as server:
        async with connect(server.url) as source:
            async for _ in source:
                with pytest.raises(RuntimeError, match="read already"):
                    await source.run()
                break


async def test_nothing_connects_before_somebody_reads():
    with Server(Peer.hold) as server:
        source = connect(server.url)
        assert source.ready_state == EventSource.CONNECTING
        await source.aclose()
        assert source.ready_state == EventSource.CLOSED
        assert server.requests == []


async def test_batches_are_columns():
    with Server(sends("id: 1\ndata: a\n\ndata: b\n\n"), OVER) as server:
        async with connect(server.url, retry=AT_ONCE) as source:
            batches = [b async for b in source.batches() if len(b)]
    assert [d for b in batches for d in b.data] == ["a", "b"]
    assert batches[0].origin == server.origin
    assert batches[0].received_at.tzinfo is not None


# ---------------------------------------------------------------------- the request


async def test_request_headers():
    with Server(OVER) as server:
        await collect(server.url, headers={"X-Mine": "1", "Accept": "a/b"}, params={"q": "x y"})
    asked = server.requests[0]
    assert asked.method == "GET"
    assert asked.target in ("/events?q=x+y", "/events?q=x%20y")
    assert asked.headers["accept"] == "a/b"
    assert asked.headers["x-mine"] == "1"
    assert asked.headers["cache-control"] == "no-cache"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["user-agent"].startswith("sse-widget/")
    assert "last-event-id" not in asked.headers


async def test_body_means_post_and_ends_with_the_stream():
    with Server(sends("data: a\n\n")) as server:
        _, events = await collect(server.url, json={"stream": True})
    assert [e.data for e in events] == ["a"]
    assert [r.method for r in server.requests] == ["POST"]
    assert server.requests[0].body.replace(b" ", b"") == b'{"stream":true}'


@pytest.mark.parametrize("last_id", ["7", "é世😀", " x ", "a b", "%41"])
async def test_last_event_id_is_sent_as_utf8(last_id):
    first = sends(f"id: {last_id}\ndata: a\n\n")
    with Server(first, OVER) as server:
        source, _ = await collect(server.url)
    assert source.last_event_id == last_id
    assert server.requests[1].headers["last-event-id"] == last_id.strip()


async def test_initial_last_event_id():
    with Server(sends("data: a\n\n"), OVER) as server:
        _, events = await collect(server.url, last_event_id="41")
    assert server.requests[0].headers["last-event-id"] == "41"
    assert [e.last_event_id for e in events] == ["41"]


# ---------------------------------------------------------------------- reconnecting


@pytest.mark.parametrize("end", ["end", "reset"])
async def test_reconnects_with_the_last_event_id(end):
    first = sends("retry: 5\nid: 1\ndata: a\n\nid: 2\ndata: b\n\ndata: half", then=end)
    with Server(first, sends("data: c\n\n"), OVER) as server:
        source, events = await collect(server.url)
    assert [(e.data, e.last_event_id) for e in events] == [("a", "1"), ("b", "2"), ("c", "2")]
    assert [r.headers.get("last-event-id") for r in server.requests] == [None, "2", "2"]
    assert source.reconnection_time == 5
    assert source.stats.connects == 2
    assert [(g.cause, g.resumed_from) for g in source.gaps] == [
        ("truncated", ""),
        ("reconnect", "2"),
    ]
    assert [g.seq for g in source.gaps] == [2, 2]


async def test_truncated_chunked_body_is_a_reconnect():
    def cut(peer):
        peer.send(CHUNKED)
        peer.chunk("id: 1\ndata: a\n\n")
        peer.send("ff\r\ndata: never")

    with Server(cut, OVER) as server:
        source, events = await collect(server.url)
    assert [e.data for e in events] == ["a"]
    assert any(isinstance(e, ConnectionFailed) for e in source.errors)


async def test_retries_a_status_that_is_worth_it_and_honours_retry_after():
    with Server(answers("503 Busy", "Retry-After: 0\r\n"), sends("data: a\n\n"), OVER) as server:
        source, events = await collect(server.url)
    assert [e.data for e in events] == ["a"]
    assert source.errors[0].status == 503
    assert source.errors[0].retry_after == 0


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "-5",
        "soon",
    ],
)
async def test_a_retry_after_that_is_no_time_to_come_is_no_wait(value):
    with Server(answers("503 Busy", f"Retry-After: {value}\r\n"), sends("data: a\n\n"), OVER) as s:
        async with asyncio.timeout(60):
            _, events = await collect(s.url)
    assert [e.data for e in events] == ["a"]


async def test_gives_up_after_so_many_attempts():
    error = await failure(
        f"http://127.0.0.1:{free_port()}/", retry=RetryPolicy(initial=0, minimum=0, attempts=3)
    )
    assert isinstance(error, ConnectionFailed)
    assert "refused" in str(error)
    assert "Is the server running" in error.hint


async def test_reconnect_false_ends_with_the_stream():
    with Server(sends("data: a\n\n")) as server:
        _, events = await collect(server.url, reconnect=False)
    assert len(events) == len(server.requests) == 1


async def test_idle_timeout_counts_any_byte(later):
    came = asyncio.Event()
    go_on = threading.Event()

    def drip(peer):
        peer.stream("data: a\n\n")
        go_on.wait(60)
        peer.send(": still here\n")
        peer.hold()

    data = []
    with Server(drip) as server:
        async with connect(server.url, retry=AT_ONCE, idle_timeout=1000) as source:
            source.on_error = source.close

            async def pass_time():
                await came.wait()
                later(900)
                before = source.stats.bytes
                go_on.set()
                while source.stats.bytes == before:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                # Two times as long as allowed by now, and a byte between.
                later(900)
                # Some looks later nothing has been given up.
                await asyncio.sleep(0.1)
                told = list(source.errors)
                later(1000)
                assert told == []

            passing = asyncio.create_task(pass_time())
            async for event in source:
                data.append(event.data)
                came.set()
            await passing
    assert data == ["a"]
    assert isinstance(source.errors[-1], IdleTimeout)
    assert "idle_timeout=1000" in str(source.errors[-1])


async def test_idle_timeout_counts_while_the_server_does_not_answer():
    with Server(Peer.hold, sends("data: a\n\n", then="hold")) as server:
        async with (
            asyncio.timeout(60),
            connect(server.url, retry=AT_ONCE, idle_timeout=0.2) as source,
        ):
            assert (await anext(source)).data == "a"
    assert isinstance(source.errors[0], IdleTimeout)


async def test_a_silent_stream_is_quiet_until_the_next_byte(monkeypatch):
    """Looked at again and again while it is silent; a byte makes it open."""
    monkeypatch.setattr("sse_widget.client.watchdog.QUIET_AFTER", 0.02)
    monkeypatch.setattr("sse_widget.client.watchdog.INTERVAL_S", 0.01)
    quiet = threading.Event()

    def pauses(peer):
        peer.stream("data: a\n\n")
        quiet.wait(60)
        peer.send("data: b\n\n")
        peer.hold()

    states = []
    with Server(pauses) as server:
        async with watched(server.url) as source:

            def changed():
                states.append(str(source.status.state))
                if states[-1] == "quiet":
                    # A few intervals later, so that the watch has looked at a quiet stream too.
                    asyncio.get_running_loop().call_later(0.05, quiet.set)

            source.on_status = changed
            got = []
            async for event in source:
                got.append(event.data)
                if event.data == "b":
                    break
    assert got == ["a", "b"]
    assert states[:4] == ["connecting", "open", "quiet", "open"]


async def states(source, until):
    """The status at each change, up to the first for which `until` holds."""
    seen, done = [], asyncio.Event()

    def changed():
        seen.append(source.status)
        if until(source.status):
            done.set()

    source.on_status = changed
    reading = asyncio.ensure_future(source.run())
    await asyncio.wait_for(done.wait(), 60)
    source.close()
    await reading
    return seen


async def test_a_server_that_never_answers_is_told_of_and_then_asked_anew(later):
    def silent(peer):
        later(11)
        peer.hold()

    def waits(status):
        if status.note:
            later(20)
        return status.state == "waiting"

    with Server(silent) as server:
        source = watched(server.url)
        seen = await states(source, waits)
    (note,) = {status.note for status in seen if status.note}
    assert "has not answered yet" in note
    assert "asked anew" in note
    assert [str(status.state) for status in seen][:3] == ["connecting", "connecting", "waiting"]
    waiting = next(status for status in seen if status.state == "waiting")
    assert isinstance(waiting.error, ConnectionFailed)
    assert "no answer for" in waiting.error.message
    assert "idle_timeout=" in waiting.error.hint
    assert waiting.note == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"json": {}}, "a POST is not sent twice"),
        ({"reconnect": False}, "a GET is not sent twice"),
        ({"idle_timeout": 60}, "after 60 s it is given up"),
    ],
)
async def test_who_is_not_asked_twice_is_waited_for(later, options, said):
    """The answer of a language model that thinks may take minutes, and costs."""

    def slow(peer):
        later(11)
        noted.wait(60)
        peer.stream("data: a\n\n")

    noted = threading.Event()
    with Server(slow, OVER) as server:
        source = watched(server.url, **options)

        def changed():
            if source.status.note:
                notes.append(source.status.note)
                later(20)
                # Some looks later: the limit of others is over.
                asyncio.get_running_loop().call_later(0.1, noted.set)

        notes = []
        source.on_status = changed
        async for event in source:
            assert event.data == "a"
            assert source.status.note == ""
            assert repr(source) == f"<EventSource {server.url} open>"
            break
        await source.aclose()
    assert len(notes) == 1
    assert said in notes[0]


async def test_a_callable_that_does_not_return_is_told_of(later):
    hangs = asyncio.Event()

    async def headers():
        later(11)
        await hangs.wait()

    source = watched("http://127.0.0.1:1/", headers=headers)
    seen = await states(source, lambda status: status.note)
    assert "The callable of headers= has not returned yet." in [s.note for s in seen]


async def test_retry_now_ends_the_wait():
    with Server(sends("data: a\n\n"), sends("data: b\n\n", then="hold")) as server:
        source = connect(server.url, retry=RetryPolicy(initial=3600, maximum=3600))
        source.on_error = lambda: asyncio.get_running_loop().call_soon(source.retry_now)
        async with source:
            got = []
            async for event in source:
                got.append(event.data)
                if event.data == "b":
                    break
    assert got == ["a", "b"]


# ---------------------------------------------------------------------- answers that are none


async def test_404_is_final_and_says_so():
    with Server(answers("404 Not Found", "Content-Type: text/plain\r\n", "nothing here")) as server:
        error = await failure(server.url)
    assert isinstance(error, BadStatus)
    assert error.status == 404
    assert error.body == "nothing here"
    assert "404" in str(error)
    assert "path" in error.hint


async def test_204_ends_without_an_error():
    with Server(OVER) as server:
        source, events = await collect(server.url)
    assert events == []
    assert source.status.state == "closed"


@pytest.mark.parametrize(
    ("kind", "body", "hint"),
    [
        ("text/html", "<!DOCTYPE html><p>log in", "HTML page"),
        ("application/x-ndjson", '{"a":1}\n{"a":2}\n', "NDJSON"),
        ("application/json", '{"error": "x"}', "JSON"),
        ("text/plain", "data: a\n\n", "text/event-stream"),
    ],
)
async def test_other_content_types_are_named(kind, body, hint):
    with Server(answers("200 OK", f"Content-Type: {kind}\r\n", body)) as server:
        error = await failure(server.url)
    assert isinstance(error, BadContentType)
    assert error.content_type == kind
    assert error.body == body
    assert hint in error.hint


async def test_missing_content_type_is_refused():
    with Server(answers("200 OK", "", "data: a\n\n")) as server:
        assert isinstance(await failure(server.url), BadContentType)


@pytest.mark.parametrize(
    "kind", ["TEXT/Event-Stream", "text/event-stream;charset=latin-1", "text/event-stream ; x=y"]
)
async def test_content_type_is_compared_by_essence(kind):
    body = "data: é\n\n"

    def script(peer):
        peer.answer("200 OK", f"Content-Type: {kind}\r\n", body)

    with Server(script, OVER) as server:
        _, events = await collect(server.url)
    assert [e.data for e in events] == ["é"]


# ---------------------------------------------------------------------- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_follows_a_redirect_of_its_own_origin(status):
    with Server(
        answers(f"{status} Go", "Location: /other\r\n"), sends("data: a\n\n"), OVER
    ) as server:
        _, events = await collect(server.url, headers={"X-Api-Key": "s"}, last_event_id="9")
    assert [e.data for e in events] == ["a"]
    assert server.requests[1].target == "/other"
    assert server.requests[1].headers["x-api-key"] == "s"
    assert server.requests[1].headers["last-event-id"] == "9"
    assert server.requests[2].target == "/events"  # the next attempt begins where this one did


async def test_secrets_stay_within_their_origin():
    with (
        Server(sends("data: a\n\n"), OVER) as other,
        Server(answers("302 Go", f"Location: {other.url}\r\n")) as server,
    ):
        _, events = await collect(
            server.url,
            headers={"X-Api-Key": "s", "Cookie": "c=1", "Authorization": "Bearer t"},
            last_event_id="9",
        )
    assert events[0].origin == other.origin
    sent = other.requests[0].headers
    assert not {"x-api-key", "cookie", "authorization"} & sent.keys()
    assert sent["last-event-id"] == "9"
    assert sent["accept"] == "text/event-stream"


async def test_redirects_in_a_circle_end():
    with Server(answers("302 Go", "Location: /events\r\n")) as server:
        assert isinstance(await failure(server.url), TooManyRedirects)
    assert len(server.requests) == 21


# ---------------------------------------------------------------------- bytes


async def test_gzip_is_inflated_although_not_asked_for():
    body = gzip.compress(b"data: a\n\n" * 1000)
    with Server(lambda peer: peer.stream(body, "Content-Encoding: gzip\r\n"), OVER) as server:
        _, events = await collect(server.url)
    assert len(events) == 1000


async def test_a_gzip_bomb_lets_other_tasks_run_while_it_goes_off():
    """One loop serves all streams: none may wait until 32 MiB are inflated."""
    bomb = gzip.compress(bytes(32 * 2**20))
    turns = pieces = 0

    class Bomb(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield bomb

    async def other():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    request = Request.of("http://127.0.0.1/", SourceOptions())
    response = httpx.Response(
        200,
        headers={"Content-Encoding": "gzip"},
        stream=Bomb(),
        request=httpx.Request("GET", "http://127.0.0.1/"),
    )
    answer = Answer(response, request.address, RequestFacts(), request)
    task = asyncio.create_task(other())
    async for _ in Connection(answer, decoder_of("gzip")).chunks():
        pieces += 1
    task.cancel()
    assert pieces > 400
    assert turns > 400


async def test_oversized_event_is_skipped_and_said():
    stream = "data: a\n\nid: 7\ndata: " + "x" * 5000 + "\n\ndata: b\n\n"
    with Server(sends(stream), OVER) as server:
        source, events = await collect(server.url, max_event_bytes=1000)
    assert [e.data for e in events] == ["a", "b"]
    assert source.last_event_id == "7"
    assert source.stats.oversize == 1
    assert [type(e) for e in source.errors if not isinstance(e, BadStatus)] == [EventTooLarge]
    assert next((g.cause, g.seq) for g in source.gaps) == ("oversize", 1)


# ---------------------------------------------------------------------- ending


@pytest.mark.parametrize("until", ["[DONE]", "done", lambda e: e.data == "[DONE]"])
async def test_stop_when_delivers_that_event_and_nothing_after_it(until):
    stream = "data: a\n\nevent: done\ndata: [DONE]\n\ndata: b\n\n"
    with Server(sends(stream, then="hold")) as server:
        source, events = await collect(server.url, stop_when=until)
    assert [e.data for e in events] == ["a", "[DONE]"]
    assert source.ready_state == EventSource.CLOSED


async def test_close_from_another_task_ends_a_silent_stream():
    with Server(sends("data: a\n\n", then="hold")) as server:
        source = connect(server.url)
        source.on_message = lambda: asyncio.get_running_loop().call_later(0, source.close)
        assert [e.data async for e in source] == ["a"]
        server.gone.get(timeout=60)


async def test_close_from_another_thread():
    with Server(sends("data: a\n\n", then="hold")) as server:
        source = connect(server.url)
        got = []
        async for event in source:
            got.append(event.data)
            threading.Thread(target=source.close).start()
        assert got == ["a"]
        server.gone.get(timeout=60)


async def test_close_while_waiting_for_the_next_attempt():
    source = connect(
        f"http://127.0.0.1:{free_port()}/", retry=RetryPolicy(initial=3600, maximum=3600)
    )
    source.on_error = lambda: asyncio.get_running_loop().call_later(0, source.close)
    assert [e async for e in source] == []


async def test_leaving_the_loop_and_the_context_closes_the_connection():
    before = asyncio.all_tasks()
    with Server(sends("data: a\n\n", then="hold")) as server:
        async with connect(server.url) as source:
            async for _ in source:
                break
        server.gone.get(timeout=60)
    async with asyncio.timeout(60):  # httpx's own generators are ended by the loop, a turn later
        while asyncio.all_tasks() - before:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_cancelling_the_reader_passes_and_closes():
    with Server(sends("data: a\n\n", then="hold")) as server:
        source = connect(server.url)
        came = asyncio.Event()
        source.on_message = lambda: came.set()
        task = asyncio.create_task(source.run())
        await came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.gone.get(timeout=60)


# ---------------------------------------------------------------------- without asyncio


def test_plain_loop():
    with Server(sends("data: 1\n\ndata: 2\n\n"), OVER) as server:
        assert [e.data for e in connect(server.url, retry=AT_ONCE)] == ["1", "2"]


def test_plain_loop_left_early_closes():
    with Server(sends("data: 1\n\ndata: 2\n\n", then="hold")) as server:
        for _ in connect(server.url):
            break
        server.gone.get(timeout=60)


def test_a_plain_loop_that_the_collector_ends_holds_up_no_stream(monkeypatch):
    """Which may happen on the background thread itself."""
    monkeypatch.setattr("sse_widget.client.delivery.CLOSING_S", 3600.0)
    with Server(sends("data: a\n\n", then="hold")) as server:
        left = [iter(EventSource(server.url))]
        assert next(left[0]).data == "a"
        done = threading.Event()
        background.call(left.clear)
        background.call(done.set)
        assert done.wait(60)  # it waited for itself
        server.gone.get(timeout=60)


def test_plain_loop_raises_what_ends_the_stream():
    with Server(answers("404 Not Found")) as server, pytest.raises(BadStatus):
        list(connect(server.url))


# ---------------------------------------------------------------------- misuse


@pytest.mark.parametrize(
    "url", ["", "nope", "ftp://x/y", "http://", "/events", "http://[::1", None]
)
def test_not_a_url(url):
    with pytest.raises(InvalidURL) as caught:
        EventSource(url)
    assert caught.value.hint


def test_url_without_scheme_gets_a_suggestion():
    with pytest.raises(InvalidURL) as caught:
        EventSource("example.com/events")
    assert "https://example.com/events" in caught.value.hint


def test_options_that_contradict():
    with pytest.raises(TypeError, match="exclude each other"):
        EventSource("http://x/", content=b"a", json={})
    with pytest.raises(ValueError, match="reconnect"):
        EventSource("http://x/", reconnect="sometimes")
    with pytest.raises(ValueError, match="idle_timeout"):
        EventSource("http://x/", idle_timeout=0)


def test_secrets_are_not_shown():
    source = EventSource(
        "http://user:hunter2@127.0.0.1:1/e?api_key=hunter2&q=1",
        params={"plain": "hunter2"},
        headers={"Authorization": "hunter2"},
        auth=("user", "hunter2"),
    )
    assert "hunter2" not in f"{source!r} {source.url}"
    assert "q=1" in source.url
