"""Rows that are all alike: which of them say nothing that a newer one does not say too.

A stream of ticks sends the same fields each time. Where all events of a type have the form of the last one that
was read (one flat object with the same keys in the same order), the newest of each thing replaces the others,
and they need not be read as JSON: a tenth of the time. Nothing is assumed: the keys of each text are compared.
What is valid JSON is not decided here; whoever reads the newest sees it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["UniformRows"]

# Fewer rows are read as quickly as they are compared.
_WORTH = 64
_MANY_KEYS, _KEY_BYTES = 32, 64
_MANY_TYPES = 8
_QUOTE, _COLON, _BRACE, _BACKSLASH = (ord(c) for c in '":{\\')


class UniformRows:
    """The forms of the events of a stream, one a type, and which events are the newest.

    Args:
        by: the top-level key that says which thing an event is about.
    """

    def __init__(self, by: str) -> None:
        self._by = by.encode("utf-8", "surrogatepass")
        self._forms: dict[str, tuple[bytes, ...]] = {}  # type -> keys, in their order

    def newest(self, some: pa.Table) -> np.ndarray | None:
        """The places of the rows that must be read, in their order; None for all rows."""
        if not self._forms or some.num_rows < _WORTH:
            return None
        kinds = _one(some.column("type")).dictionary_encode()
        if len(kinds.dictionary) > _MANY_TYPES or kinds.null_count or some["data"].null_count:
            return None
        data, codes = _one(some.column("data")), kinds.indices.to_numpy()
        parts = []
        for code, kind in enumerate(kinds.dictionary.to_pylist()):
            alone = len(kinds.dictionary) == 1
            rows = np.arange(len(data)) if alone else np.flatnonzero(codes == code)
            form = self._forms.get(kind)
            found = (
                None
                if form is None
                else self._of_one_form(data if alone else data.take(rows), form)
            )
            parts.append(rows if found is None else rows[found])
        return np.sort(np.concatenate(parts))

    def learn(self, kinds: list[str], values: list[Any]) -> None:
        """The latest of each type has the form that is expected next."""
        for kind, value in dict(zip(kinds, values, strict=True)).items():
            keys = tuple(value) if type(value) is dict else ()
            form = tuple(key.encode("utf-8", "surrogatepass") for key in keys)
            if self._by in form and len(form) <= _MANY_KEYS and max(map(len, form)) <= _KEY_BYTES:
                self._forms[kind] = form
            else:
                self._forms.pop(kind, None)
            if len(self._forms) > _MANY_TYPES:
                self._forms.clear()

    def _of_one_form(self, data: pa.Array, form: tuple[bytes, ...]) -> np.ndarray | None:
        """The newest row of each thing among texts of this form; None where one has another form."""
        n, m = len(data), len(form)
        _, offsets, text = data.buffers()
        at = np.frombuffer(offsets, np.int64)[data.offset : data.offset + n + 1]
        buffer = np.frombuffer(text, np.uint8)[at[0] : at[-1]]
        starts, stops = at[:-1] - at[0], at[1:] - at[0]
        if not n or (stops - starts < 2).any():
            return None
        # Without escapes a quote before a colon ends a key, and nothing else; and with one brace a row,
        # at its beginning, all keys are those of the one object.
        flat = np.count_nonzero(buffer == _BRACE) == n and (buffer[starts] == _BRACE).all()
        found = np.flatnonzero((buffer[:-1] == _QUOTE) & (buffer[1:] == _COLON))
        if not flat or len(found) != n * m or (buffer == _BACKSLASH).any():
            return None
        ends = found.reshape(n, m)
        if (ends[:, 0] < starts).any() or (ends[:, -1] >= stops).any():
            return None
        begins = []
        words = _Words(buffer)
        for j, key in enumerate(form):
            first = ends[:, j] - len(key)
            begins.append(first - 1)
            if (first <= starts).any():
                return None
            if not words.end_with(ends[:, j], b'"' + key):
                return None
        place = form.index(self._by)
        last = stops if place + 1 == m else begins[place + 1]
        return _newest(data, at[0] + ends[:, place] + 2, at[0] + last)


class _Words:
    """A buffer that is compared eight bytes at a time."""

    def __init__(self, buffer: np.ndarray) -> None:
        padded = np.concatenate([np.zeros(8, np.uint8), buffer])
        # The word that ends before each byte of the buffer.
        self._words = np.ndarray((len(buffer) + 1,), np.uint64, padded, strides=(1,))

    def end_with(self, places: np.ndarray, wanted: bytes) -> bool:
        """Whether before each of these places stands this text."""
        for stop in range(len(wanted), 0, -8):
            part = wanted[max(stop - 8, 0) : stop]
            word, mask = (
                np.frombuffer(bytes.rjust(8, b"\0"), np.uint64)
                for bytes in (part, b"\xff" * len(part))
            )
            found = self._words[places - (len(wanted) - stop)]
            if not ((found & mask) == word).all():
                return False
        return True


def _newest(data: pa.Array, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """The last row of each different text between these places of the buffer, in order."""
    n = len(data)
    # The texts and what is between them, as one array on the same bytes: nothing is copied.
    cuts = np.empty(2 * n, np.int64)
    cuts[0::2], cuts[1::2] = starts, stops
    pieces = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), 2 * n - 1, [None, pa.py_buffer(cuts), data.buffers()[2]]
    )
    things = pieces.take(pa.array(np.arange(0, 2 * n, 2))).dictionary_encode()
    newest = np.empty(len(things.dictionary), np.int64)
    # Of several writes to one place the last one stays.
    newest[things.indices.to_numpy()] = np.arange(n)
    return np.sort(newest)


def _one(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
