"""`RollingWindow`: the events a stream holds, as columns, bounded in events and bytes.

The newest events are Python lists (the tail); every few thousand of them are sealed into Arrow batches, which
pandas wraps without a copy. A large piece of the tail that was read once is kept as Arrow, so that a capture
and the window share one conversion. One thread appends, any thread reads: readers take references under a
short lock and build outside it. Nothing but the two bounds decides what is kept.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import compress
from operator import itemgetter
from sys import getsizeof
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from ..basics import Budget, free_in_children
from ..checks import whole_number
from ..events import EVENT_BYTES, Event, EventBatch
from ..filters import EventFilter
from ..payload import bounded_slices
from .arrays import datetimes, microseconds, numbers, strings, texts

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = pa.schema(
    [
        pa.field("received_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("type", pa.large_string(), nullable=False),
        pa.field("last_event_id", pa.large_string(), nullable=False),
        pa.field("data", pa.large_string(), nullable=False),
    ]
)

# `empty_table()` would import pandas.
_NO_ROWS = pa.Table.from_arrays([pa.nulls(0, field.type) for field in SCHEMA], schema=SCHEMA)

# A sealed batch is large enough that a million events are a few hundred of them, and small enough
# that sealing one is never felt (about a millisecond) and evicting its last row frees its memory
# soon.
_SEAL_EVENTS = 4096
_SEAL_BYTES = 2**20
# Events of a tail up to which sealing would cost more than it frees.
_LEAST_SEALED = 256
# Of the tail, what was read is worth keeping from here on.
_PIECE_EVENTS = 1024
# Watchers are told at the latest when so large a part of all the room has filled.
_TOLD_PARTS = 8
# received_at and three 64-bit offsets.
_ROW_BYTES = 32
_number = itemgetter(0)
_SHARE = "events"
# One for all windows, held for microseconds: a fork waits for it, so that no child inherits a window
# in the middle of a write, locked for ever.
_lock = threading.Lock()
free_in_children(_lock)


# A function that is told the number of the next event, about how many events fit if all are like those held, and how
# many came last. It returns the number at which it wants to be told again, at the latest; None for never.
Watcher: TypeAlias = Callable[[int, int, int], int | None]


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

    def events(self, origin: str, filter: EventFilter | None = None) -> Iterator[Event]:
        """The rows as events, all or those that a filter lets through, made some at a time."""
        seq = self.first
        for some in bounded_slices(self.table):
            seqs: Sequence[int] = range(seq, seq + some.num_rows)
            seq += some.num_rows
            mask = None if filter is None else filter.mask(some)
            if mask is not None:
                seqs = list(compress(seqs, mask.to_pylist()))
                some = some.filter(mask)
            texts = (some[name].to_pylist() for name in ("type", "data", "last_event_id"))
            at = datetimes(some["received_at"])
            for n, type_, data, id_, time in zip(seqs, *texts, at, strict=True):
                yield Event(type_, data, id_, origin, time, n)

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

    __slots__ = ("at", "data", "ends", "first", "ids", "made", "size", "types")

    def __init__(self, first: int) -> None:
        self.first = first
        self.size = 0  # in bytes, as `max_bytes` counts them
        # A time for each batch that was appended, and the number after its last event.
        self.at: list[datetime] = []
        self.ends: list[int] = []
        self.types: list[str] = []
        self.ids: list[str] = []
        self.data: list[str] = []
        # What somebody read, from the first event on, and up to which: it is not made again to be
        # sealed. Replaced as one, so that threads that read at once only lose work.
        self.made: tuple[tuple[tuple[int, pa.RecordBatch], ...], int] = ((), first)

    def batches(self, start: int, stop: int) -> list[pa.RecordBatch]:
        """The events with these numbers."""
        pieces, end = self.made
        if start <= end <= stop - _PIECE_EVENTS:
            pieces = (*pieces, (end, self._batch(end, stop)))
            end = stop
            self.made = pieces, end
        batches = _between(pieces, start, min(stop, end)) if start < end else []
        if stop > end:
            batches.append(self._batch(max(start, end), stop))
        return batches

    def _batch(self, start: int, stop: int) -> pa.RecordBatch:
        a, b = start - self.first, stop - self.first
        return pa.RecordBatch.from_arrays(
            [
                self._times(start, stop),
                strings(self.types[a:b]),
                strings(self.ids[a:b]),
                texts(self.data[a:b]),
            ],
            schema=SCHEMA,
        )

    def _times(self, start: int, stop: int) -> pa.Array:
        a = bisect_right(self.ends, start)
        b = bisect_left(self.ends, stop, a) + 1
        times = microseconds(self.at[a:b])
        if b - a < stop - start:
            times = np.repeat(times, np.diff([start, *self.ends[a : b - 1], stop]))
        return numbers(times, SCHEMA.field(0).type)


class RollingWindow:
    """The latest events of a stream.

    Both bounds hold for whatever is read or counted, always. Memory follows a little behind: what
    was let go is freed together with its neighbours, as many events later as are held, at most some
    thousands, or a mebibyte.

    Args:
        max_events: the most events held.
        max_bytes: the most bytes held: text as UTF-8 and 32 bytes an event, and what others hold
            of the budget; what events share counts for each of them. A single event that is larger
            than this is evicted at once.
        budget: whose share "events" this is, and all that the others leave; its own where there is
            none. `max_bytes` is its limit.

    Attributes:
        newest_nbytes: about how much memory the events appended last take as a batch, at most: what
            `EventBatch.nbytes` says, without joining their texts a second time.
    """

    def __init__(
        self,
        max_events: int = 100_000,
        max_bytes: int = 256 * 2**20,
        *,
        budget: Budget | None = None,
    ) -> None:
        self.max_events = whole_number("max_events", max_events, at_least=1)
        # A thread holds it to read, to clear, or to move events out of the tail; not to add to the tail.
        self._lock = _lock
        self._sealed: deque[tuple[int, pa.RecordBatch]] = deque()
        self._sealed_bytes = 0
        limit = whole_number("max_bytes", max_bytes, at_least=1)
        self.budget = Budget(limit) if budget is None else budget
        self._room = self.max_bytes  # what the others leave of it, as of the latest look
        self._tail = _Tail(0)
        self._first = 0  # the oldest event not let go yet; by number it may be over its bound
        self.newest_nbytes = 0
        self._stop = 0  # the number the next event gets; nobody looks beyond it
        self._cleared = 0
        self._cleared_to = 0
        # Running sizes of the rows of the oldest sealed batch, made when rows leave it one by one.
        self._head_sizes: list[int] | None = None
        self._watchers: list[Watcher] = []
        self._plan()
        self.budget.share(_SHARE, read=lambda: self._sealed_bytes + self._tail.size)
        self.budget.make_room = self.make_room

    # ------------------------------------------------------------------ writing (one thread)

    def append(self, batch: EventBatch) -> int:
        """Number the events of `batch` and hold them; return the number of the first one.

        Most streams send one event at a time. So this does nothing that `_settle` can do for
        thousands together, and takes no lock: events are there for others once `_stop` says so.
        """
        types, ids, data = batch.types, batch.last_event_ids, batch.data
        n = len(types)
        first = self._stop
        if not n:
            return first
        at = batch.received_at
        if at is None:
            raise ValueError("a batch needs received_at before it is held")
        tail = self._tail
        stop = first + n
        if n == 1:
            a, b, c = types[0], ids[0], data[0]
            tail.types.append(a)
            tail.ids.append(b)
            tail.data.append(c)
        else:
            # Joined, because whether that is ASCII is a flag, and its length a field: no text is
            # looked at, not even one by one.
            a, b, c = "".join(types), "".join(ids), "".join(data)
            tail.types.extend(types)
            tail.ids.extend(ids)
            tail.data.extend(data)
        if a.isascii() and b.isascii() and c.isascii():
            size = in_memory = len(a) + len(b) + len(c)
        else:
            size = len(a.encode()) + len(b.encode()) + len(c.encode())
            in_memory = getsizeof(a) + getsizeof(b) + getsizeof(c)
        self.newest_nbytes = in_memory + n * EVENT_BYTES
        tail.at.append(at)
        tail.ends.append(stop)
        tail.size = size = tail.size + size + n * _ROW_BYTES
        if stop < self._due_stop and size < self._due_size:
            self._stop = stop
        else:
            with self._lock:
                self._stop = stop
                self._settle()
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
                self._sealed_bytes += _running_sizes(batch)[-1]
            self._evict()
            self._plan()

    def clear(self) -> int:
        """Let go of everything held; numbers go on. Returns how many events were cleared. From any
        thread."""
        with self._lock:
            stop = self._stop
            n = stop - self._oldest(stop)
            self._sealed.clear()
            self._sealed_bytes = 0
            self._head_sizes = None
            self._first = self._cleared_to = stop
            self._cleared += n
            # The tail is the writer's: what is cleared of it goes when the next event comes.
            self._due_stop = 0
            return n

    @property
    def max_bytes(self) -> int:
        """The most bytes that are held, by others of the budget too."""
        return self.budget.limit

    def make_room(self) -> None:
        """Others hold more of the budget, or less. From any thread; what has to go for them goes
        now, as far as it is sealed, or with the next event."""
        with self._lock:
            self._measure()
            self._evict(seal=False)
            self._due_stop = 0

    def resize(self, max_events: int, max_bytes: int) -> None:
        """Other bounds from here on. What was evicted does not come back. Only by the thread that
        appends."""
        with self._lock:
            # By the old bounds: rows that only their number keeps out would be back with a larger one.
            self._evict()
            self._first = max(self._first, self._oldest(self._stop))
            self.max_events, self.budget.limit = max_events, max_bytes
            self._measure()
            self._settle()

    def watch(self, watcher: Watcher) -> None:
        """Tell this function of the events, now and then again and again.

        It is called by the thread that appends, which is the one that may call this, and while the window is
        locked: it must not read it there.
        """
        with self._lock:
            self._watchers.append(watcher)
            self._plan()

    def _oldest(self, stop: int) -> int:
        """The number of the oldest event held."""
        return max(self._first, stop - self.max_events)

    def _settle(self) -> None:
        tail = self._tail
        full = self._stop - tail.first >= self._seal_events or tail.size >= _SEAL_BYTES
        newest = self._stop - (tail.ends[-2] if len(tail.ends) > 1 else tail.first)
        if full or tail.first < self._first:
            self._seal()
            self._measure()
        self._evict()
        self._plan(newest)

    def _plan(self, newest: int = 0) -> None:
        """When to settle next: when the tail is to be sealed, when somebody wants to be told, or at one byte too
        many.

        Args:
            newest: how many events came last.
        """
        self._due_stop = self._tail.first + self._seal_events
        self._due_size = min(_SEAL_BYTES, self._free() + 1)
        for watcher in self._watchers[:]:
            again = watcher(self._stop, self._capacity(), newest)
            if again is None:
                self._watchers.remove(watcher)
            else:
                self._due_stop = min(self._due_stop, again)
                # Larger events than before fill it sooner than could be foreseen.
                self._due_size = min(self._due_size, self._tail.size + self._room // _TOLD_PARTS)

    def _capacity(self) -> int:
        """About how many events fit, if all are like those held."""
        used = self._sealed_bytes + self._tail.size
        if not used:
            return self.max_events
        held = min(self._stop - self._first, self.max_events)
        return min(held * self._room // used, self.max_events)

    @property
    def _seal_events(self) -> int:
        # A thousand windows of a hundred events each must not keep thousands each.
        return min(_SEAL_EVENTS, max(self.max_events, _LEAST_SEALED))

    def _free(self) -> int:
        return self._room - self._sealed_bytes

    def _measure(self) -> None:
        beside, rest = self.budget.others(_SHARE)
        held = self._sealed_bytes + self._tail.size
        # What goes with events needs no room of its own: the fewer events, the less of it.
        share = held / (held + beside) if held else 1.0
        self._room = int((self.max_bytes - rest) * share)

    def _seal(self) -> None:
        tail, stop = self._tail, self._stop
        start = max(tail.first, self._oldest(stop))
        if start < stop:
            batches = tail.batches(start, stop)
            whole = start == tail.first
            self._sealed_bytes += (
                tail.size if whole else sum(_running_sizes(batch)[-1] for batch in batches)
            )
            for batch in batches:
                self._sealed.append((start, batch))
                start += batch.num_rows
        self._tail = _Tail(stop)

    def _evict(self, *, seal: bool = True) -> None:
        """Let go of the oldest events until both bounds hold: whole batches first, then rows. The
        tail is the writer's: others leave it as it is."""
        while True:
            oldest = self._oldest(self._stop)
            excess = self._tail.size - self._free()
            if self._first >= oldest and excess <= 0:
                return
            if not self._sealed:
                if not seal or self._tail.first == self._stop:
                    return  # nothing is left that could go
                self._seal()  # without what is over the bound by number: so look again
                continue
            first, batch = self._sealed[0]
            if self._head_sizes is None:
                self._head_sizes = _running_sizes(batch)
            sizes = self._head_sizes
            gone = max(self._first - first, 0)
            # The least number of rows of this batch whose end satisfies both bounds.
            until = max(oldest - first, gone)
            if excess > 0:
                until = max(until, bisect_left(sizes, sizes[gone] + excess, gone))
            until = min(until, batch.num_rows)
            self._sealed_bytes -= sizes[until] - sizes[gone]
            self._first = max(self._first, first + until)
            if until == batch.num_rows:
                self._sealed.popleft()
                self._head_sizes = None

    # ------------------------------------------------------------------ reading (any thread)

    @property
    def counts(self) -> Counts:
        with self._lock:
            stop = self._stop
            first = self._oldest(stop)
            return Counts(stop, stop - first, first - self._cleared, self._cleared)

    @property
    def bounds(self) -> tuple[int, int, int]:
        """The numbers of the oldest event held and of the next one; and up to which all was
        cleared."""
        with self._lock:
            stop = self._stop
            return self._oldest(stop), stop, self._cleared_to

    @property
    def nbytes(self) -> int:
        """Bytes held, as `max_bytes` counts them."""
        return sum(_running_sizes(batch)[-1] for batch in self.read().table.to_batches())

    def read(self, start: int = 0, stop: int | None = None) -> Snapshot:
        """The events numbered from `start` to before `stop`, as far as they are held.

        Sealed batches are shared, not copied; the table never changes afterwards.
        """
        with self._lock:
            sealed = tuple(self._sealed)
            tail = self._tail
            held = self._stop
            start = max(start, self._oldest(held))
            stop = held if stop is None else min(stop, held)
        stop = max(start, stop)
        batches = []
        if start < min(stop, tail.first):
            batches = _between(sealed, start, min(stop, tail.first))
        if stop > max(start, tail.first):
            batches += tail.batches(max(start, tail.first), stop)
        # Columns without a chunk end the process in functions of pyarrow before 26.0.1.
        table = pa.Table.from_batches(batches, schema=SCHEMA) if batches else _NO_ROWS
        return Snapshot(start, table)


def _between(
    pieces: tuple[tuple[int, pa.RecordBatch], ...], start: int, stop: int
) -> list[pa.RecordBatch]:
    """The events with these numbers, of batches that have all of them."""
    a = bisect_right(pieces, start, key=_number) - 1
    b = bisect_left(pieces, stop, a, key=_number)
    batches = [batch for _, batch in pieces[a:b]]
    # Only the last and the first of them may be there in part.
    batches[-1] = batches[-1].slice(0, stop - pieces[b - 1][0])
    batches[0] = batches[0].slice(start - pieces[a][0])
    return batches


def _running_sizes(batch: pa.RecordBatch) -> list[int]:
    """`sizes[i]`: the bytes of the first `i` rows, as `append` counts them."""
    sizes = np.arange(batch.num_rows + 1, dtype=np.int64) * _ROW_BYTES
    for name in ("type", "last_event_id", "data"):
        column = batch.column(name)
        offsets = np.frombuffer(column.buffers()[1], np.int64)
        offsets = offsets[column.offset : column.offset + batch.num_rows + 1]
        sizes += offsets - offsets[0]
    listed: list[int] = sizes.tolist()
    return listed
