"""`EventSource`: the EventSource interface of WHATWG HTML 9.2, in Python's manners.

It takes the options and tells what is known of the stream. Its driver reads, and its delivery hands over
what came; nothing is decided here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, ClassVar, Self, Unpack

from ..basics import Budget, NotPickled
from ..errors import SSEError
from ..events import Event, EventBatch, Gap, State, Stats, Status
from ..masking import Secrets
from .delivery import BlockingLoop, Delivery, EventLoop, Loop
from .driver import Driver
from .event_target import EventTarget, Listeners
from .options import SourceKeywords, SourceOptions, signature_of
from .request import Request
from .response_headers import ResponseHeaders
from .source_interface import ResumePoint, SourceHooks
from .urls import Url


class EventSource(NotPickled, EventTarget):
    """A client of one event stream.

    `async for event in source`, or `for event in source` without asyncio; `anext(source)` and
    `next(source)` give one event. A loop that was left by `break` keeps the connection, and the
    next loop goes on. `close()`, or the end of a `with` or `async with`, ends it; so does dropping
    the last reference to the source.

    Args:
        url: absolute http or https URL, as text or as the URL object of httpx, yarl or pydantic. It
            is asked for byte for byte. A path is joined to the `base_url` of `client=`. Or a
            callable like `headers`.
        last_event_id: the id to resume after.
        headers: sent with each request; yours replace ours of the same name. Text that is not ASCII is sent as UTF-8. Or a
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
            origin (scheme, host and port), up to 6 KiB; where both have a name, yours is sent.
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
            for which this callable is true, or that an `EventFilter` lets through; of a list, any
            one of them. That event is still delivered.
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
        checked = SourceOptions.of("EventSource", options)
        listeners = Listeners()
        self._set_up(
            listeners, Driver(Request.of(url, checked), checked, listeners, hooks=SourceHooks())
        )

    def _set_up(self, listeners: Listeners, driver: Driver) -> None:
        super().__init__(listeners)
        self._driver = driver
        self._delivery = Delivery(driver)

    __signature__ = signature_of(__init__)

    # ------------------------------------------------------------------ what it knows

    @property
    def url(self) -> str:
        """The URL, masked: safe to show. Of one that a callable gives, that of the latest answer."""
        return self._driver.masked

    @property
    def origin(self) -> str:
        """Scheme, host and port of the latest answer; of the URL before there is one."""
        return self._driver.origin

    @property
    def response_headers(self) -> ResponseHeaders:
        """The headers of the answer that is the stream, by name, in any case: sessions and rate
        limits are told there. Those of the latest one; empty before. Its repr masks secrets."""
        return self._driver.headers

    @property
    def status(self) -> Status:
        """What the stream is doing now."""
        return self._driver.status

    @property
    def ready_state(self) -> int:
        """CONNECTING (0), OPEN (1) or CLOSED (2), as `readyState` of the standard."""
        state = self.status.state
        if self._driver.closed or state in (State.CLOSED, State.FAILED):
            return self.CLOSED
        return self.OPEN if state in (State.OPEN, State.QUIET) else self.CONNECTING

    @property
    def last_event_id(self) -> str:
        """The id the stream would resume after: that of the event delivered last."""
        return self._delivery.last_event_id

    @property
    def stats(self) -> Stats:
        """Counters of this source; held, evicted and cleared are a window's, and 0 here."""
        return self._driver.stats

    @property
    def errors(self) -> deque[SSEError]:
        """The latest 32 errors, final or not, oldest first."""
        return self._driver.accounts.errors

    @property
    def gaps(self) -> deque[Gap]:
        """The latest 1,000 places where events may be missing; `seq` counts events of this
        source from 0."""
        return self._driver.accounts.gaps

    @property
    def reconnection_time(self) -> int | None:
        """Milliseconds, from the server's latest `retry` field; None where it sent none."""
        return self._driver.parser.reconnection_time

    @property
    def secrets(self) -> Secrets:
        """The secret values of this stream; it takes them out of what a server said."""
        return self._driver.request.secrets

    def __repr__(self) -> str:
        text = f"; {self.status.text}" if self.status.text else ""
        return f"<EventSource {self.url} {self.status.state}{text}>"

    # ------------------------------------------------------------------ to its end

    def retry_now(self) -> None:
        """Where an attempt is being waited for, make it now. From any thread."""
        self._driver.retry_now()

    def close(self) -> None:
        """End the stream for good, from any thread, task or listener; no event follows."""
        self._driver.close()

    async def aclose(self) -> None:
        """`close()`, and wait until the connection is gone."""
        await self._driver.aclose()

    async def wait_closed(self) -> Status:
        """Wait, on any event loop, until the stream is over for good and its connection is gone.

        It ends nothing and raises nothing of the stream's own: the status says why it is over, by
        its `reason` and, where it failed, its `error`.
        """
        await self._driver.over.wait()
        return self.status

    # ------------------------------------------------------------------ with asyncio

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[Event]:
        return EventLoop(self._delivery, self._delivery.next_event, self.aclose, self)

    def __anext__(self) -> Coroutine[Any, Any, Event]:
        """The next event, as `anext(source)`, once its listeners were called."""
        return self._delivery.next_event()

    def batches(self) -> AsyncIterator[EventBatch]:
        """The same stream in columns: a batch per piece that came, no object per event.

        Batches without events appear too where there were comments or faults. Raises as
        iteration does.
        """
        return Loop(self._delivery, self._delivery.next_batch, self.aclose, self)

    async def run(self) -> None:
        """Read to the end for the listeners' sake."""
        async for _ in self.batches():
            pass

    # ------------------------------------------------------------------ without asyncio

    def __iter__(self) -> Iterator[Event]:
        """The same without asyncio: the background thread reads, this thread waits."""
        return BlockingLoop(self._delivery, self)

    def __next__(self) -> Event:
        """The next event, as `next(source)`; waits for it."""
        return self._delivery.next_event_blocking()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
        self._delivery.wait_closed_blocking()


class HookedSource(EventSource):
    """The `EventSource` of a stream or a fleet, which are told of changes and go on with another.

    Args:
        url: as of `EventSource`.
        options: checked ones.
        hooks: who is told.
        resume: where it goes on; its `last_event_id` counts, not that of the options.
        remember: the most events and characters that are remembered to tell repeats; None for
            enough of them.
        paced: floods are read at intervals, because what is read here runs beside a user's cell.
    """

    def __init__(
        self,
        url: Url,
        options: SourceOptions,
        hooks: SourceHooks,
        resume: ResumePoint | None = None,
        *,
        remember: tuple[int, int] | None = None,
        paced: bool = True,
    ) -> None:
        listeners = Listeners()
        request = Request.of(url, options)
        driver = Driver(
            request,
            options,
            listeners,
            hooks=hooks,
            resume=resume,
            paced=paced,
            remember=remember,
        )
        self._set_up(listeners, driver)

    @property
    def closed(self) -> bool:
        """Whether it was closed, or ended: no event follows."""
        return self._driver.closed

    @property
    def resume_point(self) -> ResumePoint:
        """Where another source goes on."""
        return self._driver.resume_point(self.last_event_id)

    def draw_from(self, budget: Budget) -> None:
        """Count what it holds toward these bytes."""
        self._driver.draw_from(budget)
