"""Player: plays a recording, with the interface of an `EventSource` and without a network.

It waits and hands over events. `recording` reads the file; what becomes of the events is not decided here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..basics import Budget
from ..client import ResponseHeaders, ResumePoint, SourceHooks
from ..errors import SSEError
from ..events import Cause, EventBatch, Gap, Reason, State, Stats, Status
from ..masking import Secrets
from ..runtime import set_within

if TYPE_CHECKING:
    from .recording import Recording

_TEXTS = ("type", "last_event_id", "data")
_ROWS = 4096
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# At once means: without waiting, but the loop is everybody's.
_BUSY = 0.01


class Player:
    """Plays a recording: the side of an `EventSource` that an `SSEStream` uses.

    Events keep the times they were recorded with; those of a recording that has none get the time
    they are played at, and come at once.

    Args:
        recording: what is played.
        hooks: who is told of changes.
        resume: where an earlier player was; None for the beginning.
    """

    def __init__(
        self,
        recording: Recording,
        hooks: SourceHooks | None = None,
        resume: ResumePoint | None = None,
    ) -> None:
        hooks, resume = hooks or SourceHooks(), resume or ResumePoint()
        self.recording = recording
        self.status = Status(State.CONNECTING, 0, None, datetime.now(UTC))
        self.errors: list[SSEError] = []
        self.origin = ""
        self.secrets = Secrets()  # a recording was asked for with none
        self.last_event_id = resume.last_event_id
        self.reconnection_time: int | None = None
        self._position = self._began_at = resume.position
        self._connects = 0
        self.closed = False
        self._driven = False
        self._wake: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hooks = hooks

    @property
    def url(self) -> str:
        """What stands where a live stream has its URL."""
        return f"replay:{self.recording.name}"

    @property
    def response_headers(self) -> ResponseHeaders:
        """No server answers; empty."""
        return ResponseHeaders()

    @property
    def stats(self) -> Stats:
        whole = self.recording.table.num_rows
        played = self._position - self._began_at
        share = played / whole if whole else 0.0
        return Stats(
            received=played,
            bytes=round(self.recording.size * share),
            connects=self._connects,
        )

    def close(self) -> None:
        """End it, from any thread."""
        self.closed = True
        if not self._driven:
            self._move(State.CLOSED, Reason.STOPPED)
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None and not loop.is_closed():
            loop.call_soon_threadsafe(wake.set)

    async def aclose(self) -> None:
        """`close()`; there is nothing to wait for."""
        self.closed = True
        if self.status.state is not State.CLOSED:
            played = self._position >= self.recording.table.num_rows
            self._move(State.CLOSED, Reason.PLAYED if played else Reason.STOPPED)

    @property
    def resume_point(self) -> ResumePoint:
        """Where another player goes on."""
        return ResumePoint(last_event_id=self.last_event_id, position=self._position)

    def retry_now(self) -> None:
        """A recording has no attempts to hasten."""

    def draw_from(self, budget: Budget) -> None:
        """What a recording holds is its own, and was there before."""

    async def batches(self) -> AsyncGenerator[EventBatch, None]:
        """The events, those of one moment together, at their pace."""
        self._driven = True
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        if self.closed:
            return
        self._connects += 1
        self._move(State.OPEN)
        pace = _Pace(self.recording.table)
        rows, first = self.recording.table.num_rows, self._position
        began = busy = time.monotonic()
        while self._position < rows and not self.closed:
            due = began + pace.seconds(first, self._position) / self.recording.speed
            if due > time.monotonic():
                await self._sleep_until(due)
                busy = time.monotonic()
                continue
            if time.monotonic() - busy > _BUSY:
                await asyncio.sleep(0)
                busy = time.monotonic()
            yield self._next(pace)
        if self.recording.is_cut and self._position >= rows:
            text = "the file ends in the middle, as its gzip says: what came after is missing"
            self._hooks.on_gap(Gap(rows, datetime.now(UTC), Cause.TRUNCATED, text))
        await self.aclose()

    async def _sleep_until(self, due: float) -> None:
        assert self._wake is not None
        await set_within(due - time.monotonic(), self._wake)

    def _next(self, pace: _Pace) -> EventBatch:
        """The events that came together with the one that is next."""
        start = self._position
        stop = min(pace.end(start), start + _ROWS)
        self._position = stop
        types, ids, data = pace.texts(start, stop)
        before = [self.last_event_id, *ids]
        self.last_event_id = ids[-1]
        has_id = [a != b for a, b in zip(before, ids, strict=False)]
        at = pace.time(start) or datetime.now(UTC)
        return EventBatch(types, data, ids, has_id, origin=self.origin, received_at=at)

    def _move(self, state: State, reason: Reason | None = None) -> None:
        self.status = Status(state, 0, None, datetime.now(UTC), reason=reason)
        self._hooks.on_status()


class _Pace:
    """When each event of a table is due, and which came together."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        times = table["received_at"].cast(pa.int64())
        self._known = times.is_valid().to_numpy()
        # One without a time comes with the one before it; a clock that was set back waits.
        filled = pc.fill_null(pc.fill_null_forward(times), pc.min(times).as_py() or 0)
        self._micros = filled.to_numpy()
        self._due = np.maximum.accumulate(self._micros)
        new = (self._micros[1:] != self._micros[:-1]) | (self._known[1:] != self._known[:-1])
        self._ends = np.append(np.flatnonzero(new) + 1, table.num_rows)
        self._first = 0
        self._read: list[list[str]] = [[], [], []]

    def seconds(self, first: int, row: int) -> float:
        """From row to row, as recorded."""
        return float(self._due[row] - self._due[first]) / 1e6

    def end(self, row: int) -> int:
        """The first row after this one that came later."""
        return int(self._ends[np.searchsorted(self._ends, row, "right")])

    def time(self, row: int) -> datetime | None:
        if not self._known[row]:
            return None
        return _EPOCH + timedelta(microseconds=int(self._micros[row]))

    def texts(self, start: int, stop: int) -> list[list[str]]:
        """Types, ids and data; read from the table some thousands at a time."""
        if not self._first <= start <= stop <= self._first + len(self._read[0]):
            some = self._table.slice(start, _ROWS)
            self._first = start
            self._read = [some[name].to_pylist() for name in _TEXTS]
        return [column[start - self._first : stop - self._first] for column in self._read]
