"""Pacing: when events arrive faster than the page can paint, read the socket at fixed intervals.

Every wake-up of the reading thread takes the interpreter's lock from the cell that runs, whether it brings
one event or a hundred. So after a chunk that closely followed another one, the socket is left alone for an
interval, and then read at once; while another thread computes, the intervals are longer. What comes after
silence is never delayed, and no bytes are held here (docs/decisions/0003-paced-reading.md).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

__all__ = [
    "INTERVAL_S",
    "ContentionDetector",
    "Flow",
    "ReadPacer",
    "contention",
    "interval",
    "pace",
]

# A tick of the page's channel too: what is read is sent in the same wake-up.
INTERVAL_S = 0.04
# Beside a cell that computes: still a log that moves, for an eighth of the wake-ups. Where a beat
# brings much the sooner, for what waits in the system's socket buffers must fit there.
CONTENDED_INTERVAL_S, CONTENDED_INTERVAL_OF_MUCH_S = 0.35, 0.25
_MUCH = 64 * 1024
# Between messages of more rows than are read one by one, and fewer than make a lump: see `pace`.
CALM = 3.5 * INTERVAL_S
_FEW_ROWS, _MANY_ROWS, _LUMP = 10, 400, 128 * 1024
# A stream that brings more than this a second is read as it comes: its chunks are worth a wake-up
# each, and a beat could be a brake where the system's socket buffers hold little more.
_ENOUGH = 2 * 2**20
# A thread that wants the interpreter asks a busy one for it after 5 ms, once for each system call.
_LATE = 0.003
_MANY, _MOST = 3, 6


class ContentionDetector:
    """Whether another thread computes: then more timers fire late than in time.

    The interpreter's lock is the process's, and so is this.
    """

    def __init__(self) -> None:
        self._late = 0

    def note(self, late: float) -> None:
        """A timer of the loop fired this many seconds after it was due."""
        self._late = min(self._late + 1, _MOST) if late > _LATE else max(self._late - 1, 0)

    @property
    def contended(self) -> bool:
        return self._late >= _MANY


contention = ContentionDetector()


def interval(size: float = 0) -> float:
    """Seconds between two wake-ups, as things are, where each brings about so many bytes."""
    if not contention.contended:
        return INTERVAL_S
    return CONTENDED_INTERVAL_OF_MUCH_S if size > _MUCH else CONTENDED_INTERVAL_S


def pace(rows: int, size: int, *, read: bool) -> float:
    """Seconds between two messages to a page, where so many rows, of about so many bytes, wait.

    A paint costs a page the same whatever is new. A few rows are read one by one: a message a beat.
    More are only seen to move: eight paints a second do, for a third of the page's CPU. Yet more
    are a load by themselves and must not pile up: a message a beat again.

    Args:
        read: it was just read, so that nothing more comes for a beat: no use to wait longer.
    """
    if contention.contended:
        # A message goes in the wake-up that read its rows: half a beat is not too soon for that one,
        # and the timer leaves it the time to come a little late.
        return interval(size) / 2 if read else interval(size) * 1.5
    if not _FEW_ROWS < rows < _MANY_ROWS or size > _LUMP:
        return INTERVAL_S
    return CALM - INTERVAL_S if read else CALM


class Flow(Protocol):
    """The transport of a connection: told to leave its socket alone, and to go on.

    Attributes:
        full: a chunk of so many bytes is nearly as much as is read at once: there may be more.
    """

    full: int

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class ReadPacer:
    """`await rest()` before each read, `came(size)` after it.

    Args:
        flow: of this connection; None where the client has none to offer: then there is no beat,
            for each of its chunks may be one of many that it has read already.
    """

    __slots__ = ("_asked", "_brought", "_bytes", "_clock", "_due", "_flow", "_rate", "_since")

    def __init__(self, flow: Flow | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._flow = flow
        self._clock = clock
        self._asked = 0.0  # when this read began
        # When the chunk came that ended the last beat, what came since, and bytes a second in that.
        self._since, self._bytes, self._rate = 0.0, 0, 0.0
        # What the last beat brought. A new connection has small buffers, and may bring much.
        self._brought = _MUCH + 1
        self._due = False

    async def rest(self) -> None:
        """A beat, where one is due. A wait that can be cancelled like any other."""
        if self._due and self._flow is not None:
            self._due = False
            seconds = self._beat()
            start = self._clock()
            self._flow.pause()
            try:
                await asyncio.sleep(seconds)
            finally:
                self._flow.resume()
            contention.note(self._clock() - start - seconds)
        self._asked = self._clock()

    def came(self, size: int) -> None:
        """A chunk of `size` bytes was read."""
        now = self._clock()
        seconds = self._beat()
        self._bytes += size
        # What comes after a rest was sent during it: it counts for the time before, as long as
        # that really was, or a late timer would look like a faster stream.
        if (gone := now - self._since) >= seconds:
            if self._since:
                self._brought = self._bytes
            self._since, self._bytes, self._rate = now, 0, self._bytes / gone
        self._due = (
            self._flow is not None
            and now - self._asked < seconds
            and size < self._flow.full
            and max(self._rate, self._bytes / seconds) < _ENOUGH
        )

    def _beat(self) -> float:
        return interval(self._brought)
