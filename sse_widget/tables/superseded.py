"""Finds rows of one form that a newer row supersedes, so that they need not be read as JSON.

A stream of ticks sends the same fields each time. Where events of a type have the form of the last one that was
read (one flat object with the same keys in the same order and the same spaces), the newest of each key value
replaces the others: a tenth of the time. Nothing is assumed: the keys of each text are compared. Whether a text is
valid JSON is not decided here; that is seen when the newest is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

# Fewer rows are read as quickly as they are compared.
_WORTH = 64
# What is compared at once: so few bytes that they stay in the processor's cache, which is half of the time.
_BLOCK_ROWS = 8192
_MANY_KEYS, _KEY_BYTES = 32, 64
_MANY_TYPES = 8
_QUOTE, _COLON, _BACKSLASH = (ord(c) for c in '":\\')
# Bytes that are taken from the text in one piece.
_WORD = 16
# Of a word whose last n bytes count.
_MASKS = np.frombuffer(
    b"".join((b"\xff" * n).rjust(_WORD, b"\0") for n in range(_WORD + 1)), np.uint64
).reshape(-1, 2)
# What is sought by its number: odd numbers that scatter the bits of what they are multiplied by (the golden
# ratio's, and one of MurmurHash3), into so many buckets that few of a thousand things share one.
_SCATTER, _SCATTER_TOO = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC4CEB9FE1A85EC53)
_BUCKET_BITS = 14

# The things that events are about, as they are written: short ones as one or two numbers each.
_Things: TypeAlias = np.ndarray | pa.Array


class _Form(NamedTuple):
    """How the events of a type are written.

    Attributes:
        keys: what stands before each value, from the comma or brace to the colon.
        place: which of these is the key that says which thing an event is about.
        plain: no value has a colon.
    """

    keys: tuple[bytes, ...]
    place: int
    plain: bool


class UniformRows:
    """The forms of the events of a stream, one a type, and which events are the newest.

    Args:
        by: the top-level key that says which thing an event is about.
    """

    def __init__(self, by: str) -> None:
        self._by = by
        self._forms: dict[str, _Form] = {}

    def newest(self, some: pa.Table) -> np.ndarray | None:
        """The places of the rows that must be read, in their order; None for all rows."""
        if not self._forms or some.num_rows < _WORTH or some["data"].null_count:
            return None
        places: list[np.ndarray] = []
        kinds: dict[str, list[tuple[_Things, np.ndarray]]] = {}
        for first, kind, rows, data in _of_one_type(some):
            form = self._forms.get(kind)
            found = None if form is None else _newest(data, form)
            if found is None:
                places.append(first + rows)
            else:
                things, at = found
                kinds.setdefault(kind, []).append((things, first + rows[at]))
            if len(kinds) > _MANY_TYPES:
                return None
        for blocks in kinds.values():
            places.append(_newest_of(blocks))
        return np.sort(np.concatenate(places))

    def learn(self, kinds: list[str], texts: list[bytes], values: list[Any]) -> None:
        """The latest of each type has the form that is expected next."""
        for kind, n in {kind: n for n, kind in enumerate(kinds)}.items():
            form = _form_of(texts[n], values[n], self._by)
            if form is None:
                self._forms.pop(kind, None)
            else:
                self._forms[kind] = form
            if len(self._forms) > _MANY_TYPES:
                self._forms.clear()


def rows_at(some: pa.Table, places: np.ndarray) -> pa.Table:
    """The rows at these places, which ascend. Arrow copies the whole of a column in pieces first."""
    taken, start = [], 0
    for batch in some.to_batches():
        a, b = np.searchsorted(places, [start, start + batch.num_rows])
        taken.append(batch.take(pa.array(places[a:b] - start)))
        start += batch.num_rows
    return pa.Table.from_batches(taken, some.schema)


def _of_one_type(some: pa.Table) -> Iterator[tuple[int, str, np.ndarray, pa.Array]]:
    """The rows in blocks: the number of a block's first row, a type, the places of its rows in this block,
    and their data."""
    start = 0
    for batch in some.select(["type", "data"]).to_batches(max_chunksize=_BLOCK_ROWS):
        kinds, data = batch.columns
        if _all_alike(kinds):
            yield start, kinds[0].as_py(), np.arange(len(data)), data
        else:
            found = kinds.dictionary_encode()
            codes = found.indices.to_numpy()
            for code, name in enumerate(found.dictionary.to_pylist()):
                rows = np.flatnonzero(codes == code)
                yield start, name, rows, data.take(pa.array(rows))
        start += batch.num_rows


def _all_alike(texts: pa.Array) -> bool:
    """Whether all of these are one text."""
    at, buffer = _buffers(texts)
    size = at[1] - at[0]
    if (np.diff(at) != size).any():
        return False
    every = buffer[at[0] : at[-1]].reshape(len(texts), size)
    return bool((every == every[0]).all())


def _buffers(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Where each text begins, and after the last one where it ends; and the bytes of all."""
    _, offsets, text = texts.buffers()
    at = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return at, np.frombuffer(text, np.uint8) if at[-1] else np.zeros(0, np.uint8)


def _form_of(text: bytes, value: Any, by: str) -> _Form | None:
    """The form of this payload, whose value this is; None where it has none that can be compared."""
    if type(value) is not dict or by not in value or len(value) > _MANY_KEYS:
        return None
    names = [b'"%s":' % key.encode("utf-8", "surrogatepass") for key in value]
    between = b", " if b", " + names[-1] in text else b","
    keys = (b"{" + names[0], *(between + name for name in names[1:]))
    if (
        max(map(len, keys)) > _KEY_BYTES
        or b"\\" in text
        or text.count(b'":') != len(keys)
        or not text.startswith(keys[0])
        or not all(key in text for key in keys)
    ):
        return None
    return _Form(keys, list(value).index(by), text.count(b":") == len(keys))


def _newest(data: pa.Array, form: _Form) -> tuple[_Things, np.ndarray] | None:
    """The different things among texts of this form, and the last row of each; None where a text has
    another form."""
    at, text = _buffers(data)
    m = len(form.keys)
    if at[-1] - at[0] < _WORD:
        return None
    buffer = text[at[0] : at[-1]]
    # Without escapes a quote before a colon ends a key, and nothing else.
    if (buffer == _BACKSLASH).any():
        return None
    colons = buffer == _COLON
    if not form.plain:
        colons[1:] &= buffer[:-1] == _QUOTE
    found = np.flatnonzero(colons)
    if len(found) != len(data) * m:
        return None
    # After each key.
    ends = (found + (at[0] + 1)).reshape(-1, m)
    if (ends[:, 0] != at[:-1] + len(form.keys[0])).any() or (ends[:, -1] > at[1:]).any():
        return None
    # A key of an object inside of the object stands behind a brace, and these stand behind commas.
    words = _Words(text)
    if not all(words.end_with(ends[:, j], key) for j, key in enumerate(form.keys)):
        return None
    place = form.place
    last = at[1:] if place + 1 == m else ends[:, place + 1] - len(form.keys[place + 1])
    things: _Things | None = words.between(ends[:, place], last)
    if things is None:
        things = _texts_between(data, ends[:, place], last)
    return _last_of_each(things, np.arange(len(data)))


class _Words:
    """A text that is compared sixteen bytes at a time."""

    def __init__(self, text: np.ndarray) -> None:
        # Before its first byte there is none, so the first words are read from a copy that has some.
        start = np.concatenate([np.zeros(_WORD, np.uint8), text[:_WORD]])
        self._first = np.ndarray((_WORD + 1,), f"V{_WORD}", start, strides=(1,))
        self._words = np.ndarray((len(text) - _WORD + 1,), f"V{_WORD}", text, strides=(1,))

    def _before(self, places: np.ndarray) -> np.ndarray:
        """The words that end before these places, which ascend, as two numbers each."""
        found = self._words[places - _WORD]
        early = int(np.searchsorted(places, _WORD))
        if early:
            found[:early] = self._first[places[:early]]
        words: np.ndarray = found.view(np.uint64).reshape(-1, 2)
        return words

    def end_with(self, places: np.ndarray, wanted: bytes) -> bool:
        """Whether before each of these places stands this text."""
        for stop in range(len(wanted), 0, -_WORD):
            part = wanted[max(stop - _WORD, 0) : stop]
            word = np.frombuffer(part.rjust(_WORD, b"\0"), np.uint64)
            back = len(wanted) - stop
            found = self._before(places - back if back else places)
            for half in (0, 1) if len(part) > _WORD // 2 else (1,):
                mask = _MASKS[len(part), half]
                if ((found[:, half] & mask) != word[half]).any():
                    return False
        return True

    def between(self, starts: np.ndarray, stops: np.ndarray) -> np.ndarray | None:
        """The texts between these places, each as one or two numbers; None where they are longer."""
        sizes = stops - starts
        most = sizes.max()
        if most > _WORD:
            return None
        found = self._before(stops)
        some = slice(1 if most <= _WORD // 2 else 0, 2)
        text: np.ndarray = found[:, some] & _MASKS[sizes, some]
        return text


def _texts_between(data: pa.Array, starts: np.ndarray, stops: np.ndarray) -> pa.Array:
    """The texts between these places of the buffer."""
    n = len(data)
    # The texts and what is between them, as one array on the same bytes: nothing is copied.
    cuts = np.empty(2 * n, np.int64)
    cuts[0::2], cuts[1::2] = starts, stops
    pieces = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), 2 * n - 1, [None, pa.py_buffer(cuts), data.buffers()[2]]
    )
    return pieces.take(pa.array(np.arange(0, 2 * n, 2)))


def _last_of_each(things: _Things, places: np.ndarray) -> tuple[_Things, np.ndarray]:
    """The different ones of these, and for each the last of the places, which ascend, that belong to it."""
    if not isinstance(things, np.ndarray):
        rows = _last_encoded(things)
        return things.take(pa.array(rows)), places[rows]
    bucket = things[:, 0] * _SCATTER
    if things.shape[1] > 1:
        bucket ^= things[:, 1] * _SCATTER_TOO
    bucket = (bucket >> np.uint64(64 - _BUCKET_BITS)).view(np.int64)
    numbers = np.arange(len(things), dtype=np.int32)
    # Of several writes to one place the last one stays.
    buckets = np.empty(2**_BUCKET_BITS, np.int32)
    buckets[bucket] = numbers
    last = buckets[bucket]
    rows = np.flatnonzero(last == numbers)
    others = np.flatnonzero((things[last] != things).any(axis=1))
    if len(others):  # they share a bucket with something else
        encoded = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(things.itemsize * things.shape[1]),
            len(others),
            [None, pa.py_buffer(np.ascontiguousarray(things[others]))],
        )
        rows = np.sort(np.concatenate([rows, others[_last_encoded(encoded)]]))
    return things[rows], places[rows]


def _last_encoded(things: pa.Array) -> np.ndarray:
    found = things.dictionary_encode()
    last = np.empty(len(found.dictionary), np.int64)
    last[found.indices.to_numpy()] = np.arange(len(things))
    return np.sort(last)


def _newest_of(blocks: list[tuple[_Things, np.ndarray]]) -> np.ndarray:
    """The newest of each thing, from those of each block: more of them where blocks say things otherwise."""
    places = np.concatenate([at for _, at in blocks])
    arrays = [things for things, _ in blocks if isinstance(things, np.ndarray)]
    if len(arrays) < len(blocks) or len({things.shape[1] for things in arrays}) > 1:
        return places
    return _last_of_each(np.concatenate(arrays), places)[1]
