"""What is asked for: the URL, the headers, and what of them may be shown.

It reads settings and writes headers, by WHATWG HTML 9.2.2 and 9.2.3; it sends nothing. Imports
`errors` only.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx

from .._version import __version__
from ..errors import ConnectionFailed, InvalidURL, SSEError, mask_url

__all__ = ["Request", "build_headers", "check_url", "origin_of", "resolve", "sendable"]

PROJECT_PAGE = "https://github.com/sse-widget/sse-widget"
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
USER_AGENT = f"sse-widget/{__version__} (+{PROJECT_PAGE})"


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask for, on every attempt anew. The repr shows no header, body or parameter."""

    url: httpx.URL = field(repr=False)
    method: str
    headers: Any = field(default=None, repr=False)
    content: Any = field(default=None, repr=False)
    json: Any = field(default=None, repr=False)
    auth: Any = field(default=None, repr=False)
    cookies: Any = field(default=None, repr=False)
    masked: str = ""


class Address(NamedTuple):
    """Where to ask: the URL without its userinfo, what of it may be shown, and the userinfo."""

    url: httpx.URL
    masked: str
    auth: tuple[str, str] | None


def check_url(url: object, params: Any = None) -> Address:
    """The address of a stream, with its parameters.

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
    # Credentials of a URL are sent as a header, and by the same rules as auth=.
    auth = (parsed.username, parsed.password) if parsed.userinfo else None
    bare = parsed.copy_with(fragment=None, userinfo=b"")
    return Address(bare, mask_url(str(parsed), names), auth)


def origin_of(url: Any) -> str:
    """Scheme, host and port of a URL, as `MessageEvent.origin` has them."""
    port = url.port
    # Not `url.host`: an origin is ASCII, `xn--bcher-kva.example`.
    host = url.raw_host.decode("ascii")
    host = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{host}" + (f":{port}" if port is not None else "")


async def resolve(
    value: Any,
    name: str,
    masked: str,
    call: Callable[[Callable[[], Any]], Awaitable[Any]] | None = None,
) -> Any:
    """A setting, or what the callable that was given for it returns, sync or async; `call` calls
    one that may block."""
    if not callable(value) or isinstance(value, httpx.Auth):
        return value
    try:
        value = value() if call is None or _is_async(value) else await call(value)
        return await value if inspect.isawaitable(value) else value
    except SSEError:
        raise
    except Exception as e:
        # Fetching a token fails like a connection does, and is tried again like one. What it
        # raised may hold the token: only its name is told.
        raise ConnectionFailed(
            f"{name}= raised {type(e).__name__} when it was asked", url=masked
        ) from e


def _is_async(fn: Any) -> bool:
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(type(fn).__call__)


def sendable(last_event_id: str) -> bool:
    """Whether this id can be a header's value: RFC 9110, 5.5, has no control characters but the
    tab. A server may well send such an id, but no client can send it back."""
    return not _CONTROLS.search(last_event_id)


def build_headers(own: Any, last_event_id: str) -> Any:
    """The headers of one attempt: ours, where `own` does not say otherwise."""
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
