"""What is asked for anew on every attempt, and what the answer's headers tell."""

from __future__ import annotations

import itertools

import pytest

from sse_widget import Capture, EventSource, InvalidURL, Reason, RetryPolicy, SSECapture, SSEStream

from ..helpers.clients import AT_ONCE, OVER, collect, connect, failure
from ..helpers.scripted import Server, answers, sends

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("transport")]

BUSY = answers("503 Busy")
DATA = sends("data: a\n\n")


async def sync_or_async(value):
    return value


@pytest.mark.parametrize("is_async", [False, True])
async def test_params_are_asked_for_on_every_attempt(is_async):
    since = itertools.count()

    def params():
        given = {"since": next(since), "token": "hunter2"}
        return sync_or_async(given) if is_async else given

    with Server(DATA, BUSY, OVER) as server:
        source, events = await collect(f"{server.url}?a=b", params=params)
    assert [e.data for e in events] == ["a"]
    assert [r.target for r in server.requests] == [
        f"/events?a=b&since={n}&token=hunter2" for n in range(3)
    ]
    assert source.url == f"{server.url}?a=b&since=***&token=***"
    assert "hunter2" not in repr(source) + str(source.errors) + str(source.status)


@pytest.mark.parametrize("is_async", [False, True])
async def test_the_url_is_asked_for_on_every_attempt(is_async):
    paths = itertools.count()

    def url():
        given = f"{server.origin}/{next(paths)}?auth=hunter2"
        return sync_or_async(given) if is_async else given

    with Server(DATA, BUSY, OVER) as server:
        source, events = await collect(url, params={"x": "1"})
    assert [e.data for e in events] == ["a"]
    assert [r.target for r in server.requests] == [f"/{n}?auth=hunter2&x=1" for n in range(3)]
    assert source.url == f"{server.origin}/0?auth=***&x=***"
    assert source.origin == server.origin
    assert "hunter2" not in repr(source) + str(source.errors)


async def test_another_server_may_be_given():
    with Server(sends("id: 7\ndata: a\n\n")) as first, Server(sends("data: b\n\n"), OVER) as second:
        urls = iter([first.url, second.url, second.url])
        _, events = await collect(lambda: next(urls))
    assert [(e.data, e.origin) for e in events] == [("a", first.origin), ("b", second.origin)]
    assert second.requests[0].headers["last-event-id"] == "7"


async def test_login_of_a_url_that_was_asked_for():
    with Server(DATA, OVER) as server:
        url = server.url.replace("://", "://bob:hunter2@")
        source, _ = await collect(lambda: url)
    assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert "hunter2" not in source.url


async def test_before_it_is_asked_nothing_is_known_of_the_url():
    source = EventSource(lambda: "https://example.com/")
    assert source.url == "(asked for on every attempt)"
    assert source.origin == ""
    source.close()


async def test_what_is_no_url_fails_in_plain_words():
    error = await failure(lambda: "example.com/events")
    assert isinstance(error, InvalidURL)
    assert 'Did you mean "https://example.com/events"' in error.hint


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"params": lambda: ["a"]}, "params must be"),
        ({"params": lambda: {"a": {}}}, "params: 'a' must be"),
    ],
)
async def test_what_is_no_parameter_fails_by_name(options, says):
    with Server(DATA) as server:
        error = await failure(server.url, **options)
    assert says in str(error)
    assert not server.requests


@pytest.mark.parametrize("name", ["url", "params"])
async def test_a_function_that_raises_is_asked_again(name):
    """Fetching a token or a cursor fails as a connection does."""
    calls = itertools.count()

    def value():
        if not next(calls):
            raise RuntimeError("hunter2")
        return server.url if name == "url" else {"a": 1}

    with Server(DATA, OVER) as server:
        url, options = (value, {}) if name == "url" else (server.url, {name: value})
        source, events = await collect(url, **options)
    assert [e.data for e in events] == ["a"]
    assert f"{name}= raised RuntimeError when it was asked" in str(source.errors[0])
    assert "hunter2" not in str(source.errors[0])


async def test_a_token_in_the_query_that_expired_is_asked_for_once_more():
    tokens = iter(["old", "new"])
    with Server(answers("401 Unauthorized"), DATA, OVER) as server:
        source = EventSource(server.url, params=lambda: {"token": next(tokens)}, reconnect=False)
        assert [event.data async for event in source] == ["a"]
    assert [r.target for r in server.requests] == ["/events?token=old", "/events?token=new"]


@pytest.mark.parametrize("options", [{"params": lambda n: {}}, {"headers": lambda n: {}}])
def test_a_function_that_wants_arguments_is_refused_in_the_cell(options):
    with pytest.raises(TypeError, match="is called without arguments on every attempt"):
        EventSource("http://localhost/", **options)


def test_a_url_that_wants_arguments_is_refused_in_the_cell():
    with pytest.raises(TypeError, match="url= is called without arguments"):
        EventSource(lambda n: "http://localhost/")


async def test_a_stream_asks_anew_too_and_shows_the_latest_address():
    paths = itertools.count()
    with Server(DATA, sends("data: b\n\n", then="hold")) as server:
        stream = SSEStream(
            lambda: f"{server.origin}/{next(paths)}", params=lambda: {"q": "s3cret"}, retry=AT_ONCE
        )
        await stream.until(where=lambda event: event.data == "b", timeout=30)
        assert stream.url == f"{server.origin}/1?q=***"
        stream.stop()
        stream.start()
        await stream.until(where=lambda event: event.seq == 2, timeout=30)
        assert stream.url == f"{server.origin}/2?q=***"
        stream.close()
    assert [r.target for r in server.requests] == [f"/{n}?q=s3cret" for n in range(3)]


def test_a_capture_of_such_a_stream_wants_a_name(tmp_path):
    with pytest.raises(ValueError, match=r'capture=Capture\(folder, stream="a name"\)'):
        SSEStream(lambda: "http://localhost/", capture=tmp_path)


async def test_captures_ask_anew(tmp_path):
    with Server(sends("id: 1\ndata: a\n\n", then="hold")) as server:
        stream = SSEStream(lambda: server.url, capture=Capture(tmp_path / "one", stream="n"))
        await stream.until(timeout=30)
        stream.close()
        capture = SSECapture(
            {"a": lambda: server.url, "b": server.url},
            to=tmp_path / "many",
            params=lambda: {"q": 1},
            retry=RetryPolicy(attempts=1),
        )
        await capture.until(lambda stats: stats.written == 2, timeout=30)
        assert set(capture.streams["state"]) == {"open"}
        capture.close()
        unnamed = SSECapture([lambda: server.url], to=tmp_path / "none")
        assert "has no name of its own" in unnamed.streams["error"].iloc[0]
        unnamed.close()
    assert [r.target for r in server.requests[1:]] == ["/events?q=1"] * 2


# ------------------------------------------------------------------ the headers of the answer

HEADERS = (
    "X-RateLimit-Remaining: 41\r\nMcp-Session-Id: s3cret\r\nSet-Cookie: sid=s3cret; Path=/\r\n"
    "Set-Cookie: b=2\r\nX-Echo: hunter2\r\nX-Odd: sk-1234567890abcdef\r\n"
)


async def test_the_headers_of_the_open_answer_can_be_read():
    def script(peer):
        peer.stream("data: a\n\n", HEADERS)

    with Server(script, DATA, OVER) as server:
        async with connect(server.url, retry=AT_ONCE, auth=("u", "hunter2")) as source:
            assert len(source.response_headers) == 0
            events = aiter(source)
            await anext(events)
            headers = source.response_headers
            assert headers["x-ratelimit-remaining"] == headers["X-RateLimit-Remaining"] == "41"
            assert headers["mcp-session-id"] == "s3cret"
            assert headers.get_list("set-cookie") == ["sid=s3cret; Path=/", "b=2"]
            assert headers["x-echo"] == "hunter2"
            for shown in (repr(headers), str(headers), f"{headers}", repr(headers.copy())):
                assert "'x-ratelimit-remaining': '41'" in shown
                assert "sid=***" in shown
                for secret in ("s3cret", "hunter2", "sk-123"):
                    assert secret not in shown
            await anext(events)
            assert "x-ratelimit-remaining" not in source.response_headers


async def test_the_headers_of_a_stream_stay_when_it_is_over():
    with Server(lambda peer: peer.stream("data: a\n\n", HEADERS)) as server:
        stream = SSEStream(server.url, reconnect=False)
        assert (await stream.wait_closed()).reason is Reason.ENDED
        assert stream.response_headers["x-ratelimit-remaining"] == "41"
        stream.close()
    replay = SSEStream.replay(b"data: a\n\n")
    await replay.wait_closed()
    assert not replay.response_headers
    replay.close()
