"""Kernel -> page: one numbered message a tick, as columns; back-pressure; answers to the page.

Everything here runs on the background loop. The channel is a cursor over the window: it holds no
event itself, sends what came since the last tick, and where the page is slower than the stream it
sends the newest and counts the rest as `not_sent`. It knows comms only as a `send` callable, and
imports `window` and `events`.

The messages (times in milliseconds since the epoch, `seq` the number of an event):

* `batch`: numbered `n` = 1, 2, 3, ..., so that the page sees a lost one; rows `first` to
  `first + count`, and the head: counters, status, changed type counts, new gaps.
* `rows`, `event`, `hello`: answers, to the one page that asked.

Rows travel as six buffers: data (UTF-8) and its offsets (uint32), ids and their offsets, type
codes (uint16, or uint32 where `wide`), times (float64).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from .beats import crowd, pace
from .events import Gap
from .window import RollingWindow, Snapshot

__all__ = ["CUT_BYTES", "NAME_CHARS", "Channel", "encode"]

Message = dict[str, Any]
Send = Callable[[Message, list[Any]], None]

HEARTBEAT = 2.0
BATCH_BYTES = 2**20
CUT_BYTES = 64 * 1024
# No server names a type so; one that does must not fill every message with it.
NAME_CHARS = 1000
# What may be on the way to a page. An acknowledgement costs the kernel more than a batch, so a page
# that keeps up says so twice a second at most, and one that is sent much as often as it paints.
UNACKNOWLEDGED = 24
UNACKNOWLEDGED_BYTES = 2 * BATCH_BYTES
OVERDUE = 1.0
SLOW_TICK = 0.25
# jupyter_server's own limit is a thousand messages a second; answers are counted too.
_ROW_OVERHEAD = 24


class Channel:
    """Sends one stream's events to all of its pages.

    Args:
        window: where the events are.
        send: puts one message on the wire; called on the loop thread.
        describe: the head of a message: counters and status as they are now.
        counts: event type -> number, as kept by the stream.
        gaps: all gaps so far that are still kept, oldest first.
        older: reads rows that the window does not hold any more; it blocks.
        oldest: the number of the oldest event that can be had so; None where there is nothing.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        window: RollingWindow,
        *,
        send: Send,
        describe: Callable[[], Message],
        counts: Mapping[str, int],
        gaps: Callable[[], list[Gap]],
        older: Callable[[int, int], Snapshot] | None = None,
        oldest: Callable[[], int | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window = window
        self._send = send
        self._describe = describe
        self._counts = counts
        self._gaps = gaps
        self._older = older
        self._oldest = oldest
        self._reading: set[asyncio.Task[None]] = set()
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._live = False
        self._news = False
        # What is held already was before this began: a page asks for it as for any history.
        self._cursor = window.bounds[1]
        self._n = 0
        self._sent_at = 0.0
        self._rows_at = 0.0  # when the latest batch with rows was sent
        self._row_bytes = 0.0  # of the latest rows
        self._acknowledged = 0
        # Bytes of the latest batches after the acknowledged one.
        self._on_the_way: deque[int] = deque(maxlen=UNACKNOWLEDGED)
        self._progress_at = 0.0  # when the oldest unacknowledged batch was sent, or the last ack
        self._new_types: set[str] = set()
        self._new_gaps: list[Gap] = []
        self.not_sent = 0
        self.resting = False  # the stream has ended: nothing to say, so no heartbeat either

    # ------------------------------------------------------------------ the beat

    def open(self) -> None:
        """The stream is shown: begin to send."""
        if self._live:
            return
        self._live = True
        self._loop = asyncio.get_running_loop()
        # A late page asks for history itself: what is older than a batch need not be pushed, and
        # was not held back from anybody.
        self._cursor = newest(self._window.read(self._cursor), BATCH_BYTES).first
        self._new_types.update(self._counts)
        self._new_gaps = self._gaps()
        self.note()

    def close(self) -> None:
        """Nothing is sent any more."""
        self._live = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def note(self, types: set[str] | None = None, gap: Gap | None = None) -> None:
        """Something is new: events in the window, the status, a gap."""
        self._news = True
        if not self._live:
            return
        if types:
            self._new_types |= types
        if gap is not None:
            self._new_gaps.append(gap)
        self._go(read=True)

    def acknowledge(self, n: int) -> None:
        """A page has painted batch `n`. The quickest page decides: a slow one asks for what it
        missed."""
        if n > self._acknowledged:
            self._acknowledged = min(n, self._n)
            while len(self._on_the_way) > self._n - self._acknowledged:
                self._on_the_way.popleft()
            self._progress_at = self._clock()
            if self._news and self._live:
                self._go()

    def _go(self, *, read: bool = False) -> None:
        """Sends what may go now (the first event after silence does), and comes back for the rest."""
        assert self._loop is not None
        if self._pause(read=read) <= 0:
            self._push()
        if self.resting and not self._news:
            return
        at = self._loop.time() + max(self._pause(), 0.001)
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._tick)

    def _tick(self) -> None:
        assert self._loop is not None
        assert self._timer is not None
        crowd.note(self._loop.time() - self._timer.when())
        self._timer = None
        self._go()

    def _pause(self, *, read: bool = False) -> float:
        """Seconds until the next message may go."""
        now = self._clock()
        if not self._news:
            return HEARTBEAT - (now - self._sent_at)
        behind = self._on_the_way
        if len(behind) < UNACKNOWLEDGED and sum(behind) < UNACKNOWLEDGED_BYTES:
            # What a connection says of itself as it opens must not hold up its first event.
            rows = self._window.bounds[1] - self._cursor
            since = now - (self._rows_at if rows else self._sent_at)
            return pace(rows, int(rows * self._row_bytes), read=read) - since
        overdue = self._progress_at + OVERDUE - now
        if overdue > 0:
            return overdue
        # Nobody answers (a busy kernel, a hidden page): go on slowly, never fall silent.
        return SLOW_TICK - (now - self._sent_at)

    def _push(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._clock()
        snapshot = newest(self._window.read(self._cursor), BATCH_BYTES)
        self.not_sent += max(snapshot.first - max(self._cursor, self._first_ever()), 0)
        self._cursor = snapshot.stop
        self._n += 1
        if self._n - 1 <= self._acknowledged:
            self._progress_at = now
        self._sent_at = now
        self._news = False
        rows, buffers = encode(snapshot)
        size = sum(len(buffer) for buffer in buffers)
        self._on_the_way.append(size)
        if buffers:
            self._rows_at = now
            self._row_bytes = size / snapshot.table.num_rows
        new, self._new_types = self._new_types, set()
        # In the order they were first seen, which is the order of the chips.
        types = [t for t in self._counts if t in new] if len(new) > 1 else list(new)
        gaps, self._new_gaps = self._new_gaps, []
        self._send({"kind": "batch", "n": self._n, **self._head(types, gaps), **rows}, buffers)

    def _first_ever(self) -> int:
        """Events cleared or evicted before they could be sent are counted there, not here."""
        return self._window.bounds[0]

    def _head(self, types: Any, gaps: list[Gap]) -> Message:
        held_from, _, cleared_to = self._window.bounds
        oldest = self._oldest()
        return {
            "now": time.time() * 1000,
            "oldest": held_from if oldest is None else min(held_from, oldest),
            "cleared_to": cleared_to,
            **self._describe(),
            "counts": [[t, self._counts.get(t, 0)] for t in types],
            "gaps": [
                {"seq": g.seq, "at": g.at.timestamp() * 1000, "cause": g.cause, "text": g.text}
                for g in gaps
            ],
        }

    # ------------------------------------------------------------------ answers

    def answer(self, content: Mapping[str, Any]) -> bool:
        """What a page asks of the channel; False where that is somebody else's to answer."""
        match content:
            case {"kind": "hello", "page": str(page)}:
                self.hello(page)
            case {
                "kind": "rows",
                "page": str(page),
                "id": int(request),
                "first": int(first),
                "stop": int(stop),
            }:
                self.rows(page, request, first, stop)
            case {"kind": "event", "page": str(page), "id": int(request), "seq": int(seq)}:
                self.event(page, request, seq)
            case _:
                return False
        return True

    def hello(self, page: str) -> None:
        """A page has come (or come back): tell it where we are."""
        self.open()
        self._send(
            {
                "kind": "hello",
                "to": page,
                "n": self._n,
                **self._head(list(self._counts), self._gaps()),
            },
            [],
        )

    def rows(self, page: str, request: int, first: int, stop: int) -> None:
        """The newest part of a range that fits into one message."""
        answer = partial(self._answer_rows, page, request, (first, stop))
        if self._is_kept(stop - 1):
            self._read_older(first, stop, answer)
        else:
            answer(self._window.read(first, stop))

    def event(self, page: str, request: int, seq: int) -> None:
        """One whole event, however large."""
        answer = partial(self._answer_event, page, request, seq)
        if self._is_kept(seq):
            self._read_older(seq, seq + 1, answer)
        else:
            answer(self._window.read(seq, seq + 1))

    def _is_kept(self, seq: int) -> bool:
        """Out of the window, and may be had from elsewhere."""
        held_from, _, cleared_to = self._window.bounds
        oldest = self._oldest()
        return oldest is not None and max(oldest, cleared_to) <= seq < held_from

    def _read_older(self, first: int, stop: int, answer: Callable[[Snapshot], None]) -> None:
        async def read() -> None:
            assert self._older is not None
            answer(await asyncio.to_thread(self._older, first, stop))

        task = asyncio.get_running_loop().create_task(read())
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    def _answer_rows(
        self, page: str, request: int, asked: tuple[int, int], found: Snapshot
    ) -> None:
        content, buffers = encode(newest(found, BATCH_BYTES))
        self._send(
            {"kind": "rows", "to": page, "id": request, "asked": list(asked), **content}, buffers
        )

    def _answer_event(self, page: str, request: int, seq: int, snapshot: Snapshot) -> None:
        found = snapshot.table.num_rows == 1
        row = (
            snapshot.table.to_pylist()[0]
            if found
            else {"type": "", "last_event_id": "", "data": ""}
        )
        self._send(
            {
                "kind": "event",
                "to": page,
                "id": request,
                "seq": seq,
                "found": found,
                "type": row["type"],
                "last_event_id": row["last_event_id"],
            },
            [row["data"].encode()],
        )


# ---------------------------------------------------------------------- encoding


def newest(snapshot: Snapshot, limit: int) -> Snapshot:
    """The newest rows that take at most `limit` bytes on the wire, at least one."""
    table = snapshot.table
    if table.num_rows <= 1 or _at_most(table) <= limit:
        return snapshot
    sizes = (
        np.minimum(_lengths(table.column("data")), CUT_BYTES)
        + np.minimum(_lengths(table.column("last_event_id")), CUT_BYTES)
        # Named once a message; but each may be another.
        + np.minimum(_lengths(table.column("type")), NAME_CHARS)
        + _ROW_OVERHEAD
    )
    from_the_end = np.cumsum(sizes[::-1])
    keep = max(int(np.searchsorted(from_the_end, limit, side="right")), 1)
    if keep >= table.num_rows:
        return snapshot
    skip = table.num_rows - keep
    return Snapshot(snapshot.first + skip, table.slice(skip))


def encode(snapshot: Snapshot) -> tuple[Message, list[Any]]:
    """Rows as the page reads them: a head and six buffers; no buffers where there are no rows.

    Arrow's own functions let go of the interpreter, and beside a busy cell each of them waits 5 ms
    for it again. So what comes with every message is read from the buffers.
    """
    table = snapshot.table
    content: Message = {"first": snapshot.first, "count": table.num_rows}
    if not table.num_rows:
        return content, []
    data, data_offsets, cut = _text(table.column("data"), CUT_BYTES)
    # An id is inherited: a long one would come with each event after it, and no header carries it.
    ids, id_offsets, _ = _text(table.column("last_event_id"), CUT_BYTES)
    names, codes = _types(table.column("type"))
    wide = len(names) > 0xFFFF
    content["types"] = [_name(t) for t in names]
    content["cut"] = cut
    if wide:
        content["wide"] = True
    at = [_fixed(chunk) for chunk in table.column("received_at").chunks]
    return content, [
        data,
        data_offsets.tobytes(),
        ids,
        id_offsets.tobytes(),
        codes.astype("<u4" if wide else "<u2").tobytes(),
        (np.concatenate(at) / 1000.0).astype("<f8", copy=False).tobytes(),
    ]


def _name(event_type: str) -> str:
    return event_type if len(event_type) <= NAME_CHARS else f"{event_type[:NAME_CHARS]}\u2026"


def _types(column: pa.ChunkedArray) -> tuple[list[str], Any]:
    """The different types, and which of them each row has."""
    text, offsets = _joined(column)
    rows, size = len(offsets) - 1, int(offsets[1])
    # Of one type are most streams, and most messages of the others.
    if len(text) == rows * size and (np.diff(offsets) == size).all():
        name = bytes(text[:size])
        if bytes(text) == name * rows:
            return [name.decode()], np.zeros(rows, np.uint16)
    array = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    types: Any = array.dictionary_encode()
    # Not by `to_numpy`, which imports pandas: the first rows would wait for that.
    return types.dictionary.to_pylist(), np.from_dlpack(types.indices)


def _fixed(array: Any) -> Any:
    return np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array)]


def _pieces(column: pa.ChunkedArray) -> list[tuple[Any, Any]]:
    """Of each chunk of a text column the offsets of its rows, and the buffer that they are of."""
    pieces = []
    for chunk in column.chunks:
        _, offsets, text = chunk.buffers()
        start = chunk.offset
        pieces.append((np.frombuffer(offsets, np.int64)[start : start + len(chunk) + 1], text))
    return pieces


def _at_most(table: pa.Table) -> int:
    """Bytes on the wire, or more where rows are cut."""
    texts = sum(
        int(offsets[-1] - offsets[0])
        for name in ("data", "last_event_id", "type")
        for offsets, _ in _pieces(table.column(name))
    )
    return texts + int(table.num_rows) * _ROW_OVERHEAD


def _lengths(column: pa.ChunkedArray) -> Any:
    return np.concatenate([np.diff(offsets) for offsets, _ in _pieces(column)])


def _joined(column: pa.ChunkedArray) -> tuple[Any, Any]:
    """A text column as one blob, and the offsets of its rows."""
    blobs, ends, size = [], [np.zeros(1, np.int64)], 0
    for offsets, text in _pieces(column):
        first, last = int(offsets[0]), int(offsets[-1])
        blobs.append(memoryview(text or b"")[first:last])
        ends.append(offsets[1:] + (size - first))
        size += last - first
    return blobs[0] if len(blobs) == 1 else b"".join(blobs), np.concatenate(ends)


def _text(column: pa.ChunkedArray, cut_at: int) -> tuple[Any, Any, list[list[int]]]:
    """A text column as one blob, its offsets, and [row, whole size] of the rows cut short."""
    text, offsets = _joined(column)
    if len(text) <= cut_at or int(np.diff(offsets).max()) <= cut_at:
        return text, offsets.astype("<u4"), []
    blob = memoryview(text)
    pieces, cut = [], []
    for i, (a, b) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        piece = blob[a:b]
        if b - a > cut_at:
            end = cut_at
            while end and piece[end] & 0xC0 == 0x80:  # never inside a character
                end -= 1
            piece = piece[:end]
            cut.append([i, b - a])
        pieces.append(piece)
    starts = np.cumsum([0, *(len(p) for p in pieces)])
    return b"".join(pieces), starts.astype("<u4"), cut
