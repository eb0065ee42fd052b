"""The HTTP client that is used where the user brings none: httpx over an aiohttp session.

It is imported when the first connection is made: aiohttp alone takes a fifth of a second. One attempt is
one request: a failure is reported and not tried again, and with it who failed, the server or a proxy.
This module makes clients and decides nothing else (docs/decisions/0002-aiohttp-behind-httpx.md).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import inspect
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult

from .. import runtime
from .certificates import Verify, context
from .chunk_repair import LooseChunks, ends_loosely
from .head_repair import MAX_HEAD_BYTES, Head, NotHTTP
from .proxies import Proxy, environment_proxy
from .transport_errors import NoAnswer, ProxyDown, ProxyRefused

# The most that is read at once: all that the longest interval of a stream brings that is read at intervals,
# so that it takes one wake-up. asyncio's own number would make that two or three.
_READ = 768 * 1024
# The same where little comes: the system's allocator makes a buffer of 128 KiB and more anew for each read and
# gives it back, which takes ten times as long as the read itself (15 us, and 1 us with this).
_LITTLE = 64 * 1024
# What the system may hold for a socket that is left alone for an interval.
_BUFFER = 1024 * 1024


class _Transport(httpx.AsyncBaseTransport):
    """httpx's transport over aiohttp, with a body that loses nothing and hangs nowhere.

    Args:
        verify: the certificates of secure connections.
        proxy: where all requests go through; None: what the environment says for each.
    """

    def __init__(self, verify: Verify, proxy: Proxy | None) -> None:
        self._verify = verify
        self._proxy = proxy
        # aiohttp takes the proxy of HTTP with a request; that of SOCKS is the connector's.
        self._sessions: dict[Proxy | None, aiohttp.ClientSession] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        proxy = self._proxy or environment_proxy(request.url)
        secure = "https" in (request.url.scheme, proxy and proxy.scheme)
        through = proxy if proxy is not None and not proxy.is_socks else None
        timeout = request.extensions.get("timeout", {})
        headers = request.headers.multi_items()
        if through is not None and request.url.scheme == "http":
            headers += _authorization(through).items()  # no CONNECT that would carry it
        response = await self._session(proxy).request(
            request.method,
            wire_url(request.url),
            headers=headers,
            data=_body(request),
            allow_redirects=False,
            # A plain http address waits for no certificates to be read.
            ssl=context(self._verify) if secure else True,
            server_hostname=request.extensions.get("sni_hostname"),
            proxy=None if through is None else through.url,
            proxy_headers=None if through is None else _authorization(through),
            timeout=aiohttp.ClientTimeout(
                sock_connect=timeout.get("connect"), sock_read=timeout.get("read")
            ),
            middlewares=(_OneAttempt(proxy),),
        )
        body = _Body(response)
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=body,
            request=request,
            extensions={
                "http_version": b"HTTP/1.1",
                "reason_phrase": (response.reason or "").encode("utf-8", "replace"),
                # httpx wraps the stream once more; its extensions are there for such things.
                "sse_widget.flow": body,
                "sse_widget.proxy": proxy,
            },
        )

    def _session(self, proxy: Proxy | None) -> aiohttp.ClientSession:
        socks = proxy if proxy is not None and proxy.is_socks else None
        if socks not in self._sessions:
            self._sessions[socks] = _session(socks)
        return self._sessions[socks]

    async def aclose(self) -> None:
        for session in self._sessions.values():
            await session.close()


def wire_url(url: httpx.URL) -> yarl.URL:
    """The URL for aiohttp, which would write it anew: what stands in the request line is the target
    as it is, with a "?" at its end, with "%7e" and not "~"."""
    target = url.raw_path.decode("ascii")
    authority = url.netloc.decode("ascii")
    # In the path alone: yarl drops an empty query.
    return yarl.URL.build(scheme=url.scheme, authority=authority, path=target, encoded=True)


def _body(request: httpx.Request) -> Any:
    try:
        return request.content or None
    except httpx.RequestNotRead:
        request.headers.pop("transfer-encoding", None)  # aiohttp writes its own
        return request.stream


def _authorization(proxy: Proxy) -> dict[str, str]:
    if proxy.auth is None:
        return {}
    token = base64.b64encode(":".join(proxy.auth).encode()).decode()
    return {"Proxy-Authorization": f"Basic {token}"}


class _Request(aiohttp.ClientRequest):
    """Knows whether it was sent, and has the head of its answer read as browsers read it."""

    asked = False

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        self.asked = True
        if conn.transport is not None:
            _keep_alive(conn.transport.get_extra_info("socket"))
            conn.transport.set_protocol(_Answer(conn.transport, conn.protocol))
        return await super().send(conn)


class _Answer(asyncio.Protocol):
    """Stands before aiohttp's protocol until the head of the answer is over; longer only where the
    chunks of its body are framed loosely."""

    def __init__(self, transport: asyncio.Transport, protocol: Any) -> None:
        self._transport = transport
        self._protocol = protocol
        self._head = Head()
        self._body: bytes | None = None
        self._chunks: LooseChunks | None = None

    def data_received(self, data: bytes) -> None:
        if self._chunks is not None:
            return self._pass(self._chunks.feed(data))
        if self._body is None:
            try:
                out, self._body = self._head.feed(data)
            except NotHTTP as e:
                self._protocol.set_exception(e)
                self._transport.close()
                return
            self._pass(out)
        else:
            self._body += data
        if self._body is not None:
            self._begin_body(self._body)

    def _begin_body(self, body: bytes) -> None:
        loose = ends_loosely(body) if self._head.chunked else False
        if loose is None:
            return  # its first line has not ended
        if loose:
            self._chunks = LooseChunks()
            body = self._chunks.feed(body)
        else:
            self._transport.set_protocol(self._protocol)
        self._pass(body)

    def _pass(self, data: bytes) -> None:
        if data:
            self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()  # type: ignore[no-any-return]

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._body and self._chunks is None:
            self._pass(self._body)
        self._protocol.connection_lost(exc)


class _OneAttempt:
    """A middleware of aiohttp: says who failed, in exceptions that aiohttp does not ask again after.

    It repeats a GET whose connection ended before the answer (RFC 9110, 9.2.2), for a server may close
    a connection that stood idle. Ours are new ones each.
    """

    def __init__(self, proxy: Proxy | None) -> None:
        self._proxy = proxy

    async def __call__(self, request: Any, handler: Any) -> aiohttp.ClientResponse:
        try:
            return await handler(request)  # type: ignore[no-any-return]
        except aiohttp.ClientHttpProxyError as e:
            headers = [] if e.headers is None else list(e.headers.items())
            raise self._refused(e.status, e.message, headers) from e
        except (aiohttp.ClientError, OSError, NotHTTP) as e:
            if not request.asked and self._proxy is not None and not self._is_tls_of_server(e):
                raise self._down() from e
            forwards = request.proxy is not None and not request.is_ssl()
            raise NoAnswer(str(self._proxy) if forwards else "") from e
        except Exception as e:
            # Of aiohttp-socks, which need not be installed.
            if self._proxy is None or not type(e).__module__.startswith("aiohttp_socks"):
                raise
            if type(e).__name__ != "ProxyError":
                raise self._down() from e
            raise self._refused(0, str(e), [], getattr(e, "error_code", None)) from e

    def _is_tls_of_server(self, e: Exception) -> bool:
        """TLS is spoken with the server through the tunnel of a proxy, and with a proxy of https."""
        tls = isinstance(e, ssl.SSLError | ssl.CertificateError | aiohttp.ClientSSLError)
        there = (getattr(e, "host", None), getattr(e, "port", None))
        return tls and there != (getattr(self._proxy, "host", ""), getattr(self._proxy, "port", 0))

    def _down(self) -> ProxyDown:
        assert self._proxy is not None
        return ProxyDown(str(self._proxy), self._proxy.source)

    def _refused(
        self, status: int, reason: str, headers: list[tuple[str, str]], code: int | None = None
    ) -> ProxyRefused:
        assert self._proxy is not None
        return ProxyRefused(str(self._proxy), self._proxy.source, status, reason, headers, code)


class _Body(httpx.AsyncByteStream):
    """The bytes of an aiohttp response as they come.

    Three things aiohttp (3.14) leaves open: what it had read before an error is thrown away with
    it; a reset looks like a clean end where the body ends with the connection; and after a broken
    chunk it waits for ever on a connection that it closed itself.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._broken: BaseException | None = None
        self._paused = False
        self._roomy = False  # the system holds all that comes while it is paused, if it may
        self._most = 0
        # asyncio's own; that of TLS, or another loop's, may have its own size.
        if not self._read_at_most(_LITTLE):
            self._most = runtime.usual_read()
        if hasattr(response.content, "_low_water"):
            # Else aiohttp asks its parser to go on after every HTTP chunk that it hands over, which
            # costs more than the chunk: a third of the way of an event.
            response.content._low_water = 1  # noqa: SLF001 (there is no public way)
        # None where the whole body came with the head; and a protocol is false while it is empty.
        protocol = None if response.connection is None else response.connection.protocol
        closed = None if protocol is None else protocol.closed
        if closed is not None:
            closed.add_done_callback(self._closed)

    @property
    def full(self) -> int:
        """Of a chunk: nearly as much as is read at once."""
        return self._most * 3 // 4

    def _closed(self, closed: asyncio.Future[None]) -> None:
        self._broken = None if closed.cancelled() else closed.exception()
        content = self._response.content
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("closed in the middle of the body"))

    def _read_at_most(self, size: int) -> bool:
        """So many bytes at once, where the transport lets that be said."""
        connection = self._response.connection
        transport = None if connection is None else connection.transport
        if transport is None or not hasattr(transport, "max_size"):
            return False
        self._most = transport.max_size = size
        return True

    def pause(self) -> None:
        """Leave the socket alone: what comes waits in the system's buffers."""
        connection = self._response.connection
        transport = None if connection is None else connection.transport
        if transport is not None and not self._roomy:
            self._roomy = True
            _make_room(transport.get_extra_info("socket"))
        # aiohttp may have paused it itself, because of what nobody has read yet.
        if transport is not None and not self._paused and transport.is_reading():
            transport.pause_reading()
            self._paused = True

    def resume(self) -> None:
        """Go on reading."""
        connection = self._response.connection
        transport = None if connection is None else connection.transport
        if self._paused and transport is not None:
            transport.resume_reading()
        self._paused = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._response.content
        try:
            while chunk := await content.readany():
                size = len(chunk)
                if size < _LITTLE // 4 and self._most == _READ:
                    self._read_at_most(_LITTLE)
                elif size >= _LITTLE // 2 and self._most == _LITTLE:
                    self._read_at_most(_READ)
                yield chunk
        except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError) as e:
            read = getattr(content, "_read_nowait", None)
            rest = read(-1) if read is not None else b""
            if rest:
                yield rest
            raise httpx.ReadError(str(e)) from e
        if self._broken is not None:
            raise httpx.ReadError("reset") from self._broken

    async def aclose(self) -> None:
        self._response.close()


class _Resolver(AbstractResolver):
    """The system's resolver, on a daemon thread.

    asyncio's own runs in an executor, whose threads a process waits for before it ends: a resolver
    that hangs would hold up the end of a script by half a minute.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return await runtime.run_in_thread(functools.partial(_look_up, host, port, family))

    async def close(self) -> None:
        """There is nothing to close."""


def _look_up(host: str, port: int, family: int) -> list[ResolveResult]:
    # Without a family only addresses of those families that this computer has.
    flags = socket.AI_ADDRCONFIG & getattr(socket, "AI_MASK", -1)
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    found: list[ResolveResult] = []
    for kind, _, proto, _, address in socket.getaddrinfo(
        host, port, family=family, type=socket.SOCK_STREAM, flags=flags
    ):
        # Only numbers, so it asks nobody; with the interface of a link-local one, "fe80::1%eth0".
        number, _ = socket.getnameinfo(address, numeric)
        found.append(
            ResolveResult(
                hostname=host,
                host=number,
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
        )
    return found


@functools.cache
def _limits() -> dict[str, Any]:
    names = ["max_line_size", "max_field_size"]
    if "max_headers" in inspect.signature(aiohttp.ClientSession).parameters:  # aiohttp 3.14
        names.append("max_headers")
    return dict.fromkeys(names, MAX_HEAD_BYTES)


def _session(socks: Proxy | None) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=_connector(socks),
        cookie_jar=aiohttp.DummyCookieJar(),  # httpx has one; two would disagree
        skip_auto_headers=("Content-Type",),
        auto_decompress=False,
        # aiohttp stops its parser at twice this: the rest of a read would come after the next interval.
        read_bufsize=_READ // 2,
        request_class=_Request,
        **_limits(),
    )


def _connector(socks: Proxy | None) -> aiohttp.TCPConnector:
    if socks is None:
        return aiohttp.TCPConnector(limit=0, force_close=True, resolver=_Resolver())
    from aiohttp_socks import ProxyConnector, ProxyType

    user, password = socks.auth or (None, None)
    kind = ProxyType.SOCKS4 if socks.scheme == "socks4" else ProxyType.SOCKS5
    connector: aiohttp.TCPConnector = ProxyConnector(
        host=socks.host,
        port=socks.port,
        proxy_type=kind,
        username=user,
        password=password,
        rdns=True,
        limit=0,
        force_close=True,
    )
    return connector


def _keep_alive(sock: Any) -> None:
    if sock is None:  # some loops do not tell it
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _make_room(sock: Any) -> None:
    """Let the system hold what comes during an interval of paced reading, from the first one on.

    Its own buffer begins with 128 KiB and grows with what is read at once: beside a busy cell a flood waited
    for seconds until it was large enough. Where a program may not ask for so much, its growth is better than
    the little that would be given.
    """
    if sock is not None and _most_buffer() >= _BUFFER:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)


@functools.cache
def _most_buffer() -> int:
    """Bytes that a program may ask the system for, for one socket; 0 where that is not told."""
    try:
        return int(Path("/proc/sys/net/core/rmem_max").read_text())
    except (OSError, ValueError):
        return 0


def default_client(verify: Verify = True, proxy: Proxy | None = None) -> httpx.AsyncClient:
    """An httpx client over an aiohttp session: a seventh of the CPU per chunk of the stock one.

    It has no connection limit and lets TCP find a dead peer within about a minute.

    Args:
        verify: True: the certificates that httpx brings, or those of SSL_CERT_FILE; False: none is
            checked; the path of others, or a context.
        proxy: where all requests go through; None: what the environment says.
    """
    return httpx.AsyncClient(transport=_Transport(verify, proxy))
