"""Clients, auth and bodies that people bring along: they work, or are refused by name."""

from __future__ import annotations

import asyncio
import functools
import io
import threading

import aiohttp
import httpx
import httpx2
import pytest
import requests
from requests.auth import HTTPDigestAuth
from starlette.testclient import TestClient

from sse_widget import (
    BadStatus,
    ConnectionFailed,
    EventSource,
    EventTooLarge,
    RetryPolicy,
    SSECapture,
    SSEStream,
)

from ..helpers.clients import OVER, collect, failure
from ..helpers.pages import finished
from ..helpers.scripted import Server, answers, sends

pytestmark = pytest.mark.anyio

ONE = "id: 1\ndata: a\n\n"
STREAM = {"content-type": "text/event-stream"}
ONCE = RetryPolicy(initial=0, minimum=0, attempts=1)


# ---------------------------------------------------------------------- bodies that were read before


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda m: m.__name__)
async def test_the_answer_of_a_mock_transport_is_a_stream(library):
    def answer(request):
        return library.Response(200, headers=STREAM, text="data: a\n\ndata: b\n\n")

    client = library.AsyncClient(transport=library.MockTransport(answer))
    _, events = await collect("http://x/", client=client, reconnect=False)
    assert [e.data for e in events] == ["a", "b"]


async def test_a_mock_transport_that_refuses_is_told_with_its_words():
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(lambda r: httpx.Response(403, text="not you"))
    )
    error = await failure("http://x/", client=client)
    assert (error.status, error.body) == (403, "not you")


@pytest.mark.parametrize("coding", ["", "gzip"])
async def test_a_hook_may_read_a_body_that_ends(coding):
    async def read(response):
        await response.aread()

    body = ONE.encode()
    headers = "Content-Type: text/event-stream\r\n"
    if coding:
        import gzip

        body, headers = gzip.compress(body), headers + "Content-Encoding: gzip\r\n"
    with Server(answers("200 OK", headers, body)) as server:
        client = httpx.AsyncClient(event_hooks={"response": [read]})
        _, events = await collect(server.url, client=client, reconnect=False)
    assert [e.data for e in events] == ["a"]


async def test_a_hook_that_reads_the_stream_away_is_named_once():
    async def read(response):
        async for _ in response.aiter_lines():
            break

    with Server(sends(ONE)) as server:
        error = await failure(
            server.url, client=httpx.AsyncClient(event_hooks={"response": [read]})
        )
    assert isinstance(error, TypeError)
    assert "hook" in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["401 No", "404 None", "302 Go"])
async def test_raise_for_status_in_a_hook_is_an_answer_like_any_other(status):
    async def check(response):
        response.raise_for_status()

    location = "Location: /there\r\n" if status.startswith("302") else ""
    with Server(answers(status, location), sends(ONE)) as server:
        client = httpx.AsyncClient(event_hooks={"response": [check]})
        if location:
            _, events = await collect(server.url, client=client, reconnect=False)
            assert len(events) == 1
        else:
            error = await failure(server.url, client=client, reconnect=True)
            assert isinstance(error, BadStatus)
            assert error.status == int(status[:3])
            assert len(server.requests) == 1


async def test_raise_for_status_is_tried_again_where_the_status_is():
    async def check(response):
        response.raise_for_status()

    with Server(answers("503 Busy"), sends(ONE), OVER) as server:
        client = httpx.AsyncClient(event_hooks={"response": [check]})
        _, events = await collect(server.url, client=client)
    assert len(events) == 1


# ---------------------------------------------------------------------- clients that cannot work


async def async_factory():
    return httpx.AsyncClient()


class AsyncFactory:
    async def __call__(self):
        return httpx.AsyncClient()


@pytest.mark.parametrize(
    ("client", "word"),
    [
        (httpx.Client(), "blocking"),
        (httpx.Client, "blocking"),
        (httpx2.Client(), "blocking"),
        (TestClient(lambda scope: None), "blocking"),
        (requests.Session(), "Session"),
        (async_factory, "async function"),
        (AsyncFactory(), "async function"),
        (functools.partial(async_factory), "async function"),
        (aiohttp.ClientSession, "aiohttp session"),
        (5, "int"),
        ("http://proxy", "str"),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_client_that_cannot_work_is_refused_in_the_cell(client, word):
    for make in (EventSource, SSEStream):
        with pytest.raises(TypeError, match="client") as caught:
            make("http://127.0.0.1:1/", client=client)
        assert word in str(caught.value)


async def test_an_aiohttp_session_is_refused_by_name():
    async with aiohttp.ClientSession() as session:
        error = await failure("http://127.0.0.1:1/", client=lambda: session)
        assert "aiohttp session" in str(error)
        with pytest.raises(TypeError, match="aiohttp session"):
            EventSource("http://127.0.0.1:1/", client=session)


async def test_a_closed_client_is_refused_and_one_that_is_closed_later_ends_the_stream():
    client = httpx.AsyncClient()
    source = EventSource("http://127.0.0.1:1/", client=client, retry=ONCE)
    await client.aclose()
    with pytest.raises(ValueError, match="client is closed"):
        EventSource("http://127.0.0.1:1/", client=client)
    with pytest.raises(RuntimeError, match="client= was closed"):
        await source.run()


@pytest.mark.parametrize(
    ("factory", "word"),
    [
        (lambda: httpx.Client(), "blocking"),
        (lambda: async_factory(), "awaitable"),
        (lambda: requests.Session(), "Session"),
        (lambda: None, "NoneType"),
        (lambda: print, "not"),
    ],
)
async def test_what_a_factory_makes_is_checked_before_it_is_used(factory, word):
    with Server(sends(ONE)) as server:
        error = await failure(server.url, client=factory)
    assert isinstance(error, TypeError)
    assert "client" in str(error)
    assert word in str(error)
    assert not server.requests


# ---------------------------------------------------------------------- auth


class Signs(httpx.Auth):
    requires_request_body = True

    def auth_flow(self, request):
        request.headers["X-Signature"] = str(len(request.content))
        yield request


class FetchesToken(httpx.Auth):
    """Asks for a token first, and reads the answer."""

    requires_response_body = True

    def __init__(self, url):
        self.url = url

    def auth_flow(self, request):
        answer = yield httpx.Request("POST", self.url)
        request.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        yield request


class Asynchronous(httpx.Auth):
    async def async_auth_flow(self, request):
        await asyncio.sleep(0)
        request.headers["Authorization"] = "Bearer async"
        yield request


def signed(request):
    request.headers["X-Signed"] = "yes"
    return request


def signed_in_place(request):
    request.headers["X-Signed"] = "yes"


async def signed_later(request):
    await asyncio.sleep(0)
    return signed(request)


CLIENTS = {"ours": None, "httpx": httpx.AsyncClient, "httpx2": httpx2.AsyncClient}


@pytest.fixture(params=CLIENTS)
def client(request):
    return CLIENTS[request.param]


@pytest.mark.parametrize("auth", [signed, signed_in_place, signed_later, lambda r: signed(r)])
async def test_auth_may_be_a_function_of_the_request(auth, client):
    with Server(sends(ONE), OVER) as server:
        await collect(server.url, auth=auth, client=client)
    assert [r.headers["x-signed"] for r in server.requests] == ["yes", "yes"]


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda m: m.__name__)
async def test_the_auth_of_either_library_works_with_every_client(library, client):
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=MD5\r\n'
    with Server(answers("401 No", challenge), sends(ONE), OVER) as server:
        _, events = await collect(server.url, auth=library.DigestAuth("me", "pw"), client=client)
    assert len(events) == 1
    assert server.requests[1].headers["authorization"].startswith("Digest ")
    with Server(sends(ONE), OVER) as server:
        await collect(server.url, auth=library.BasicAuth("me", "pw"), client=client)
    assert server.requests[0].headers["authorization"] == "Basic bWU6cHc="


async def test_an_auth_that_needs_the_requests_body(client):
    with Server(sends(ONE)) as server:
        await collect(server.url, auth=Signs(), content=b"12345", client=client)
    assert server.requests[0].headers["x-signature"] == "5"


async def test_an_auth_that_needs_the_answers_body_never_waits_for_the_stream():
    token = answers("200 OK", "Content-Type: application/json\r\n", '{"token": "t"}')
    with Server(token, sends(ONE, then="hold")) as server:
        source = EventSource(server.url, auth=FetchesToken(server.origin + "/token"))
        async with source:
            async for event in source:
                assert event.data == "a"
                break
    assert server.requests[0].target == "/token"
    assert server.requests[1].headers["authorization"] == "Bearer t"


async def test_an_asynchronous_auth(client):
    with Server(sends(ONE), OVER) as server:
        await collect(server.url, auth=Asynchronous(), client=client)
    assert server.requests[0].headers["authorization"] == "Bearer async"


async def test_auth_that_gives_auth_on_every_attempt():
    tokens = iter("ab")

    def auth():
        token = next(tokens)

        def sign(request):
            request.headers["Authorization"] = f"Bearer {token}"

        return sign

    with Server(sends(ONE), OVER) as server:
        await collect(server.url, auth=auth)
    assert [r.headers["authorization"] for r in server.requests] == ["Bearer a", "Bearer b"]


def test_a_slow_auth_holds_up_no_other_stream():
    asked, go = threading.Event(), threading.Event()

    def slow(request):
        asked.set()
        assert go.wait(20)

    with Server(sends(ONE, then="hold")) as server:
        first = SSEStream(server.url, auth=slow)
        assert asked.wait(20)
        second = SSEStream(server.url)
        asyncio.run(second.until(timeout=20))
        go.set()
        asyncio.run(first.until(timeout=20))
        for stream in (first, second):
            stream.close()


async def test_auth_does_not_go_to_another_origin(client):
    for auth in (signed, Signs(), Asynchronous()):
        with (
            Server(sends(ONE), OVER) as other,
            Server(answers("302 Go", f"Location: {other.url}\r\n")) as server,
        ):
            await collect(server.url, auth=auth, client=client)
        assert not {"x-signed", "x-signature", "authorization"} & other.requests[0].headers.keys()


@pytest.mark.parametrize(
    "auth", [httpx.BasicAuth, HTTPDigestAuth("me", "hunter2"), lambda a, b: a, ["me", "hunter2"], 5]
)
def test_auth_that_cannot_work_is_refused_in_the_cell(auth):
    with pytest.raises(TypeError, match="auth") as caught:
        EventSource("http://127.0.0.1:1/", auth=auth)
    assert "hunter2" not in str(caught.value)


async def test_and_what_a_callable_gives_when_it_is_asked():
    with Server(sends(ONE)) as server:
        for auth in (lambda: 5, lambda: httpx.BasicAuth, lambda: lambda: ("me", "pw")):
            assert isinstance(await failure(server.url, auth=auth), TypeError)
        _, events = await collect(
            server.url, auth=requests.auth.HTTPBasicAuth("me", "pw"), reconnect=False
        )
    assert len(events) == 1
    assert [r.headers["authorization"] for r in server.requests] == ["Basic bWU6cHc="]


async def test_auth_that_raises_is_tried_again_like_a_connection():
    calls = []

    def auth(request):
        calls.append(1)
        if len(calls) == 1:
            raise KeyError("hunter2")

    with Server(sends(ONE), OVER) as server:
        source, events = await collect(server.url, auth=auth)
    assert len(events) == 1
    assert isinstance(source.errors[0], ConnectionFailed)
    assert "KeyError" in str(source.errors[0])
    assert "hunter2" not in str(source.errors[0])


# ---------------------------------------------------------------------- bodies that can be read once


def pieces():
    yield b"ab"
    yield b"cd"


@pytest.mark.parametrize(
    "make",
    [pieces, lambda: io.BytesIO(b"abcd"), lambda: iter([b"abcd"])],
    ids=["generator", "file", "iterator"],
)
async def test_a_body_that_can_be_read_once_is_sent_every_time(make):
    with Server(answers("307 Go", "Location: /there\r\n"), sends(ONE), OVER) as server:
        await collect(server.url, content=make(), reconnect=True)
    assert [r.body for r in server.requests] == [b"abcd"] * 3


def test_and_after_stop_and_start():
    with Server(sends(ONE, then="hold")) as server:
        stream = SSEStream(server.url, content=pieces(), method="POST")
        server.asked.get(timeout=20)
        stream.stop()
        stream.start()
        server.asked.get(timeout=20)
        stream.close()
    assert {r.body for r in server.requests} == {b"abcd"}


async def awaited(*parts):
    for part in parts:
        await asyncio.sleep(0)
        yield part


async def test_a_body_that_must_be_awaited_is_read_once():
    again = answers("307 Go", "Location: /there\r\n")
    with Server(again, sends(ONE), OVER) as server:
        await collect(server.url, content=awaited(b"ab", "cd"), reconnect=True)
    assert [r.body for r in server.requests] == [b"abcd"] * 3


def test_and_sent_by_every_stream_of_a_capture(tmp_path):
    with Server(sends(ONE)) as server:
        urls = {str(n): f"{server.url}?{n}" for n in range(5)}
        capture = SSECapture(urls, to=tmp_path / "c", content=awaited(b"ab", b"cd"))
        finished(capture)
        capture.close()
    assert [r.body for r in server.requests] == [b"abcd"] * 5


@pytest.mark.parametrize(("parts", "error"), [((), ValueError), ((b"a", 5), TypeError)])
async def test_and_named_where_it_gives_no_body(parts, error):
    with Server(sends(ONE)) as server:
        found = await failure(server.url, content=awaited(*parts))
    assert isinstance(found, error)
    assert "content" in str(found)
    assert not server.requests


def test_workers_of_a_cluster_cannot_await_it(tmp_path):
    with pytest.raises(TypeError, match="content"):
        SSECapture(["http://h/"], to=tmp_path, content=awaited(), cluster="local")


# ---------------------------------------------------------------------- methods and sizes


@pytest.mark.parametrize("method", ["REPORT", "SEARCH", "PROPFIND", "QUERY", "OPTIONS"])
async def test_a_method_that_only_asks_is_asked_again(method):
    with Server(sends(ONE), OVER) as server:
        await collect(server.url, method=method)
    assert [r.method for r in server.requests] == [method] * 2


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("HEAD", 303, "HEAD"),
        ("HEAD", 302, "HEAD"),
        ("REPORT", 303, "GET"),
        ("REPORT", 302, "REPORT"),
        ("POST", 301, "GET"),
        ("POST", 307, "POST"),
    ],
)
async def test_the_method_after_a_redirect(method, status, then):
    with Server(answers(f"{status} Go", "Location: /there\r\n"), OVER) as server:
        await collect(server.url, method=method)
    assert [r.method for r in server.requests] == [method, then]


async def test_an_image_after_a_post_is_one_event():
    image = b"data: " + b"A" * (20 * 2**20) + b"\n\n"
    with Server(sends(image)) as server:
        _, events = await collect(server.url, json={"draw": "a cat"})
        source, none = await collect(server.url, reconnect=False)
    assert [len(e.data) for e in events] == [20 * 2**20]
    assert none == []
    assert isinstance(source.errors[0], EventTooLarge)
