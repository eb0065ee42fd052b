"""What an EventSource is told: its options, each checked by name before anything is built.

An option that cannot work is refused in the cell that gave it, not by a stream that fails later. It
neither connects nor keeps anything. Imports `continuity` and `retry` for their types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypedDict

import httpx

from .continuity import Key
from .events import Event
from .retry import RetryPolicy

__all__ = ["SourceOptions", "check", "outline"]


class SourceOptions(TypedDict, total=False):
    """The keyword options of `EventSource`, which `SSEStream` hands through."""

    last_event_id: str
    headers: Any
    method: str | None
    params: Any
    content: Any
    json: Any
    auth: Any
    cookies: Any
    client: Any
    retry: RetryPolicy | None
    reconnect: bool | Literal["auto"]
    idle_timeout: float | None
    max_event_bytes: int
    stop_when: str | Callable[[Event], object] | None
    dedupe: bool | Key
    resume: Callable[[str], str | None] | None


def check(options: SourceOptions) -> None:
    """Refuse what cannot work.

    Raises:
        TypeError: an option of the wrong type, or two that exclude each other, by name.
        ValueError: an option out of its range, by name.
    """
    for name, value in options.items():
        if value is not None and name in _CHECKS:
            _CHECKS[name](name, value)
    if options.get("content") is not None and options.get("json") is not None:
        raise TypeError("content= and json= exclude each other: a request has one body")


def outline(options: SourceOptions) -> dict[str, Any]:
    """What may be told of a request: what there is beside the address, by name, never a value."""
    headers, auth = options.get("headers"), options.get("auth")
    body = next((name for name in ("json", "content") if options.get(name) is not None), "")
    names = [] if headers is None or callable(headers) else httpx.Headers(headers).raw
    ours = {"accept", "cache-control", "last-event-id"}
    return {
        "method": str(options.get("method") or ("POST" if body else "GET")).upper(),
        "headers": [n for raw, _ in names if (n := raw.decode("latin-1")).lower() not in ours],
        "auth": "" if auth is None else "basic" if isinstance(auth, tuple) else "other",
        "cookies": options.get("cookies") is not None,
        "body": body,
        "unknown": ["the function of headers="] if callable(headers) else [],
    }


def _wrong(name: str, what: str, value: object) -> TypeError:
    # Only the type is told: what was given may be a secret.
    return TypeError(f"{name} must be {what}, not {type(value).__name__}")


def _text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise _wrong(name, "text", value)


def _id(name: str, value: object) -> None:
    _text(name, value)
    # WHATWG HTML 9.2.6: an id field with a NUL is ignored, and its line ends at CR or LF.
    if any(c in str(value) for c in "\0\r\n"):
        raise ValueError(f"{name} cannot hold a line end or NUL: no server sends such an id")
    try:
        str(value).encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds half a character: no server sends such an id") from None


def _retry(name: str, value: object) -> None:
    if not isinstance(value, RetryPolicy):
        raise _wrong(name, "a RetryPolicy", value)


def _reconnect(name: str, value: object) -> None:
    if value not in (True, False, "auto"):
        raise ValueError(f'{name} must be True, False or "auto", not {value!r}')


def _seconds(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name, "a number of seconds", value)
    if not value > 0:
        raise ValueError(f"{name} must be more than 0 seconds, not {value}")


def _whole(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(name, "a whole number", value)
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")


def _headers(name: str, value: Any) -> None:
    if callable(value):
        return
    try:
        pairs = httpx.Headers(value).raw
    except Exception:
        raise _wrong(name, "a mapping of text, or a callable that gives one", value) from None
    for key, text in pairs:
        # A token read from a file ends with a line. What sends it would show it when it refuses.
        if any(c in text for c in b"\0\r\n"):
            shown = key.decode("latin-1")
            raise ValueError(f"{name}: {shown!r} holds a line end or NUL; value.strip() removes it")


def _auth(name: str, value: object) -> None:
    if isinstance(value, str):
        raise TypeError(
            f"{name} must be (user, password), an httpx.Auth or a callable; a token goes into "
            f'headers={{"Authorization": "Bearer ..."}}'
        )
    # By what it can do: the Auth of httpx2, or somebody's own, is one too.
    takes = callable(value) or hasattr(value, "auth_flow")
    if not takes and not (isinstance(value, tuple) and len(value) == 2):
        raise _wrong(name, "(user, password), an httpx.Auth or a callable", value)


def _client(name: str, value: object) -> None:
    if not (hasattr(value, "build_request") or callable(value)):
        raise _wrong(name, "an httpx-compatible async client, or a callable that makes one", value)


def _text_or_callable(name: str, value: object) -> None:
    if not (isinstance(value, str) or callable(value)):
        raise _wrong(name, "text, or a callable that is given an Event", value)


def _bool_or_callable(name: str, value: object) -> None:
    if not (isinstance(value, bool) or callable(value)):
        raise _wrong(name, "True, False, or a callable that is given an Event", value)


def _callable(name: str, value: object) -> None:
    if not callable(value):
        raise _wrong(name, "a callable that is given the last event ID", value)


_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "last_event_id": _id,
    "headers": _headers,
    "method": _text,
    "auth": _auth,
    "client": _client,
    "retry": _retry,
    "reconnect": _reconnect,
    "idle_timeout": _seconds,
    "max_event_bytes": _whole,
    "stop_when": _text_or_callable,
    "dedupe": _bool_or_callable,
    "resume": _callable,
}
