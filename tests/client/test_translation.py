"""Every exception of the libraries below becomes one of ours that says why, and holds no secret."""

from __future__ import annotations

import asyncio
import errno
import pickle
import socket
import ssl
import traceback
from types import SimpleNamespace

import aiohttp
import h11
import httpcore
import httpx
import httpx2
import pytest
import yarl

from sse_widget import ConnectionFailed, RetryPolicy
from sse_widget.client.exception_translation import translate_exception
from sse_widget.client.hint_facts import COMMAND_LINE, RequestFacts

from ..helpers.clients import OVER, collect, failure
from ..helpers.scripted import Peer, Server, sends

SECRET = "hunter2hunter2"
MASKED = "https://example.com/events?token=***"
FACTS = RequestFacts(url=MASKED, secure=True)


def classes(*modules):
    """All exception classes that these modules export."""
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    return sorted(found, key=lambda cls: (cls.__module__, cls.__qualname__))


EXPORTED = classes(
    aiohttp,
    aiohttp.client_exceptions,
    aiohttp.http_exceptions,
    httpx,
    httpx2,
    httpcore,
    h11,
    ssl,
    socket,
)


def key():
    """What aiohttp's errors keep of a connection: the proxy and its password."""
    return aiohttp.client_reqrep.ConnectionKey(
        host="example.com",
        port=443,
        is_ssl=True,
        ssl=True,
        proxy=yarl.URL(f"http://me:{SECRET}@127.0.0.1:1"),
        proxy_auth=aiohttp.BasicAuth("me", SECRET),
        proxy_headers_hash=None,
    )


def made(cls):
    """Instances of a class, as it may be raised; the last one was never initialised."""
    url = f"https://me:{SECRET}@example.com/events?token={SECRET}"
    request = SimpleNamespace(real_url=url, url=url, method="GET", headers={"x": SECRET})
    for build in (
        lambda: cls(key(), OSError(errno.ECONNREFUSED, "Connect call failed")),
        lambda: cls(key(), ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED]")),
        lambda: cls(request, (), status=407, message="Proxy", headers={"set-cookie": SECRET}),
        lambda: cls("words", request=httpx.Request("GET", url, headers={"x": SECRET})),
        lambda: cls(1, "words"),
        lambda: cls("words"),
        lambda: cls.__new__(cls),
    ):
        try:
            yield build()
        except Exception:
            continue


@pytest.mark.parametrize("cls", EXPORTED, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_every_exception_of_the_libraries_is_explained(cls):
    told = 0
    for phase in ("connect", "body"):
        for error in made(cls):
            found = translate_exception(error, FACTS, phase)
            found.__cause__ = error
            assert isinstance(found, ConnectionFailed)
            assert found.url == MASKED
            assert len(str(found)) > 20
            assert SECRET not in str(found) + repr(vars(found))
            # What stays the cause is shown by a traceback, and pickled where Dask is loaded.
            assert SECRET not in "".join(traceback.format_exception(found))
            if told < 2 and cls.__module__.startswith("aiohttp"):
                assert SECRET.encode() not in pickle.dumps(vars(error))
                assert SECRET not in repr(error.args)
            told += 1
    assert told


class Nasty(Exception):
    """Whatever is asked of it fails."""

    def __str__(self):
        raise AttributeError("real_url")

    __repr__ = __str__

    def __getattr__(self, name):
        raise RuntimeError(name)


@pytest.mark.parametrize("phase", ["connect", "body"])
def test_an_exception_that_cannot_be_read_is_named_by_its_class(phase):
    error = ValueError("outer")
    error.__cause__ = Nasty()
    assert "ValueError" in str(translate_exception(error, FACTS, phase))
    assert "Nasty" in str(translate_exception(Nasty(), FACTS, phase))


def test_a_circle_of_causes_ends():
    one, two = ValueError("one"), ConnectionResetError(errno.ECONNRESET, "two")
    one.__cause__, two.__cause__ = two, one
    assert "reset" in str(translate_exception(one, FACTS, "body"))


def caused(outer, *causes):
    at = outer
    for cause in causes:
        at.__cause__ = cause
        at = cause
    return outer


def certificate(code):
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] verify failed")
    error.verify_code = code
    return caused(httpx.ConnectError("x"), error)


def tls(reason):
    error = ssl.SSLError(1, f"[SSL: {reason}] something (_ssl.c:1)")
    error.reason = reason
    return caused(httpx.ConnectError("x"), error)


@pytest.mark.parametrize(
    ("error", "phase", "why", "hint"),
    [
        (certificate(10), "connect", "expired", "clock"),
        (certificate(62), "connect", "another host", "host's name"),
        (certificate(18), "connect", "signed by nobody", "verify="),
        (certificate(20), "connect", "cannot be trusted", "SSL_CERT_FILE"),
        (tls("WRONG_VERSION_NUMBER"), "connect", "does not speak TLS", "http or https"),
        (tls("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "connect", "a certificate of yours", "verify="),
        (tls("TLSV1_ALERT_PROTOCOL_VERSION"), "connect", "version or cipher", "verify="),
        (caused(httpx.ConnectError("x"), socket.gaierror(-2, "Name or service")), "connect", "no such host", "host's name"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 1), [Errno 111] x"), "connect", "refused", "running"),
        (ExceptionGroup("multiple", [OSError(errno.EHOSTUNREACH, "x")]), "connect", "no way", "online"),
        (OSError(errno.EMFILE, "x"), "connect", "too many files", "ulimit"),
        # aiohttp's hang-up is a ConnectTimeout of httpx: the cause decides, not the outer class.
        (caused(httpx.ConnectTimeout("x"), aiohttp.ServerDisconnectedError()), "connect", "closed the connection without an answer", "https"),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), "connect", "without an answer", "https"),
        (caused(httpx.ConnectTimeout("x"), aiohttp.ConnectionTimeoutError("x"), TimeoutError()), "connect", "no answer in time", "firewall"),
        (caused(httpx.ReadError("x"), ConnectionResetError(errno.ECONNRESET, "x")), "body", "reset", ""),
        (caused(httpx.ReadError("x"), aiohttp.ClientPayloadError("x")), "body", "cut in the middle", ""),
        (httpx.RemoteProtocolError("peer closed connection without sending complete message body"), "body", "cut in the middle", ""),
        (caused(httpx.ConnectTimeout("x"), asyncio.CancelledError()), "connect", "no answer in time", "firewall"),
        (aiohttp.http_exceptions.BadStatusLine("SSH-2.0"), "connect", "no HTTP", "port"),
    ],
)  # fmt: skip
def test_the_cause_decides(error, phase, why, hint):
    found = translate_exception(error, FACTS, phase)
    assert why in found.message
    assert hint in found.hint


def test_the_command_line_reads_its_own_words():
    words = RequestFacts(url=MASKED, secure=True, speech=COMMAND_LINE)
    assert "--cacert" in translate_exception(certificate(18), words, "connect").hint
    context = translate_exception(tls("TLSV1_ALERT_PROTOCOL_VERSION"), words, "connect").hint
    assert context.startswith("In Python: ")


# ---------------------------------------------------------------------- real sockets


MALFORMED = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "a header with NUL": b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
}


@pytest.mark.anyio
@pytest.mark.usefixtures("transport")
@pytest.mark.parametrize("name", MALFORMED)
async def test_an_answer_that_is_no_http_is_tried_again(name):
    def malformed(peer):
        peer.send(MALFORMED[name])

    with Server(malformed, sends("data: a\n\n"), malformed, OVER) as server:
        source, events = await collect(server.url)
    assert [e.data for e in events] == ["a"]
    assert all(isinstance(e, ConnectionFailed) for e in source.errors)
    assert source.errors[0].message == source.errors[-1].message
    assert "no HTTP" in source.errors[0].message


@pytest.mark.anyio
@pytest.mark.usefixtures("transport")
async def test_a_server_that_hangs_up_at_once_is_said_to():
    with Server(lambda peer: None) as server:
        error = await failure(server.url, retry=RetryPolicy(attempts=1))
    assert "closed the connection without an answer" in error.message
    assert "https" in error.hint
    assert "firewall" not in error.hint


@pytest.mark.anyio
@pytest.mark.usefixtures("transport")
async def test_a_reset_before_the_answer_is_said_to_be_one():
    with Server(Peer.reset) as server:
        error = await failure(server.url, retry=RetryPolicy(attempts=1))
    assert "reset" in error.message


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("beginning", "said", "hint"),
    [
        (b"\x15\x03\x01\x00\x02\x02\x16", "the port speaks TLS", "https://"),
        (b"\0\0\x12\x04\0\0\0\0\0", "HTTP/2 alone", "http2=True"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "begins with b'SSH-2.0-OpenSSH_9.6", "port"),
        (b"220 mail.example ESMTP\r\n", "begins with b'220 mail", "port"),
    ],
)
async def test_what_answers_in_place_of_http_is_named(beginning, said, hint):
    """Servers of other protocols speak first, or hold the connection: nothing is waited for."""

    def other(peer):
        peer.send(beginning)
        peer.hold()

    with Server(other) as server:
        error = await failure(server.url, retry=RetryPolicy(attempts=1))
    assert said in error.message
    assert hint in error.hint


@pytest.mark.anyio
async def test_http_on_a_port_of_tls_is_told_to_take_https(certificate):
    with Server(Peer.hold, tls=certificate) as server:
        error = await failure(server.url.replace("https", "http"), retry=RetryPolicy(attempts=1))
    assert "https" in error.hint
    assert "firewall" not in str(error)


@pytest.mark.anyio
async def test_https_on_a_plain_port_is_told_to_take_http():
    async def plain(reader, writer):
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        error = await failure(f"https://127.0.0.1:{port}/", retry=RetryPolicy(attempts=1))
    assert "does not speak TLS" in error.message
    assert "http" in error.hint


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["hang up", "reset"])
async def test_one_attempt_is_one_request(end):
    def ends(peer):
        if end == "reset":
            peer.reset()

    with Server(ends, ends, sends("data: a\n\n"), OVER) as server:
        source, _ = await collect(server.url, retry=RetryPolicy(initial=0, minimum=0, jitter=0))
    assert len(server.requests) == 4
    assert len(source.errors) == 2


@pytest.mark.anyio
async def test_whatever_a_library_raises_of_an_answer_is_tried_again(monkeypatch):
    """An error in a library's own code, about what a server sent, ends no stream."""
    send, raised = httpx.AsyncClient.send, []

    async def stumbles(self, *args, **options):
        if len(raised) < 1:
            raised.append(AttributeError("'NoneType' object has no attribute 'real_url'"))
            raise raised[0]
        return await send(self, *args, **options)

    monkeypatch.setattr(httpx.AsyncClient, "send", stumbles)
    with Server(sends("data: a\n\n"), OVER) as server:
        source, events = await collect(server.url)
    assert len(events) == 1
    assert isinstance(source.errors[0], ConnectionFailed)
    assert "AttributeError" in source.errors[0].message
