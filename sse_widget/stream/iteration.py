"""An SSEStream read event by event: as an asyncio iterator and by `until`.

Readers are cursors over the window, never queues: one that is slower than the stream skips what was evicted
before it came to it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from ..checks import number, plain_callable, texts
from ..events import Event, State
from ..filters import EventFilter
from ..visible import quoted
from .feed import FeedListener, StreamFeed

# So many events are read from the window at once.
_ROWS = 4096


class Readers(FeedListener):
    """Who reads a stream event by event.

    Args:
        feed: the stream.
    """

    def __init__(self, feed: StreamFeed) -> None:
        self._feed = feed
        self._waiters: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def came(self, new_types: set[str]) -> None:
        self._wake()

    def ended(self) -> None:
        self._wake()

    async def events(self) -> AsyncGenerator[Event, None]:
        """Every event: those held first, then each one as it comes, until the stream is over."""
        cursor = 0
        news = asyncio.Event()
        waiter = (asyncio.get_running_loop(), news)
        self._waiters.add(waiter)
        try:
            while True:
                over = self._feed.ended.is_set()
                snapshot = self._feed.window.read(cursor, cursor + _ROWS)
                for event in snapshot.events(self._feed.source.origin):
                    yield event
                # Also past rows that were evicted: what is held comes after them.
                if snapshot.stop > cursor:
                    cursor = snapshot.stop
                    continue
                if over:
                    return
                await news.wait()
                news.clear()
        finally:
            self._waiters.discard(waiter)

    async def until(
        self,
        type: str | Iterable[str] | EventFilter | None = None,
        *,
        where: Callable[[Event], object] | None = None,
        timeout: float | None = None,
    ) -> Event:
        """The first event of this type for which `where` is true: held ones first, then waiting."""
        passes, wanted = _passing(type)
        if where is not None:
            plain_callable("where", where, "a callable that is given an Event", 1)
        if timeout is not None and not (timeout := number("timeout", timeout)) >= 0:
            raise ValueError(f"timeout must be 0 seconds or more, not {timeout:g}")
        if where is not None:
            wanted += " for which where= is true"
        try:
            async with asyncio.timeout(timeout):
                async with aclosing(self.events()) as events:
                    async for event in events:
                        if passes(event) and (where is None or where(event)):
                            return event
        except TimeoutError:
            raise TimeoutError(f"no {wanted} in {timeout:g} s; {self._summary()}") from None
        status = self._feed.status
        if status.state is State.FAILED and status.error is not None:
            raise status.error
        raise TimeoutError(f"the stream ended, and no {wanted} came; {self._summary()}")

    def _summary(self) -> str:
        counts = Counter(self._feed.counts)  # in one step: the loop adds types meanwhile
        came = ", ".join(f"{n:,} {quoted(t)}" for t, n in counts.most_common(5))
        state = self._feed.status
        said = state.text if state.error is None else str(state.error)
        why = f" ({said})" if said else ""
        return f"what came: {came or 'nothing'}; the stream is {state.state}{why}"

    def _wake(self) -> None:
        for loop, news in list(self._waiters):
            try:
                loop.call_soon_threadsafe(news.set)
            except RuntimeError:  # that loop was closed while a reader waited in it
                self._waiters.discard((loop, news))


def _passing(
    type: str | Iterable[str] | EventFilter | None,
) -> tuple[Callable[[Event], bool], str]:
    """Which events are waited for, as a function of one, and in words."""
    if type is None:
        return lambda event: True, "event"
    if isinstance(type, EventFilter):
        return type.matches, f"event that {type!r} lets through"
    types = texts("type", type, "an event type, a list of them or an EventFilter")
    return lambda event: event.type in types, f"{' or '.join(map(repr, types))} event"
