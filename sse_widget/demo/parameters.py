"""What a request to the demo server says: numbers within bounds, or an answer that names what is wrong.

Knows Starlette's requests; knows no feed.
"""

from __future__ import annotations

import math
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from .history import parse_id


class BadParameter(ValueError):
    """A query parameter that cannot be used; the text names it."""


def refuse(request: Request, error: Exception) -> Response:
    """The answer to a `BadParameter`."""
    return PlainTextResponse(f"{error}\n", status_code=400)


def number(request: Request, name: str, default: float, low: float, high: float) -> float:
    """A number from `low` to `high`; `default` where the query has none."""
    text = request.query_params.get(name)
    if text is None:
        return default
    with suppress(ValueError):
        value = float(text)
        if math.isfinite(value) and low <= value <= high:
            return value
    raise BadParameter(f"{name}={text[:40]}: give a number from {low:g} to {high:g}")


def integer(request: Request, name: str, default: int, low: int, high: int) -> int:
    """A whole number from `low` to `high`."""
    value = number(request, name, default, low, high)
    if value != int(value):
        raise BadParameter(f"{name}={value:g}: give a whole number")
    return int(value)


def last_id(request: Request) -> int | None:
    """The number in `Last-Event-ID`; None where it is none of ours."""
    return parse_id(request.headers.get("last-event-id"))


async def body_of(request: Request, limit: int) -> bytes | None:
    """The body; None where it is longer than `limit` bytes, of which no more is read.

    Raises:
        ClientDisconnect: the client is gone.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            return None
    return body
