"""Cookies of servers: bounded, one jar a stream, and each to its own origin."""

from __future__ import annotations

import httpx
import pytest

from sse_widget import EventSource, RetryPolicy, SSECapture

from ..helpers.clients import AT_ONCE, OVER, collect
from ..helpers.pages import finished
from ..helpers.scripted import Peer, Server, answers, sends

pytestmark = pytest.mark.anyio

ONE = "data: a\n\n"


def sets(*cookies: str, status: str = "503 Busy"):
    lines = "".join(f"Set-Cookie: {cookie}\r\n" for cookie in cookies)
    return answers(status, lines)


def sent(request) -> set[str]:
    header = request.headers.get("cookie", "")
    return set(header.split("; ")) if header else set()


async def test_a_server_cannot_make_requests_grow():
    n = 0

    def floods(peer: Peer) -> None:
        nonlocal n
        n += 1
        lines = "".join(f"Set-Cookie: c{n}x{k}={'v' * 3500}\r\n" for k in range(7))
        peer.answer("503 Busy", lines)

    with Server(*[floods] * 12, OVER) as server:
        await collect(server.url, cookies={"mine": "1"}, headers={"X": "y"})
    sizes = [sum(len(k) + len(v) for k, v in r.raw_headers) for r in server.requests]
    assert len(sizes) == 13
    assert max(sizes) < 8 * 1024
    assert "mine=1" in sent(server.requests[-1])
    assert any(cookie.startswith("c12x") for cookie in sent(server.requests[-1]))


async def test_many_small_cookies_and_one_that_is_too_large():
    many = [f"k{n}=1" for n in range(90)]
    with Server(sets("big=" + "x" * 5000, *many), OVER) as server:
        await collect(server.url)
    got = sent(server.requests[1])
    assert 0 < len(got) <= 50
    assert not any(cookie.startswith("big") for cookie in got)


@pytest.mark.parametrize(
    "cookie",
    [b"\xc3\xa9=1", b"\xff\xfe=\x80", b"a=b\x01c", b"=", b";;;", b"a" * 9000, b"x=1; Domain=.."],
)
async def test_an_odd_cookie_of_a_server_ends_nothing(cookie):
    def script(head):
        return lambda peer: peer.send(
            b"HTTP/1.1 " + head + b"X-N: \xe9\r\nSet-Cookie: " + cookie + b"\r\n\r\n" + body
        )

    body = ONE.encode()
    refuses = script(b"503 Busy\r\nContent-Length: 0\r\n")
    streams = script(b"200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n")
    # httpx's own reads no answer with a control character in its head.
    for client in (None,) if b"\x01" in cookie else (None, httpx.AsyncClient):
        with Server(refuses, streams, OVER) as server:
            source, events = await collect(server.url, cookies={"sid": "hunter2"}, client=client)
        assert len(events) == 1
        assert "hunter2" not in repr(source.status) + repr(source.errors)
        assert "sid=hunter2" in sent(server.requests[2])


async def test_one_of_a_port_does_not_go_to_another():
    with (
        Server(sends(ONE), OVER) as other,
        Server(sets("session=hunter2", status="302 Go")) as server,
    ):
        server.scripts = (
            answers("302 Go", f"Set-Cookie: session=hunter2\r\nLocation: {other.url}\r\n"),
        )
        await collect(server.url)
    assert not sent(other.requests[0])


async def test_what_another_origin_sets_comes_back_to_it_alone():
    with Server(sets("theirs=1"), sends(ONE), OVER) as other:
        with Server(answers("307 Go", f"Location: {other.url}\r\n")) as server:
            await collect(server.url, cookies={"mine": "2"})
        assert [sent(r) for r in server.requests] == [{"mine=2"}] * 3
        assert [sent(r) for r in other.requests] == [set(), {"theirs=1"}, {"theirs=1"}]


@pytest.mark.parametrize("client", [None, httpx.AsyncClient], ids=["ours", "httpx"])
def test_streams_of_one_capture_share_none(tmp_path, client):
    setting = answers("503 Busy", "Set-Cookie: session=hunter2\r\n")
    with Server(setting, OVER) as one, Server(setting, OVER) as two:
        urls = {"a": one.url, "b": one.url + "?b", "c": two.url}
        capture = SSECapture(urls, to=tmp_path / "c", retry=AT_ONCE, client=client)
        finished(capture)
        capture.close()
        first = {}
        for request in [*one.requests, *two.requests]:
            first.setdefault((request.headers["host"], request.target), sent(request))
    assert len(first) == 3
    assert not any(first.values())


async def test_one_that_a_person_gave_is_not_taken_over_by_the_server():
    with Server(sets("sid=theirs", "other=1"), OVER) as server:
        await collect(server.url, cookies={"sid": "mine"})
    assert sent(server.requests[1]) == {"sid=mine", "other=1"}


async def test_paths_and_ends_of_cookies_are_kept():
    gone = sets("a=1; Path=/", "b=2; Path=/elsewhere", "c=3; Max-Age=0", "d=4; Secure")
    with Server(gone, sets("a=; Max-Age=0"), OVER) as server:
        await collect(server.url)
    assert [sent(r) for r in server.requests] == [set(), {"a=1"}, set()]


async def test_a_jar_a_mapping_and_pairs_may_be_given():
    jar = httpx.Cookies({"a": "1"})
    for cookies in (jar, jar.jar, {"a": "1"}, [("a", "1")]):
        with Server(OVER) as server:
            await collect(server.url, cookies=cookies)
        assert sent(server.requests[0]) == {"a=1"}


async def test_a_cookie_header_and_cookies_are_one_header():
    with Server(sets("c=3"), OVER) as server:
        await collect(server.url, headers={"Cookie": "a=1"}, cookies={"b": "2"})
    for request, wanted in zip(
        server.requests, ({"a=1", "b=2"}, {"a=1", "b=2", "c=3"}), strict=True
    ):
        assert sent(request) == wanted
        assert [k.lower() for k, _ in request.raw_headers].count(b"cookie") == 1


async def test_a_client_that_is_handed_over_keeps_its_jar():
    async with httpx.AsyncClient(cookies={"own": "1"}) as client:
        with Server(sets("theirs=2"), sends(ONE), OVER) as server:
            await collect(server.url, client=client, cookies={"mine": "3"})
        assert client.cookies["theirs"] == "2"
    assert sent(server.requests[1]) == {"own=1", "theirs=2", "mine=3"}


def test_they_lead_back_to_the_server_that_set_them():
    """A load balancer's cookie leads to the same server."""
    stay = answers("200 OK", "Content-Type: text/event-stream\r\nSet-Cookie: lb=1\r\n", ONE)
    with Server(stay, OVER) as server:
        source = EventSource(server.url, retry=RetryPolicy(initial=0, minimum=0, jitter=0))
        for _ in source:
            pass
    assert sent(server.requests[1]) == {"lb=1"}
