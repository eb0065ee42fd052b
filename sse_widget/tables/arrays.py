"""Arrow arrays of the columns of events, made quickly from Python lists.

`pa.array` imports pandas first, and so does `to_pylist` of times: a third of a second, before the first event of a
stream could be shown. So what is made for every event does without. Nothing here knows a window.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import repeat
from operator import floordiv, sub
from typing import Any

import numpy as np
import pyarrow as pa

# A text that a whole batch has in common is held once, where it is short: so many rows (twice those of a batch of
# the window), and so many characters.
_SAME = 8_192
_SHORT = 64
# Of a longer text.
_FEW_ROWS = 1_024
# Texts shorter than this, on average, are faster found by what is put between them than asked for
# their lengths (bytes; measured: both take the same time at about 80).
_SEARCHED = 64
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)
# Up to so many it is quicker to divide each of them.
_FEW_TIMES = 32


def strings(names: list[str]) -> pa.Array:
    """An Arrow array of texts that are often the same: all of one type, none with an id."""
    if names and names[0] == names[-1] and names.count(names[0]) == len(names):
        return _repeated(names[0], len(names))
    return texts(names)


def repeated(text: str, times: int) -> pa.ChunkedArray:
    """A column of one text, so many times; its pieces share their memory."""
    piece = _repeated(text, min(times, _SAME if len(text) <= _SHORT else _FEW_ROWS))
    whole, rest = divmod(times, max(len(piece), 1))
    pieces = [piece] * whole
    return pa.chunked_array([*pieces, piece.slice(0, rest)] if rest or not pieces else pieces)


def _repeated(text: str, times: int) -> pa.Array:
    if times <= _SAME and len(text) <= _SHORT:
        return _same(text).slice(0, times)
    return pa.repeat(texts([text])[0], times)


@functools.lru_cache(maxsize=32)
def _same(text: str) -> pa.Array:
    # Shared by all batches that have it: neither time nor memory an event.
    return pa.repeat(texts([text])[0], _SAME)


def numbers(values: np.ndarray[Any, np.dtype[np.int64]], type: pa.DataType) -> pa.Array:
    """An Arrow array of these 64-bit numbers, without a copy."""
    return pa.Array.from_buffers(type, len(values), [None, pa.py_buffer(values)])


def datetimes(times: pa.Array | pa.ChunkedArray) -> list[datetime]:
    """These times, in microseconds and none of them null, as aware ones in UTC. (Their `to_pylist` imports pandas.)

    Raises:
        OverflowError: one is beyond the year 9999.
    """
    return [_EPOCH + us * _MICROSECOND for us in times.cast(pa.int64()).to_pylist()]


def microseconds(times: Iterable[datetime]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """How many there are since the epoch, for each of these aware times."""
    found: np.ndarray[Any, np.dtype[np.int64]]
    since = list(map(sub, times, repeat(_EPOCH)))
    if len(since) > _FEW_TIMES and "pandas" in sys.modules:
        # A third of the price for many, where it does not have to be imported for that.
        found = pa.array(since, pa.duration("us")).view(pa.int64()).to_numpy()
    else:
        found = np.fromiter(map(floordiv, since, repeat(_MICROSECOND)), np.int64, len(since))
    return found


def texts(values: list[str]) -> pa.Array:
    """An Arrow array of these texts."""
    n = len(values)
    joined = "".join(values)
    blob = joined.encode()
    offsets = np.zeros(n + 1, np.int64)
    ends = _ends(values) if len(blob) < _SEARCHED * n else None
    if ends is not None:
        np.subtract(ends, np.arange(n - 1), out=offsets[1:-1])
        offsets[-1] = len(blob)
    else:
        # What is as long in bytes as in characters is ASCII.
        plain = len(blob) == len(joined)
        lengths = map(len, values if plain else map(str.encode, values))
        np.cumsum(np.fromiter(lengths, np.int64, n), out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(blob)]
    return pa.Array.from_buffers(pa.large_string(), n, buffers)


def _ends(values: list[str]) -> np.ndarray[Any, np.dtype[np.int64]] | None:
    """Where each but the last of these texts ends, in bytes, with one more byte after each; `None` where a
    text has the character that is put between them. To look for it is half the price of asking each
    short text for its length."""
    joined = np.frombuffer("\0".join(values).encode(), np.uint8)
    ends = np.flatnonzero(joined == 0)
    return ends if len(ends) == len(values) - 1 else None
