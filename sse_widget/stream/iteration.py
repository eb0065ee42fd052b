"""An SSEStream read event by event: as an asyncio iterator and by `until`.

Readers are cursors over the window, never queues: one that is slower than the stream skips what was evicted
before it came to it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import Any, Never

from ..checks import number, plain_callable, texts
from ..client import Source
from ..events import Event, State
from ..filters import EventFilter
from ..runtime import SharedEvent
from ..tables import RollingWindow, Tally
from ..visible import quoted

__all__ = ["Reading"]


class Reading:
    """Mixed into SSEStream, which has the window, the source and the counts."""

    status: Any  # SSEStream's trait: a Status
    _window: RollingWindow
    _source: Source
    _counts: Tally
    _ended: SharedEvent
    _waiters: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]

    async def __aiter__(self) -> AsyncGenerator[Event, None]:
        """Every event: those held first, then each one as it comes, until the stream is over.

        A cursor over the window: a reader slower than the stream skips what was evicted before
        it came to it.
        """
        cursor = 0
        news = asyncio.Event()
        waiter = (asyncio.get_running_loop(), news)
        self._waiters.add(waiter)
        try:
            while True:
                over = self._ended.is_set()
                snapshot = self._window.read(cursor, cursor + 4096)
                cursor = snapshot.stop
                for event in snapshot.events(self._source.origin):
                    yield event
                if snapshot.table.num_rows:
                    continue
                if over:
                    return
                await news.wait()
                news.clear()
        finally:
            self._waiters.discard(waiter)

    def __iter__(self) -> Never:
        # A plain loop over a live stream would hold its cell for ever, and so would list() and
        # pd.DataFrame(), which are tried first: all of them are told what to write instead.
        raise TypeError(
            "events come while you do something else: `async for event in stream` reads them in a "
            "cell, `@stream.on()` calls a function with each, `stream.df` is what came so far; "
            "in a script `for event in EventSource(url)` waits for each"
        )

    async def until(
        self,
        type: str | Iterable[str] | EventFilter | None = None,
        *,
        where: Callable[[Event], object] | None = None,
        timeout: float | None = None,
    ) -> Event:
        """The first event of this type for which `where` is true: held ones first, then waiting.

        Args:
            type: an event type, several, or an `EventFilter`; None for any.
            where: called with an Event; its truth decides.
            timeout: seconds; None to wait until the stream is over, 0 to look at what is held.

        Raises:
            TimeoutError: no such event came; says what came instead.
            SSEError: the stream failed before one came.
            TypeError: `type` names no events, or `where` cannot be called.
            ValueError: an empty list of types, or a negative timeout.
        """
        passes, wanted = _passing(type)
        if where is not None:
            plain_callable("where", where, "a callable that is given an Event", 1)
        if timeout is not None and not (timeout := number("timeout", timeout)) >= 0:
            raise ValueError(f"timeout must be 0 seconds or more, not {timeout:g}")
        if where is not None:
            wanted += " for which where= is true"
        try:
            async with asyncio.timeout(timeout):
                async with aclosing(self.__aiter__()) as events:
                    async for event in events:
                        if passes(event) and (where is None or where(event)):
                            return event
        except TimeoutError:
            raise TimeoutError(f"no {wanted} in {timeout:g} s; {self._summary()}") from None
        if self.status.state is State.FAILED and self.status.error is not None:
            raise self.status.error
        raise TimeoutError(f"the stream ended, and no {wanted} came; {self._summary()}")

    def _summary(self) -> str:
        counts = Counter(self._counts)  # in one step: the loop adds types meanwhile
        came = ", ".join(f"{n:,} {quoted(t)}" for t, n in counts.most_common(5))
        state = self.status
        said = state.text if state.error is None else str(state.error)
        why = f" ({said})" if said else ""
        return f"what came: {came or 'nothing'}; the stream is {state.state}{why}"

    def _wake(self) -> None:
        for loop, news in list(self._waiters):
            try:
                loop.call_soon_threadsafe(news.set)
            except RuntimeError:  # that loop was closed with somebody waiting in it
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
