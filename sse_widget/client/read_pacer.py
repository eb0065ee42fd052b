"""Read pacing: when events arrive faster than the page can paint, read the socket at fixed intervals.

In a flood, after a chunk that closely followed another one, the socket is left alone for an interval, and
then read at once. What comes after silence, and a stream of up to `CALM_EVENTS_S`, is never delayed: what is
read together has one time. No bytes are held here (docs/decisions/0003-paced-reading.md). `runtime.pacing` says
how long an interval is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from ..runtime import MUCH_BYTES, contention, interval

# A stream that brings more than this a second is read as it comes: its chunks are worth a wake-up
# each, and an interval could be a brake where the system's socket buffers hold little more.
ENOUGH_BYTES_S = 2 * 2**20
# Events a second up to which each chunk is read as it comes, so that its time is its own; and how
# many may come at once without being a flood: a quarter of a second's worth.
CALM_EVENTS_S, _BURST_EVENTS = 200, 50


class Flow(Protocol):
    """The transport of a connection: told to leave its socket alone, and to go on."""

    @property
    def full(self) -> int:
        """A chunk of so many bytes is nearly as much as is read at once: there may be more."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class ReadPacer:
    """`await rest()` before each read, `came(size, events)` after it.

    Args:
        flow: of this connection; None where the client has none to offer: then nothing is paced,
            for each of its chunks may be one of many that it has read already.
    """

    __slots__ = (
        "_asked",
        "_brought",
        "_bytes",
        "_calm",
        "_calm_at",
        "_clock",
        "_due",
        "_flow",
        "_rate",
        "_since",
    )

    def __init__(self, flow: Flow | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._flow = flow
        self._clock = clock
        self._asked = 0.0  # when this read began
        # When the chunk came that ended the last interval, what came since, and bytes a second in that.
        self._since, self._bytes, self._rate = 0.0, 0, 0.0
        # What the last interval brought. A new connection has small buffers, and may bring much.
        self._brought = MUCH_BYTES + 1
        self._due = False
        # A token bucket: the events that may still come, at that time, before it is a flood.
        self._calm, self._calm_at = float(_BURST_EVENTS), 0.0

    async def rest(self) -> None:
        """Leave the socket alone for an interval, where one is due. A wait that can be cancelled like any other."""
        if self._due and self._flow is not None:
            self._due = False
            seconds = self._interval()
            start = self._clock()
            self._flow.pause()
            try:
                await asyncio.sleep(seconds)
            finally:
                self._flow.resume()
            contention.note(self._clock() - start - seconds)
        self._asked = self._clock()

    def came(self, size: int, events: int) -> None:
        """A chunk of `size` bytes was read, which ended so many events."""
        now = self._clock()
        refilled = self._calm + (now - self._calm_at) * CALM_EVENTS_S
        calm = min(refilled, _BURST_EVENTS) - max(events, 1)
        self._calm, self._calm_at = max(calm, 0.0), now
        seconds = self._interval()
        self._bytes += size
        # What comes after a rest was sent during it: it counts for the time before, as long as
        # that really was, or a late timer would look like a faster stream.
        if (gone := now - self._since) >= seconds:
            if self._since:
                self._brought = self._bytes
            self._since, self._bytes, self._rate = now, 0, self._bytes / gone
        self._due = (
            self._flow is not None
            and calm < 0
            and now - self._asked < seconds
            and size < self._flow.full
            and max(self._rate, self._bytes / seconds) < ENOUGH_BYTES_S
        )

    def _interval(self) -> float:
        return interval(self._brought)
