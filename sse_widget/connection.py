"""One connection: a request, its redirects, the checks of its answer, and then bytes.

It knows httpx (by duck type: httpx2 and stubs work too), turns every failure into one of our
errors with a masked URL, and never retries: that is `source` and `retry`. Imports `errors` only.

The rules are those of WHATWG HTML 9.2.2 and 9.2.3: GET by default, `Accept: text/event-stream`,
Last-Event-ID as UTF-8, only a 200 with the essence text/event-stream is an event stream.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
import zlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ._version import __version__
from .errors import (
    BadContentType,
    BadStatus,
    ConnectionFailed,
    InvalidURL,
    SSEError,
    TooManyRedirects,
    mask_url,
)

__all__ = ["Connection", "Request", "check_url", "default_client", "origin_of"]

USER_AGENT = f"sse-widget/{__version__}"
MAX_REDIRECTS = 20
_CONNECT_TIMEOUT = 30.0
_PEEK_BYTES = 1024
_INFLATE_STEP = 64 * 1024
# What another origin may know of the request; anything else could be a secret.
_HARMLESS_HEADERS = frozenset({"accept", "cache-control", "last-event-id", "user-agent", "host"})
_HARMLESS_HEADERS |= {"accept-encoding"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask for, on every attempt anew. The repr shows no header, body or parameter."""

    url: httpx.URL = field(repr=False)
    method: str
    headers: Any = field(default=None, repr=False)
    content: Any = field(default=None, repr=False)
    json: Any = field(default=None, repr=False)
    auth: Any = field(default=None, repr=False)
    masked: str = ""


def check_url(url: object, params: Any = None) -> tuple[httpx.URL, str]:
    """The URL with its parameters, and as it may be shown.

    Raises:
        InvalidURL: it is not an absolute http or https URL with a host.
    """
    if not isinstance(url, str | httpx.URL):
        raise InvalidURL(
            f"the URL must be a string, not {type(url).__name__}",
            hint='Such as SSEStream("https://example.com/events").',
        )
    text = str(url).strip()
    shown = mask_url(text)
    hint = 'An event stream has an absolute address, such as "https://example.com/events".'
    try:
        parsed = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as e:
        raise InvalidURL(f"not a URL: {shown!r} ({e})", url=shown, hint=hint) from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        if "://" not in text and text and not text.startswith("/"):
            hint = f'Did you mean "https://{shown}" or "http://{shown}"?'
        raise InvalidURL(f"not an http or https URL: {shown!r}", url=shown, hint=hint)
    names: list[str] = []
    if params is not None:
        try:
            query = httpx.QueryParams(params)
        except (TypeError, ValueError) as e:
            raise TypeError(f"params must be a mapping or a list of pairs: {e}") from None
        names = list(query.keys())
        parsed = parsed.copy_merge_params(params)
    return parsed.copy_with(fragment=None), mask_url(str(parsed), names)


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    # Reading the certificates takes some 20 ms: once a process, not once a stream.
    return httpx.create_ssl_context()


def default_client() -> httpx.AsyncClient:
    """An httpx client over an aiohttp session: a seventh of the CPU per chunk of the stock one.

    It has no connection limit, keeps no cookies, honours the proxies of the environment, and lets
    TCP find a dead peer within about a minute.
    """
    # Imported here: aiohttp takes a fifth of a second that a person with `client=` need not pay.
    import socket

    import aiohttp
    from httpx_aiohttp import AiohttpTransport, HttpxAiohttpClient

    def tcp_socket(address: Any) -> socket.socket:
        family, kind, proto, _, _ = address
        sock = socket.socket(family, kind, proto)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
            option = getattr(socket, name, None)
            if option is not None:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
        return sock

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ssl=_ssl_context(), socket_factory=tcp_socket, force_close=True
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=2**18,
        )

    class Client(HttpxAiohttpClient):
        # The hooks httpx-aiohttp itself overrides: httpx finds the proxies, we make the sessions.
        def _init_transport(self, *args: Any, **kwargs: Any) -> httpx.AsyncBaseTransport:
            return AiohttpTransport(verify=_ssl_context(), client=session)

        def _init_proxy_transport(
            self, proxy: httpx.Proxy, *args: Any, **kwargs: Any
        ) -> httpx.AsyncBaseTransport:
            return AiohttpTransport(verify=_ssl_context(), client=session, proxy=proxy)

    return Client(verify=_ssl_context())


class Connection:
    """An open event stream: `origin`, and its bytes by `chunks()`."""

    def __init__(self, response: Any, masked: str) -> None:
        self._response = response
        self._masked = masked
        url = response.request.url
        self.origin = origin_of(url)

    @classmethod
    async def open(cls, client: Any, request: Request, last_event_id: str) -> Connection:
        """Send the request, follow its redirects, check the answer.

        Raises:
            ConnectionFailed, BadStatus, BadContentType, TooManyRedirects: each with the masked
                URL and a hint.
        """
        try:
            response = await _follow(client, request, last_event_id)
        except SSEError:
            raise
        except Exception as e:
            raise _explain(e, request.masked, "could not connect") from e
        try:
            await _check(response, request.masked)
        except BaseException:
            await _close(response)
            raise
        return cls(response, request.masked)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the stream as they come, inflated in bounded steps where compressed.

        Raises:
            ConnectionFailed: the connection broke; a clean end just ends.
        """
        coding = _coding(self._response)
        inflater = zlib.decompressobj(wbits=47) if coding else None
        try:
            async for chunk in self._response.aiter_raw():
                if inflater is None:
                    yield chunk
                    continue
                while True:
                    # A small compressed chunk may hold gigabytes: never more than a step at once.
                    piece = inflater.decompress(chunk, _INFLATE_STEP)
                    if piece:
                        yield piece
                    if inflater.eof:
                        chunk = inflater.unused_data
                        inflater = zlib.decompressobj(wbits=47)
                    else:
                        chunk = inflater.unconsumed_tail
                    if not chunk and len(piece) < _INFLATE_STEP:
                        break
        except zlib.error as e:
            raise ConnectionFailed(
                f"the server's {coding} coding is broken: {e}", url=self._masked
            ) from e
        except SSEError:
            raise
        except Exception as e:
            raise _explain(e, self._masked, "the connection broke") from e

    async def aclose(self) -> None:
        await _close(self._response)


async def _follow(client: Any, request: Request, last_event_id: str) -> Any:
    """Redirects are ours: httpx would send X-Api-Key and bodies along to another origin."""
    url, method = request.url, request.method
    content, json = request.content, request.json
    for _ in range(MAX_REDIRECTS + 1):
        foreign = origin_of(url) != origin_of(request.url)
        built = client.build_request(
            method,
            url,
            headers=_headers(request.headers, last_event_id),
            content=None if foreign else content,
            json=None if foreign else json,
            # A stream may be silent for hours: silence is the watchdog's business, not httpx's.
            extensions={
                "timeout": {
                    "connect": _CONNECT_TIMEOUT,
                    "read": None,
                    "write": _CONNECT_TIMEOUT,
                    "pool": None,
                }
            },
        )
        options: dict[str, Any] = {}
        if foreign:
            for name in [n for n in built.headers if n.lower() not in _HARMLESS_HEADERS]:
                del built.headers[name]
            options["auth"] = None
        elif request.auth is not None:
            options["auth"] = request.auth
        response = await client.send(built, stream=True, follow_redirects=False, **options)
        if response.status_code not in _REDIRECTS:
            return response
        location = response.headers.get("location")
        await _close(response)
        target = _target(url, location, response.status_code, request.masked)
        if response.status_code == 303 or (response.status_code < 303 and method == "POST"):
            method, content, json = "GET", None, None
        if (content is not None or json is not None) and origin_of(target) != origin_of(
            request.url
        ):
            raise BadStatus(
                f"the server redirects the {method} to {origin_of(target)}; "
                "its body was not sent to another origin",
                url=request.masked,
                hint="Use that address itself where you trust it.",
                status=response.status_code,
            )
        url = target
    raise TooManyRedirects(
        f"more than {MAX_REDIRECTS} redirects",
        url=request.masked,
        hint="The server may redirect in a circle, or want a login.",
    )


def _headers(own: Any, last_event_id: str) -> Any:
    headers = httpx.Headers(
        {
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
            "Cache-Control": "no-cache",
            "User-Agent": USER_AGENT,
        }
    )
    headers.update(httpx.Headers(own))
    pairs = [(k, v) for k, v in headers.raw if k.lower() != b"last-event-id" or not last_event_id]
    if last_event_id:
        # As bytes: httpx refuses other text than ASCII. Spaces at the ends are no part of a
        # header's value.
        pairs.append((b"Last-Event-ID", last_event_id.encode("utf-8", "replace").strip(b" \t")))
    return pairs


def _target(url: Any, location: str | None, status: int, masked: str) -> Any:
    if not location:
        raise BadStatus(
            f"the server answered {status} without a Location to go to", url=masked, status=status
        )
    try:
        target = url.join(location).copy_with(fragment=None)
    except Exception as e:
        raise TooManyRedirects(f"a redirect to no valid address: {e}", url=masked) from None
    if target.scheme not in ("http", "https") or not target.host:
        raise TooManyRedirects(
            f"a redirect to {target.scheme}: which is no event stream", url=masked
        )
    return target


async def _check(response: Any, masked: str) -> None:
    status = response.status_code
    kind = response.headers.get("content-type", "")
    if status != 200:
        # RFC 9110: these have no body to peek at.
        body = "" if status in (204, 205, 304) else await _peek(response)
        reason = getattr(response, "reason_phrase", "")
        raise BadStatus(
            f"the server answered {status} {reason}".rstrip() + _quoted(body),
            url=masked,
            hint=_STATUS_HINTS.get(status, ""),
            status=status,
            body=body,
            retry_after=_retry_after(response.headers.get("retry-after")),
        )
    essence = kind.split(";", 1)[0].strip(" \t").lower()
    if essence != "text/event-stream":
        body = await _peek(response)
        found = f"Content-Type {essence!r}" if essence else "no Content-Type"
        raise BadContentType(
            f"the server answered with {found}, not 'text/event-stream'" + _quoted(body),
            url=masked,
            hint=_content_hint(essence, body),
            content_type=kind,
            body=body,
        )
    coding = _coding(response)
    if coding not in (None, "gzip", "x-gzip", "deflate"):
        raise BadContentType(
            f"the server compressed the stream by {coding!r}, which was not asked for",
            url=masked,
            hint="Turn compression off for event streams on the server or its proxy.",
            content_type=kind,
        )


_STATUS_HINTS = {
    400: "The server did not understand the request: check the parameters.",
    401: "It wants to know who you are: pass auth=(user, password) or headers={...}.",
    403: "You are known but not allowed: check the token's rights.",
    404: "Check the path of the URL.",
    405: "It wants another method: try method='POST', or GET without a body.",
    406: "It has no event stream at this address.",
    407: "The proxy wants to know who you are.",
    410: "This address is gone for good.",
    429: "Too many requests: the server asks for patience.",
    500: "The server had an error of its own.",
    502: "The proxy in front of the server got no answer from it.",
    503: "The server is not available for now.",
    504: "The proxy in front of the server waited too long for it.",
}


def _content_hint(essence: str, body: str) -> str:
    start = body.lstrip()[:200].lower()
    if essence == "text/html" or start.startswith(("<!doctype html", "<html")):
        return "This is an HTML page: a login page or a front end? Look for the API's address."
    if essence in ("application/x-ndjson", "application/ndjson", "application/jsonl") or (
        start.startswith("{") and "\n{" in body
    ):
        return "This is NDJSON: one JSON a line, no event stream."
    if "json" in essence or start.startswith(("{", "[")):
        return "This is plain JSON: the API may want a parameter such as stream=true."
    if start.startswith(("data:", "event:", "id:", ":")):
        return "The body looks like an event stream: the server should name it text/event-stream."
    return "Check that the address is the event stream's own."


def _quoted(body: str) -> str:
    line = " ".join(body.split())
    if not line:
        return ""
    return f": {line[:120]}…" if len(line) > 120 else f": {line}"


async def _peek(response: Any) -> str:
    """The first 1 KiB of the body, if it comes within a second."""
    got = b""
    try:
        async with asyncio.timeout(1.0):
            async for chunk in response.aiter_raw():
                got += chunk[:_PEEK_BYTES]
                if len(got) >= _PEEK_BYTES:
                    break
    except Exception:  # the status is the news, not a body that fails too
        pass
    return got[:_PEEK_BYTES].decode("utf-8", "replace")


def _coding(response: Any) -> str | None:
    coding = response.headers.get("content-encoding", "").strip().lower()
    # graphql-sse sends `none`, which is no coding.
    return None if coding in ("", "identity", "none") else coding


def _retry_after(value: str | None) -> float | None:
    """Seconds from a Retry-After header: a number or a date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    if at.tzinfo is None:
        return None
    return max((at - datetime.now(UTC)).total_seconds(), 0.0)


def origin_of(url: Any) -> str:
    """Scheme, host and port of a URL, as `MessageEvent.origin` has them."""
    port = url.port
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{url.scheme}://{host}" + (f":{port}" if port is not None else "")


async def _close(response: Any) -> None:
    try:
        async with asyncio.timeout(1.0):
            await response.aclose()
    except Exception:  # a connection that fails while it is given up has nothing more to say
        pass


def _explain(error: BaseException, masked: str, what: str) -> ConnectionFailed:
    """A transport's exception as one of ours: the cause in plain words, no secret in it."""
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain and len(chain) < 8:
        chain.append(at)
        at = at.__cause__ or at.__context__
    names = " ".join(type(e).__name__ for e in chain)
    texts = " ".join(str(e) for e in chain)
    if any(isinstance(e, ssl.SSLCertVerificationError) for e in chain) or "CERTIFICATE" in texts:
        why, hint = (
            "the certificate cannot be trusted",
            ("Pass client=httpx.AsyncClient(verify=...) with the right certificates."),
        )
    elif "SSL" in names or "SSL" in texts:
        why, hint = "TLS failed", "Check whether the address is http or https."
    elif "ConnectionRefused" in names or "Connect call failed" in texts or "refused" in texts:
        why, hint = "connection refused", "Is the server running, at this host and port?"
    elif "gaierror" in names or "DNS" in names or "Name or service" in texts:
        why, hint = "no such host", "Check the host's name, and whether you are online."
    elif "ConnectionReset" in names or "reset by peer" in texts:
        why, hint = "connection reset by the server", ""
    elif "Timeout" in names:
        why, hint = "no answer in time", "Check the host and port, and a firewall between."
    elif "Payload" in names or "RemoteProtocol" in names or "IncompleteRead" in names:
        why, hint = "the body was cut in the middle", ""
    elif "Disconnected" in names or "ReadError" in names:
        why, hint = "the server closed the connection", ""
    else:
        why, hint = type(error).__name__, ""
    return ConnectionFailed(f"{what}: {why}", url=masked, hint=hint)
