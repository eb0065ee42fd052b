"""`EventSource`: the EventSource interface of WHATWG HTML 9.2, in Python's manners.

One driver (`async for`, `batches()` or `run()`) reads; `driver` says how. This module takes the options,
tells what is known of the stream, and hands over what comes.
"""

from __future__ import annotations

import contextlib
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any, ClassVar, Self, TypeVar, Unpack

from .. import runtime
from ..errors import SSEError
from ..events import Event, EventBatch, Gap, Reason, State, Stats
from ..masking import Secrets
from ..pickling import NotPickled
from ..protocol import EventStreamParser
from ..runtime import Exited, LoopEnded
from .driver import Driver
from .options import SourceKeywords, SourceOptions, signature_of
from .request import Request
from .response_headers import ResponseHeaders
from .urls import Url

__all__ = ["EventSource"]

# Seconds: a plain loop that is over waits so long for its connection to be closed.
_CLOSING = 5.0

Item = TypeVar("Item")


class EventSource(NotPickled, Driver):
    """A client of one event stream.

    `async for event in source`, or `for event in source` without asyncio; `anext(source)` and
    `next(source)` give one event. A loop that was left by `break` keeps the connection, and the
    next loop goes on. `close()`, or the end of a `with` or `async with`, ends it; so does letting
    go of the source.

    Args:
        url: absolute http or https URL, as text or as the URL object of httpx, yarl or pydantic. It
            is asked for byte for byte. A path goes on from the `base_url` of `client=`. Or a
            callable like `headers`.
        last_event_id: the id to resume after.
        headers: sent along; ours give way to yours. Text that is not ASCII is sent as UTF-8. Or a
            callable without arguments, sync or async, that is asked on every attempt, and once more
            after a 401.
        method: default GET, or POST where there is a body.
        params: added to the URL's query; never shown. Or a callable like `headers`.
        content, json: the request's body: text, bytes, an iterable of bytes or a file, which are
            read at once; an asynchronous iterable, which is read when it is first sent, once; or
            what is sent as JSON.
        auth: (user, password); an `Auth` of httpx or httpx2; a function of the request, as httpx
            takes it; or a callable like `headers` that gives one of these.
        cookies: sent along: a mapping, pairs, or a jar. What the server sets comes back to its own
            origin (scheme, host and port), up to 6 KiB; of one name yours is sent.
        client: an httpx-compatible async client, or a callable that makes one. A client that is
            handed over is not closed, and keeps a cookie jar of its own; one that was made here is
            closed.
        verify: which certificates are trusted: True: those of public servers, or of SSL_CERT_FILE;
            the path of a file or folder with others (PEM); an `ssl.SSLContext`, also with a
            certificate of yours; False: none is checked, so that anybody can listen.
        proxy: the address of a proxy, such as "http://user:password@proxy.example:3128" or
            "socks5://127.0.0.1:1080" (with the extra `socks`). None: what HTTP_PROXY, HTTPS_PROXY,
            ALL_PROXY and NO_PROXY say. With `client=` both are that client's own.
        retry: when to connect again.
        reconnect: "auto": after a clean end connect again where the method is safe (GET); True:
            always, sending method, headers and body again; False: never.
        idle_timeout: seconds without a byte after which the connection is given up; any byte
            counts, comments too, and the answer to the request. None: wait for ever.
        max_event_bytes: the most bytes of one event; a larger one is skipped and reported. None:
            16 MiB, and after a POST 64 MiB.
        stop_when: ends the stream for good after an event whose data or type equals this text, or
            for which this callable is true, or that an `EventFilter` lets through; of a list, the
            first of them that is met. That event is still delivered.
        dedupe: after a reconnect, drop the events that came before: True compares id, type and
            data of events with an id of their own; a callable gives another key for an `Event`,
            None for one that is never dropped. They are counted in `stats.duplicates`.
        resume: a callable that is given the last event ID before each reconnect and returns the id
            to resume after, such as an earlier one; "" or None for none.

    Raises:
        InvalidURL: the URL is none.
        TypeError, ValueError: an option that cannot work, by name.
    """

    _given_once = frozenset(SourceKeywords.__annotations__)
    _pickle_instead = "the events that it gives, or its URL and options"

    CONNECTING: ClassVar[int] = 0
    OPEN: ClassVar[int] = 1
    CLOSED: ClassVar[int] = 2

    def __init__(self, url: Url, **options: Unpack[SourceKeywords]) -> None:
        told = SourceOptions.of("EventSource", options)
        super().__init__(
            Request.of(url, told),
            told,
            EventStreamParser(max_event_bytes=told.event_limit, last_event_id=told.last_event_id),
        )
        self._looping: weakref.ref[Any] | None = None  # the loop over this source

    __signature__ = signature_of(__init__)

    # ------------------------------------------------------------------ what it knows

    @property
    def url(self) -> str:
        """The URL, masked: safe to show. Of one that a callable gives, that of the latest answer."""
        return self._masked

    @property
    def response_headers(self) -> ResponseHeaders:
        """The headers of the answer that is the stream, by name, in any case: sessions and rate
        limits are told there. Those of the latest one; empty before. Its repr masks secrets."""
        return self._headers

    @property
    def ready_state(self) -> int:
        """CONNECTING (0), OPEN (1) or CLOSED (2), as `readyState` of the standard."""
        state = self.status.state
        if self._closing or state in (State.CLOSED, State.FAILED):
            return self.CLOSED
        return self.OPEN if state in (State.OPEN, State.QUIET) else self.CONNECTING

    @property
    def last_event_id(self) -> str:
        """The id the stream would resume after: that of the event delivered last."""
        # Bytes are parsed a piece at a time, events handed over one by one: a reader that stops
        # half-way must not resume after what it never saw.
        delivered = self._delivery.last_event_id
        return self._parser.last_event_id if delivered is None else delivered

    @property
    def stats(self) -> Stats:
        """Counters of this source; held, evicted and cleared are a window's, and 0 here."""
        return replace(self._accounts.stats, ignored=self._parser.ignored)

    @property
    def errors(self) -> deque[SSEError]:
        """The latest 32 errors, final or not, oldest first."""
        return self._accounts.errors

    @property
    def gaps(self) -> deque[Gap]:
        """The latest 1,000 places where events may be missing; `seq` counts events of this
        source from 0."""
        return self._accounts.gaps

    @property
    def reconnection_time(self) -> int | None:
        """Milliseconds, from the server's latest `retry` field; None where it sent none."""
        return self._parser.reconnection_time

    @property
    def secrets(self) -> Secrets:
        """The secret values of this stream; it takes them out of what a server said."""
        return self._request.secrets

    def __repr__(self) -> str:
        text = f"; {self.status.text}" if self.status.text else ""
        return f"<EventSource {self.url} {self.status.state}{text}>"

    # ------------------------------------------------------------------ drivers

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[Event]:
        return _Loop(self, self.__anext__)

    async def __anext__(self) -> Event:
        """The next event, as `anext(source)`, once its listeners were called."""
        delivery = self._delivery
        failure: BaseException | None = None
        while not self._closing:
            event = self._next_here()
            if event is None:
                delivery.batch, delivery.at = await self._next(), 0
                continue
            if self._listeners:
                try:
                    await self._call(event.type, event)
                except BaseException as e:
                    failure = self._given_up(e)
                    break
                if self._closing:
                    break
            return event
        await self._release()
        raise failure or StopAsyncIteration

    def batches(self) -> AsyncIterator[EventBatch]:
        """The same stream in columns: a batch per piece that came, no object per event.

        Batches without events appear too where there were comments or faults. Raises as
        iteration does.
        """
        return _Loop(self, self._next_batch)

    async def run(self) -> None:
        """Read to the end for the listeners' sake."""
        async for _ in self.batches():
            pass

    def _enter(self, loop: weakref.ref[Any]) -> None:
        """A loop over this source begins.

        Raises:
            RuntimeError: another one is alive.
        """
        other = None if self._looping is None else self._looping()
        if other is not None and not self._over.is_set():
            raise RuntimeError("this EventSource is being read already; make another one")
        self._looping = loop

    def _next_here(self) -> Event | None:
        """The next event of the batch that came last; None where all were handed over."""
        delivery = self._delivery
        batch, at = delivery.batch, delivery.at
        if batch is None or at >= len(batch.types):
            delivery.batch = delivery.last_event_id = None
            return None
        delivery.at = at + 1
        delivery.last_event_id = last_id = batch.last_event_ids[at]
        return Event(batch.types[at], batch.data[at], last_id, batch.origin, batch.received_at)

    async def _next_batch(self) -> EventBatch:
        """The next batch, or what a loop over events left of one, once the listeners were called
        for its events."""
        delivery = self._delivery
        batch = delivery.batch
        if batch is not None and delivery.at < len(batch) and not self._closing:
            batch = batch.slice(delivery.at, len(batch))
            delivery.batch = delivery.last_event_id = None
        else:
            batch = await self._next()
        if self._listeners:
            failure: BaseException | None = None
            try:
                for n, event in enumerate(batch, 1):
                    delivery.last_event_id = event.last_event_id
                    await self._call(event.type, event)
                    if self._closing:
                        self._end_at(batch, n)
                        break
            except BaseException as e:
                failure = self._given_up(e)
            if failure is not None:
                await self._release()
                raise failure
            delivery.last_event_id = None
        return batch

    # ------------------------------------------------------------------ without asyncio

    def __iter__(self) -> Iterator[Event]:
        """The same without asyncio: the background thread reads, this thread waits."""
        return _BlockingLoop(self)

    def __next__(self) -> Event:
        """The next event, as `next(source)`; waits for it."""
        while not self._closing:
            event = self._next_here()
            if event is not None:
                return event
            if not self._wait_for_batch():
                break
        if self._loop_ended:
            ended = LoopEnded("the thread that serves all streams ended meanwhile")
            self._move(State.FAILED, error=ended, reason=Reason.FAILED)
            raise ended
        self._wait_closed()
        raise StopIteration

    def _wait_for_batch(self) -> bool:
        """Wait until the next batch came; whether there is one."""
        if runtime.is_loop_thread():
            raise RuntimeError("a blocking loop on the background thread would wait for itself")

        async def following() -> EventBatch | None:
            try:
                return await self._next_batch()
            except StopAsyncIteration:
                return None

        delivery = self._delivery
        waiting = runtime.run(following())
        try:
            delivery.batch, delivery.at = runtime.wait_for(waiting), 0
        except KeyboardInterrupt:
            waiting.cancel()
            raise
        except Exited as e:
            # This loop is the person's: exit() in a callable ends what it would end there.
            raise e.__cause__ or e from None
        except LoopEnded as e:
            self._loop_ended = True
            self._on_released()
            self._move(State.FAILED, error=e, reason=Reason.FAILED)
            raise
        return delivery.batch is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
        self._wait_closed()

    def _wait_closed(self) -> None:
        """Wait until the connection is gone, where the background thread reads."""
        # That thread must not wait for itself.
        if runtime.serves(self._loop) and not runtime.is_loop_thread():
            with contextlib.suppress(TimeoutError):
                runtime.run(self.aclose()).result(_CLOSING)


class _Loop(AsyncIterator[Item]):
    """One loop over a source. While it is alive no other loop may begin; one that was left by
    `break` is not, and the next one goes on.

    Args:
        step: gives the next item; raises StopAsyncIteration where there is none.
    """

    def __init__(self, source: EventSource, step: Callable[[], Coroutine[Any, Any, Item]]) -> None:
        self._source = source
        self._step = step
        self._me = weakref.ref(self)

    def __anext__(self) -> Coroutine[Any, Any, Item]:
        if self._source._looping is not self._me:
            self._source._enter(self._me)
        return self._step()

    async def aclose(self) -> None:
        """End the stream."""
        await self._source.aclose()


class _BlockingLoop:
    """The same for a plain loop."""

    def __init__(self, source: EventSource) -> None:
        self._source = source
        self._me = weakref.ref(self)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        if self._source._looping is not self._me:
            self._source._enter(self._me)
        return next(self._source)
