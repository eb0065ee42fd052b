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

from .row_layouts import RowLayouts

# Fewer rows are read as quickly as they are compared.
_WORTH = 64
# What is compared at once, at least, where there is as much. Each step costs some microseconds however few these
# are, and what few there are of it stays in the processor's cache.
_BLOCK_ROWS = 16_384
# Of each array that is kept for that: enough for so many rows of 60 bytes.
_ROOM_BYTES = 2**20
_MANY_KEYS, _KEY_BYTES = 32, 64
_MANY_TYPES = 8
_QUOTE, _COLON, _BACKSLASH = (ord(c) for c in '":\\')
# Bytes that are taken from the text in one piece.
_WORD = 16
# Of a word whose last n bytes count: the first halves, and the second ones.
_MASKS = np.ascontiguousarray(
    np.frombuffer(b"".join((b"\xff" * n).rjust(_WORD, b"\0") for n in range(_WORD + 1)), np.uint64)
    .reshape(-1, 2)
    .T
)
# What is sought by its number: odd numbers that scatter the bits of what they are multiplied by (the golden
# ratio's, and one of MurmurHash3), into so many buckets that few of a thousand things share one.
_SCATTER, _SCATTER_TOO = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC4CEB9FE1A85EC53)
_BUCKET_BITS = 14

# The things that events are about, as they are written: short ones as numbers, in one array or two.
_Things: TypeAlias = list[np.ndarray] | pa.Array


class _Room:
    """Memory for what is needed for a moment, again and again. Taken anew it is cleared by the system first, which
    takes longer than what is done with it.

    An array that was taken is another one's as soon as one of the same name is taken.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}

    def take(self, name: str, size: int) -> np.ndarray:
        """An array of so many bytes."""
        if size > _ROOM_BYTES:
            return np.empty(size, np.uint8)
        if name not in self._arrays:
            self._arrays[name] = np.empty(_ROOM_BYTES, np.uint8)
        return self._arrays[name][:size]


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
        self._forms: dict[str, tuple[_Form, RowLayouts]] = {}
        self._room = _Room()

    def newest(self, some: pa.Table) -> np.ndarray | None:
        """The places of the rows that must be read, in their order; None for all rows."""
        if not self._forms or some.num_rows < _WORTH or some["data"].null_count:
            return None
        places: list[np.ndarray] = []
        kinds: dict[str, list[tuple[_Things, np.ndarray]]] = {}
        for kind, rows, texts in _of_one_type(some, self._room):
            known = self._forms.get(kind)
            found = None if known is None else _newest(texts, *known, self._room)
            if found is None:
                places.append(rows)
            else:
                things, at, others = found
                kinds.setdefault(kind, []).append((things, rows[at]))
                places.append(rows[others])
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
            elif kind not in self._forms or self._forms[kind][0] != form:
                self._forms[kind] = form, RowLayouts(form.keys, form.place)
            if len(self._forms) > _MANY_TYPES:
                self._forms.clear()


def rows_at(some: pa.Table, places: np.ndarray) -> pa.Table:
    """The rows at these places, which ascend. Arrow copies the whole of a column in pieces first."""
    batches = some.to_batches()
    starts = np.cumsum([0, *map(len, batches)])
    cuts = np.searchsorted(places, starts)
    taken = [
        batches[n].take(pa.array(places[cuts[n] : cuts[n + 1]] - starts[n]))
        for n in np.flatnonzero(np.diff(cuts)).tolist()
    ]
    return pa.Table.from_batches(taken, some.schema)


class _Texts(NamedTuple):
    """Some texts as the bytes of all of them, and of more.

    Attributes:
        at: where each begins, and after the last one where it ends.
    """

    at: np.ndarray
    buffer: np.ndarray


def _texts_of(array: pa.Array) -> _Texts:
    _, offsets, text = array.buffers()
    at = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return _Texts(at, np.frombuffer(text, np.uint8) if at[-1] else np.zeros(0, np.uint8))


def _joined(pieces: list[_Texts], room: _Room) -> _Texts:
    """The texts of all of these."""
    if len(pieces) == 1:
        return pieces[0]
    starts, size = [], 0
    for at, _ in pieces:
        starts.append(at[:-1] + (size - at[0]))
        size += int(at[-1] - at[0])
    whole = room.take("texts", size)
    np.concatenate([buffer[at[0] : at[-1]] for at, buffer in pieces], out=whole)
    return _Texts(np.concatenate([*starts, [size]]), whole)


def _of_one_type(some: pa.Table, room: _Room) -> Iterator[tuple[str, np.ndarray, _Texts]]:
    """The rows in blocks: a type, the places of some of its rows, and their data, until the next is asked for."""
    start = begin = 0
    pieces: list[_Texts] = []
    before = ""
    known: dict[tuple[int, ...], str | None] = {}
    for batch in some.select(["type", "data"]).to_batches(max_chunksize=_BLOCK_ROWS):
        kinds, data = batch.columns
        shared = (kinds.offset, len(kinds), *(b.address for b in kinds.buffers() if b is not None))
        if shared not in known:
            known[shared] = kinds[0].as_py() if _all_alike(_texts_of(kinds)) else None
        kind = known[shared]
        if pieces and (kind != before or start - begin >= _BLOCK_ROWS):
            yield before, np.arange(begin, start), _joined(pieces, room)
            pieces = []
        if kind is not None:
            begin = begin if pieces else start
            before = kind
            pieces.append(_texts_of(data))
        else:
            found = kinds.dictionary_encode()
            codes = found.indices.to_numpy()
            for code, name in enumerate(found.dictionary.to_pylist()):
                rows = np.flatnonzero(codes == code)
                yield name, start + rows, _texts_of(data.take(pa.array(rows)))
        start += batch.num_rows
    if pieces:
        yield before, np.arange(begin, start), _joined(pieces, room)


def _all_alike(texts: _Texts) -> bool:
    """Whether all of these are one text."""
    at, buffer = texts
    size = at[1] - at[0]
    if (np.diff(at) != size).any():
        return False
    every = buffer[at[0] : at[-1]]
    return bool((every[size:] == every[: len(every) - size]).all())


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


def _newest(
    texts: _Texts, form: _Form, layouts: RowLayouts, room: _Room
) -> tuple[_Things, np.ndarray, np.ndarray] | None:
    """The different things among texts of this form, and the last row of each; and the rows of which this was not
    seen. None where a text has another form."""
    at, text = texts
    n, m = len(at) - 1, len(form.keys)
    if at[-1] - at[0] < _WORD:
        return None
    buffer = text[at[0] : at[-1]]
    # Without escapes a quote before a colon ends a key, and nothing else.
    marks = room.take("marks", len(buffer)).view(np.bool_)
    if np.equal(buffer, _BACKSLASH, out=marks).any():
        return None
    colons = np.equal(buffer, _COLON, out=marks)
    if not form.plain:
        colons[1:] &= buffer[:-1] == _QUOTE
    if np.count_nonzero(colons) != n * m:
        return None
    words = _Words(text)
    rows, others = np.arange(n), np.arange(0)
    places = layouts.find(at, text)
    if places is None:
        spans = _values(at, colons, form, words)
        if spans is None:
            return None
        starts, stops = spans
    else:
        starts, stops, known = places
        if not known.all():
            rows, others = np.flatnonzero(known), np.flatnonzero(~known)
            starts, stops = starts[rows], stops[rows]
            # As many colons as keys in all: so a row has more only where another one has fewer.
            if sum(
                np.count_nonzero(colons[at[i] - at[0] : at[i + 1] - at[0]]) for i in others
            ) != m * len(others):
                return None
    things: _Things | None = words.between(starts, stops)
    if things is None:
        things = _texts_between(text, starts, stops)
    return *_last_of_each(things, rows), others


def _values(
    at: np.ndarray, colons: np.ndarray, form: _Form, words: _Words
) -> tuple[np.ndarray, np.ndarray] | None:
    """Where the value that says which thing an event is about begins and ends in each row, of rows that have as
    many colons as keys; None where a row has other keys."""
    m, place = len(form.keys), form.place
    found = np.flatnonzero(colons)
    # After each key. In place: such an array taken anew is cleared by the system first.
    found += at[0] + 1
    ends = found.reshape(-1, m)
    if (ends[:, 0] != at[:-1] + len(form.keys[0])).any() or (ends[:, -1] > at[1:]).any():
        return None
    # A key of an object inside of the object stands behind a brace, and these stand behind commas.
    if not all(words.end_with(ends[:, j], key) for j, key in enumerate(form.keys)):
        return None
    last = at[1:] if place + 1 == m else ends[:, place + 1] - len(form.keys[place + 1])
    return ends[:, place], last


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
                mask = _MASKS[half, len(part)]
                if ((found[:, half] & mask) != word[half]).any():
                    return False
        return True

    def between(self, starts: np.ndarray, stops: np.ndarray) -> list[np.ndarray] | None:
        """The texts between these places, each as a number, or as one of each of two arrays; None where they are
        longer."""
        sizes = stops - starts
        most = sizes.max()
        if most > _WORD:
            return None
        found = self._before(stops)
        halves = (1,) if most <= _WORD // 2 else (0, 1)
        masks = most if most == sizes.min() else sizes
        return [found[:, half] & _MASKS[half][masks] for half in halves]


def _texts_between(text: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> pa.Array:
    """The texts between these places of a text."""
    n = len(starts)
    # The texts and what is between them, as one array on the same bytes: nothing is copied.
    cuts = np.empty(2 * n, np.int64)
    cuts[0::2], cuts[1::2] = starts, stops
    pieces = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), 2 * n - 1, [None, pa.py_buffer(cuts), pa.py_buffer(text)]
    )
    return pieces.take(pa.array(np.arange(0, 2 * n, 2)))


def _last_of_each(things: _Things, places: np.ndarray) -> tuple[_Things, np.ndarray]:
    """The different ones of these, and for each the last of the places, which ascend, that belong to it."""
    if not isinstance(things, list):
        rows = _last_encoded(things)
        return things.take(pa.array(rows)), places[rows]
    bucket = things[0] * _SCATTER
    for more in things[1:]:
        bucket ^= more * _SCATTER_TOO
    bucket >>= np.uint64(64 - _BUCKET_BITS)
    bucket = bucket.view(np.int64)
    numbers = np.arange(len(bucket), dtype=np.int32)
    # Of several writes to one place the last one stays.
    buckets = np.empty(2**_BUCKET_BITS, np.int32)
    buckets[bucket] = numbers
    last = buckets[bucket]
    rows = np.flatnonzero(last == numbers)
    differs = things[0][last] != things[0]
    for more in things[1:]:
        differs |= more[last] != more
    others = np.flatnonzero(differs)
    if len(others):  # they share a bucket with something else
        every = np.stack([half[others] for half in things], axis=1)
        encoded = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(every.itemsize * every.shape[1]), len(others), [None, pa.py_buffer(every)]
        )
        rows = np.sort(np.concatenate([rows, others[_last_encoded(encoded)]]))
    return [half[rows] for half in things], places[rows]


def _last_encoded(things: pa.Array) -> np.ndarray:
    found = things.dictionary_encode()
    last = np.empty(len(found.dictionary), np.int64)
    last[found.indices.to_numpy()] = np.arange(len(things))
    return np.sort(last)


def _newest_of(blocks: list[tuple[_Things, np.ndarray]]) -> np.ndarray:
    """The newest of each thing, from those of each block: more of them where blocks say things otherwise."""
    places = np.concatenate([at for _, at in blocks])
    numbers = [things for things, _ in blocks if isinstance(things, list)]
    if len(numbers) < len(blocks) or len(set(map(len, numbers))) > 1:
        return places
    if len(blocks) == 1:
        return places
    return _last_of_each([np.concatenate(halves) for halves in zip(*numbers, strict=True)], places)[
        1
    ]
