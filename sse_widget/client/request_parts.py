"""The parts of a request as people write them -> as they are sent: headers, parameters, cookies,
body, credentials.

Each function refuses what cannot be sent, by the option's name and without its value, which may be a
secret. What can be read only once, such as a generator or a file, is read here. It sends nothing and
calls none of the callables that it is given.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from datetime import date, time
from http.cookiejar import CookieJar
from numbers import Number
from typing import Any, Protocol, TypeAlias, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

import httpx

from ..checks import takes_arguments, text, truth, wrong_type

_T = TypeVar("_T")

Asked: TypeAlias = Callable[[], _T] | Callable[[], Awaitable[_T]]
"""A function without arguments, sync or async, that is called on every attempt."""

_Text: TypeAlias = str | bytes
Headers: TypeAlias = Mapping[str, _Text] | Mapping[bytes, _Text] | Iterable[tuple[_Text, _Text]]
_Value: TypeAlias = str | int | float | bool | None
Params: TypeAlias = (
    str | Mapping[str, _Value | list[_Value] | tuple[_Value, ...]] | Iterable[tuple[str, _Value]]
)
Cookies: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]] | CookieJar | httpx.Cookies


class AuthFlow(Protocol):
    """An `httpx.Auth`, or one of httpx2, or somebody's own."""

    def auth_flow(self, request: Any) -> Any: ...


Auth: TypeAlias = tuple[str, str] | AuthFlow
HeaderPairs: TypeAlias = tuple[tuple[bytes, bytes], ...]
ParamPairs: TypeAlias = tuple[tuple[str, str], ...]


def _items(name: str, value: Any, wanted: str) -> list[Any]:
    """The entries of a mapping, or of an iterable that may be readable only once."""
    if isinstance(value, str | bytes):
        raise wrong_type(name, wanted, value)
    try:
        # Headers and parameters of httpx and httpx2 have several values a name.
        found = list(value.multi_items() if hasattr(value, "multi_items") else value.items())
    except AttributeError:
        try:
            found = list(value)
        except TypeError:
            raise wrong_type(name, wanted, value) from None
        if not found and iter(value) is value:
            raise ValueError(
                f"{name} is an iterator that gives nothing: was it read before?"
            ) from None
    for item in found:
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise TypeError(f"{name} must be {wanted}; it holds a {type(item).__name__}")
    return found


_HEADERS = "a mapping of text, pairs of text, or a function without arguments that gives these"
# RFC 9110, 5.6.2.
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def is_token(word: bytes | None) -> bool:
    """Whether this is a word as HTTP has for names and methods."""
    return word is not None and _TOKEN.fullmatch(word) is not None


def header_pairs(name: str, value: object) -> HeaderPairs:
    """Headers as they are sent. Text that is not ASCII goes out as UTF-8, as Last-Event-ID does.

    Raises:
        TypeError: no headers, or a value that is no text.
        ValueError: what no header can hold.
    """
    if value is None:
        return ()
    return tuple(_header(name, n, *item) for n, item in enumerate(_items(name, value, _HEADERS), 1))


def _header(name: str, n: int, key: object, value: object) -> tuple[bytes, bytes]:
    raw = _encoded(key)
    if raw is None or not is_token(raw):
        # Not repeated: somebody may have taken the token for the name.
        raise ValueError(f"{name}: the name of header {n} is none: letters, digits and hyphens")
    shown = raw.decode("ascii")
    if not isinstance(value, str | bytes):
        raise wrong_type(f"{name}: {shown!r}", "text", value)
    sent = _encoded(value)
    if sent is None:
        raise ValueError(f"{name}: {shown!r} holds half a character")
    # A token read from a file ends with a line. What sends it would show it when it refuses.
    if any(c in sent for c in b"\0\r\n"):
        raise ValueError(f"{name}: {shown!r} holds a line end or NUL; value.strip() removes it")
    # RFC 9110, 5.5: no control character but the tab, and no space at the ends.
    if any((c < 0x20 and c != 0x09) or c == 0x7F for c in sent):
        raise ValueError(f"{name}: {shown!r} holds a control character")
    return raw, sent.strip(b" \t")


def _encoded(value: object) -> bytes | None:
    """Text as UTF-8, None where it is none."""
    if isinstance(value, bytes):
        return value
    try:
        return value.encode() if isinstance(value, str) else None
    except UnicodeEncodeError:
        return None


_PARAMS = "a mapping, pairs, or a function without arguments that gives these"


def param_pairs(name: str, value: object) -> ParamPairs:
    """Parameters of a query, as pairs of text: a value that is a list is a pair for each of it.

    Raises:
        TypeError: no parameters, or a value that is no text, number, bool, time, UUID or None.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(parse_qsl(value.removeprefix("?"), keep_blank_values=True))
    found: list[tuple[str, str]] = []
    for key, given in _items(name, value, _PARAMS):
        if not isinstance(key, str):
            raise wrong_type(f"{name}: a name", "text", key)
        values = given if isinstance(given, list | tuple) else [given]
        found += [(key, _param(f"{name}: {key!r}", one)) for one in values]
    return tuple(found)


def _param(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        if _encoded(value) is None:
            raise ValueError(f"{name} holds half a character")
        return str(value)
    try:
        return str(truth(name, value)).lower()
    except TypeError:
        if isinstance(value, Number | UUID):
            return str(value)
        if isinstance(value, date | time):
            return value.isoformat()  # ISO 8601, as servers read a time
        raise wrong_type(
            name, "text, a number, a bool, a time, None, or a list of these", value
        ) from None


def cookies_of(name: str, value: Any) -> dict[str, str] | CookieJar | httpx.Cookies | None:
    if value is None or isinstance(value, CookieJar | httpx.Cookies):
        return value
    if isinstance(jar := getattr(value, "jar", None), CookieJar):
        return jar  # the Cookies of httpx2
    found: dict[str, str] = {}
    for n, (key, given) in enumerate(_items(name, value, "a mapping of text to text, or a jar"), 1):
        raw = _encoded(key)
        if raw is None or not is_token(raw):
            raise ValueError(f"{name}: the name of cookie {n} is none: letters, digits, - and _")
        given = text(f"{name}: {key!r}", given)
        # RFC 6265, 4.1.1, but for what servers take all the same.
        if not all(" " <= c <= "~" and c != ";" for c in given):
            raise ValueError(f"{name}: {key!r} holds what no cookie can: only ASCII, and no ';'")
        found[key] = given
    return found


_CONTENT = "text or bytes"


class AsyncBody:
    """A body that must be awaited: it is read when it is first sent, once, and kept for every time
    after. Several streams may have it, on threads of their own."""

    def __init__(self, name: str, content: AsyncIterable[Any]) -> None:
        self._name = name
        self._content: AsyncIterable[Any] | None = content
        self._bytes: bytes | None = None
        self._lock = threading.Lock()

    async def read(self) -> bytes:
        """The whole of it.

        Raises:
            ValueError: it gives nothing, as one that was read before does.
            TypeError: it gives no bytes.
        """
        with self._lock:
            if self._bytes is None:
                content, self._content = self._content, None
                pieces = [] if content is None else [piece async for piece in content]
                self._bytes = content_of(self._name, iter(pieces))
            return self._bytes or b""

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(f"{self._name} must be awaited: it cannot go to another process")


Content: TypeAlias = (
    str | bytes | bytearray | memoryview | Iterable[bytes] | AsyncIterable[bytes] | AsyncBody
)


def content_of(name: str, value: Any) -> Any:
    """A body as bytes, read to its end where it can be read only once: each attempt sends it anew.
    One that must be awaited is an `AsyncBody`."""
    if value is None or isinstance(value, bytes | AsyncBody):
        return value
    if isinstance(value, str):
        if (sent := _encoded(value)) is None:
            raise ValueError(f"{name} holds half a character")
        return sent
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Mapping):
        raise TypeError(f"{name} must be {_CONTENT}, not a mapping: json= sends it as JSON")
    if isinstance(value, AsyncIterable):
        return AsyncBody(name, value)
    return _read_whole(name, value)


def _read_whole(name: str, value: Any) -> bytes:
    """A file or an iterable of bytes, read to its end."""
    try:
        read = getattr(value, "read", None)
        pieces = [read()] if callable(read) else list(value)
    except TypeError:
        raise wrong_type(name, _CONTENT, value) from None
    if not all(isinstance(piece, str | bytes | bytearray | memoryview) for piece in pieces):
        raise TypeError(
            f"{name} must be {_CONTENT}; this {type(value).__name__} gives other things"
        )
    body = b"".join(content_of(name, piece) or b"" for piece in pieces)
    if not body and (callable(read) or iter(value) is value):
        raise ValueError(f"{name} gives nothing: was it read before?")
    return body


def json_of(name: str, value: Any) -> Any:
    """What is sent as JSON, in a copy: every attempt sends what was given."""
    if value is None:
        return None
    try:
        # As httpx writes it.
        written = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
        written.encode()
        return json.loads(written)
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds half a character") from None
    except ValueError:
        raise ValueError(f"{name} cannot be JSON: it holds NaN, infinity, or itself") from None
    except RecursionError:
        raise ValueError(f"{name} cannot be JSON: it is nested too deep") from None
    except TypeError as e:
        # These words name a type, not a value.
        raise TypeError(f"{name} cannot be JSON: {e}") from None


def _plain(value: Any) -> Any:
    """NumPy's scalars are numbers too."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no JSON")


_AUTH = "(user, password), an httpx.Auth or a callable"


def auth_of(name: str, value: Any) -> Any:
    """Who asks, as httpx takes it.

    Raises:
        TypeError: it is nothing of that.
    """
    if isinstance(value, str):
        raise TypeError(
            f'{name} must be {_AUTH}; a token goes into headers={{"Authorization": "Bearer ..."}}'
        )
    # By what it can do: the Auth of httpx2, or somebody's own, is one too.
    if value is None or (hasattr(value, "auth_flow") and not isinstance(value, type)):
        return value
    if type(value).__name__ == "HTTPDigestAuth":  # of requests, which hooks into its answers
        raise TypeError(f"{name}: give httpx.DigestAuth(user, password) instead of HTTPDigestAuth")
    if callable(value) and not isinstance(value, type):
        if not (takes_arguments(value, 0) or takes_arguments(value, 1)):
            raise TypeError(f"{name} is called without arguments, or with the request alone")
        return value
    if not is_pair(value):
        raise wrong_type(name, _AUTH, value)
    for part, given in zip(("user", "password"), value, strict=True):
        if not isinstance(given, str | bytes):
            raise wrong_type(f"{name}: the {part}", "text", given)
        if _encoded(given) is None:
            raise ValueError(f"{name}: the {part} holds half a character")
    return value


def is_pair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2
