"""When the events of a demo stream are sent, and the answer that sends them.

A `Pace` has the clock and the end of one server. What an event says is its feed's; nothing is kept here.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress

from sse_starlette.sse import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response

from .feeds import Feed
from .history import EPOCH, HELD, RETRY_MS, Schedule, resume
from .parameters import last_id, number

HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}
RETRY = f"retry: {RETRY_MS}\n\n".encode()
ALL = 10**18
"""Held for ever: of a stream that is one client's own, everything is history."""

_BURST = 100  # events in one write, when a client catches up


def answer(body: AsyncIterator[bytes], headers: dict[str, str] | None = None) -> Response:
    """A stream of one's own: no comments between its events."""
    return EventSourceResponse(body, headers={**HEADERS, **(headers or {})}, sep="\n", ping=0)


class Pace:
    """The clock of a server, and its end: `stopping` ends every stream."""

    def __init__(self, clock: Callable[[], float], stopping: asyncio.Event) -> None:
        self.clock = clock
        self.stopping = stopping

    async def wait(self, seconds: float) -> None:
        """Sleep; a server that stops wakes it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()

    async def due(
        self, schedule: Schedule, number: int, held: int, last: int | None = None
    ) -> AsyncIterator[range]:
        """The numbers from `number` to `last`, when they are due, several where several are.

        Jumps to the oldest one held when the reader was too slow, or away for too long.
        """
        while (last is None or number <= last) and not self.stopping.is_set():
            now = self.clock()
            newest = schedule.newest(now)
            if number > newest:
                await self.wait(schedule.wait(number, now))
                continue
            start = resume(number - 1, newest, held).start
            number = min(newest, start + _BURST - 1, newest if last is None else last) + 1
            yield range(start, number)
            # Behind: a turn of the loop, or a reader who has left is not noticed until all is written.
            await asyncio.sleep(0)

    async def spread(self, events: Iterable[bytes], rate: float) -> AsyncIterator[bytes]:
        """A few events, so many a second."""
        schedule = Schedule(rate, 0, self.clock())
        for n, event in enumerate(events):
            while schedule.newest(now := self.clock()) < n and not self.stopping.is_set():
                await self.wait(schedule.wait(n, now))
            if self.stopping.is_set():
                return
            yield event

    def follow(self, request: Request, feed: Feed) -> AsyncIterator[bytes]:
        """A feed that everybody sees at the same time, from where this request goes on."""
        rate = number(request, "rate", feed.rate, 0.01, feed.max_rate)
        return self._following(feed, rate, last_id(request))

    async def _following(self, feed: Feed, rate: float, last: int | None) -> AsyncIterator[bytes]:
        schedule = Schedule(rate, 1, EPOCH)
        # Some seconds ahead are believed: two runs of a server may differ by a clock step.
        ahead = math.ceil(10 * rate)
        where = resume(last, schedule.newest(self.clock()), ahead=ahead)
        expected = where.start - where.gone
        head = RETRY
        async for due in self.due(schedule, where.start, HELD):
            if due.start > expected:
                head += f": {due.start - expected} events are held no more\n\n".encode()
            yield head + b"".join(feed.encoded(n, schedule.at(n)) for n in due)
            head, expected = b"", due.stop
