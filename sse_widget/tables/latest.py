"""The state that a stream tells of many things: one row a key, with the newest value of each field.

Each event is read once, as it comes: what is asked for is there, however long the stream is, and outlives the
eviction of the events it came from. What is held is bounded in keys and in bytes; the keys that were silent
longest go first, and are counted. It reads the window, and nothing is decided here about what that holds.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from ..payload import bounded_slices, free_name, no_collection, payloads, read_whole, reader_of
from ..runtime import Timer
from .json_columns import MAX_KEYS as MAX_FIELDS
from .superseded import UniformRows, rows_at
from .typed_column import ColumnChunk, join

if TYPE_CHECKING:
    import pandas as pd

    from .window import RollingWindow, Snapshot

# On the loop: how long events that keep coming may wait to be read where an eighth of what the window can hold, and
# two batches like the last one, may still come before it lets go of one of them; and how many are looked at and
# read before others get a turn. What waits is read at once when somebody asks, so this is no delay of what is
# seen; and the more wait, the fewer are read: of each thing the newest.
_DELAY = 5.0
_SPARE, _SPARE_BATCHES = 8, 2
_SLICE_ROWS, _READ_ROWS = 2**17, 2**13
# Of the first ones only some: by these it is seen whether of the others, too, the newest will do.
_FIRST_ROWS = 64
_COLUMNS = ["received_at", "type", "data"]
# A thing of which the stream tells ever new fields is what its latest event says, and no more.
_MANY_FIELDS = 1_000
# A part of the bytes that may be held: more than that is not put off.
_PUT_OFF_PART = 4
# What a row holds: itself, a field, and what a byte of text is as objects.
_ROW_BYTES, _FIELD_BYTES, _TEXT_BYTES = 400, 100, 3

# Some events, with their payloads as texts and as values.
_Part: TypeAlias = tuple[pa.Table, list[bytes], list[Any]]


class LatestRow:
    """The newest of one key.

    Attributes:
        key: the value at the path that makes the key; of several paths a tuple.
        seq, at, type: number, time (microseconds since 1970) and type of the newest event.
        values: the newest value of each top-level field.
        nbytes: about the most bytes it took so far.
    """

    __slots__ = ("at", "key", "nbytes", "seq", "type", "values")

    def __init__(self, key: Any, values: dict[str, Any]) -> None:
        self.key = key
        self.values = values
        self.seq = self.at = self.nbytes = 0
        self.type = ""


class LatestRows:
    """One row a key, kept as events come.

    Args:
        window: where the events are.
        by: the paths whose values make the key; none for the type of the event.
        max_keys: the most keys that are held.

    Attributes:
        let_go: keys that were let go of because there were too many.
        missed: events that were evicted before they were read here.
    """

    def __init__(self, window: RollingWindow, by: Sequence[str], max_keys: int) -> None:
        self.by = tuple(by)
        self.max_keys = max_keys
        self.let_go = self.missed = 0
        self._window = window
        self._readers = [reader_of(path) for path in by]
        self._rows: dict[Any, LatestRow] = {}
        self._uniform = UniformRows(self.by[0]) if len(self.by) == 1 else None
        # Events, with their numbers, that stand for all others since the rows were entered: they are entered when
        # somebody asks. Objects that come and go beside those of the parser would scatter its memory.
        self._later: tuple[pa.Table, np.ndarray] | None = None
        self._nbytes = 0
        self._begun = False
        self._cursor = window.bounds[0]
        # A thread holds it while it reads further; the loop never waits for it.
        self._lock = threading.Lock()
        self._share = window.budget.share("latest", part=0.25)
        self._timer = Timer()
        self._closed = False

    # ------------------------------------------------------------------ the loop's side

    def follow(self) -> None:
        """Read on by itself from now on; on the loop's thread."""
        if not self._closed:
            self._window.watch(self._look)

    def close(self) -> None:
        """Read no further by itself; from any thread. What was read stays."""
        self._closed = True

    def _look(self, stop: int, most: int, newest: int) -> int | None:
        """Plan to read what came: as a `Watcher` of the window."""
        if self._closed:
            return None
        spare = most // _SPARE + _SPARE_BATCHES * newest
        latest = self._cursor + most - spare
        if stop < latest:
            self._read_within(_DELAY)
            return latest
        self._read_within(0)  # before they are evicted
        return stop + max(spare // 2, 1)

    def _read_within(self, seconds: float) -> None:
        due = self._timer.due
        if due is None or due > asyncio.get_running_loop().time() + seconds:
            self._timer.set(seconds, self._read_on)

    def _read_on(self) -> None:
        if self._closed or not self._lock.acquire(blocking=False):
            return
        try:
            news = self._window.read(self._cursor)
            some = self._advance(news, later=True)
            more = self._cursor < news.stop
        finally:
            self._lock.release()
        if some:
            self._read_within(0 if more else _DELAY)

    # ------------------------------------------------------------------ any thread

    def read(self) -> list[LatestRow]:
        """The rows, in the order in which the keys first came. All that came is read first."""
        with self._lock:
            self._catch_up()
            snapshot = self._window.read(self._cursor)
            while self._advance(snapshot, later=False):
                pass
            if len(self._rows) > self.max_keys:
                self._make_room()
            cleared = self._window.bounds[2]
            if cleared:
                for key in [k for k, row in self._rows.items() if row.seq < cleared]:
                    self._nbytes -= self._rows.pop(key).nbytes
            return list(self._rows.values())

    def frame(self, columns: Sequence[str] | None) -> pd.DataFrame:
        """The rows as a DataFrame, with all fields or those at these paths."""
        import pandas as pd

        rows = self.read()
        index = self._index([row.key for row in rows])
        times = np.array([row.at for row in rows], "datetime64[us]")
        added: dict[str, Any] = {
            "seq": np.array([row.seq for row in rows], np.int64),
            "received_at": pd.DatetimeIndex(times, tz="UTC").array,
        }
        if self.by:
            added["type"] = join([ColumnChunk([row.type for row in rows])])
        taken: set[Any] = {*added, *index.names}
        paths = self._fields(rows) if columns is None else columns
        for path in paths:
            reader = reader_of(path)
            values = [reader(row.values) for row in rows]
            added[free_name(path, taken)] = join([ColumnChunk(values)])
        # As Series, which say their dtype: pandas would look into object arrays and guess again.
        series = {n: pd.Series(v, index, v.dtype, copy=False) for n, v in enumerate(added.values())}
        frame = pd.DataFrame(series, index)
        frame.columns = pd.Index(list(added))
        frame.attrs["let_go"] = self.let_go
        return frame

    def _fields(self, rows: list[LatestRow]) -> list[str]:
        names = dict.fromkeys(name for row in rows for name in row.values)
        if len(names) > MAX_FIELDS:
            raise ValueError(
                f"the payloads have {len(names):,} different keys, and a table takes at most "
                f'{MAX_FIELDS:,}; name the ones you want: columns=["..."]'
            )
        return [name for name in names if name not in self.by]

    def _index(self, keys: list[Any]) -> pd.Index:
        import pandas as pd

        if len(self.by) > 1:
            columns = [join([ColumnChunk([key[n] for key in keys])]) for n in range(len(self.by))]
            return pd.MultiIndex.from_arrays(columns, names=self.by)
        column = join([ColumnChunk(keys)])
        index: pd.Index = pd.Index(
            column, dtype=column.dtype, name=self.by[0] if self.by else "type"
        )
        return index

    # ------------------------------------------------------------------ reading

    def _advance(self, news: Snapshot, *, later: bool) -> bool:
        """Read the next of these events; whether there may be more. The lock is held.

        Args:
            later: those that stand for all others are entered when somebody asks.
        """
        if news.first > self._cursor:
            self.missed += news.first - self._cursor
            self._cursor = news.first
        some = news.table.select(_COLUMNS).slice(self._cursor - news.first, _SLICE_ROWS)
        if not some.num_rows:
            return False
        at = None if self._uniform is None else self._uniform.newest(some)
        if at is not None and len(at) > _READ_ROWS:
            at = at[:_READ_ROWS]
            some = some.slice(0, int(at[-1]) + 1)
        with no_collection():
            rows = some if at is None else rows_at(some, at)
            parts = None if at is None else self._objects(rows)
            if at is None or parts is None:
                self._catch_up()
                some = some.slice(0, _READ_ROWS if self._begun else _FIRST_ROWS)
                self._take_all(_read(some), self._cursor + np.arange(some.num_rows), each=False)
            elif later:
                self._put_off(rows, self._cursor + at)
            else:
                self._take_all(parts, self._cursor + at, each=True)
        self._begun = True
        self._cursor += some.num_rows
        return True

    def _objects(self, rows: pa.Table) -> list[_Part] | None:
        """These events as they are read. Where one of them is no JSON object they stand for no others: None."""
        assert self._uniform is not None
        parts: list[_Part] = []
        for part in _read(rows):
            some, texts, values = part
            if not all(type(value) is dict for value in values):
                return None
            self._uniform.learn(some.column("type").to_pylist(), texts, values)
            parts.append(part)
        return parts

    def _put_off(self, rows: pa.Table, seqs: np.ndarray) -> None:
        """Keep these events, which have these numbers, until somebody asks."""
        assert self._uniform is not None
        if self._later is not None:
            before, numbers = self._later
            rows, seqs = pa.concat_tables([before, rows]), np.concatenate([numbers, seqs])
            at = self._uniform.newest(rows)
            if at is not None:
                rows, seqs = rows_at(rows, at), seqs[at]
        rows = rows.combine_chunks()
        self._later = rows, seqs
        limit = self._share.limit
        if rows.num_rows > _READ_ROWS or rows.nbytes > min(
            limit // _PUT_OFF_PART, limit - self._nbytes
        ):
            self._catch_up()
        else:
            self._share.hold(self._nbytes + rows.nbytes)

    def _catch_up(self) -> None:
        """Enter what was put off."""
        if self._later is not None:
            rows, seqs = self._later
            self._later = None
            with no_collection():
                self._take_all(_read(rows), seqs, each=True)

    def _take_all(self, parts: Iterable[_Part], seqs: np.ndarray, *, each: bool) -> None:
        """Enter these events, which have these numbers: `each` by itself, or all of a key at once."""
        start = 0
        for some, texts, values in parts:
            stop = start + len(values)
            self._take(some, texts, values, seqs[start:stop], each)
            start = stop

    def _take(
        self, some: pa.Table, texts: list[bytes], values: list[Any], seqs: np.ndarray, each: bool
    ) -> None:
        kinds = some.column("type").to_pylist()
        # Of those that stand for others it was learned as they came.
        if self._uniform is not None and not each:
            self._uniform.learn(kinds, texts, values)
        keys = list(self._keys(kinds, values))
        if each:
            places = np.arange(len(keys))
        else:
            # Key -> the fields that its events had, and the place of the newest of these.
            fields: dict[Any, dict[str, Any]] = {}
            place: dict[Any, int] = {}
            for n, key in enumerate(keys):
                value = values[n] if type(values[n]) is dict else {}
                known = fields.get(key)
                if known is None:
                    fields[key] = value
                else:
                    known.update(value)
                place[key] = n
            places = np.fromiter(place.values(), np.int64, len(place))
            keys, values = list(place), list(fields.values())
            some = some.select(["received_at", "type"]).take(places)
            kinds = some.column("type").to_pylist()
            texts = [texts[n] for n in place.values()]
        # One object a type: each row would hold its own.
        names: dict[str, str] = {}
        kinds = [names.setdefault(kind, kind) for kind in kinds]
        times = some.column("received_at").cast("int64").to_pylist()
        self._enter(keys, values, kinds, times, seqs[places].tolist(), texts)

    def _keys(self, kinds: list[str], values: list[Any]) -> Iterator[Any]:
        """The key of each event; None where it has none."""
        if not self.by:
            yield from kinds
        elif len(self._readers) == 1:
            (reader,) = self._readers
            for value in values:
                yield _hashable(reader(value)) if type(value) is dict else None
        else:
            for value in values:
                key = None
                if type(value) is dict:
                    key = tuple([_hashable(reader(value)) for reader in self._readers])
                yield None if key is None or None in key else key

    def _enter(
        self,
        keys: list[Any],
        values: list[dict[str, Any]],
        kinds: list[str],
        times: list[int],
        numbers: list[int],
        texts: list[bytes],
    ) -> None:
        """The newest of these keys, in the order of their events; None is no key."""
        rows, added = self._rows, 0
        for key, value, kind, time, seq, text in zip(
            keys, values, kinds, times, numbers, texts, strict=True
        ):
            row = rows.get(key)
            if row is None:
                if key is None:
                    continue
                row = rows[key] = LatestRow(key, value)
            elif len(row.values) < _MANY_FIELDS:
                row.values.update(value)
            else:
                row.values = value
            row.seq, row.at, row.type = seq, time, kind
            size = len(text) * _TEXT_BYTES + _FIELD_BYTES * len(row.values) + _ROW_BYTES
            if size > row.nbytes:
                added += size - row.nbytes
                row.nbytes = size
        self._nbytes += added
        if len(rows) > self.max_keys or self._nbytes > self._share.limit:
            self._make_room()
        self._share.hold(self._nbytes)

    def _make_room(self) -> None:
        """Let go of the keys that were silent longest."""
        limit = self._share.limit
        oldest = sorted(self._rows.values(), key=lambda row: row.seq)[:-1]
        for row in oldest:
            if len(self._rows) <= self.max_keys and self._nbytes <= limit:
                break
            del self._rows[row.key]
            self._nbytes -= row.nbytes
            self.let_go += 1


def _read(rows: pa.Table) -> Iterator[_Part]:
    """These events some at a time, with their payloads as texts and as values."""
    for some in bounded_slices(rows):
        texts = payloads(some.column("data"))
        yield some, texts, read_whole(texts)


def _hashable(value: Any) -> Any:
    """A value as a key: what has no hash as its JSON."""
    return json.dumps(value) if type(value) is list or type(value) is dict else value
