"""Rows of one form that are as long as others and have their keys at the same places.

Prices, sizes and times of a feed mostly have as many digits as before. Such a row is compared as a whole with the
keys of one that is known, which takes half as long as to find where its values are. Only the places of the keys are
decided here: whether there is more in a row is for others to see.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Fewer rows are compared as quickly without it.
_WORTH = 1_024
# The most layouts that are kept: of more, each would have few rows. Of so many rows one may have another.
_MOST, _OTHERS = 4, 256
# Rows with more layouts are looked at again after one block of rows, then after two, up to so many.
_MOST_PASSED_OVER = 64
_WORD = 8
# In bytes. Longer ones are mostly values.
_LONGEST = 256
# In bytes: rows that are compared at once. They, and what they are compared with, stay in the processor's cache.
_AT_ONCE = 2**16


class _Layout(NamedTuple):
    """Where a row has its keys.

    Attributes:
        size: the bytes of the row.
        width: the bytes of the words that hold it; they end with it.
        mask, wanted: for each row that is compared at once, as words: the bits that belong to keys, and what they
            are.
        start, stop: where in the row the value stands that is sought.
    """

    size: int
    width: int
    mask: np.ndarray
    wanted: np.ndarray
    start: int
    stop: int


class Places(NamedTuple):
    """Where the values of one key stand in a text.

    Attributes:
        starts, stops: for each row; anything where it is not known.
        known: whether the row has a known layout.
    """

    starts: np.ndarray
    stops: np.ndarray
    known: np.ndarray


class RowLayouts:
    """The layouts of the rows of one form.

    Args:
        keys: what stands before each value of a row, from its beginning on.
        place: which of these is the key whose values are sought.
    """

    def __init__(self, keys: tuple[bytes, ...], place: int) -> None:
        self._keys = keys
        self._place = place
        self._layouts: list[_Layout] = []
        self._passed_over, self._to_pass_over = 1, 0

    def find(self, at: np.ndarray, text: np.ndarray) -> Places | None:
        """The values of the rows that begin at these places; where the last one ends is one more. None where too
        many rows have other layouts."""
        n = len(at) - 1
        if n < _WORTH:
            return None
        if self._to_pass_over:
            self._to_pass_over -= 1
            return None
        sizes = np.diff(at)
        places = Places(np.empty(n, np.int64), np.empty(n, np.int64), np.zeros(n, np.bool_))
        missing = n - sum(_enter(layout, at, text, sizes, places) for layout in self._layouts)
        while missing * _OTHERS > n:
            row = n - 1 - int(np.argmin(places.known[::-1]))
            layout = self._layout_of(text[at[row] : at[row + 1]].tobytes())
            if layout is None or len(self._layouts) == _MOST:
                self._layouts.clear()
                self._to_pass_over = self._passed_over
                self._passed_over = min(2 * self._passed_over, _MOST_PASSED_OVER)
                return None
            self._layouts.append(layout)
            missing -= _enter(layout, at, text, sizes, places)
        self._passed_over = 1
        return places

    def _layout_of(self, row: bytes) -> _Layout | None:
        """None where it has not all of the keys, or is long."""
        begins, ends, end = [], [], 0
        for key in self._keys:
            begin = row.find(key, end)
            if begin < 0:
                return None
            end = begin + len(key)
            begins.append(begin)
            ends.append(end)
        if begins[0] or len(row) > _LONGEST:
            return None
        width = -(-len(row) // _WORD) * _WORD
        mask = np.zeros(width, np.uint8)
        for begin, end in zip(begins, ends, strict=True):
            mask[width - len(row) + begin : width - len(row) + end] = 0xFF
        wanted = np.frombuffer(row.rjust(width, b"\0"), np.uint8) & mask
        return _Layout(
            len(row),
            width,
            np.tile(mask.view(np.uint64), _AT_ONCE // width),
            np.tile(wanted.view(np.uint64), _AT_ONCE // width),
            ends[self._place],
            [*begins[1:], len(row)][self._place],
        )


def _enter(
    layout: _Layout, at: np.ndarray, text: np.ndarray, sizes: np.ndarray, places: Places
) -> int:
    """Enter the rows that have this layout and are not known; returns how many."""
    size, width = layout.size, layout.width
    rows = np.flatnonzero((sizes == size) & ~places.known)
    begins = at[rows]
    # Before the first byte there is none, and the words of the first row may begin there.
    early = int(np.searchsorted(begins, width - size))
    rows, begins = rows[early:], begins[early:]
    if not len(rows):
        return 0
    every = np.ndarray((len(text) - width + 1,), f"V{width}", text, strides=(1,))
    first = begins - (width - size)
    others = []
    many = _AT_ONCE // width
    for n in range(0, len(rows), many):
        words = every[first[n : n + many]].view(np.uint64)
        words &= layout.mask[: len(words)]
        words ^= layout.wanted[: len(words)]
        if words.any():
            others.append(n + np.flatnonzero(words.reshape(-1, width // _WORD).any(axis=1)))
    if others:
        wrong = np.concatenate(others)
        rows, begins = np.delete(rows, wrong), np.delete(begins, wrong)
    places.starts[rows] = begins + layout.start
    places.stops[rows] = begins + layout.stop
    places.known[rows] = True
    return len(rows)
