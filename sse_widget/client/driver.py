"""The driver of an EventSource: it connects, reads and reconnects until the stream is over.

It only waits, and moves between the states of `State`. `retry` decides what to do after a connection
ended, `connection` what an answer means, the parser what bytes mean, and `resumption` what a reconnect
means. On the background loop the user's callables run on a thread of the stream's own (`CallThread`).

It is read a batch at a time by `_next()`, and between two calls nothing runs and no frame is
suspended: whoever stops reading may go on later, and a source that nobody refers to any more is freed
at once and closes its connection.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import time
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from .. import runtime
from ..budget import Budget
from ..errors import SSEError
from ..events import Cause, Event, EventBatch, Gap, Reason, State, Status
from ..protocol import EventStreamParser
from ..runtime import CallThread, LoopEnded, SharedEvent, contained
from . import watchdog
from .accounting import Accounts, Outage
from .connection import Connection
from .cookies import OriginJar
from .event_target import EventTarget
from .exchange import Attempt
from .hints import unanswered_note
from .http_client import make_client
from .interrupt import Closed, Interrupt, RetryNow
from .no_event_watch import NoEventWatch
from .options import SourceOptions, id_of
from .proxies import through
from .read_pacer import ReadPacer
from .repeated_ends import RepeatedEnds
from .request import Request, sendable
from .response_headers import ResponseHeaders
from .resumption import ReplayDetector, drop
from .retry import Retry, Stop
from .watchdog import IdleWatchdog, SystemSuspended

__all__ = ["Driver"]

T = TypeVar("T")

# Characters of ids in one batch: those it may have, and from where on it is worth a look.
_IDS_AT_ONCE = 8 * 2**20
_MANY_IDS = 64 * 2**20
_CONNECTED = frozenset({State.OPEN, State.QUIET})


class _Delivery:
    """How far what came was handed over. Written for each batch or event, and so no attributes of a
    class that looks at each name."""

    __slots__ = ("at", "batch", "end", "last_event_id", "portions", "reading", "unseen")

    def __init__(self) -> None:
        self.reading = False  # some task is inside `_next()`
        self.batch: EventBatch | None = None  # what is handed over event by event
        self.at = 0  # which of its events is next
        self.last_event_id: str | None = None  # None: all of them were
        self.unseen = 0  # bytes since the last events, which may hold an id
        # The rest of a batch that is handed over in parts; each with the last event ID after it.
        self.portions: deque[tuple[EventBatch, str]] = deque()
        self.end: BaseException | None = None  # what to raise once all is handed over


class _Held:
    """What has to be closed when reading ends: the connection and its bytes, the client, the threads.

    It knows nothing of the source, so that a source that is dropped is freed while these are open.
    """

    def __init__(self, watch: IdleWatchdog, no_event: NoEventWatch, calls: CallThread) -> None:
        self.watch = watch
        self.no_event = no_event
        self.calls = calls
        self.client: Any = None
        self.owns_client = False
        self.connection: Connection | None = None
        self.chunks: AsyncGenerator[bytes, None] | None = None

    async def hang_up(self) -> None:
        """Close the connection; the client stays for the next one."""
        self.watch.stop()
        self.no_event.stop()
        chunks, self.chunks = self.chunks, None
        connection, self.connection = self.connection, None
        if chunks is not None:
            await chunks.aclose()
        if connection is not None:
            await connection.aclose()

    async def aclose(self) -> None:
        client, self.client = self.client, None
        try:
            await self.hang_up()
        finally:
            if client is not None and self.owns_client:
                await client.aclose()
            self.calls.close()


async def _closing(held: _Held, closed: Callable[[], None]) -> AsyncGenerator[None, None]:
    """Closes `held` when it is closed itself: by the driver; by the event loop when that shuts
    down; or by the event loop when the garbage collector finds it, for its source was dropped.

    It is the only asynchronous generator of ours that waits while it is closed. A loop that shuts
    down closes all generators at the same time, and where one of them closes another that is an
    error, which asyncio prints.
    """
    try:
        yield
    finally:
        try:
            await held.aclose()
        finally:
            closed()


def _through(options: SourceOptions, request: Request) -> str:
    """What a request goes through, as words; "" where that is nothing, or a client's own."""
    if options.client is not None or request.address is None:
        return ""
    return through(request.address.text, options.proxy)


def _weakly(method: Callable[..., None]) -> Callable[..., None]:
    """The bound method as a callable that does not keep its object alive."""
    ref = weakref.WeakMethod(method)

    def call(*args: Any) -> None:
        found = ref()
        if found is not None:
            found(*args)

    return call


class Driver(EventTarget):
    """What EventSource does; how it is asked to is `source`'s.

    There is one way of driving it: whoever calls `_next()`. There is no hidden task and no
    queue, so a slow reader slows the socket, and nothing connects before somebody reads.
    """

    def __init__(
        self,
        request: Request,
        options: SourceOptions,
        parser: EventStreamParser,
    ) -> None:
        super().__init__()
        self._request = request
        self._options = options
        self._parser = parser
        self._replays = ReplayDetector(options.dedupe)
        self._keys = self._replays.keys()  # of the latest reconnect
        self._calls = CallThread()
        self._accounts = Accounts(_weakly(self._on_gap), request.secrets.hide)

        self._status = Status(State.CONNECTING, 0, None, datetime.now(UTC))
        self._origin = "" if request.address is None else request.address.origin
        self._masked = request.masked  # of what was asked for last
        self._headers = ResponseHeaders()

        self._attempt = 0  # connections that ended in a row without a healthy one
        self._opened = math.inf  # when this connection did, monotonic
        self._ends = RepeatedEnds()
        self._ended_by = Reason.STOPPED  # unless something else ends it
        self._over = SharedEvent()  # nothing is left of it: no connection, no reader

        self._closing = False
        self._loop_ended = False  # and the connection with it: nobody closed it
        self._fresh = False  # this connection brought something new
        self._lost: Outage | None = None  # since when, and why, there is no connection
        self._delivery = _Delivery()
        self._loop: asyncio.AbstractEventLoop | None = None  # the one that reads
        self._interrupt = Interrupt()
        self._jar = OriginJar()
        self._watch = IdleWatchdog(
            self._interrupt,
            idle_timeout=options.idle_timeout,
            asks_again=options.reconnects,
            quiet=_weakly(self._quiet),
            unanswered=_weakly(self._unanswered),
            through=partial(_through, options, request),
            url=request.masked,
        )
        self._no_event = NoEventWatch(_weakly(self._odd))
        self._held = _Held(self._watch, self._no_event, self._calls)
        self._pacer = ReadPacer(None)
        self._closer: AsyncGenerator[None, None] | None = None
        self._releasing: asyncio.Task[None] | None = None
        # SSEStream's wish: it reads beside a person's cell. Whoever reads here is the cell.
        self._paced = False
        # SSEStream's hooks, called on the driver's thread: the status changed; a gap is new, or
        # more is known of one.
        self._changed: Callable[[], None] = _nothing
        self._gapped: Callable[[Gap], None] = _nothing

    def _on_gap(self, gap: Gap) -> None:
        self._gapped(gap)

    # ------------------------------------------------------------------ the driver

    async def _next(self) -> EventBatch:
        """The next batch, once it came.

        It connects, reads and reconnects, and is the only place that does.

        Raises:
            StopAsyncIteration: the stream is over for good.
            SSEError: the stream failed for good.
            RuntimeError: it is being read already, or was read on another event loop.
        """
        delivery = self._delivery
        if delivery.reading or self._loop is not asyncio.get_running_loop() or self._over.is_set():
            await self._begin()
        delivery.reading = True
        try:
            while True:
                if self._closing:
                    raise Closed
                error: SSEError | None = None
                try:
                    if self._held.connection is None:
                        await self._open()
                    batch = await self._read()
                    if batch is not None:
                        delivery.reading = False
                        return batch
                except SSEError as e:
                    error = e
                    self._request.secrets.clean(e)
                self._note_truncation(error)
                await self._held.hang_up()
                await self._again(error)
        except BaseException as e:
            delivery.reading = False
            ended = e if isinstance(e, Closed) else self._given_up(e)
        await self._release()
        if isinstance(ended, Closed):
            raise StopAsyncIteration
        raise ended

    async def _begin(self) -> None:
        """What is to be done before the first batch is read, or is wrong before another one is."""
        if self._loop_ended:
            raise LoopEnded(
                "the event loop this EventSource was read on has ended, and its connection with it; "
                "make another one, with last_event_id= to go on after what came"
            )
        if self._over.is_set():
            raise StopAsyncIteration
        if self._delivery.reading:
            raise RuntimeError("this EventSource is being read already; make another one")
        if self._loop is not None:
            raise RuntimeError(
                "this EventSource was read on another event loop, and its connection is there; "
                "make another one, with last_event_id= to go on after what came"
            )
        self._loop = asyncio.get_running_loop()
        self._closer = _closing(self._held, _weakly(self._on_released))
        await anext(self._closer)

    def _given_up(self, error: BaseException) -> BaseException:
        """A listener or another callable of the person's raised, or the client: over, and the status
        says why. Returns what is to be raised."""
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling() > 0):
            return error
        if isinstance(error, StopAsyncIteration):
            # It would end a loop without a word, as PEP 479 says of generators.
            raised = RuntimeError("a listener or another callable raised StopAsyncIteration")
            raised.__cause__, error = error, raised
        if runtime.is_loop_thread():
            # Such as SystemExit in a client's own code: it ends this stream, and not the loop.
            error = contained(error)
        if isinstance(error, Exception) and self.status.state is not State.FAILED:
            clean = self._request.secrets.clean(error)
            self._move(State.FAILED, error=clean, reason=Reason.FAILED)
        return error

    def _note_truncation(self, error: SSEError | None) -> None:
        """The connection ended: perhaps in the middle of an event."""
        unfinished, connection = self._parser.unfinished, self._held.connection
        if unfinished is not None:
            self._accounts.truncated(unfinished)
        elif error is None and connection is not None and connection.is_cut:
            self._accounts.truncated(None)

    async def _again(self, error: SSEError | None) -> None:
        """What follows the end of a connection: the pause before the next attempt.

        Raises:
            Closed: there is none, as the server meant it.
            SSEError: there is none, because of this error.
        """
        self._parser.reset()
        policy, lasted = self._options.retry, time.monotonic() - self._opened
        healthy = self._fresh or lasted >= policy.reset_after
        self._attempt = 1 if healthy else self._attempt + 1
        self._ends.ended(cleanly=error is None, lasted=lasted)
        decision = policy.decide(
            error,
            attempt=self._attempt,
            reconnection_time=self._parser.reconnection_time,
        )
        if not self._options.reconnects and isinstance(decision, Retry):
            decision = Stop(Reason.ENDED if error is None else Reason.FAILED, error)
        if isinstance(decision, Stop) and decision.error is None:
            # Over as the server meant it, such as by a 204: nothing to be told as an error.
            unmet = self._options.stop_when is not None
            reason = Reason.STOP_WHEN_NOT_MET if unmet else decision.reason
            self._move(State.CLOSED, reason=reason, note=self._why_no_event())
            await self._call("error", Event("error"))
            raise Closed
        if error is not None:
            self._accounts.errors.append(error)
        if isinstance(decision, Stop):
            assert decision.error is not None
            self._move(State.FAILED, error=decision.error, reason=decision.reason)
            await self._call("error", decision.error)
            raise decision.error
        if self._lost is None and self._accounts.connects:
            cause = Cause.SLEEP if isinstance(error, SystemSuspended) else Cause.RECONNECT
            why = error.message if error is not None else "the server ended the stream"
            self._lost = Outage(time.monotonic(), cause, why)
        self._move(
            State.WAITING,
            retry_in=decision.after,
            error=error,
            note=self._why_no_event() or self._ends.note or decision.why,
        )
        await self._call("error", error or Event("error"))
        await self._wait(decision.after)

    async def _open(self) -> None:
        """One attempt to connect."""
        self._fresh = False
        self._opened = math.inf
        self._delivery.unseen = 0
        held, told = self._held, self._options
        self._move(State.CONNECTING, error=self.status.error)
        last_id = self._parser.last_event_id
        if told.resume is not None and self._lost is not None:
            last_id = await self._rewound(last_id, told.resume)
        if not sendable(last_id):
            last_id = ""  # a stream that cannot be resumed there goes on from now, and says so
        # From here on: a server may take the request and never answer.
        self._watch.start()
        with self._interrupt:
            if self._closing:
                raise Closed
            if held.client is None:
                held.client = await make_client(told.client, self._calls, told.verify, told.proxy)
                held.owns_client = held.client is not told.client
                self._watch.heard()  # making one takes its time, which is no silence of the server
            again = self._accounts.connects > 0
            held.connection = await Connection.open(
                held.client,
                self._request,
                Attempt(last_id, self._jar, again, self._watch.sent, self._calls),
            )
        held.chunks = held.connection.chunks()
        self._no_event.start()
        self._pacer = ReadPacer(held.connection.flow if self._paced else None)
        self._accounts.connects += 1
        self._opened = time.monotonic()
        self._ends.began(last_id)
        self._origin = held.connection.origin
        self._masked, self._headers = held.connection.url, held.connection.headers
        self._move(State.OPEN)
        if self._lost is not None:
            await self._cut(last_id)
            self._accounts.reconnected(self._lost, last_id)
            self._lost = None
        self._watch.answered()
        await self._call("open", Event("open", origin=self.origin))

    async def _read(self) -> EventBatch | None:
        """The next batch of this connection, or its next part; None where it ended cleanly."""
        delivery = self._delivery
        if delivery.portions:
            await asyncio.sleep(0)
            return self._portion()
        if delivery.end is not None:
            self._closing = True
            if isinstance(delivery.end, Closed):
                self._ended_by = Reason.STOP_WHEN
            raise delivery.end
        accounts, parser, chunks = self._accounts, self._parser, self._held.chunks
        assert chunks is not None
        while True:
            with self._interrupt:
                if self._closing:
                    raise Closed
                await self._pacer.rest()
                chunk = await anext(chunks, None)
            if chunk is None:
                return None
            self._watch.heard()
            size = len(chunk)
            delivery.unseen += size
            self._pacer.came(size)
            accounts.bytes += size
            if self.status.state is State.QUIET:
                self._move(State.OPEN)
            before = parser.last_event_id
            batch = parser.feed(chunk)
            if batch.types:
                self._no_event.last = chunk
                if not self._no_event.clean:
                    self._no_event.event()
            else:
                self._no_event.came(chunk)
                if not (batch.comments or batch.faults):
                    continue
            batch.received_at = datetime.now(UTC)
            batch.origin = self.origin
            self._ends.came(batch)
            if batch.types:
                if self._replays.open or self._options.stop_when is not None:
                    await self._judge(batch, before)
                elif not self._fresh:
                    self._fresh = True
            return self._enter_batch(batch, before, size)

    async def _judge(self, batch: EventBatch, before: str) -> None:
        """Whether these events came before, and whether the stream ends with one of them."""
        if self._replays.open:
            await self._compare(batch, before)
        else:
            self._fresh = True
        if self._options.stop_when is not None:
            self._delivery.end = await self._ending(batch, self._options.stop_when, before)

    def _enter_batch(self, batch: EventBatch, before: str, size: int) -> EventBatch:
        """Enter a batch into the books; returns it, or its first portion.

        Args:
            before: the last event ID before it.
            size: of the chunk that completed it, in bytes.
        """
        accounts, received = self._accounts, len(batch.types)
        accounts.comments += len(batch.comments)
        if batch.faults:
            accounts.faults(batch, self._request.masked)
        accounts.received += received
        self._replays.remember(batch)
        # An id of this batch is the one before, or among the bytes since the last events.
        if received * max(len(before), self._delivery.unseen) >= _MANY_IDS:
            batch = self._in_portions(batch)
        self._delivery.unseen = size
        return batch

    def _in_portions(self, batch: EventBatch) -> EventBatch:
        """The first part of a batch where an id of megabytes stands with thousands of events: each
        event has the last event ID, and whoever writes them out would need all the memory there
        is. The other parts are what is read next."""
        at_once = max(_IDS_AT_ONCE // max(1, *map(len, batch.last_event_ids)), 1)
        if len(batch) <= at_once:
            return batch
        portions = [batch.slice(start, start + at_once) for start in range(0, len(batch), at_once)]
        ids = [
            *(portion.last_event_ids[-1] for portion in portions[:-1]),
            self._parser.last_event_id,
        ]
        self._delivery.portions.extend(zip(portions, ids, strict=True))
        return self._portion()

    def _portion(self) -> EventBatch:
        # Who stops here has not seen the ids that follow.
        portion, self._parser.last_event_id = self._delivery.portions.popleft()
        return portion

    # ------------------------------------------------------------------ the person's callables

    async def _ask(self, name: str, fn: Callable[..., T], *args: Any) -> T:
        """What a callable of the person's returns: on the background loop called on this stream's own
        thread, elsewhere here, where the person's own loop runs."""
        try:
            if not runtime.is_loop_thread():
                return fn(*args)
            with self._interrupt, self._watch.paused():
                if self._closing:
                    raise Closed
                return await self._calls.call(fn, *args)
        except (Closed, SSEError):
            raise
        except Exception as e:
            e.add_note(f"This comes of {name}=.")
            raise

    async def _call(self, type_: str, value: object) -> None:
        """Call the listeners of this type, one after the other."""
        for listener in self._bound(type_, value):
            if runtime.is_loop_thread():
                await self._calls.call(listener)
            else:
                result = listener()
                if inspect.isawaitable(result):
                    await result

    async def _rewound(self, last_id: str, resume: Callable[[str], str | None]) -> str:
        """What `resume` makes of the last event ID."""

        return await self._ask("resume", lambda: id_of("last_event_id", resume(last_id)))

    async def _cut(self, last_id: str) -> None:
        """A new connection is open: what comes now may have come before."""
        continuity = self._replays
        self._keys = continuity.keys()
        known: Sequence[Sequence[Hashable]] | None = None
        if callable(continuity.dedupe):
            known = await self._ask("dedupe", self._keys, continuity.remembered())
        continuity.cut(last_id, known)

    async def _compare(self, batch: EventBatch, last_id: str) -> None:
        """The first events after a reconnect: which came before, and what that tells."""
        came = len(batch)
        self._accounts.came(batch)
        keys: Sequence[Hashable] | None = None
        if callable(self._replays.dedupe):
            asked = self._ask("dedupe", self._keys, [batch])
            (keys,) = await self._undelivered(asked, last_id)
        resumption = self._replays.check(batch, keys)
        repeated = self._replays.repeated_now
        self._accounts.duplicates += repeated
        # A connection that only repeats is no healthy one: it may do so for ever.
        self._fresh = self._fresh or came > repeated
        if resumption is not None:
            self._accounts.resumed(resumption)

    async def _undelivered(self, asked: Awaitable[T], last_id: str) -> T:
        """Ask something before a batch is delivered: where that fails, nothing resumes after it."""
        try:
            return await asked
        except BaseException:
            self._parser.last_event_id = last_id
            raise

    async def _ending(
        self, batch: EventBatch, until: frozenset[str] | Callable[[Event], object], last_id: str
    ) -> BaseException | None:
        """What ends the stream with this batch, which then ends with that event: `stop_when` is
        met, or raised something. None where it goes on."""
        ending: BaseException = Closed()
        if isinstance(until, frozenset):
            # Equality of texts takes no time: this may stay on the loop. By comparing, not by
            # hashing all that came: most streams wait for one text.
            if not any(one in batch.data or one in batch.types for one in until):
                return None
            rows = zip(batch.types, batch.data, strict=True)
            n = next(n for n, row in enumerate(rows, 1) if not until.isdisjoint(row))
        else:
            asked = self._ask("stop_when", _first_met, until, batch)
            n, error = await self._undelivered(asked, last_id)
            if n == 0:
                return None
            if error is not None:
                ending = contained(error) if runtime.is_loop_thread() else error
                ending.add_note("This comes of stop_when=.")
        self._end_at(batch, n)
        return ending

    def _end_at(self, batch: EventBatch, n: int) -> None:
        """Nothing after the first `n` events of this batch is delivered any more."""
        drop(batch, list(range(n, len(batch))))
        if n:
            self._parser.last_event_id = batch.last_event_ids[-1]

    async def _wait(self, seconds: float) -> None:
        """The pause before the next attempt; `retry_now()` ends it."""
        try:
            with self._interrupt:
                if self._closing:
                    raise Closed
                await asyncio.sleep(seconds)
        except RetryNow:
            pass

    def _move(
        self,
        state: State,
        *,
        retry_in: float | None = None,
        error: Exception | None = None,
        note: str | None = None,
        reason: Reason | None = None,
    ) -> None:
        if note is None:
            # Silence changes nothing about what is odd; any other change makes it old news, but
            # for what is odd about more than one connection.
            kept = self.status.note if {self.status.state, state} <= _CONNECTED else ""
            note = kept or ("" if reason else self._ends.note)
        # How many attempts failed is of interest until one succeeds, or none follows.
        attempt = 0 if state in _CONNECTED or state is State.CLOSED else self._attempt
        self._status = Status(state, attempt, retry_in, datetime.now(UTC), error, note, reason)
        self._changed()

    def _note(self, note: str) -> None:
        """Say what is odd while the stream runs, as `Status.note`; "" takes it back.

        A note belongs to the state in which it is set: it stays while the stream is open or quiet,
        and any other change of state drops it. Where a state begins with a note, give it to
        `_move(..., note=...)` instead. `Status.since` stays as it is. Call it on the driver's
        thread, as often as you like: what is said already is not told again.
        """
        note = note or self._ends.note
        if note != self.status.note:
            self._status = replace(self.status, note=note)
            self._changed()

    def _unanswered(self, sent: bool) -> None:
        if self.status.state is State.CONNECTING:
            goes = _through(self._options, self._request)
            self._note(unanswered_note(self._options, sent, goes, watchdog.ANSWER_TIMEOUT))

    def _odd(self, note: str) -> None:
        self._note(self._request.secrets.hide(note))

    def _why_no_event(self) -> str:
        """What is wrong with what came since the last event; "" where nothing is."""
        return self._request.secrets.hide(self._no_event.why)

    def _quiet(self) -> None:
        if self.status.state is State.OPEN:
            self._move(State.QUIET)

    # ------------------------------------------------------------------ ending

    def _take_over(self, earlier: Driver) -> None:
        """Go on where `earlier` was stopped: what it remembers and was told, its errors, and a gap
        between."""
        self._replays = earlier._replays
        self._jar = earlier._jar
        self._parser.reconnection_time = earlier._parser.reconnection_time
        self._accounts.errors.extend(earlier._accounts.errors)
        if earlier._accounts.connects or earlier._lost is not None:
            gone = (datetime.now(UTC) - earlier.status.since).total_seconds()
            self._lost = Outage(time.monotonic() - gone, Cause.RESTART, "stopped")

    def draw_from(self, budget: Budget) -> None:
        """Count what is held here toward the bytes that the stream may hold."""
        self._replays.draw_from(budget)
        budget.share("unfinished", read=lambda: self._parser.nbytes)

    def _go_on(self, remembered: Iterable[EventBatch], ended: datetime) -> None:
        """Go on where an earlier process was: what it delivered last, and when it ended."""
        for batch in remembered:
            self._replays.remember(batch)
        gone = max((datetime.now(UTC) - ended).total_seconds(), 0.0)
        self._lost = Outage(time.monotonic() - gone, Cause.RESTART, "stopped")

    def retry_now(self) -> None:
        """Where an attempt is being waited for, make it now. From any thread."""
        self._from_any_thread(lambda: self._hasten())

    def _hasten(self) -> None:
        if self.status.state is State.WAITING:
            self._interrupt.fire(RetryNow())

    def close(self) -> None:
        """End the stream for good, from any thread, task or listener; no event follows."""
        self._closing = True
        if self._loop is None:
            self._on_released()
        self._from_any_thread(self._close_here)

    def _close_here(self) -> None:
        """On the thread of the loop that reads: wake whoever waits, or close where nobody reads."""
        if self._delivery.reading:
            self._interrupt.fire(Closed())
        elif self._releasing is None and not self._over.is_set():
            self._releasing = asyncio.ensure_future(self._release())

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

    @property
    def status(self) -> Status:
        """What the stream is doing now."""
        return self._status

    @property
    def origin(self) -> str:
        """Scheme, host and port of the latest answer; of the URL before there is one."""
        return self._origin

    async def wait_closed(self) -> Status:
        """Wait, on any event loop, until the stream is over for good and its connection is gone.

        It ends nothing and raises nothing of the stream's own: the status says why it is over, by
        its `reason` and, where it failed, its `error`.
        """
        await self._over.wait()
        return self.status

    async def aclose(self) -> None:
        """`close()`, and wait until the connection is gone."""
        self.close()
        # A listener that is called by the reading task would wait for itself.
        itself = self._delivery.reading and self._interrupt.task is asyncio.current_task()
        if self._loop is asyncio.get_running_loop() and not itself:
            await self._over.wait()

    async def _release(self) -> None:
        """Close what is open. From then on the stream is over."""
        self._closing = True
        if self._loop is not asyncio.get_running_loop():
            self._from_any_thread(self._close_here)
            return
        closer, self._closer = self._closer, None
        if closer is not None:
            await closer.aclose()
        else:
            await self._over.wait()  # somebody else closes it

    def _on_released(self) -> None:
        """All is closed, by whomever."""
        # Else the event loop that read it was shut down.
        self._loop_ended = self._loop_ended or not self._closing
        self._closing = True
        if self.status.state not in (State.CLOSED, State.FAILED):
            self._move(State.CLOSED, reason=self._ended_by, note=self._why_no_event())
        self._over.set()


def _first_met(
    until: Callable[[Event], object], batch: EventBatch
) -> tuple[int, BaseException | None]:
    """How many events there are up to the first that `until` is true for, or raises at, and what it
    raised; 0 where it is true for none."""
    for n, event in enumerate(batch, 1):
        try:
            if until(event):
                return n, None
        except BaseException as e:
            return n, e
    return 0, None


def _nothing(*_: object) -> None:
    pass
