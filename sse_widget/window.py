"""RollingWindow: the events a stream holds, as columns, bounded in events and bytes.

The newest events are Python lists (the tail); every few thousand of them are sealed into one Arrow
batch, which pandas wraps without a copy. One thread appends, any thread reads: readers take
references under a short lock and build outside it. It decides nothing about what is kept but the
two bounds, and imports `events` only.
"""

from __future__ import annotations

import functools
import threading
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from .events import EventBatch

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SCHEMA", "Counts", "RollingWindow", "Snapshot", "utf8_size"]

SCHEMA = pa.schema(
    [
        pa.field("received_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("type", pa.large_string(), nullable=False),
        pa.field("last_event_id", pa.large_string(), nullable=False),
        pa.field("data", pa.large_string(), nullable=False),
    ]
)

# A sealed batch is large enough that a million events are a few hundred of them, and small enough
# that sealing one is never felt (about a millisecond) and evicting its last row frees its memory
# soon.
_SEAL_EVENTS = 4096
_SEAL_BYTES = 2**20
# received_at and three 64-bit offsets.
_ROW_BYTES = 32
# A text that a whole batch has in common is held once, where it is short.
_SAME = 2 * _SEAL_EVENTS
_SHORT = 64
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Counts(NamedTuple):
    """`received == held + evicted + cleared`, taken at one instant."""

    received: int
    held: int
    evicted: int
    cleared: int


class Snapshot(NamedTuple):
    """Some rows of the window, and the number of the first one."""

    first: int
    table: pa.Table

    @property
    def stop(self) -> int:
        return self.first + int(self.table.num_rows)

    def frame(self) -> pd.DataFrame:
        """The rows as a DataFrame; its index are the numbers of the events."""
        import pandas as pd

        frame: pd.DataFrame = self.table.to_pandas(split_blocks=True)
        if self.table.column("received_at").num_chunks == 1:
            # Of one chunk pandas takes the memory itself, and could not write into it.
            frame["received_at"] = frame["received_at"].copy()
        frame.index = pd.RangeIndex(self.first, self.stop, name="seq")
        return frame


class _Tail:
    """The events that came since the last batch was sealed. Lists that only grow."""

    __slots__ = ("at", "counts", "data", "first", "ids", "size", "types")

    def __init__(self, first: int) -> None:
        self.first = first
        # A time for each batch that was appended, and how many events it had.
        self.at: list[int] = []
        self.counts: list[int] = []
        self.types: list[str] = []
        self.ids: list[str] = []
        self.data: list[str] = []
        self.size = 0

    def batch(self, start: int, stop: int) -> pa.RecordBatch:
        # The writer may add to both lists meanwhile, to one after the other.
        runs = min(len(self.at), len(self.counts))
        at = np.repeat(np.array(self.at[:runs], np.int64), self.counts[:runs])
        return pa.RecordBatch.from_arrays(
            [
                pa.array(at[start:stop]).view(SCHEMA.field(0).type),
                _strings(self.types[start:stop]),
                _strings(self.ids[start:stop]),
                pa.array(self.data[start:stop], pa.large_string()),
            ],
            schema=SCHEMA,
        )


class RollingWindow:
    """The latest events of a stream.

    Args:
        max_events: the most events held.
        max_bytes: the most bytes held: text as UTF-8 and 32 bytes an event; what events share
            counts for each of them. A single event that is larger than this is evicted at once.
    """

    def __init__(self, max_events: int = 100_000, max_bytes: int = 256 * 2**20) -> None:
        for name, value in (("max_events", max_events), ("max_bytes", max_bytes)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{name} must be a whole number, not {value!r}")
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        self.max_events = max_events
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._sealed: deque[tuple[int, pa.RecordBatch]] = deque()
        self._tail = _Tail(0)
        self._first = 0  # the number of the oldest event held
        self._stop = 0  # the number the next event gets
        self._bytes = 0
        self._cleared = 0
        self._cleared_to = 0
        # Running sizes of the rows of the oldest sealed batch, made when rows leave it one by one.
        self._head_sizes: Any = None

    # ------------------------------------------------------------------ writing (one thread)

    def append(self, batch: EventBatch) -> int:
        """Number the events of `batch` and hold them; return the number of the first one."""
        n = len(batch)
        first = self._stop
        if not n:
            return first
        at = _microseconds(batch.received_at)
        # In one call: many batches have one event.
        size = n * _ROW_BYTES + utf8_size([*batch.types, *batch.last_event_ids, *batch.data])
        with self._lock:
            tail = self._tail
            tail.at.append(at)
            tail.counts.append(n)
            tail.types += batch.types
            tail.ids += batch.last_event_ids
            tail.data += batch.data
            tail.size += size
            self._stop += n
            self._bytes += size
            if len(tail.data) >= _SEAL_EVENTS or tail.size >= _SEAL_BYTES:
                self._seal()
            if self._stop - self._first > self.max_events or self._bytes > self.max_bytes:
                self._evict()
        return first

    def restore(self, stop: int, table: pa.Table) -> None:
        """Begin with what an earlier window held last: these rows, which end before number `stop`.
        Only for a window that is still empty."""
        rows = table.select(SCHEMA.names).cast(SCHEMA)
        first = stop - rows.num_rows
        with self._lock:
            self._first = first
            self._stop = stop
            self._tail = _Tail(stop)
            for batch in rows.to_batches(max_chunksize=_SEAL_EVENTS):
                self._sealed.append((first, batch))
                first += batch.num_rows
                self._bytes += int(_running_sizes(batch)[-1])
            self._evict()

    def clear(self) -> int:
        """Let go of everything held; numbers go on. Returns how many events were cleared."""
        with self._lock:
            n = self._stop - self._first
            self._sealed.clear()
            self._head_sizes = None
            self._tail = _Tail(self._stop)
            self._first = self._cleared_to = self._stop
            self._bytes = 0
            self._cleared += n
            return n

    def _seal(self) -> None:
        tail = self._tail
        if tail.data:
            self._sealed.append((tail.first, tail.batch(0, len(tail.data))))
            self._tail = _Tail(self._stop)

    def _evict(self) -> None:
        """Drop the oldest events until both bounds hold: whole batches first, then rows."""
        while True:
            over = self._stop - self._first - self.max_events
            excess = self._bytes - self.max_bytes
            if over <= 0 and excess <= 0:
                return
            if not self._sealed:
                self._seal()
            first, batch = self._sealed[0]
            if self._head_sizes is None:
                self._head_sizes = _running_sizes(batch)
            sizes = self._head_sizes
            gone = self._first - first
            # The least number of rows of this batch whose end satisfies both bounds.
            until = gone + max(over, 0)
            if excess > 0:
                until = max(until, int(np.searchsorted(sizes, sizes[gone] + excess)))
            until = min(until, batch.num_rows)
            self._bytes -= int(sizes[until] - sizes[gone])
            self._first = first + until
            if until == batch.num_rows:
                self._sealed.popleft()
                self._head_sizes = None

    # ------------------------------------------------------------------ reading (any thread)

    @property
    def counts(self) -> Counts:
        with self._lock:
            held = self._stop - self._first
            evicted = self._first - self._cleared
            return Counts(self._stop, held, evicted, self._cleared)

    @property
    def bounds(self) -> tuple[int, int, int]:
        """The numbers of the oldest event held and of the next one; and up to which all was
        cleared."""
        with self._lock:
            return self._first, self._stop, self._cleared_to

    @property
    def nbytes(self) -> int:
        """Bytes held, as `max_bytes` counts them."""
        return self._bytes

    def read(self, start: int = 0, stop: int | None = None) -> Snapshot:
        """The events numbered from `start` to before `stop`, as far as they are held.

        Sealed batches are shared, not copied; the table never changes afterwards.
        """
        with self._lock:
            sealed = tuple(self._sealed)
            tail = self._tail
            start = max(start, self._first)
            stop = self._stop if stop is None else min(stop, self._stop)
        stop = max(start, stop)
        batches = []
        for first, batch in sealed:
            a, b = max(start - first, 0), min(stop - first, batch.num_rows)
            if a < b:
                batches.append(batch if b - a == batch.num_rows else batch.slice(a, b - a))
        if stop > tail.first:
            a = max(start - tail.first, 0)
            if a < stop - tail.first:
                batches.append(tail.batch(a, stop - tail.first))
        return Snapshot(start, pa.Table.from_batches(batches, schema=SCHEMA))


def utf8_size(texts: list[str]) -> int:
    """Bytes of these texts as UTF-8."""
    # Joined, because whether that is ASCII is a flag, and its length a field: no text is looked
    # at, not even one by one.
    joined = "".join(texts)
    return len(joined) if joined.isascii() else len(joined.encode())


def _strings(texts: list[str]) -> pa.Array:
    """An Arrow array of texts that are often the same: all of one type, none with an id."""
    if texts and texts[0] == texts[-1] and texts.count(texts[0]) == len(texts):
        if len(texts) <= _SAME and len(texts[0]) <= _SHORT:
            return _same(texts[0]).slice(0, len(texts))
        return pa.repeat(pa.scalar(texts[0], pa.large_string()), len(texts))
    return pa.array(texts, pa.large_string())


@functools.lru_cache(maxsize=32)
def _same(text: str) -> pa.Array:
    # Shared by all batches that have it: neither time nor memory an event.
    return pa.repeat(pa.scalar(text, pa.large_string()), _SAME)


def _microseconds(at: datetime | None) -> int:
    if at is None:
        raise ValueError("a batch needs received_at before it is held")
    delta = at - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _running_sizes(batch: pa.RecordBatch) -> Any:
    """`sizes[i]`: the bytes of the first `i` rows, as `append` counts them."""
    sizes = np.arange(batch.num_rows + 1, dtype=np.int64) * _ROW_BYTES
    for name in ("type", "last_event_id", "data"):
        column = batch.column(name)
        offsets = np.frombuffer(column.buffers()[1], np.int64)
        offsets = offsets[column.offset : column.offset + batch.num_rows + 1]
        sizes += offsets - offsets[0]
    return sizes
