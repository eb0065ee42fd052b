"""One connection: a request, its redirects, the checks of its answer, and then bytes.

It knows httpx (by duck type: httpx2 and stubs work too), turns every failure into one of our
errors with a masked URL, and never retries: that is `source` and `retry`. Imports
`request`, `request_parts`, `background`, `diagnosis` and `errors`.

The rules are those of WHATWG HTML 9.2.2 and 9.2.3: GET by default, `Accept: text/event-stream`,
Last-Event-ID as UTF-8, only a 200 with the essence text/event-stream is an event stream.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from .. import runtime
from ..errors import BadContentType, BadStatus, ConnectionFailed, SSEError, TooManyRedirects
from ..runtime import Flow
from .hints import content_hint, quoted, status_hint, translate_exception
from .request import Request, build_headers, origin_of, resolve
from .request_parts import auth_of, header_pairs

__all__ = ["Connection"]

MAX_REDIRECTS = 20
_CONNECT_TIMEOUT = 30.0
_PEEK_BYTES = 1024
_INFLATE_STEP = 64 * 1024
# What another origin may know of the request; anything else could be a secret.
_HARMLESS_HEADERS = frozenset(
    {"accept", "accept-encoding", "cache-control", "host", "last-event-id", "user-agent"}
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


# httpx logs the whole URL of each request, secrets and all, and from our thread, into whatever cell
# runs then.
_asking: ContextVar[bool] = ContextVar("sse_widget_asking", default=False)


def _not_ours(record: logging.LogRecord) -> bool:
    return not _asking.get()


for _name in ("httpx", "httpx2"):
    logging.getLogger(_name).addFilter(_not_ours)


class Connection:
    """An open event stream: `origin`, its bytes by `chunks()`, and its `flow`, if the client has
    one to offer."""

    def __init__(self, response: Any, masked: str) -> None:
        self._response = response
        self._masked = masked
        url = response.request.url
        self.origin = origin_of(url)
        self.flow: Flow | None = getattr(response, "extensions", {}).get("sse_widget.flow")

    @classmethod
    async def open(cls, client: Any, request: Request, last_event_id: str) -> Connection:
        """Send the request, follow its redirects, check the answer.

        Raises:
            ConnectionFailed, BadStatus, BadContentType, TooManyRedirects: each with the masked
                URL and a hint.
        """
        response = await _follow(client, request, last_event_id)
        try:
            await _check(response, request.masked, last_event_id)
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
                    # And the loop is everybody's, for as many steps as it takes.
                    await asyncio.sleep(0)
        except zlib.error as e:
            raise ConnectionFailed(
                f"the server's {coding} coding is broken: {e}", url=self._masked
            ) from e
        except SSEError:
            raise
        except Exception as e:
            raise translate_exception(e, self._masked, "body") from e

    async def aclose(self) -> None:
        await _close(self._response)


async def _follow(client: Any, request: Request, last_event_id: str) -> Any:
    """Redirects are ours: httpx would send X-Api-Key and bodies along to another origin."""
    url, method = request.url, request.method
    content, json = request.content, request.json
    # Asked on every attempt, so that short-lived tokens refresh.
    # Fetching one blocks, and the background loop is everybody's; another one is the person's own.
    call = runtime.run_in_thread if runtime.is_loop_thread() else None
    headers = await resolve(request.headers, "headers", request.masked, call)
    auth = await resolve(request.auth, "auth", request.masked, call)
    # What a callable gave is checked as what is given at once is; httpx would show it.
    headers, auth = header_pairs("headers", headers), auth_of("auth", auth)
    for _ in range(MAX_REDIRECTS + 1):
        foreign = origin_of(url) != origin_of(request.url)
        built = client.build_request(
            method,
            str(url),  # httpx2 has a URL class of its own
            headers=build_headers(headers, last_event_id),
            content=None if foreign else content,
            json=None if foreign else json,
            cookies=None if foreign else request.cookies,
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
        elif auth is not None:
            options["auth"] = auth
        quiet = _asking.set(True)
        try:
            response = await client.send(built, stream=True, follow_redirects=False, **options)
        except (TypeError, AttributeError, NotImplementedError):
            raise  # a mistake in the request or the client: no other attempt would mend it
        except Exception as e:
            # httpx looks at the Location even of a redirect that it is not to follow.
            if "InvalidURL" in type(e).__name__ or "location header" in str(e):
                raise TooManyRedirects(
                    "a redirect to no valid address", url=request.masked
                ) from None
            raise translate_exception(
                e, request.masked, "connect", secure=url.scheme == "https"
            ) from e
        finally:
            _asking.reset(quiet)
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


def _target(url: Any, location: str | None, status: int, masked: str) -> Any:
    if not location:
        raise BadStatus(
            f"the server answered {status} without a Location to go to", url=masked, status=status
        )
    try:
        target = url.join(location).copy_with(fragment=None, userinfo=b"")
    except Exception as e:
        raise TooManyRedirects(f"a redirect to no valid address: {e}", url=masked) from None
    if target.scheme not in ("http", "https") or not target.host:
        raise TooManyRedirects(
            f"a redirect to {target.scheme}: which is no event stream", url=masked
        )
    return target


async def _check(response: Any, masked: str, last_id: str) -> None:
    status = response.status_code
    kind = response.headers.get("content-type", "")
    if status != 200:
        # RFC 9110: these have no body to peek at.
        body = "" if status in (204, 205, 304) else await _peek(response)
        reason = getattr(response, "reason_phrase", "")
        raise BadStatus(
            f"the server answered {status} {reason}".rstrip() + quoted(body),
            url=masked,
            hint=status_hint(status, last_id),
            status=status,
            body=body,
            retry_after=_retry_after(response.headers.get("retry-after")),
        )
    essence = kind.split(";", 1)[0].strip(" \t").lower()
    if essence != "text/event-stream":
        body = await _peek(response)
        found = f"Content-Type {essence!r}" if essence else "no Content-Type"
        raise BadContentType(
            f"the server answered with {found}, not 'text/event-stream'" + quoted(body),
            url=masked,
            hint=content_hint(essence, body),
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
    except (ValueError, TypeError, OverflowError):  # a year of twenty digits
        return None
    if at.tzinfo is None:
        return None
    return max((at - datetime.now(UTC)).total_seconds(), 0.0)


async def _close(response: Any) -> None:
    try:
        async with asyncio.timeout(1.0):
            await response.aclose()
    except Exception:  # a connection that fails while it is given up has nothing more to say
        pass
