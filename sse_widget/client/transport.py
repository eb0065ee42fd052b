"""The HTTP client that is used where nobody brings one.

Nothing here is imported before the first connection is made: aiohttp alone takes a fifth of a
second. It makes clients and decides nothing else; of ours it imports `background`.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport, HttpxAiohttpClient
from httpx_aiohttp.transport import map_aiohttp_exceptions

from .. import runtime

__all__ = ["default_client"]

# The most that is read at once: all that the longest beat of a stream brings that is read in beats,
# so that it takes one wake-up. asyncio's own number would make that two or three.
_READ = 768 * 1024
_USUAL = 256 * 1024


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    # Reading the certificates takes some 20 ms: once a process, not once a stream.
    return httpx.create_ssl_context()


class _Transport(AiohttpTransport):
    """httpx-aiohttp's transport, with a body that loses nothing and hangs nowhere."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not isinstance(self.client, aiohttp.ClientSession):
            self.client = self.get_client()
        timeout, proxy = request.extensions.get("timeout", {}), self.proxy
        auth = None if proxy is None or proxy.auth is None else aiohttp.BasicAuth(*proxy.auth)
        with map_aiohttp_exceptions():
            inner = await self.client.request(
                request.method,
                wire_url(request.url),
                headers=request.headers,
                data=_body_of(request),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    sock_connect=timeout.get("connect"), sock_read=timeout.get("read")
                ),
                server_hostname=request.extensions.get("sni_hostname"),
                proxy=None if proxy is None else str(proxy.url),
                proxy_auth=auth,
                proxy_headers=None if proxy is None else proxy.headers,
            )
        body = _Body(inner)
        return httpx.Response(
            inner.status,
            headers=inner.raw_headers,
            stream=body,
            request=request,
            extensions={
                "http_version": b"HTTP/1.1",
                "reason_phrase": (inner.reason or "").encode("utf-8", "replace"),
                # httpx wraps the stream once more; its extensions are there for such things.
                "sse_widget.flow": body,
            },
        )


def wire_url(url: httpx.URL) -> yarl.URL:
    """The URL for aiohttp, which would write it anew: what stands in the request line is the target
    as it is, with a "?" at its end, with "%7e" and not "~"."""
    target = url.raw_path.decode("ascii")
    authority = url.netloc.decode("ascii")
    # In the path alone: yarl drops an empty query.
    return yarl.URL.build(scheme=url.scheme, authority=authority, path=target, encoded=True)


def _body_of(request: httpx.Request) -> Any:
    try:
        return request.content or None
    except httpx.RequestNotRead:
        request.headers.pop("transfer-encoding", None)  # aiohttp writes its own
        return request.stream


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
        transport = None if response.connection is None else response.connection.transport
        # asyncio's own; that of TLS, or another loop's, may have its own size.
        size = _USUAL
        if transport is not None and hasattr(transport, "max_size"):
            size = transport.max_size = _READ
        self.full = size * 3 // 4
        if hasattr(response.content, "_low_water"):
            # Else aiohttp asks its parser to go on after every HTTP chunk that it hands over, which
            # costs more than the chunk: a third of the way of an event.
            response.content._low_water = 1
        # None where the whole body came with the head; and a protocol is false while it is empty.
        protocol = None if response.connection is None else response.connection.protocol
        closed = None if protocol is None else protocol.closed
        if closed is not None:
            closed.add_done_callback(self._closed)

    def _closed(self, closed: asyncio.Future[None]) -> None:
        self._broken = None if closed.cancelled() else closed.exception()
        content = self._response.content
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("closed in the middle of the body"))

    def pause(self) -> None:
        """Leave the socket alone: what comes waits in the system's buffers."""
        connection = self._response.connection
        transport = None if connection is None else connection.transport
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


class _Either(httpx.AsyncBaseTransport):
    """A transport with certificates, and one without: a plain http address waits for none."""

    def __init__(self, proxy: httpx.Proxy | None = None) -> None:
        self._proxy = proxy
        self._made: dict[bool, _Transport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        secure = "https" in (request.url.scheme, self._proxy and self._proxy.url.scheme)
        if secure not in self._made:
            # A new context trusts nobody: no secure connection comes about by mistake.
            context = _ssl_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._made[secure] = _Transport(
                verify=context, client=functools.partial(_session, context), proxy=self._proxy
            )
        return await self._made[secure].handle_async_request(request)

    async def aclose(self) -> None:
        for transport in self._made.values():
            await transport.aclose()


def _session(context: ssl.SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,
            ssl=context,
            socket_factory=_tcp_socket,
            force_close=True,
            resolver=_Resolver(),
        ),
        cookie_jar=aiohttp.DummyCookieJar(),  # httpx has one; two would disagree
        auto_decompress=False,
        skip_auto_headers=("Content-Type",),
        read_bufsize=2**18,
    )


def _tcp_socket(address: Any) -> socket.socket:
    family, kind, proto, _, _ = address
    sock = socket.socket(family, kind, proto)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
    return sock


class _Client(HttpxAiohttpClient):
    # The hooks httpx-aiohttp itself overrides: httpx finds the proxies, we make the sessions.
    def _init_transport(self, *args: Any, **kwargs: Any) -> httpx.AsyncBaseTransport:
        return _Either()

    def _init_proxy_transport(
        self, proxy: httpx.Proxy, *args: Any, **kwargs: Any
    ) -> httpx.AsyncBaseTransport:
        return _Either(proxy)


def default_client() -> httpx.AsyncClient:
    """An httpx client over an aiohttp session: a seventh of the CPU per chunk of the stock one.

    It has no connection limit, honours the proxies of the environment, and lets
    TCP find a dead peer within about a minute.
    """
    return _Client()
