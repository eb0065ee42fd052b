"""One connection: the answer to a request, the checks of it, and then bytes.

It knows httpx (by duck type: httpx2 and stubs work too), turns every failure into one of our
errors with a masked URL, and never retries: that is `source` and `retry`. How the answer came about
is `exchange`'s.

The rules are those of WHATWG HTML 9.2.2 and 9.2.3: GET by default, `Accept: text/event-stream`,
Last-Event-ID as UTF-8, only a 200 with the essence text/event-stream is an event stream.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ..errors import BadContentType, BadStatus, ConnectionFailed, SSEError
from ..masking import Secrets
from ..runtime import Flow
from .cookies import OriginJar
from .exchange import ask, close
from .hints import content_hint, proxy_hint, quoted, status_hint, translate_exception
from .request import Request

__all__ = ["Connection"]

_PEEK_BYTES = 1024
_INFLATE_STEP = 64 * 1024


class Connection:
    """An open event stream: `origin`, its bytes by `chunks()`, and its `flow`, if the client has
    one to offer."""

    def __init__(self, response: Any, masked: str, origin: str = "") -> None:
        self._response = response
        self._masked = masked
        self.origin = origin
        self.flow: Flow | None = getattr(response, "extensions", {}).get("sse_widget.flow")

    @classmethod
    async def open(
        cls,
        client: Any,
        request: Request,
        last_event_id: str,
        jar: OriginJar,
        sent: Callable[[], None],
    ) -> Connection:
        """Send the request, follow its redirects, check the answer.

        Args:
            sent: called when a request goes out.

        Raises:
            ConnectionFailed, BadStatus, BadContentType, TooManyRedirects: each with the masked
                URL and a hint.
        """
        response, address = await ask(client, request, last_event_id, jar, sent)
        try:
            await _check(response, request, last_event_id)
        except BaseException:
            await close(response)
            raise
        return cls(response, request.masked, address.origin)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the stream as they come, inflated in bounded steps where compressed.

        Raises:
            ConnectionFailed: the connection broke; a clean end just ends.
        """
        coding = _coding(self._response)
        inflater = zlib.decompressobj(wbits=47) if coding else None
        try:
            async for chunk in _raw(self._response):
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
        except (SSEError, TypeError):
            raise
        except Exception as e:
            raise translate_exception(e, self._masked, "body") from e

    async def aclose(self) -> None:
        await close(self._response)


async def _check(response: Any, request: Request, last_id: str) -> None:
    masked, secrets = request.masked, request.secrets
    status = response.status_code
    kind = secrets.hide(response.headers.get("content-type", ""))
    if status != 200:
        # RFC 9110: these have no body to peek at.
        body = "" if status in (204, 205, 304) else await _peek(response, secrets)
        reason = secrets.hide(getattr(response, "reason_phrase", ""))
        proxy = response.extensions.get("sse_widget.proxy") if status == 407 else None
        raise BadStatus(
            f"the {f'proxy {proxy}' if proxy else 'server'} answered {status} {reason}".rstrip()
            + quoted(body),
            url=masked,
            hint=proxy_hint(407, proxy.source, authorized=proxy.auth is not None)
            if proxy
            else status_hint(status, last_id),
            status=status,
            body=body,
            retry_after=_retry_after(response.headers.get("retry-after")),
            proxy=str(proxy or ""),
        )
    essence = kind.split(";", 1)[0].strip(" \t").lower()
    if essence != "text/event-stream":
        body = await _peek(response, secrets)
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


async def _peek(response: Any, secrets: Secrets) -> str:
    """The first 1 KiB of the body, if it comes within a second; what it repeats of the request's
    secrets is taken out."""
    got = b""
    try:
        async with asyncio.timeout(1.0):
            async for chunk in _raw(response):
                got += chunk[:_PEEK_BYTES]
                if len(got) >= _PEEK_BYTES:
                    break
    except Exception:  # the status is the news, not a body that fails too
        pass
    text = got[:_PEEK_BYTES].decode("utf-8", "replace")
    return secrets.hide(text, cut=len(got) >= _PEEK_BYTES)


def _was_read(response: Any) -> bool:
    """Whether a hook of the client, or a test's transport, read the body before us."""
    return getattr(response, "is_stream_consumed", False) is True


def _raw(response: Any) -> AsyncIterable[bytes]:
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


def _coding(response: Any) -> str | None:
    if _was_read(response):
        return None  # the client has decoded what it read
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
