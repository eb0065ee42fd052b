"""EventSource: connect, read, reconnect. The EventSource interface of WHATWG HTML 9.2 in Python.

One driver (`async for`, `batches()` or `run()`) does everything: there is no hidden task and no
queue, so a slow reader slows the socket, and nothing connects before somebody reads. What to do
after a connection ended is `retry`'s to say, what an answer means `connection`'s, what bytes mean
`parser`'s; this module only waits, counts, and moves between the states of `State`.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, ClassVar, Literal, Self, TypedDict, TypeVar

from . import background
from .connection import Connection, Request, check_url, default_client, origin_of
from .errors import IdleTimeout, SSEError
from .events import Cause, Event, EventBatch, Gap, State, Status
from .parser import EventStreamParser
from .retry import RetryPolicy, Stop

__all__ = ["EventSource", "SourceOptions"]

_QUIET_AFTER = 30.0
_ERRORS_KEPT = 32
_GAPS_KEPT = 1000
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "QUERY"})

Listener = Callable[..., Any]
Reader = TypeVar("Reader", bound=AsyncGenerator[Any, None])


class SourceOptions(TypedDict, total=False):
    """The keyword options of `EventSource`, which `SSEStream` hands through."""

    last_event_id: str
    headers: Any
    method: str | None
    params: Any
    content: Any
    json: Any
    auth: Any
    client: Any
    retry: RetryPolicy
    reconnect: bool | Literal["auto"]
    idle_timeout: float | None
    max_event_bytes: int
    stop_when: str | Callable[[Event], object] | None


class _Closed(Exception):
    """Internal: the person closed the source while it waited."""


class _Interrupt:
    """Lets another task or a timer end the one await the driver is in.

    The same dance as asyncio.timeout: the driver's task is cancelled, and the cancellation is
    taken back and turned into the reason on the way out; a cancellation by somebody else passes.
    """

    __slots__ = ("_cancelling", "_reason", "_task")

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None
        self._reason: Exception | None = None
        self._cancelling = 0

    @property
    def waiting(self) -> bool:
        return self._task is not None

    def fire(self, reason: Exception) -> None:
        if self._task is not None and self._reason is None:
            self._reason = reason
            self._task.cancel()

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        task, self._task = self._task, None
        reason, self._reason = self._reason, None
        if reason is not None and task is not None:
            others = task.uncancel() > self._cancelling
            if kind is None or (issubclass(kind, asyncio.CancelledError) and not others):
                raise reason from None


class EventSource:
    """A client of one event stream.

    Args:
        url: absolute http or https URL.
        last_event_id: the id to resume after.
        headers: sent along; ours give way to yours.
        method: default GET, or POST where there is a body.
        params: added to the URL's query; never shown.
        content, json: the request's body.
        auth: as httpx takes it.
        client: an httpx-compatible async client, or a callable that makes one. A client that is
            handed over is not closed; one that was made here is.
        retry: when to connect again.
        reconnect: "auto": after a clean end connect again where the method is safe (GET); True:
            always, sending method, headers and body again; False: never.
        idle_timeout: seconds without a byte after which the connection is given up; any byte
            counts, comments too. None: wait for ever.
        max_event_bytes: the most bytes of one event; a larger one is skipped and reported.
        stop_when: ends the stream for good after an event whose data or type equals this text,
            or for which this callable is true. That event is still delivered.

    Raises:
        InvalidURL: the URL is none.
    """

    CONNECTING: ClassVar[int] = 0
    OPEN: ClassVar[int] = 1
    CLOSED: ClassVar[int] = 2

    def __init__(
        self,
        url: str,
        *,
        last_event_id: str = "",
        headers: Any = None,
        method: str | None = None,
        params: Any = None,
        content: Any = None,
        json: Any = None,
        auth: Any = None,
        client: Any = None,
        retry: RetryPolicy | None = None,
        reconnect: bool | Literal["auto"] = "auto",
        idle_timeout: float | None = None,
        max_event_bytes: int = 16 * 2**20,
        stop_when: str | Callable[[Event], object] | None = None,
    ) -> None:
        parsed, masked = check_url(url, params)
        if content is not None and json is not None:
            raise TypeError("content= and json= exclude each other: a request has one body")
        if retry is not None and not isinstance(retry, RetryPolicy):
            raise TypeError(f"retry must be a RetryPolicy, not {type(retry).__name__}")
        if reconnect not in (True, False, "auto"):
            raise ValueError(f'reconnect must be True, False or "auto", not {reconnect!r}')
        if idle_timeout is not None and not idle_timeout > 0:
            raise ValueError(f"idle_timeout must be more than 0 seconds, not {idle_timeout}")
        has_body = content is not None or json is not None
        method = (method or ("POST" if has_body else "GET")).upper()
        self._request = Request(parsed, method, headers, content, json, auth, masked)
        self._client_option = client
        self._retry = retry or RetryPolicy()
        self._reconnect = method in _SAFE_METHODS if reconnect == "auto" else bool(reconnect)
        self._idle_timeout = idle_timeout
        self._stop_when = stop_when
        self._parser = EventStreamParser(
            max_event_bytes=max_event_bytes, last_event_id=last_event_id
        )
        self._listeners: dict[str, list[tuple[Listener, bool]]] = {}
        self._handlers: dict[str, Listener | None] = {}

        self.status = Status(State.CONNECTING, 0, None, datetime.now(UTC))
        self.errors: deque[SSEError] = deque(maxlen=_ERRORS_KEPT)
        self.gaps: deque[Gap] = deque(maxlen=_GAPS_KEPT)
        self.origin = origin_of(parsed)
        self.received = 0
        self.oversize = 0
        self.comments = 0
        self.bytes = 0
        self.connects = 0

        self._driven = False
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._interrupt = _Interrupt()
        self._client: Any = None
        self._connection: Connection | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._last_byte = 0.0
        self._released: asyncio.Event | None = None
        self._reader: AsyncGenerator[Any, None] | None = None
        # Called on the driver's thread after status, gaps or errors changed. SSEStream's hook.
        self._changed: Callable[[], None] = _nothing

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
        """The id the stream would resume after."""
        return self._parser.last_event_id

    @property
    def reconnection_time(self) -> int | None:
        """The server's latest `retry:` in milliseconds; None where it sent none."""
        return self._parser.reconnection_time

    def __repr__(self) -> str:
        return f"<EventSource {self.url} {self.status.state}>"

    # ------------------------------------------------------------------ listeners

    def add_event_listener(self, type: str, listener: Listener) -> None:
        """Call `listener` for every event of this type, as `addEventListener`.

        "open" is called when a connection opens, "error" with the `SSEError` when one fails or
        ends; like in the standard, events that the server names so arrive there too. A listener
        may take the event or nothing, may be async, and is called once however often it is added.
        What it raises, the driver raises.
        """
        entries = self._listeners.setdefault(type, [])
        if all(known is not listener and known != listener for known, _ in entries):
            entries.append((listener, _takes_argument(listener)))

    def remove_event_listener(self, type: str, listener: Listener) -> None:
        """The listener is not called any more; unknown ones are ignored."""
        entries = self._listeners.get(type, [])
        self._listeners[type] = [e for e in entries if e[0] != listener]

    def _set_handler(self, type_: str, handler: Listener | None) -> None:
        old = self._handlers.get(type_)
        if old is not None:
            self.remove_event_listener(type_, old)
        self._handlers[type_] = handler
        if handler is not None:
            self.add_event_listener(type_, handler)

    @property
    def on_open(self) -> Listener | None:
        """Called when a connection opens."""
        return self._handlers.get("open")

    @on_open.setter
    def on_open(self, handler: Listener | None) -> None:
        self._set_handler("open", handler)

    @property
    def on_message(self) -> Listener | None:
        """Called for events of type "message": those the server gave no type."""
        return self._handlers.get("message")

    @on_message.setter
    def on_message(self, handler: Listener | None) -> None:
        self._set_handler("message", handler)

    @property
    def on_error(self) -> Listener | None:
        """Called with the error when a connection fails or ends; `ready_state` then tells
        whether another attempt follows (CONNECTING) or none (CLOSED)."""
        return self._handlers.get("error")

    @on_error.setter
    def on_error(self, handler: Listener | None) -> None:
        self._set_handler("error", handler)

    async def _call(self, type_: str, value: object) -> None:
        for listener, takes_argument in list(self._listeners.get(type_, ())):
            result = listener(value) if takes_argument else listener()
            if inspect.isawaitable(result):
                await result

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
        async with aclosing(self._drive()) as batches:
            async for batch in batches:
                for event in batch:
                    await self._call(event.type, event)
                    if self._closing:
                        return
                    yield event
                    if self._closing:
                        return

    def batches(self) -> AsyncGenerator[EventBatch, None]:
        """The same stream in columns: a batch per piece that came, no object per event.

        Batches without events appear too where there were comments or faults. Raises as
        iteration does.
        """
        return self._reading(self._batches())

    async def _batches(self) -> AsyncGenerator[EventBatch, None]:
        async with aclosing(self._drive()) as batches:
            async for batch in batches:
                if self._listeners:
                    for n, event in enumerate(batch, 1):
                        await self._call(event.type, event)
                        if self._closing:
                            _truncate(batch, n)
                            break
                yield batch
                if self._closing:
                    return

    async def run(self) -> None:
        """Read to the end for the listeners' sake."""
        async for _ in self.batches():
            pass

    def __iter__(self) -> Iterator[Event]:
        """The same without asyncio: the background thread reads, this thread waits."""
        if background.is_loop_thread():
            raise RuntimeError("a blocking loop on the background thread would wait for itself")
        batches = self.batches()

        async def following() -> EventBatch | None:
            return await anext(batches, None)

        async def end() -> None:
            await self.aclose()
            await batches.aclose()

        try:
            while True:
                waiting = background.run(following())
                try:
                    batch = waiting.result()
                except KeyboardInterrupt:
                    waiting.cancel()
                    raise
                if batch is None:
                    return
                for event in batch:
                    yield event
                    if self._closing:
                        return
        finally:
            background.run(end()).result(5.0)

    # ------------------------------------------------------------------ the driver

    async def _drive(self) -> AsyncGenerator[EventBatch, None]:
        """Connect, read and reconnect until the stream is over; the only place that does."""
        if self._driven:
            raise RuntimeError("this EventSource is being read already; make another one")
        if self._closing:
            return
        self._driven = True
        self._loop = asyncio.get_running_loop()
        self._released = asyncio.Event()
        attempt = 0
        lost: tuple[float, SSEError | None] | None = None
        try:
            while True:
                error: SSEError | None = None
                healthy = False
                try:
                    connection = await self._open(attempt)
                    opened = time.monotonic()
                    if lost is not None:
                        self._note_gap(*lost)
                        lost = None
                    await self._call("open", Event("open", origin=connection.origin))
                    async with aclosing(self._read(connection)) as batches:
                        async for batch in batches:
                            healthy = healthy or len(batch) > 0
                            yield batch
                            if self._closing:
                                return
                    healthy = healthy or time.monotonic() - opened >= self._retry.reset_after
                except SSEError as e:
                    error = e
                finally:
                    await self._hang_up()
                self._parser.reset()
                attempt = 1 if healthy else attempt + 1
                decision = self._retry.decide(
                    error, attempt=attempt, reconnection_time=self._parser.reconnection_time
                )
                if not self._reconnect and not isinstance(decision, Stop):
                    decision = Stop("the stream ended", error)
                if error is not None:
                    self.errors.append(error)
                if isinstance(decision, Stop):
                    if decision.error is not None:
                        self._move(State.FAILED, attempt, error=decision.error)
                        await self._call("error", decision.error)
                        raise decision.error
                    self._move(State.CLOSED, error=None)
                    await self._call("error", error or Event("error"))
                    return
                if lost is None and self.connects:
                    lost = (time.monotonic(), error)
                self._move(State.WAITING, attempt, retry_in=decision.after, error=error)
                await self._call("error", error or Event("error"))
                if self._closing:
                    return
                await self._wait(decision.after)
        except _Closed:
            return
        finally:
            await self._release()

    async def _open(self, attempt: int) -> Connection:
        self._move(State.CONNECTING, attempt, error=self.status.error)
        with self._interrupt:
            if self._closing:
                raise _Closed
            if self._client is None:
                option = self._client_option
                if option is None:
                    self._client = default_client()
                else:
                    self._client = option if hasattr(option, "build_request") else option()
            self._connection = await Connection.open(
                self._client, self._request, self._parser.last_event_id
            )
        self.connects += 1
        self.origin = self._connection.origin
        self._last_byte = time.monotonic()
        self._move(State.OPEN)
        self._watch_silence()
        return self._connection

    async def _read(self, connection: Connection) -> AsyncGenerator[EventBatch, None]:
        """The batches of one connection."""
        feed, interrupt = self._parser.feed, self._interrupt
        over = False
        async with aclosing(connection.chunks()) as chunks:
            while not over:
                with interrupt:
                    if self._closing:
                        raise _Closed
                    chunk = await anext(chunks, None)
                if chunk is None:
                    return
                self._last_byte = time.monotonic()
                self.bytes += len(chunk)
                if self.status.state is State.QUIET:
                    self._move(State.OPEN)
                batch = feed(chunk)
                if not (batch.types or batch.comments or batch.faults):
                    continue
                batch.received_at = datetime.now(UTC)
                batch.origin = connection.origin
                self.comments += len(batch.comments)
                over = self._cut_at_the_end(batch)
                if batch.faults:
                    self._note_faults(batch)
                self.received += len(batch)
                yield batch
        self._closing = True
        raise _Closed

    def _cut_at_the_end(self, batch: EventBatch) -> bool:
        """Whether `stop_when` is met in this batch; then it ends with that event."""
        until = self._stop_when
        if until is None or not batch.types:
            return False
        if isinstance(until, str):
            if until not in batch.data and until not in batch.types:
                return False
            for n, (type_, data) in enumerate(zip(batch.types, batch.data, strict=True), 1):
                if until in (type_, data):
                    _truncate(batch, n)
                    return True
        elif callable(until):
            for n, event in enumerate(batch, 1):
                if until(event):
                    _truncate(batch, n)
                    return True
        return False

    async def _wait(self, seconds: float) -> None:
        """The pause before the next attempt; `retry_now()` ends it."""
        try:
            with self._interrupt:
                if self._closing:
                    raise _Closed
                await asyncio.sleep(seconds)
        except _Hurry:
            pass

    # ------------------------------------------------------------------ silence

    def _watch_silence(self) -> None:
        """Notice a stream without bytes: quiet after 30 s, given up after `idle_timeout`."""
        assert self._loop is not None
        if not self._interrupt.waiting:
            # Nobody reads at the moment: the silence is ours, not the server's.
            self._last_byte = time.monotonic()
        silent = time.monotonic() - self._last_byte
        idle = self._idle_timeout
        if idle is not None and silent >= idle:
            self._interrupt.fire(
                IdleTimeout(
                    f"no byte came for {silent:.3g} s (idle_timeout={idle:g})",
                    url=self.url,
                    hint="Raise idle_timeout where the stream may be silent that long.",
                )
            )
            return
        if silent >= _QUIET_AFTER and self.status.state is State.OPEN:
            self._move(State.QUIET)
        due = [d - silent for d in (_QUIET_AFTER, idle) if d is not None and d > silent]
        self._watch = self._loop.call_later(min(due, default=_QUIET_AFTER), self._watch_silence)

    # ------------------------------------------------------------------ accounts

    def _move(
        self,
        state: State,
        attempt: int = 0,
        *,
        retry_in: float | None = None,
        error: Exception | None = None,
    ) -> None:
        self.status = Status(state, attempt, retry_in, datetime.now(UTC), error)
        self._changed()

    def _note_gap(self, since: float, error: SSEError | None) -> None:
        duration = time.monotonic() - since
        last_id = self._parser.last_event_id
        why = error.message if error is not None else "the server ended the stream"
        if last_id:
            then = f"resumed after id {last_id!r}"
        else:
            then = "the stream has no ids, so what was sent meanwhile is lost"
        self._gap(
            Cause.RECONNECT,
            f"Reconnected after {duration:.1f} s ({why}); {then}",
            resumed_from=last_id,
            duration=duration,
        )

    def _note_faults(self, batch: EventBatch) -> None:
        self.oversize += len(batch.faults)
        for fault in batch.faults:
            fault.url = self.url
            self.errors.append(fault)
            self._gap(
                Cause.OVERSIZE, fault.message, seq=self.received + fault.index, replayed=False
            )

    def _gap(self, cause: Cause, text: str, *, seq: int | None = None, **more: Any) -> None:
        at = self.received if seq is None else seq
        self.gaps.append(Gap(at, datetime.now(UTC), cause, text, **more))
        self._changed()

    # ------------------------------------------------------------------ ending

    def retry_now(self) -> None:
        """Where an attempt is being waited for, make it now. From any thread."""
        self._from_any_thread(lambda: self._hasten())

    def _hasten(self) -> None:
        if self.status.state is State.WAITING:
            self._interrupt.fire(_Hurry())

    def close(self) -> None:
        """End the stream for good, from any thread, task or listener; no event follows."""
        self._closing = True
        if not self._driven:
            self._move(State.CLOSED)
        self._from_any_thread(lambda: self._interrupt.fire(_Closed()))

    def _from_any_thread(self, fn: Callable[[], None]) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        try:
            running: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is loop:
            fn()
        else:
            loop.call_soon_threadsafe(fn)

    async def aclose(self) -> None:
        """`close()`, and wait until the connection is gone."""
        self.close()
        if self._released is None or self._loop is not asyncio.get_running_loop():
            return
        if self._interrupt.waiting:
            await self._released.wait()
        elif self._reader is not None and not getattr(self._reader, "ag_running", False):
            # The driver stands at a yield, because its reader left the loop: end it there.
            await self._reader.aclose()

    async def _hang_up(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.aclose()

    async def _release(self) -> None:
        await self._hang_up()
        client, self._client = self._client, None
        mine = self._client_option is None or not hasattr(self._client_option, "build_request")
        if client is not None and mine:
            await client.aclose()
        if self.status.state not in (State.CLOSED, State.FAILED):
            self._move(State.CLOSED)
        self._closing = True
        if self._released is not None:
            self._released.set()


class _Hurry(Exception):
    """Internal: the person wants the next attempt now."""


def _nothing() -> None:
    pass


def _truncate(batch: EventBatch, n: int) -> None:
    """Keep the first `n` events."""
    for column in (batch.types, batch.data, batch.last_event_ids, batch.has_id):
        del column[n:]


def _takes_argument(listener: Listener) -> bool:
    """Whether to hand the event to this callable; JavaScript lets one leave it out, so do we."""
    try:
        inspect.signature(listener).bind(None)
    except TypeError:
        return False
    except ValueError:  # a builtin that does not say
        return True
    return True
