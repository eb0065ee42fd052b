"""Addresses: what is none is refused at once, and what is one is asked for byte for byte."""

from __future__ import annotations

import asyncio

import httpx
import httpx2
import pydantic
import pytest
import yarl

from sse_widget import EventSource, InvalidURL, SSECapture, TooManyRedirects

from ..helpers.clients import OVER, collect, failure
from ..helpers.scripted import Server, answers, sends

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("transport")]

ONE = "id: 1\ndata: a\n\n"
TARGETS = [
    "/x%2Fy?sig=a%2Fb%7e&c=%41%27",
    "/a?",
    "/a??",
    "/?",
    "/a?b&c=&=d",
    "/a;v=1/b,c:d@e",
    "/a/../b/./c//d",
    "/a%2e%2e/b",
    "/~!$&'()*+,;=:@",
    "/?q=[x]|{y}`z^'\\",
    "/?q=a+b%20c",
    "/100%/%zz?%",
    "/a?u=http://x/y?z",
]


@pytest.mark.parametrize("target", TARGETS)
async def test_the_request_target_is_the_persons(target):
    with Server(sends(ONE), OVER) as server:
        await collect(server.origin + target)
    assert [r.target for r in server.requests] == [target, target]


@pytest.mark.parametrize("target", TARGETS)
async def test_so_is_that_of_a_redirect(target):
    with Server(answers("307 Go", f"Location: {target}\r\n"), sends(ONE), OVER) as server:
        await collect(server.url)
    assert server.requests[1].target == target


async def test_what_no_request_line_can_hold_is_encoded_as_browsers_do():
    with Server(sends(ONE), OVER) as server:
        await collect(server.origin + '/é <x>?q=ü "y"#part')
    assert server.requests[0].target == "/%C3%A9%20%3Cx%3E?q=%C3%BC%20%22y%22"


async def test_params_leave_the_query_its_bytes():
    with Server(sends(ONE), OVER) as server:
        await collect(server.origin + "/?sig=a%2Fb%7e&page=1", params={"page": 2, "q": "a b"})
    assert server.requests[0].target == "/?sig=a%2Fb%7e&page=2&q=a+b"


async def test_params_and_those_of_a_client_are_both_sent():
    async with httpx.AsyncClient(params={"k": "v", "page": "0"}) as client:
        with Server(sends(ONE), OVER) as server:
            await collect(server.origin + "/?a=%7e", params={"page": 2}, client=client)
    assert server.requests[0].target == "/?a=%7e&k=v&page=2"


async def test_digest_signs_the_target_that_is_sent():
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=MD5\r\n'
    with Server(answers("401 No", challenge), sends(ONE), OVER) as server:
        await collect(server.origin + "/a/../%7e?", auth=httpx.DigestAuth("me", "pw"))
    signed = server.requests[1]
    assert signed.target == "/a/../%7e?"
    assert 'uri="/a/../%7e?"' in signed.headers["authorization"]


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("there", "/a/there"),
        ("../there?x=%7e", "/there?x=%7e"),
        ("?only=query", "/a/b?only=query"),
        ("./?", "/a/?"),
        ("/there#part", "/there"),
    ],
)
async def test_relative_redirects(location, target):
    with Server(answers("302 Go", f"Location: {location}\r\n"), sends(ONE), OVER) as server:
        await collect(server.origin + "/a/b?q=1")
    assert server.requests[1].target == target


@pytest.mark.parametrize(
    "location", ["ftp://x/", "http://", "http://a b/", "http://h:99999/", "//", "data:text/plain,x"]
)
async def test_a_redirect_to_no_address_is_final(location):
    with Server(answers("302 Go", f"Location: {location}\r\n")) as server:
        assert isinstance(await failure(server.url), TooManyRedirects)


NONE = [
    "",
    " ",
    "events",
    "ws://h/",
    "http://",
    "http:///x",
    "http://?x",
    "http://this is invalid/",
    "http://a<b/",
    "http://a>b/",
    'http://a"b/',
    "http://a^b/",
    "http://a|b/",
    "http://a%20b/",
    "http://a\\b/",
    "http://a\tb/",
    "http://h/a\nb",
    "example.com/a\nb",
    "http//example.com/\n",
    "http://h/\udc80",
    "http://host:99999/",
    "http://host:0/",
    "http://host:-1/",
    "http://host:+80/",
    "http://host:8_0/",
    "http://host:port/",
    "http://host:٨٠/",
    "http://a:b:80/",
    "http://::1/",
    "http://[::1/",
    "http://[::g]/",
    "http://[::1]80/",
    "http://a..b/",
    "http://.a/",
    "http://256.1.1.1/",
    "http://1.2.3.4.5/",
    "http://example.1/",
    f"http://{'a' * 64}.org/",
    f"http://{'a.' * 130}org/",
    f"http://h/{'a' * 70_000}",
]


@pytest.mark.parametrize("url", NONE, ids=lambda url: repr(url[:30]))
def test_a_url_that_is_none_is_refused_in_the_cell(url, transport):
    with pytest.raises(InvalidURL):
        EventSource(url)


@pytest.mark.parametrize("url", ["http://[::1/", "http://::1/", "http://a]:80/"])
def test_an_address_without_its_brackets_is_told_of_them(url):
    with pytest.raises(InvalidURL, match="brackets"):
        EventSource(url)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://xn--ls8h.la/", "http://xn--ls8h.la"),
        ("http://💩.la/", "http://xn--ls8h.la"),
        ("http://bücher.example/", "http://xn--bcher-kva.example"),
        ("HTTP://EXAMPLE.com:80/", "http://example.com"),
        ("https://example.com.:443", "https://example.com."),
        ("http://my_service:8000/", "http://my_service:8000"),
        ("http://127.1/", "http://127.1"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("http://host:/", "http://host"),
        (" http://host/ ", "http://host"),
    ],
)
def test_a_url_that_browsers_take_is_taken(url, origin, transport):
    assert EventSource(url).origin == origin


async def test_a_host_that_python_cannot_read_back_is_asked_for(transport):
    with Server(answers("302 Go", "Location: http://xn--ls8h.la/there\r\n")) as server:
        client = None if transport == "aiohttp" else httpx.AsyncClient
        error = await failure(server.url, client=client, reconnect=False)
    assert not isinstance(error, UnicodeError)


def test_one_bad_address_harms_no_other_stream(tmp_path, transport):
    with Server(sends(ONE, then="hold")) as server:
        capture = SSECapture({"good": server.url, "bad": "http://a b/"}, to=tmp_path / "c")
        try:
            asyncio.run(capture.until(lambda stats: stats.received >= 1, timeout=20))
            rows = capture.streams
            assert rows.state["bad"] == "failed"
            assert "not a URL" in rows.error["bad"]
        finally:
            capture.close()


class Link(pydantic.BaseModel):
    url: pydantic.HttpUrl


@pytest.mark.parametrize(
    "make",
    [httpx.URL, httpx2.URL, yarl.URL, lambda url: Link(url=url).url],
    ids=["httpx", "httpx2", "yarl", "pydantic"],
)
async def test_url_objects_are_addresses(make):
    with Server(sends(ONE), OVER) as server:
        _, events = await collect(make(server.origin + "/a?b=c"))
    assert len(events) == 1
    assert server.requests[0].target == "/a?b=c"


@pytest.mark.parametrize("given", [b"http://h/", 5, None, {"url": "x"}, ["http://h/"], str])
def test_what_is_no_text_is_named_by_its_type_alone(given, transport):
    with pytest.raises(InvalidURL, match=type(given).__name__):
        EventSource(given)


@pytest.mark.parametrize("url", ["/events", "events", "/events?x=1"])
async def test_a_path_goes_on_from_the_base_of_a_client(url):
    with Server(sends(ONE), OVER) as server:
        async with httpx.AsyncClient(base_url=f"{server.origin}/api/") as client:
            source, events = await collect(url, client=client)
    assert len(events) == 1
    assert server.requests[0].target == "/api/" + url.lstrip("/")
    assert source.origin == server.origin


async def test_and_from_that_of_a_client_that_is_made_later():
    with Server(sends(ONE), OVER) as server:
        _, events = await collect(
            "/events", client=lambda: httpx.AsyncClient(base_url=server.origin)
        )
        assert len(events) == 1
        assert isinstance(await failure("/events", client=lambda: httpx.AsyncClient()), InvalidURL)


def test_a_path_alone_is_no_address(transport):
    for client in (None, httpx.AsyncClient, httpx.AsyncClient()):
        with pytest.raises(InvalidURL):
            EventSource("/events", client=client)


def test_a_capture_has_such_paths_too(tmp_path, transport):
    with Server(sends(ONE, then="hold")) as server:
        capture = SSECapture(
            ["/a"], to=tmp_path / "c", client=lambda: httpx.AsyncClient(base_url=server.origin)
        )
        try:
            asyncio.run(capture.until(lambda stats: stats.received >= 1, timeout=20))
        finally:
            capture.close()
    assert server.requests[0].target == "/a"


async def test_client_params_are_not_told_to_another_origin():
    with (
        Server(sends(ONE), OVER) as other,
        Server(answers("302 Go", f"Location: {other.origin}/there?\r\n")) as server,
    ):
        await collect(server.url, client=lambda: httpx.AsyncClient(params={"token": "hunter2"}))
    assert server.requests[0].target == "/events?token=hunter2"
    assert other.requests[0].target == "/there?"
    assert other.requests[0].headers["host"] == other.origin.removeprefix("http://")


async def test_a_host_of_ones_own_stays_at_its_origin():
    with (
        Server(sends(ONE), OVER) as other,
        Server(answers("302 Go", f"Location: {other.url}\r\n")) as server,
    ):
        await collect(server.url, headers={"Host": "inner.example"})
    assert server.requests[0].headers["host"] == "inner.example"
    assert other.requests[0].headers["host"] == other.origin.removeprefix("http://")
