"""Live columns: values at dotted paths of the payloads, read once an event and kept beside the window.

What is held is typed in chunks, aligned with the window by the numbers of the events; it goes when its events
go, and counts toward the window's bound in bytes. News is read in small slices on the event loop, or at once
when a column is asked for. Nothing is decided here about what is held.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..payload import bounded_slices, cost, free_name, paths_of, payloads, read_whole, reader_of
from ..runtime import Timer
from .json_columns import beside, taken_names
from .typed_column import ColumnChunk, join, pack, size_of

if TYPE_CHECKING:
    import pandas as pd

    from .window import RollingWindow, Snapshot

# Values are typed together when there are so many, as many as the window seals at once, or when they may
# take so many bytes until then.
_PIECE = 4096
_PIECE_BYTES = 2**20
# So many payloads are read at once, and of so many bytes together: one may be a mebibyte.
_SLICE = 512
_SLICE_BYTES = 2**18
# A payload that would take more than this to read has no values here.
_READ_BYTES = 2**25
# Each event is asked for each of them, on the thread that serves all streams.
MAX_COLUMNS = 256
# On the loop: how long events may wait to be read, for how long it reads, and then lets others.
_DELAY = 0.05
_BUSY = 0.003
_REST = 0.01


def columns_of(paths: str | Iterable[str] | None) -> list[str]:
    """The names of live columns; None for none.

    Raises:
        TypeError: they are no names.
        ValueError: more than `MAX_COLUMNS` of them.
    """
    found = [] if paths is None else paths_of("columns", paths)
    if len(found) > MAX_COLUMNS:
        raise ValueError(f"columns has {len(found):,} names, of at most {MAX_COLUMNS}")
    return found


class LiveColumns:
    """Columns beside a window.

    Args:
        window: where the events are.
        paths: keys or dotted paths; each becomes a column of that name, or `data.<path>` where
            the window has one of that name.

    Raises:
        TypeError: `paths` are no names.
        ValueError: more than `MAX_COLUMNS` of them.
    """

    def __init__(self, window: RollingWindow, paths: str | Iterable[str]) -> None:
        self.paths = columns_of(paths)
        self._readers = [reader_of(path) for path in self.paths]
        self._window = window
        # A thread holds it while it reads further; the loop never waits for it.
        self._lock = threading.Lock()
        self._sealed: deque[tuple[int, list[ColumnChunk]]] = deque()
        self._tail: list[list[Any]] = [[] for _ in self.paths]
        self._tail_first = 0
        self._sealed_bytes = 0
        self._tail_bytes = 0
        self._share = window.budget.share("columns", beside_events=True)
        self._cursor = 0  # the number of the first event that was not read yet
        self._timer = Timer()
        self._closed = False

    @property
    def cursor(self) -> int:
        """The number of the first event that was not read yet."""
        return self._cursor

    @property
    def nbytes(self) -> int:
        """Bytes of the values of events that are held, as of when they were read."""
        return self._bytes(self._window.bounds[0])

    def settle(self) -> None:
        """What went with its events counts no more."""
        if not self._closed:
            self._share.hold(self.nbytes)

    def _bytes(self, oldest: int) -> int:
        dead = 0.0
        for first, pieces in tuple(self._sealed):  # the loop may let go of some meanwhile
            if first >= oldest:
                break
            share = min((oldest - first) / pieces[0].size, 1.0)
            dead += share * sum(piece.nbytes for piece in pieces)
        # Of the tail too what is dead goes with its neighbours.
        rows = self._cursor - self._tail_first
        alive = max(self._cursor - max(self._tail_first, oldest), 0)
        tail = self._tail_bytes * alive / rows if rows else 0
        return round(self._sealed_bytes - dead + tail)

    # ------------------------------------------------------------------ the loop's side

    def note(self) -> None:
        """There are events to read; on the loop's thread."""
        if not self._closed and self._timer.due is None:
            self._timer.set(_DELAY, self._read_on)

    @property
    def due(self) -> float | None:
        """When it reads on by itself, in the running loop's time; None where it has nothing to do."""
        return self._timer.due

    def close(self) -> None:
        """Read no further by itself, and hold nothing of the budget; from any thread."""
        self._closed = True
        self._share.hold(0)

    def _read_on(self) -> None:
        # Where a user's thread is reading everything, there is nothing left to do.
        if self._closed or not self._lock.acquire(blocking=False):
            return
        try:
            end = time.monotonic() + _BUSY
            while True:
                oldest = self._window.bounds[0]
                start = max(self._cursor, oldest)
                more = self._advance(self._window.read(start, start + _SLICE))
                self._let_go(oldest)
                if not more or time.monotonic() >= end:
                    break
        finally:
            self._lock.release()
        if more:
            self._timer.set(_REST, self._read_on)

    # ------------------------------------------------------------------ any thread

    def read(self, start: int = 0) -> tuple[Snapshot, pd.DataFrame]:
        """The events held from number `start` on: as a snapshot, and as a DataFrame that has the
        columns of the window and then these, all of them filled."""
        with self._lock:
            snapshot = self._window.read()
            # From this snapshot, not from the window, which may evict meanwhile.
            while self._advance(snapshot):
                pass
            self._let_go(snapshot.first)
            skip = min(max(start - snapshot.first, 0), snapshot.table.num_rows)
            snapshot = snapshot._replace(
                first=snapshot.first + skip, table=snapshot.table.slice(skip)
            )
            rows = snapshot.table.num_rows
            pieces = [(first, some) for first, some in self._sealed]
            if self._tail and self._tail[0]:
                tail = [ColumnChunk(list(values)).packed() for values in self._tail]
                pieces.append((self._tail_first, tail))
        frame = snapshot.frame()
        taken = taken_names(frame)
        added = {
            free_name(path, taken): join(_cut([(f, p[n]) for f, p in pieces], snapshot.first, rows))
            for n, path in enumerate(self.paths)
        }
        return snapshot, beside(frame, added)

    def _advance(self, news: Snapshot) -> bool:
        """Read the next of these events, which begin with the oldest held one or before the
        cursor; whether there may be more. The lock is held."""
        if news.first > self._cursor:
            # Those between were evicted before they were read, and so all that came before.
            self._sealed.clear()
            self._sealed_bytes = 0
            self._restart(news.first)
        some = news.table.select(["data"]).slice(self._cursor - news.first, _SLICE)
        if not some.num_rows:
            return False
        some = next(bounded_slices(some, nbytes=_SLICE_BYTES))
        texts = payloads(some.column("data"))
        if len(texts[0]) > _SLICE_BYTES:
            texts = [text if cost(text) <= _READ_BYTES else b"" for text in texts]
        rows = [value if type(value) is dict else {} for value in read_whole(texts)]
        for column, reader in zip(self._tail, self._readers, strict=True):
            values = pack(list(map(reader, rows)))
            column += values
            self._tail_bytes += _weight(values)
        self._cursor += len(rows)
        if self._cursor - self._tail_first >= _PIECE or self._tail_bytes >= _PIECE_BYTES:
            pieces = [ColumnChunk(values).packed() for values in self._tail]
            self._sealed.append((self._tail_first, pieces))
            self._sealed_bytes += sum(piece.nbytes for piece in pieces)
            self._restart(self._cursor)
        return True

    def _let_go(self, oldest: int) -> None:
        while self._sealed and self._sealed[0][0] + self._sealed[0][1][0].size <= oldest:
            self._sealed_bytes -= sum(piece.nbytes for piece in self._sealed.popleft()[1])
        if not self._closed:
            self._share.hold(self._bytes(oldest))

    def _restart(self, first: int) -> None:
        self._tail = [[] for _ in self.paths]
        self._tail_first = self._cursor = first
        self._tail_bytes = 0


_SMALL = frozenset({int, float, bool, type(None)})


def _weight(values: list[Any]) -> int:
    """Bytes that these values take."""
    return 32 * len(values) if set(map(type, values)) <= _SMALL else sum(map(size_of, values))


def _cut(pieces: list[tuple[int, ColumnChunk]], start: int, rows: int) -> list[ColumnChunk]:
    """The pieces of the events numbered from `start` on, `rows` of them."""
    out = []
    stop = start + rows
    for first, piece in pieces:
        a, b = max(start - first, 0), min(stop - first, piece.size)
        if a < b:
            out.append(piece if b - a == piece.size else piece.slice(a, b))
    return out
