"""Texts as what `json.loads` gives for each, many at a time.

Every value is exactly that of `json.loads`, whichever parser made it: orjson where there is one (a third of
the time), else the standard library, which reads many texts in one call. It knows nothing of tables.
"""

from __future__ import annotations

import contextlib
import gc
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from ..basics import whole

try:
    import orjson
except ImportError:  # an accelerator: what it reads, the standard library reads the same
    orjson = None  # type: ignore[assignment]


class _NotJson:
    """The mark of a text that is no JSON (or nested deeper than Python can read)."""

    def __repr__(self) -> str:
        return "NOT_JSON"


NOT_JSON: Final = _NotJson()

# So many texts at a time: their values fit into the processor's cache.
_TOGETHER = 64
# Stands between the texts that are read in one call. Nobody who sends texts can know it, so none
# can pass itself off as two, or two as one.
_BETWEEN = secrets.token_hex(16)
_SEPARATOR = f',"{_BETWEEN}",'.encode()
# orjson makes floats of the whole numbers that pass 64 bits, without a word: the only thing it
# reads otherwise (NaN, 1e400, lone surrogates and deep nesting are errors, and read again).
_HUGE = re.compile(rb"[0-9]{20}|-[0-9]{19}")
# What opens, closes or is a name in JSON; a colon stands after the names. A text that never ends is taken
# whole, and nothing is gone back on: each byte is looked at once, whatever a server sends.
_TOKENS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"[ \t\r\n]*+:?|\\?\Z)|[][{}]', re.DOTALL)
# The escape of half a character.
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_COLON = ord(":")
_FOUR_DIGITS = np.uint32(0x30303030)
_HIGH_HALVES = np.uint32(0xF0F0F0F0)


def read(texts: Sequence[bytes]) -> list[Any]:
    """The value of each text (UTF-8); `NOT_JSON` for those that have none."""
    out: list[Any] = []
    together = _together if orjson is None else _one_by_one
    for start in range(0, len(texts), _TOGETHER):
        some = texts[start : start + _TOGETHER]
        try:
            out += together(some)
        except (ValueError, RecursionError):
            out += map(_read_one, some)
    if orjson is not None:
        for i in _huge_integers(texts):
            out[i] = _read_one(texts[i])
    return out


def read_object(text: str) -> dict[str, Any]:
    """The JSON object that this text is; {} where it is none."""
    (value,) = read([text.encode("utf-8", "surrogatepass")])
    return value if type(value) is dict else {}


def read_whole(texts: Sequence[bytes]) -> list[Any]:
    """As `read`, but half a character, which JSON can spell, is U+FFFD: nothing that holds one can be
    printed."""
    values = read(texts)
    # In all of them at once: most streams never write such an escape, and many none: one byte is found at a
    # tenth of what two take.
    joined = b"".join(texts)
    if b"\\" not in joined or b"\\u" not in joined:
        return values
    for i, text in enumerate(texts):
        if b"\\u" in text and _HALF.search(text) is not None:
            with contextlib.suppress(RecursionError):  # nested so deep: it stays as it came
                values[i] = _whole(values[i])
    return values


def _whole(value: Any) -> Any:
    if type(value) is str:
        return whole(value)
    if type(value) is list:
        return [_whole(one) for one in value]
    if type(value) is dict:
        clean: dict[str, Any] = {}
        for key, one in value.items():
            name = whole(key)
            while name in clean or (name != key and name in value):
                name += "\ufffd"
            clean[name] = _whole(one)
        return clean
    return value


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Payloads have no cycles; looking for some in a hundred thousand takes a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def cost(text: bytes) -> int:
    """About the most bytes that the value of this text takes as Python objects."""
    opened = text.count(b"[") + text.count(b"{")
    return len(text) + 72 * opened + 100 * text.count(b",")


def has_more_keys(text: bytes, most: int) -> bool:
    """Whether this JSON object has more than so many different keys of its own, found without making its
    value, which takes ten times the bytes of the text."""
    if text.count(b":") <= most:
        return False
    keys: set[bytes] = set()
    depth = 0
    for token in _TOKENS.finditer(text):
        first = text[token.start()]
        if first in b"[{":
            depth += 1
        elif first in b"]}":
            depth -= 1
        elif depth == 1 and text[token.end() - 1] == _COLON:
            keys.add(token[0])
            if len(keys) > most:
                return True
    return False


def _one_by_one(texts: Sequence[bytes]) -> list[Any]:
    return list(map(orjson.loads, texts))


def _together(texts: Sequence[bytes]) -> list[Any]:
    """With the standard library: one list of some texts costs a third less than a call for each."""
    values = json.loads(f"[{_SEPARATOR.join(texts).decode('utf-8', 'surrogatepass')}]")
    if values[1::2] != [_BETWEEN] * (len(texts) - 1) or len(values) != 2 * len(texts) - 1:
        raise ValueError("a text that is no value, or several")
    return list(values[::2])


def _read_one(text: bytes) -> Any:
    try:
        return json.loads(text.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return NOT_JSON


def _huge_integers(texts: Sequence[bytes]) -> Iterable[int]:
    """Which texts may have a whole number of more than 64 bits."""
    joined = b" ".join(texts)
    # A run of 19 digits covers 16 bytes at a multiple of four: a look at whole words (the mask
    # takes :;<=>? for digits too) before the pattern looks at what is left.
    word = (np.frombuffer(joined, np.uint32, len(joined) // 4) & _HIGH_HALVES) == _FOUR_DIGITS
    where = np.flatnonzero(word[:-3] & word[1:-2] & word[2:-1] & word[3:]) * 4
    huge = [w for w in where.tolist() if _HUGE.search(joined, max(w - 4, 0), w + 24)]
    if not huge:
        return ()
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 1)
    found: set[int] = set(np.searchsorted(ends, huge, "right").tolist())
    return found
