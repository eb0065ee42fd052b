"""`EventSource`: the EventSource interface of WHATWG HTML 9.2, in Python's manners.

One driver (`async for`, `batches()` or `run()`) reads; `driver` says how. This module takes the options,
tells what is known of the stream, and hands over what comes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any, ClassVar, Self, TypeVar, Unpack

from .. import runtime
from ..errors import SSEError
from ..events import Event, EventBatch, Gap, Reason, State, Stats
from ..masking import Secrets
from ..protocol import EventStreamParser
from ..runtime import Exited, LoopEnded
from .driver import Driver
from .options import SourceKeywords, SourceOptions, signature_of
from .request import Request

__all__ = ["EventSource"]

Reader = TypeVar("Reader", bound=AsyncGenerator[Any, None])


class EventSource(Driver):
    """A client of one event stream.

    Args:
        url: absolute http or https URL, as text or as the URL object of httpx, yarl or pydantic. It
            is asked for byte for byte. A path goes on from the `base_url` of `client=`.
        last_event_id: the id to resume after.
        headers: sent along; ours give way to yours. Text that is not ASCII is sent as UTF-8. Or a
            callable without arguments, sync or async, that is asked on every attempt, and once more
            after a 401.
        method: default GET, or POST where there is a body.
        params: added to the URL's query; never shown.
        content, json: the request's body: text, bytes, an iterable of bytes or a file, which are
            read at once; or what is sent as JSON.
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
            one of these texts, or for which this callable is true. That event is still delivered.
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

    CONNECTING: ClassVar[int] = 0
    OPEN: ClassVar[int] = 1
    CLOSED: ClassVar[int] = 2

    def __init__(self, url: str, **options: Unpack[SourceKeywords]) -> None:
        told = SourceOptions.of("EventSource", options)
        super().__init__(
            Request.of(url, told),
            told,
            EventStreamParser(max_event_bytes=told.event_limit, last_event_id=told.last_event_id),
        )

    __signature__ = signature_of(__init__)

    # ------------------------------------------------------------------ what it knows

    @property
    def url(self) -> str:
        """The URL, masked: safe to show."""
        return self._request.masked

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
        return self._accounts.stats

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
        """The server's latest `retry:` in milliseconds; None where it sent none."""
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
        return self._reading(self._events())

    def _reading(self, reader: Reader) -> Reader:
        # aclose() ends it in order; left to the garbage collector it would be one more task.
        if not self._driven:
            self._reader = reader
        return reader

    async def _events(self) -> AsyncGenerator[Event, None]:
        delivery = self._delivery
        async with aclosing(self._drive()) as batches:
            async for batch in batches:
                for event in batch:
                    delivery.last_event_id = event.last_event_id
                    await self._call(event.type, event)
                    if self._closing:
                        return
                    yield event
                    if self._closing:
                        return
                delivery.last_event_id = None

    def batches(self) -> AsyncGenerator[EventBatch, None]:
        """The same stream in columns: a batch per piece that came, no object per event.

        Batches without events appear too where there were comments or faults. Raises as
        iteration does.
        """
        return self._reading(self._batches())

    async def _batches(self) -> AsyncGenerator[EventBatch, None]:
        delivery = self._delivery
        async with aclosing(self._drive()) as batches:
            async for batch in batches:
                if self._listeners:
                    for n, event in enumerate(batch, 1):
                        delivery.last_event_id = event.last_event_id
                        await self._call(event.type, event)
                        if self._closing:
                            self._end_at(batch, n)
                            break
                    delivery.last_event_id = None
                yield batch
                if self._closing:
                    return

    async def run(self) -> None:
        """Read to the end for the listeners' sake."""
        async for _ in self.batches():
            pass

    def __iter__(self) -> Iterator[Event]:
        """The same without asyncio: the background thread reads, this thread waits."""
        if runtime.is_loop_thread():
            raise RuntimeError("a blocking loop on the background thread would wait for itself")
        batches, delivery = self.batches(), self._delivery

        async def following() -> EventBatch | None:
            if self._loop not in (None, asyncio.get_running_loop()):
                raise LoopEnded("the thread that serves all streams ended meanwhile")
            return await anext(batches, None)

        async def end() -> None:
            await self.aclose()
            await batches.aclose()

        ended = False
        try:
            while True:
                waiting = runtime.run(following())
                try:
                    batch = waiting.result()
                except KeyboardInterrupt:
                    waiting.cancel()
                    raise
                except Exited as e:
                    # This loop is the person's: exit() in a callable ends what it would end there.
                    raise e.__cause__ or e from None
                except LoopEnded as e:
                    ended = True  # with its loop, and by that
                    self._move(State.FAILED, error=e, reason=Reason.FAILED)
                    self._over.set()
                    raise
                if batch is None:
                    return
                for event in batch:
                    delivery.last_event_id = event.last_event_id
                    yield event
                    if self._closing:
                        return
                delivery.last_event_id = None
        finally:
            ending = None if ended else runtime.run(end())
            # Unless the collector ends this on that very thread, which must not wait for itself.
            if ending is not None and not runtime.is_loop_thread():
                ending.result(5.0)
