"""The cookies of one stream: those that the user gave, and those that servers set.

A cookie that a server sets goes back to its own origin (scheme, host and port) and to no other: cookies
by themselves know no ports, and two services of one host are strangers to each other. A jar is bounded
and belongs to one stream. The rules of a cookie are those of Python's `http.cookiejar`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from http.cookiejar import CookieJar
from typing import Any
from urllib.request import Request as PlainRequest

import httpx

from .urls import Address

# Of one origin; RFC 6265, 6.1, asks for as many cookies of as many bytes each. All together must fit
# into what servers take as a request's head, which is often 8 KiB.
_COOKIES = 50
_COOKIE_BYTES = 4096
_BYTES = 6 * 1024
_ORIGINS = 8


class OriginJar:
    """The cookies that servers set for one stream, by origin."""

    def __init__(self) -> None:
        self._jars: OrderedDict[str, CookieJar] = OrderedDict()

    def take(self, address: Address, headers: Any) -> None:
        """Keep what an answer with these headers sets."""
        pairs = getattr(headers, "multi_items", headers.items)()
        lines = [v for k, v in pairs if k.lower() == "set-cookie"]
        lines = [v for v in lines if len(v) <= 2 * _COOKIE_BYTES][:_COOKIES]
        if not lines:
            return
        jar = self._jars.setdefault(address.origin, CookieJar())
        self._jars.move_to_end(address.origin)
        jar.extract_cookies(_Answer(lines), PlainRequest(address.text))  # type: ignore[arg-type]
        kept = 0
        # The newest stay; one that is set anew keeps its place, which is as old as it is.
        for n, cookie in enumerate(reversed(list(jar)), 1):
            size = len(cookie.name) + len(cookie.value or "")
            kept += size
            if n > _COOKIES or size > _COOKIE_BYTES or kept > _BYTES:
                kept -= size
                jar.clear(cookie.domain, cookie.path, cookie.name)
        while len(self._jars) > _ORIGINS:
            self._jars.popitem(last=False)

    def pairs(self, address: Address) -> list[str]:
        """`name=value` of each cookie that goes to this address."""
        jar = self._jars.get(address.origin)
        return [] if jar is None else pairs_of(jar, address)


class _Answer:
    """As much of an answer as a cookie jar asks for."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def info(self) -> _Answer:
        return self

    def get_all(self, name: str, default: list[str]) -> list[str]:
        return self._lines if name.lower() == "set-cookie" else default


def pairs_of(cookies: Any, address: Address | None = None) -> list[str]:
    """`name=value` of what was given as cookies, as far as it goes to this address; all where there
    is none."""
    jar = getattr(cookies, "jar", cookies)
    jar = jar if isinstance(jar, CookieJar) else httpx.Cookies(jar).jar
    if address is None:
        return [f"{cookie.name}={cookie.value or ''}" for cookie in jar]
    request = PlainRequest(address.text)
    jar.add_cookie_header(request)
    return split(request.get_header("Cookie") or "")


def split(header: str) -> list[str]:
    """The pairs of a Cookie header."""
    return [pair for pair in header.split("; ") if pair]


def cookie_header(given: list[str], others: Iterable[list[str]]) -> bytes:
    """The value of a Cookie header: what was given, whole, and of the others up to 6 KiB those of
    another name. What is no ASCII goes as UTF-8.

    Raises:
        ValueError: a cookie that was given holds a line end or NUL; its value is not told.
    """
    found = list(given)
    room = _BYTES
    for pairs in others:
        names = {pair.partition("=")[0] for pair in found}
        for pair in pairs:
            # A server may set what no header can send back: controls, or no ASCII.
            if not (pair.isascii() and pair.isprintable()):
                continue
            room -= len(pair) + 2
            if room > 0 and pair.partition("=")[0] not in names:
                found.append(pair)
    value = "; ".join(found).encode("utf-8", "replace")
    if any(c in value for c in b"\0\r\n"):
        raise ValueError("cookies: one holds a line end or NUL")
    return value
