"""Delivery: hands the events that a driver read to the reader, one by one or in batches, with or without asyncio.

The listeners for an event are called before the event is handed over. It remembers how far the reader has
come, and reads nothing itself: the driver does.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, Self, TypeVar

from .. import runtime
from ..events import Event, EventBatch, Reason, State
from ..runtime import Exited, LoopEnded
from .driver import Driver

# Seconds: a plain loop that is over waits so long for its connection to be closed.
CLOSING_S = 5.0

Item = TypeVar("Item")


class Delivery:
    """Hands over what one driver reads."""

    __slots__ = ("_at", "_batch", "_driver", "_interrupt", "_last_event_id", "_rest", "looping")

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._interrupt = driver.interrupt
        self._batch: EventBatch | None = None  # what is handed over event by event
        self._at = 0  # which of its events is next
        self._rest: Iterator[Event] = iter(())  # its events from there on
        self._last_event_id: str | None = None  # None: all of them were
        self.looping: weakref.ref[Any] | None = None  # the loop over this source

    @property
    def last_event_id(self) -> str:
        """That of the event handed over last."""
        # Bytes are parsed a piece at a time, events handed over one by one: a reader that stops
        # half-way must not resume after what it never saw.
        found = self._last_event_id
        return self._driver.parser.last_event_id if found is None else found

    def enter(self, loop: weakref.ref[Any]) -> None:
        """A loop over this source goes on, or begins.

        Raises:
            RuntimeError: another one is alive.
        """
        other = None if self.looping is None else self.looping()
        if other is not None and not self._driver.over.is_set():
            raise RuntimeError("this EventSource is being read already; make another one")
        self.looping = loop

    async def next_in(self, loop: weakref.ref[Any]) -> Event:
        """`next_event` for a loop: an event that came already, and that nobody listens for, costs one
        coroutine and no more."""
        if self.looping is not loop:
            self.enter(loop)
        if not (self._interrupt.closed or self._driver.listeners.by_type):
            for event in self._rest:
                self._at += 1
                self._last_event_id = event.last_event_id
                return event
        return await self.next_event()

    async def next_event(self) -> Event:
        """The next event, once its listeners were called."""
        driver = self._driver
        failure: BaseException | None = None
        while not self._interrupt.closed:
            event = next(self._rest, None)
            if event is None:
                self._take(None)
                self._take(await driver.next())
                continue
            self._at += 1
            self._last_event_id = event.last_event_id
            if driver.listeners.by_type:
                try:
                    await driver.call(event.type, event)
                except BaseException as e:
                    failure = driver.given_up(e)
                    break
                if self._interrupt.closed:
                    break
            return event
        await driver.release()
        raise failure or StopAsyncIteration

    async def next_batch(self) -> EventBatch:
        """The next batch, or what a loop over events left of one, once the listeners were called
        for its events."""
        driver, batch = self._driver, self._batch
        if batch is not None and self._at < len(batch) and not self._interrupt.closed:
            batch = batch.slice(self._at, len(batch))
            self._take(None)
        else:
            batch = await driver.next()
        if driver.listeners.by_type:
            await self._tell(batch)
        return batch

    async def _tell(self, batch: EventBatch) -> None:
        """Call the listeners for each event of a batch."""
        driver = self._driver
        failure: BaseException | None = None
        try:
            for n, event in enumerate(batch, 1):
                self._last_event_id = event.last_event_id
                await driver.call(event.type, event)
                if self._interrupt.closed:
                    driver.end_at(batch, n)
                    break
        except BaseException as e:
            failure = driver.given_up(e)
        if failure is not None:
            await driver.release()
            raise failure
        self._last_event_id = None

    def next_event_blocking(self) -> Event:
        """The next event, without asyncio: the background thread reads, this thread waits."""
        driver = self._driver
        while not self._interrupt.closed:
            for event in self._rest:
                self._at += 1
                self._last_event_id = event.last_event_id
                return event
            self._take(None)
            if not self._wait_for_batch():
                break
        if driver.loop_ended:
            ended = driver.how_loop_ended()
            driver.move(State.FAILED, error=ended, reason=Reason.FAILED)
            raise ended
        self.wait_closed_blocking()
        raise StopIteration

    def wait_closed_blocking(self) -> None:
        """Wait until the connection is gone, where the background thread reads."""
        # That thread must not wait for itself.
        if runtime.serves(self._driver.loop) and not runtime.is_loop_thread():
            with contextlib.suppress(TimeoutError):
                runtime.run(self._driver.aclose()).result(CLOSING_S)

    def _take(self, batch: EventBatch | None) -> None:
        """What is handed over event by event from now on."""
        self._batch, self._at, self._last_event_id = batch, 0, None
        self._rest = iter(() if batch is None else batch)

    def _wait_for_batch(self) -> bool:
        """Wait until the next batch came; whether there is one."""
        if runtime.is_loop_thread():
            raise RuntimeError("a blocking loop on the background thread would wait for itself")

        async def following() -> EventBatch | None:
            try:
                return await self.next_batch()
            except StopAsyncIteration:
                return None

        driver = self._driver
        waiting = runtime.run(following())
        try:
            self._take(runtime.wait_for(waiting))
        except KeyboardInterrupt:
            waiting.cancel()
            raise
        except Exited as e:
            # This loop is the user's: exit() in a callable ends what it would end there.
            raise e.__cause__ or e from None
        except LoopEnded as e:
            driver.loop_ended = True
            driver.on_released()
            driver.move(State.FAILED, error=e, reason=Reason.FAILED)
            raise
        return self._batch is not None


class Loop(AsyncIterator[Item]):
    """One loop over a source. While it is alive no other loop may begin; one that was left by
    `break` is not, and the next one goes on.

    Args:
        delivery: told that this loop reads.
        step: gives the next item; raises StopAsyncIteration where there is none.
        close: ends the stream.
        source: kept alive as long as it is read.
    """

    def __init__(
        self,
        delivery: Delivery,
        step: Callable[[], Coroutine[Any, Any, Item]],
        close: Callable[[], Awaitable[None]],
        source: object,
    ) -> None:
        self._delivery = delivery
        self._step = step
        self._close = close
        self._source = source
        self._me = weakref.ref(self)

    def __anext__(self) -> Coroutine[Any, Any, Item]:
        if self._delivery.looping is not self._me:
            self._delivery.enter(self._me)
        return self._step()

    async def aclose(self) -> None:
        """End the stream."""
        await self._close()


class EventLoop(Loop[Event]):
    """A loop over events."""

    def __anext__(self) -> Coroutine[Any, Any, Event]:
        return self._delivery.next_in(self._me)


class BlockingLoop:
    """The same for a plain loop."""

    def __init__(self, delivery: Delivery, source: object) -> None:
        self._delivery = delivery
        self._source = source
        self._me = weakref.ref(self)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        if self._delivery.looping is not self._me:
            self._delivery.enter(self._me)
        return self._delivery.next_event_blocking()
