"""Proxies: which one is taken, and who is blamed. Real sockets, the environment as people set it."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from sse_widget import (
    BadStatus,
    ConnectionFailed,
    EventSource,
    RetryPolicy,
    SSECapture,
    SSEError,
    SSEStream,
)
from sse_widget.client import proxies
from sse_widget.client.proxies import Proxy, bypasses, environment_proxy, proxy_of

from ..helpers.clients import OVER, WatchedSource, collect, failure
from ..helpers.proxies import Socks, tunnels
from ..helpers.scripted import Peer, Server, answers, free_port, sends

pytestmark = pytest.mark.anyio

ONE = "id: 1\ndata: a\n\n"
ONCE = RetryPolicy(initial=0, minimum=0, attempts=1)
SECRET = "hunter2hunter2"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """No proxy but the one of a test."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


# ---------------------------------------------------------------------- which one


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "http://a.example/", None),
        ({"http": "http://p:1"}, "http://a.example/", "http://p:1"),
        ({"http": "http://p:1"}, "https://a.example/", None),
        ({"all": "http://p:1"}, "https://a.example/", "http://p:1"),
        ({"all": "http://p:1", "https": "http://q:2"}, "https://a.example/", "http://q:2"),
        ({"http": "p:1"}, "http://a.example/", "http://p:1"),
        ({"http": "http://p"}, "http://a.example/", "http://p:80"),
        ({"http": "http://[::1]:3128"}, "http://a.example/", "http://[::1]:3128"),
        ({"all": "socks://p"}, "http://a.example/", "socks5://p:1080"),
        ({"all": "socks5h://p:2"}, "http://a.example/", "socks5://p:2"),
        ({"all": "socks4a://p:2"}, "http://a.example/", "socks4://p:2"),
        ({"http": "http://me:pw@p:1"}, "http://a.example/", "http://***@p:1"),
        ({"http": " "}, "http://a.example/", None),
        ({"http": "http://p:1", "no": "a.example"}, "http://a.example/", None),
    ],
)
def test_the_proxy_of_the_environment(environment, url, proxy):
    found = environment_proxy(httpx.URL(url), environment)
    assert (None if found is None else str(found)) == proxy


@pytest.mark.parametrize(
    ("no_proxy", "url", "listed"),
    [
        ("", "http://a.example/", False),
        ("*", "http://a.example/", True),
        ("a.example", "http://a.example/", True),
        ("A.Example.", "http://a.example/", True),
        ("example", "http://a.example/", True),
        (".example", "http://a.example/", True),
        ("*.example", "http://a.example/", True),
        ("ample", "http://a.example/", False),
        ("b.example, a.example", "http://a.example/", True),
        ("b.example a.example", "http://a.example/", True),
        ("a.example:80", "http://a.example/", True),
        ("a.example:8080", "http://a.example/", False),
        ("a.example:8080", "http://a.example:8080/", True),
        ("http://a.example", "http://a.example/", True),
        ("https://a.example", "http://a.example/", False),
        ("localhost", "http://localhost:8888/", True),
        ("127.0.0.1", "http://127.0.0.1:8888/", True),
        ("127.0.0.1:9", "http://127.0.0.1:8888/", False),
        ("127.0.0.0/8", "http://127.1.2.3/", True),
        ("10.0.0.0/8", "http://127.1.2.3/", False),
        ("10.1.2.3/8", "http://10.9.9.9/", True),  # a range with bits of a host is one
        ("10.0.0.0/8", "http://10.example/", False),
        ("::1", "http://[::1]:8888/", True),
        ("[::1]", "http://[::1]:8888/", True),
        ("[::1]:8888", "http://[::1]:8888/", True),
        ("[::1]:9", "http://[::1]:8888/", False),
        ("fe80::/10", "http://[fe80::1]/", True),
        ("[fe80::]/10", "http://[fe80::1]/", True),
        ("fe80::/10", "http://[::1]/", False),
        ("127.0.0.1", "http://[::ffff:127.0.0.1]/", True),
        ("xn--bcher-kva.example", "http://b\u00fccher.example/", True),
        ("b\u00fccher.example", "http://b\u00fccher.example/", True),
        # What cannot be read is passed over, and the next entry counts.
        ("[::1, fe80::/999, http://, :, a:b:c, ://, a.example", "http://a.example/", True),
        ("[::1, fe80::/999, http://, :, a:b:c, ://", "http://a.example/", False),
    ],
)
def test_no_proxy(no_proxy, url, listed):
    assert bypasses(httpx.URL(url), no_proxy) is listed


@pytest.mark.parametrize("value", ["http://", "ftp://p:1", "http://p:port", "http://p:99999"])
def test_an_address_that_is_none_is_refused_by_name(value):
    with pytest.raises(SSEError, match="HTTPS_PROXY is no address of a proxy"):
        proxy_of(value, "HTTPS_PROXY")


def test_what_is_shown_of_a_proxy_has_no_password():
    proxy = proxy_of(httpx.Proxy("http://127.0.0.1:1", auth=("me", SECRET)))
    assert proxy == Proxy("http", "127.0.0.1", 1, ("me", SECRET))
    assert SECRET not in str(proxy) + repr(proxy) + proxy.url


async def test_a_stream_without_a_proxy_lives_with_any_no_proxy(environment):
    environment.setenv("NO_PROXY", "fe80::/10,[::1],::1/128,http://[")
    with Server(sends(ONE), OVER) as server:
        _, events = await collect(server.url)
    assert len(events) == 1


# ---------------------------------------------------------------------- HTTP


async def test_a_tunnel_to_a_secure_server(environment, certificate):
    environment.setenv("SSL_CERT_FILE", str(certificate))
    with (
        Server(sends(ONE), OVER, tls=certificate) as server,
        Server(tunnels(server.port, "me", "p:w\u00e9")) as proxy,
    ):
        environment.setenv("HTTPS_PROXY", f"http://me:p%3Aw%C3%A9@127.0.0.1:{proxy.port}")
        _, events = await collect(server.url)
    assert [e.data for e in events] == ["a"]
    assert proxy.requests[0].target == f"127.0.0.1:{server.port}"
    assert "proxy-authorization" not in server.requests[0].headers


async def test_user_and_password_go_with_a_plain_request(environment):
    with Server(sends(ONE), OVER) as proxy:
        environment.setenv("HTTP_PROXY", f"http://me:pw@127.0.0.1:{proxy.port}")
        await collect("http://feeds.invalid/events?a=1")
    assert proxy.requests[0].target == "http://feeds.invalid/events?a=1"
    assert proxy.requests[0].headers["proxy-authorization"] == "Basic bWU6cHc="


@pytest.mark.parametrize("status", [403, 407])
async def test_a_proxy_that_refuses_is_named_and_final(environment, status):
    with Server(answers(f"{status} Never")) as proxy:
        environment.setenv("HTTPS_PROXY", f"http://me:{SECRET}@127.0.0.1:{proxy.port}")
        error = await failure("https://feeds.invalid/events")
    assert isinstance(error, BadStatus)
    assert error.status == status
    assert error.proxy == f"http://***@127.0.0.1:{proxy.port}"
    assert f"the proxy {error.proxy} did not connect to the server: {status} Never" in str(error)
    assert {403: "NO_PROXY", 407: "does not accept the user and password in HTTPS_PROXY"}[
        status
    ] in error.hint
    assert len(proxy.requests) == 1


@pytest.mark.parametrize("url", ["http://feeds.invalid/events", "https://feeds.invalid/events"])
async def test_a_proxy_that_wants_a_password_says_what_to_do(environment, url):
    wants = answers("407 Authenticate", 'Proxy-Authenticate: Basic realm="x"\r\n')
    with Server(wants) as proxy:
        environment.setenv("ALL_PROXY", proxy.origin)
        error = await failure(url)
    assert isinstance(error, BadStatus)
    assert error.status == 407
    assert error.proxy == proxy.origin
    assert "user:password@host:port in ALL_PROXY" in error.hint
    assert "ALL_PROXY" in error.hint


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
async def test_a_proxy_that_may_connect_later_is_asked_again(environment, certificate, status):
    environment.setenv("SSL_CERT_FILE", str(certificate))
    with (
        Server(sends(ONE), OVER, tls=certificate) as server,
        Server(answers(f"{status} Later"), tunnels(server.port)) as proxy,
    ):
        environment.setenv("HTTPS_PROXY", proxy.origin)
        source, events = await collect(server.url)
    assert len(events) == 1
    assert isinstance(source.errors[0], BadStatus)
    assert source.errors[0].status == status
    assert source.errors[0].proxy == proxy.origin


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_down_is_named_as_the_one_that_failed(environment, scheme):
    port = free_port()
    environment.setenv("ALL_PROXY", f"http://me:{SECRET}@127.0.0.1:{port}")
    error = await failure(f"{scheme}://feeds.invalid/events", retry=ONCE)
    assert isinstance(error, ConnectionFailed)
    assert f"the proxy http://***@127.0.0.1:{port}: connection refused" in str(error)
    assert "ALL_PROXY" in error.hint


async def test_a_proxy_that_hangs_up_is_named_as_the_one_that_failed(environment):
    with Server(lambda peer: None) as proxy:
        environment.setenv("HTTPS_PROXY", proxy.origin)
        error = await failure("https://feeds.invalid/events", retry=ONCE)
    assert f"could not connect to the proxy {proxy.origin}: it closed the connection" in str(error)


async def test_a_proxy_that_takes_a_plain_request_and_hangs_up_is_named(environment):
    with Server(lambda peer: None) as proxy:
        environment.setenv("HTTP_PROXY", proxy.origin)
        error = await failure("http://feeds.invalid/events", retry=ONCE)
    assert f"no answer: the proxy {proxy.origin} closed the connection" in str(error)


async def test_a_proxy_that_never_answers_is_named(environment, later):
    notes = set()

    def silent(peer):
        later(11)
        peer.hold()

    def note():
        notes.add(source.status.note)
        if named in source.status.note:
            later(20)

    with Server(silent) as proxy:
        environment.setenv("HTTPS_PROXY", f"http://me:{SECRET}@127.0.0.1:{proxy.port}")
        named = f"through the proxy http://***@127.0.0.1:{proxy.port}"
        source = WatchedSource("https://feeds.invalid/events", retry=ONCE)
        source.on_status = note
        with pytest.raises(ConnectionFailed) as caught:
            await source.run()
    assert named in str(caught.value)
    assert any(named in said for said in notes)


async def test_a_proxy_of_https(environment, certificate):
    environment.setenv("SSL_CERT_FILE", str(certificate))
    with Server(sends(ONE), OVER, tls=certificate) as proxy:
        environment.setenv("HTTP_PROXY", proxy.origin)
        _, events = await collect("http://feeds.invalid/events")
    assert len(events) == 1
    assert proxy.requests[0].target == "http://feeds.invalid/events"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_certificate_of_a_proxy_is_the_proxys(environment, certificate, scheme):
    with Server(Peer.hold, tls=certificate) as proxy:
        environment.setenv("ALL_PROXY", proxy.origin)
        error = await failure(f"{scheme}://feeds.invalid/events", retry=ONCE)
    assert f"could not connect to the proxy {proxy.origin}: its certificate" in str(error)


async def test_a_certificate_behind_a_tunnel_is_the_servers(environment, certificate):
    with (
        Server(Peer.hold, tls=certificate) as server,
        Server(tunnels(server.port)) as proxy,
    ):
        environment.setenv("HTTPS_PROXY", proxy.origin)
        error = await failure(server.url, retry=ONCE)
    assert "the server's certificate" in str(error)
    assert "proxy" not in str(error)


async def test_a_client_of_the_persons_names_its_proxy_too():
    """httpx's own transport says a refusal in words alone."""
    with Server(answers("407 Authenticate")) as proxy:
        error = await failure(
            "https://feeds.invalid/", client=lambda: httpx.AsyncClient(proxy=proxy.origin)
        )
    assert isinstance(error, BadStatus)
    assert (error.status, len(proxy.requests)) == (407, 1)
    assert "the proxy did not connect to the server: 407 Authenticate" in str(error)


# ---------------------------------------------------------------------- SOCKS


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "socks4a", "socks"])
async def test_socks(environment, scheme):
    with Server(sends(ONE), OVER) as server, Socks(server.port) as proxy:
        environment.setenv("ALL_PROXY", f"{scheme}://{proxy.address}")
        _, events = await collect("http://feeds.invalid:81/events")
    assert [e.data for e in events] == ["a"]
    assert proxy.asked[0] == (4 if "4" in scheme else 5, "feeds.invalid", 81)
    assert server.requests[0].headers["host"] == "feeds.invalid:81"


async def test_a_secure_server_behind_socks_with_a_password(environment, certificate):
    environment.setenv("SSL_CERT_FILE", str(certificate))
    with (
        Server(sends(ONE), OVER, tls=certificate) as server,
        Socks(server.port, "me", SECRET) as proxy,
    ):
        environment.setenv("ALL_PROXY", f"socks5://me:{SECRET}@{proxy.address}")
        _, events = await collect(server.url)
    assert len(events) == 1


async def test_a_password_that_socks_does_not_accept_is_final(environment):
    with Socks(free_port(), "me", "other") as proxy:
        environment.setenv("ALL_PROXY", f"socks5://me:{SECRET}@{proxy.address}")
        error = await failure("http://feeds.invalid/")
    assert isinstance(error, BadStatus)
    assert error.status == 407
    assert f"the proxy socks5://***@{proxy.address}" in str(error)
    assert "user and password in ALL_PROXY" in error.hint
    assert SECRET not in str(error)


async def test_what_socks_says_of_the_server_is_told(environment):
    with Socks(free_port(), reply=5) as proxy:
        environment.setenv("ALL_PROXY", f"socks5://{proxy.address}")
        error = await failure("http://feeds.invalid/", retry=ONCE)
    assert isinstance(error, ConnectionFailed)
    assert f"the proxy socks5://{proxy.address} did not connect to the server" in str(error)
    assert "refused" in str(error)


async def test_a_socks_proxy_that_is_down(environment):
    port = free_port()
    environment.setenv("ALL_PROXY", f"socks5://127.0.0.1:{port}")
    error = await failure("http://feeds.invalid/", retry=ONCE)
    assert f"could not connect to the proxy socks5://127.0.0.1:{port}: connection refused" in str(
        error
    )


async def test_without_its_package_socks_is_refused_by_name(environment, monkeypatch):
    monkeypatch.setattr(proxies, "SOCKS_PACKAGE", "no_such_package")
    with Server(Peer.hold) as server:
        environment.setenv("ALL_PROXY", f"socks5://me:{SECRET}@127.0.0.1:{server.port}")
        error = await failure("http://feeds.invalid/")
        assert server.requests == []
    assert "ALL_PROXY names a SOCKS proxy, socks5://***@127.0.0.1" in str(error)
    assert "sse-widget[socks]" in error.hint
    assert "NO_PROXY" in error.hint
    assert SECRET not in str(error)


# ---------------------------------------------------------------------- proxy=


async def test_proxy_is_taken_whatever_the_environment_says(environment):
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    environment.setenv("NO_PROXY", "*")
    with Server(sends(ONE), OVER) as proxy:
        _, events = await collect(
            "http://feeds.invalid/events", proxy=f"http://me:{SECRET}@127.0.0.1:{proxy.port}"
        )
    assert len(events) == 1
    assert proxy.requests[0].target == "http://feeds.invalid/events"


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_proxy_to_a_secure_server(certificate, scheme):
    with Server(sends(ONE), OVER, tls=certificate) as server:
        other = Server(tunnels(server.port)) if scheme == "http" else Socks(server.port)
        with other as proxy:
            address = proxy.address if scheme == "socks5" else f"127.0.0.1:{proxy.port}"
            _, events = await collect(server.url, proxy=f"{scheme}://{address}", verify=certificate)
    assert len(events) == 1


@pytest.mark.parametrize("status", [403, 407])
async def test_a_refusal_of_proxy_names_the_option(status):
    with Server(answers(f"{status} Never")) as proxy:
        error = await failure("https://feeds.invalid/events", proxy=proxy.origin)
    assert isinstance(error, BadStatus)
    assert error.proxy == proxy.origin
    assert {403: "ask who runs it", 407: "user:password@host:port in proxy="}[status] in error.hint
    assert "NO_PROXY" not in error.hint


def test_what_proxy_cannot_be_is_refused_at_once(monkeypatch):
    for value, error, what in (
        (5, TypeError, "proxy= must be the address of a proxy, not int"),
        ({"http": "x"}, TypeError, "not dict"),
        ("ftp://p:1", ValueError, "proxy= is no address of a proxy"),
        (f"http://me:{SECRET}@[", ValueError, "proxy= is no address of a proxy"),
    ):
        with pytest.raises(error, match=what) as caught:
            EventSource("https://127.0.0.1/", proxy=value)
        assert SECRET not in str(caught.value)
    with pytest.raises(TypeError, match="give proxy= to client= itself"):
        EventSource("https://127.0.0.1/", proxy="http://p:1", client=httpx.AsyncClient)
    monkeypatch.setattr(proxies, "SOCKS_PACKAGE", "no_such_package")
    with pytest.raises(ValueError, match=r"sse-widget\[socks\]") as caught:
        EventSource("https://127.0.0.1/", proxy=f"socks5://me:{SECRET}@p:1")
    assert SECRET not in str(caught.value)


def test_a_stream_and_a_capture_have_both_options_and_show_no_password(certificate, tmp_path):
    with (
        Server(sends(ONE, then="hold"), tls=certificate) as server,
        Server(tunnels(server.port, "me", SECRET)) as proxy,
    ):
        options = {"proxy": f"http://me:{SECRET}@127.0.0.1:{proxy.port}", "verify": certificate}
        stream = SSEStream(server.url, **options)
        asyncio.run(stream.until(timeout=60))
        state = {k: v for k, v in stream.get_state().items() if k not in ("_esm", "_css")}
        said = [repr(stream), repr(stream.status), repr(state), repr(vars(stream))]
        stream.close()
        capture = SSECapture([server.url], to=tmp_path, **options)
        asyncio.run(capture.until(lambda stats: stats.received, timeout=60))
        said.append(repr(capture.streams) + repr(vars(capture)))
        capture.close()
    assert SECRET not in "".join(said)
