"""Requests as people need them: callables, cookies, bodies, clients, proxies, TLS, HTTP/2."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import sys
import threading
import traceback

import httpx
import pytest

from sse_widget import BadStatus, ConnectionFailed, EventSource, RetryPolicy, __version__

from ..helpers.clients import AT_ONCE, OVER, collect, connect, failure
from ..helpers.scripted import Peer, Server, answers, sends

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("transport")]

ONE = "id: 1\ndata: a\n\n"


async def test_a_name_is_looked_up():
    with Server(sends(ONE), OVER) as server:
        _, events = await collect(server.url.replace("127.0.0.1", "localhost"))
    assert len(events) == 1


async def test_a_name_that_nobody_has_says_so():
    error = await failure("http://nobody.invalid/", retry=RetryPolicy(attempts=1))
    assert "no such host" in str(error)


async def test_user_agent_names_us_and_our_page():
    with Server(OVER) as server:
        await collect(server.url)
    agent = server.requests[0].headers["user-agent"]
    assert re.fullmatch(rf"sse-widget/{re.escape(__version__)} \(\+https://\S+\)", agent)


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_headers_are_asked_on_every_attempt(kind):
    tokens = iter(["one", "two", "three"])

    def headers():
        return {"Authorization": f"Bearer {next(tokens)}"}

    async def async_headers():
        await asyncio.sleep(0)
        return headers()

    with Server(sends(ONE), sends(ONE), OVER) as server:
        await collect(server.url, headers=headers if kind == "sync" else async_headers)
    sent = [r.headers["authorization"] for r in server.requests]
    assert sent == ["Bearer one", "Bearer two", "Bearer three"]


async def test_auth_may_be_a_pair_an_httpx_auth_or_a_callable():
    for auth in (("me", "pw"), httpx.BasicAuth("me", "pw"), lambda: ("me", "pw")):
        with Server(OVER) as server:
            await collect(server.url, auth=auth)
        assert server.requests[0].headers["authorization"] == "Basic bWU6cHc="


async def test_a_callable_that_fails_is_tried_again_and_tells_no_secret():
    calls = []

    def headers():
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("token hunter2 expired")
        return {"X-Key": "k"}

    with Server(sends(ONE), OVER) as server:
        source, events = await collect(server.url, headers=headers)
    assert len(events) == 1
    assert isinstance(source.errors[0], ConnectionFailed)
    assert "hunter2" not in str(source.errors[0])
    assert "RuntimeError" in str(source.errors[0])


@pytest.mark.parametrize(
    "options",
    [
        {"auth": lambda: "hunter2"},
        {"headers": lambda: "hunter2"},
        {"headers": lambda: {"Authorization": "Bearer hunter2\n"}},
    ],
)
async def test_what_a_callable_gives_is_checked_before_anything_could_show_it(options):
    with Server(Peer.hold) as server:
        error = await failure(server.url, **options)
    assert isinstance(error, TypeError | ValueError)
    assert next(iter(options)) in str(error)
    assert "hunter2" not in "".join(traceback.format_exception(error))
    assert not server.requests


async def test_cookies_are_sent_and_those_of_the_server_come_back_to_it():
    """A load balancer's cookie must lead a reconnect to the same server."""
    first = answers("503 Busy", "Set-Cookie: theirs=1; Path=/\r\n")
    with Server(first, sends(ONE), OVER) as server:
        await collect(server.url, cookies={"mine": "2"})
    sent = [set(r.headers["cookie"].split("; ")) for r in server.requests]
    assert sent == [{"mine=2"}, {"mine=2", "theirs=1"}, {"mine=2", "theirs=1"}]


@pytest.mark.parametrize(
    ("options", "method", "body", "kind"),
    [
        ({"json": {"q": "é"}}, "POST", b'{"q":"\xc3\xa9"}', "application/json"),
        ({"content": b"raw"}, "POST", b"raw", None),
        ({"content": b"raw", "method": "put"}, "PUT", b"raw", None),
        ({"method": "POST"}, "POST", b"", None),
    ],
)
async def test_bodies(options, method, body, kind):
    with Server(sends(ONE)) as server:
        _, events = await collect(server.url, **options)
    asked = server.requests[0]
    assert len(events) == 1
    assert (asked.method, asked.body) == (method, body)
    assert asked.headers.get("content-type") == kind
    assert asked.headers["accept"] == "text/event-stream"


async def test_reconnect_true_sends_method_headers_and_body_again():
    with Server(sends(ONE), sends("id: 2\ndata: b\n\n"), OVER) as server:
        _, events = await collect(server.url, json={"q": 1}, headers={"X": "y"}, reconnect=True)
    assert [e.data for e in events] == ["a", "b"]
    assert len({(r.method, r.body, r.headers["x"]) for r in server.requests}) == 1
    assert server.requests[1].headers["last-event-id"] == "1"


async def test_json_that_cannot_be_sent_is_said_at_once():
    with Server(OVER) as server:
        assert isinstance(await failure(server.url, json={"x": object()}), TypeError)
    assert server.requests == []


@pytest.mark.parametrize("status", [307, 308])
async def test_a_body_does_not_go_to_another_origin(status):
    with (
        Server(Peer.hold) as other,
        Server(answers(f"{status} Go", f"Location: {other.url}\r\n")) as server,
    ):
        error = await failure(server.url, json={"secret": 1})
    assert isinstance(error, BadStatus)
    assert other.origin in str(error)
    assert other.requests == []


async def test_303_after_a_post_is_a_get():
    with Server(answers("303 See", "Location: /there\r\n"), sends(ONE)) as server:
        _, events = await collect(server.url, json={"q": 1})
    assert len(events) == 1
    assert (server.requests[1].method, server.requests[1].body) == ("GET", b"")


# ---------------------------------------------------------------------- clients


async def test_a_client_that_was_handed_over_is_used_and_not_closed(transport):
    async with httpx.AsyncClient(headers={"X-From": "client"}) as client:
        with Server(sends(ONE), OVER) as server:
            await collect(server.url, client=client)
        assert not client.is_closed
    assert [r.headers["x-from"] for r in server.requests] == ["client"] * 2


async def test_a_factory_makes_a_client_that_is_closed_afterwards():
    made = []

    def factory():
        made.append(httpx.AsyncClient())
        return made[-1]

    with Server(sends(ONE), OVER) as server:
        await collect(server.url, client=factory)
    assert [c.is_closed for c in made] == [True]


async def test_client_headers_stay_within_their_origin():
    async with httpx.AsyncClient(headers={"X-Key": "s"}, cookies={"c": "s"}) as client:
        with (
            Server(sends(ONE), OVER) as other,
            Server(answers("302 Go", f"Location: {other.url}\r\n")) as server,
        ):
            await collect(server.url, client=client)
    assert server.requests[0].headers["x-key"] == "s"
    assert not {"x-key", "cookie"} & other.requests[0].headers.keys()


async def test_proxy_of_the_environment(monkeypatch, transport):
    with Server(sends(ONE), OVER) as proxy:
        monkeypatch.setenv("http_proxy", proxy.origin)
        monkeypatch.setenv("no_proxy", "")
        _, events = await collect("http://feeds.invalid/events")
    assert len(events) == 1
    assert proxy.requests[0].target == "http://feeds.invalid/events"


async def test_a_certificate_nobody_signed_is_named(certificate):
    with Server(Peer.hold, tls=certificate) as server:
        error = await failure(server.url, retry=RetryPolicy(initial=0, minimum=0, attempts=1))
    assert isinstance(error, ConnectionFailed)
    assert "certificate" in str(error)
    assert "verify=" in error.hint


async def test_tls_options_of_a_client(certificate):
    context = ssl.create_default_context(cafile=str(certificate))
    with Server(sends(ONE), OVER, tls=certificate) as server:
        _, events = await collect(server.url, client=lambda: httpx.AsyncClient(verify=context))
    assert events[0].origin == server.origin
    assert server.origin.startswith("https://")


async def test_http2_with_the_stock_transport():
    """Over cleartext, by prior knowledge: a scripted server that speaks a few frames of HTTP/2."""
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import RequestReceived

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            sock, _ = listener.accept()
            with sock:
                h2 = H2Connection(H2Configuration(client_side=False))
                h2.initiate_connection()
                sock.sendall(h2.data_to_send())
                while data := sock.recv(65536):
                    for event in h2.receive_data(data):
                        if isinstance(event, RequestReceived):
                            h2.send_headers(
                                event.stream_id,
                                [(":status", "200"), ("content-type", "text/event-stream")],
                            )
                            h2.send_data(event.stream_id, ONE.encode())
                            h2.send_data(event.stream_id, b"data: b\n\n", end_stream=True)
                    sock.sendall(h2.data_to_send())

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        _, events = await collect(
            url, client=lambda: httpx.AsyncClient(http1=False, http2=True), reconnect=False
        )
        thread.join(60)
    assert [e.data for e in events] == ["a", "b"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's table of sockets")
async def test_tcp_keepalive_is_on_by_default():
    """The kernel's own table shows a keep-alive timer on our socket (timer kind 02)."""
    with Server(sends(ONE, then="hold")) as server:
        async with connect(server.url, client=None) as source:
            async for _ in source:
                break
            with open("/proc/net/tcp") as table:  # noqa: ASYNC230, PTH123
                rows = [line.split() for line in table]
        peer = f"0100007F:{server.port:04X}"
        timers = [row[5][:2] for row in rows if row[2] == peer and row[3] == "01"]
    assert timers == ["02"]


def test_repr_of_a_source_shows_no_setting():
    source = EventSource("http://127.0.0.1/", headers={"k": "hunter2"}, cookies={"c": "hunter2"})
    assert "hunter2" not in repr(vars(source)) + repr(source)


def test_at_once_is_what_it_says():
    assert AT_ONCE.delay(9) == 0
