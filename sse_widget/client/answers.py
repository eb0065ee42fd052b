"""The answer to a request: whether it is an event stream, and if not, what it is.

As lenient as browsers are about the type and the codings, and no more: a 200 with the essence
text/event-stream is a stream (WHATWG HTML 9.2.3), and to another method than GET any 2xx that has it. The body
of an answer is read here only where the answer is no event stream. Nothing is retried.
"""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncGenerator, AsyncIterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ..errors import BadContentType, BadStatus
from ..masking import MASK, Secrets
from .codings import BrokenCoding, Decoder, UnreadableCoding, decoder_of
from .content_type import content_type
from .hint_facts import RequestFacts
from .hints import content_hint, proxy_hint, quoted, status_hint
from .request import Request

# What is kept of the body of an error, and of a page that is no stream and may never end.
_ERROR_BYTES = 64 * 1024
_PAGE_BYTES = 1024
# RFC 9110: these have no body.
_NO_BODY = frozenset({204, 205, 304})
_SAID = 1000  # characters of a header that are shown


async def check(response: Any, request: Request, facts: RequestFacts) -> Decoder | None:
    """What reads the codings of the stream; None where it has none.

    Raises:
        BadStatus, BadContentType: it is no event stream; with what it is, and a hint.
    """
    status = response.status_code
    kind = content_type(response.headers.get("content-type", ""))
    is_stream = kind.essence == "text/event-stream"
    accepted = request.options.method != "GET" and 200 <= status < 300 and status not in _NO_BODY
    if status != 200 and not (accepted and is_stream):
        raise await _bad_status(response, request, facts)
    if not is_stream:
        raise await _bad_content_type(response, request, kind.essence, facts)
    if _was_read(response):
        return None  # the client has decoded what it read
    try:
        return decoder_of(response.headers.get("content-encoding", ""), _asked(response))
    except UnreadableCoding as e:
        raise _unreadable(e, response, request) from None


async def _bad_status(response: Any, request: Request, facts: RequestFacts) -> BadStatus:
    status, secrets = response.status_code, request.secrets
    body = "" if status in _NO_BODY else await _text(response, secrets, _ERROR_BYTES)
    reason = secrets.hide(getattr(response, "reason_phrase", ""))
    proxy = response.extensions.get("sse_widget.proxy") if status == 407 else None
    who = f"proxy {proxy}" if proxy else "server"
    return BadStatus(
        f"the {who} answered {status} {reason}".rstrip() + quoted(body),
        url=request.masked,
        hint=_proxy_hint(proxy, response)
        if proxy
        else status_hint(status, facts, response.headers, body[:_PAGE_BYTES]),
        status=status,
        body=body,
        headers=_shown(response, secrets),
        retry_after=_retry_after(response.headers.get("retry-after")),
        proxy=str(proxy or ""),
    )


def _proxy_hint(proxy: Any, response: Any) -> str:
    return proxy_hint(
        407,
        proxy.source,
        authorized=proxy.auth is not None,
        asks=response.headers.get("proxy-authenticate", ""),
    )


async def _bad_content_type(
    response: Any, request: Request, essence: str, facts: RequestFacts
) -> BadContentType:
    body = await _text(response, request.secrets, _PAGE_BYTES)
    found = f"Content-Type {essence!r}" if essence else "no Content-Type"
    return BadContentType(
        request.secrets.hide(f"the server answered with {found}, not 'text/event-stream'")
        + quoted(body),
        url=request.masked,
        hint=content_hint(essence, body, facts),
        content_type=request.secrets.hide(response.headers.get("content-type", "")),
        body=body,
    )


def _unreadable(e: UnreadableCoding, response: Any, request: Request) -> BadContentType:
    if e.asked:
        why = "and no package that reads it is installed"
        hint = f"Install the package {e.package}, or do not ask for it in Accept-Encoding."
    else:
        why = "which was not asked for"
        hint = "Turn compression off for event streams on the server or its proxy."
    return BadContentType(
        f"the server compressed the stream by {e.coding!r}, {why}",
        url=request.masked,
        hint=hint,
        content_type=request.secrets.hide(response.headers.get("content-type", "")),
    )


def _asked(response: Any) -> set[str]:
    """The codings that the request asked for (RFC 9110, 12.5.3)."""
    headers = getattr(getattr(response, "request", None), "headers", {})
    parts = (part.partition(";") for part in headers.get("accept-encoding", "").split(","))
    refused = ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return {
        name.strip().lower()
        for name, _, weight in parts
        if weight.replace(" ", "").lower() not in refused
    }


def _shown(response: Any, secrets: Secrets) -> httpx.Headers:
    """The headers of an answer without what is secret: no cookie has a value."""
    shown: list[tuple[bytes, bytes]] = []
    for name, value in getattr(response.headers, "multi_items", response.headers.items)():
        if name.lower() == "set-cookie":
            value = f"{value.partition('=')[0]}={MASK}"
        else:
            value = secrets.hide(value[:_SAID], cut=len(value) > _SAID)
        # As bytes: httpx refuses other text than ASCII.
        shown.append((name.encode("utf-8", "replace"), value.encode("utf-8", "replace")))
    return httpx.Headers(shown)


async def _text(response: Any, secrets: Secrets, limit: int) -> str:
    """The body as text, as much of it as comes within a second, up to `limit` bytes or a little
    more; what it repeats of the request's secrets is taken out."""
    got = bytearray()
    try:
        async with asyncio.timeout(1.0):
            async for piece in _decoded(response):
                got += piece
                if len(got) >= limit:
                    break
    except Exception:  # the status is the news, not a body that fails too
        pass
    whole = len(got) < limit
    charset = content_type(response.headers.get("content-type", "")).charset
    try:
        codecs.lookup(charset)
    except (LookupError, ValueError):
        charset = "utf-8"
    try:
        text = bytes(got[:limit]).decode(charset, "replace")
    except Exception:  # a codec that makes no text, such as "hex"
        text = bytes(got[:limit]).decode("utf-8", "replace")
    return secrets.hide(text, cut=not whole)


async def _decoded(response: Any) -> AsyncGenerator[bytes, None]:
    """The body without its codings, as far as they can be read."""
    coding = "" if _was_read(response) else response.headers.get("content-encoding", "")
    try:
        decoder = decoder_of(coding, {"*"})
    except UnreadableCoding:
        return
    async for chunk in raw_body(response):
        if decoder is None:
            yield chunk
            continue
        try:
            for piece in decoder.feed(chunk):
                yield piece
        except BrokenCoding:
            return


def _was_read(response: Any) -> bool:
    """Whether a hook of the client, or a test's transport, read the body before us."""
    return getattr(response, "is_stream_consumed", False) is True


def raw_body(response: Any) -> AsyncIterable[bytes]:
    """The bytes of the body as they came; where somebody has read it, as they were decoded.

    Raises:
        TypeError: somebody has read it and kept nothing of it.
    """
    if not _was_read(response):
        raw: AsyncIterable[bytes] = response.aiter_raw()
        return raw
    try:
        content: bytes = response.content
    except Exception:
        raise TypeError(
            "a hook of client= reads the stream away: only await response.aread() leaves it here, "
            "and only of a stream that ends"
        ) from None
    return _once(content)


async def _once(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


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
