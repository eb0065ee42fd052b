"""The driver of an EventSource: it connects, reads and reconnects until the stream is over.

It only waits, and moves between the states of `State`. `retry` decides what to do after a connection
ended, `connection` what an answer means, the parser what bytes mean, and `resumption` what a reconnect
means. On the background loop the user's callables run on a thread of the stream's own (`CallThread`).

It is read a batch at a time by `next()`, and between two calls nothing runs and no frame is
suspended: whoever stops reading may go on later, and a source that nobody refers to any more is freed
at once and closes its connection.
"""

from __future__ import annotations

import asyncio
import math
import time
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn, TypeVar

from .. import runtime
from ..basics import Budget
from ..errors import SSEError
from ..events import Cause, Event, EventBatch, Reason, State, Stats, Status
from ..protocol import EventStreamParser
from ..runtime import CallThread, LoopEnded, SharedEvent, contained
from . import watchdog
from .accounting import Accounts, Outage
from .cancel_scope import Closed, Interrupt, RetryNow
from .client_choice import make_client
from .connection import Connection
from .cookies import OriginJar
from .event_target import Listeners
from .exchange import Attempt
from .hints import unanswered_note
from .no_event_watch import NoEventWatch
from .open_resources import OpenResources, closer_of
from .options import SourceOptions, id_of
from .proxies import through
from .read_pacer import ReadPacer
from .repeated_ends import RepeatedEnds
from .request import Request, sendable
from .response_headers import ResponseHeaders
from .resumption import ReplayDetector, drop
from .retry import Retry, Stop
from .source_interface import ResumePoint, SourceHooks
from .user_calls import UserCalls
from .watchdog import IdleWatchdog, SystemSuspended

T = TypeVar("T")

# Characters of ids in one batch: those it may have, and from where on it is worth a look.
_IDS_AT_ONCE = 8 * 2**20
_MANY_IDS = 64 * 2**20
_CONNECTED = frozenset({State.OPEN, State.QUIET})


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


class Driver:
    """Reads one source: connects, reads, reconnects.

    It is driven by calls of `next()` and in no other way. There is no hidden task and no
    queue, so a slow reader slows the socket, and nothing connects before the first read.

    Args:
        request: what is asked for.
        options: of the source.
        listeners: who is called for events, by type.
        hooks: who is told of changes.
        resume: where an earlier source, or an earlier process, was.
        paced: reads are paced where events come faster than a page can paint: where the user's
            cell runs beside. Whoever reads here is the cell.
        remember: the most events and characters that are remembered to tell repeats; None for
            enough of them.
    """

    def __init__(
        self,
        request: Request,
        options: SourceOptions,
        listeners: Listeners,
        *,
        hooks: SourceHooks,
        resume: ResumePoint | None = None,
        paced: bool = False,
        remember: tuple[int, int] | None = None,
    ) -> None:
        last_id = options.last_event_id if resume is None else resume.last_event_id
        self.request = request
        self.listeners = listeners
        self.parser = EventStreamParser(max_event_bytes=options.event_limit, last_event_id=last_id)
        self.accounts = Accounts(hooks.on_gap, request.secrets.hide)
        self.masked = request.masked  # of what was asked for last
        self.headers = ResponseHeaders()
        self.origin = "" if request.address is None else request.address.origin
        self.status = Status(State.CONNECTING, 0, None, datetime.now(UTC))
        self.over = SharedEvent()  # nothing is left of it: no connection, no reader
        self.loop: asyncio.AbstractEventLoop | None = None  # the one that reads
        self.loop_ended = False  # and the connection with it: nobody closed it

        self._options = options
        self._hooks = hooks
        self._paced = paced
        self._replays = ReplayDetector(options.dedupe, remember)
        self._keys = self._replays.keys()  # of the latest reconnect

        self._attempt = 0  # connections that ended in a row without a healthy one
        self._sent_at: datetime | None = None  # the request of the latest attempt
        self._opened = math.inf  # when this connection did, monotonic
        self._ends = RepeatedEnds()
        self._ended_by = Reason.STOPPED  # unless something else ends it
        self._fresh = False  # this connection brought something new
        self._lost: Outage | None = None  # since when, and why, there is no connection

        self._reading = False  # some task is inside `next()`
        self._unseen = 0  # bytes since the last events, which may hold an id
        # The rest of a batch that is handed over in parts; each with the last event ID after it.
        self._portions: deque[tuple[EventBatch, str]] = deque()
        self._ending: BaseException | None = None  # what to raise once all is handed over

        self.interrupt = Interrupt()
        self._jar = OriginJar()
        self._watch = self._watchdog()
        calls = CallThread()
        self._calls = UserCalls(calls, self.interrupt, self._watch)
        self._no_event = NoEventWatch(_weakly(self._odd))
        self._held = OpenResources(self._watch, self._no_event, calls)
        self._pacer = ReadPacer(None)
        self._closer: AsyncGenerator[None, None] | None = None
        self._releasing: asyncio.Task[None] | None = None
        if resume is not None:
            self._resume(resume)

    def _watchdog(self) -> IdleWatchdog:
        options, request = self._options, self.request
        return IdleWatchdog(
            self.interrupt,
            idle_timeout=options.idle_timeout,
            asks_again=options.reconnects,
            quiet=_weakly(self._quiet),
            unanswered=_weakly(self._unanswered),
            through=partial(_through, options, request),
            url=request.masked,
        )

    # ------------------------------------------------------------------ from one to the next

    def _resume(self, point: ResumePoint) -> None:
        """Go on there: what was delivered last may come again, and there is a gap between."""
        for batch in point.delivered:
            self._replays.remember(batch)
        if point.cookies is not None:
            self._jar = point.cookies
        self.parser.reconnection_time = point.reconnection_time
        self.accounts.errors.extend(point.errors)
        if point.ended_at is not None:
            gone = max((datetime.now(UTC) - point.ended_at).total_seconds(), 0.0)
            self._lost = Outage(time.monotonic() - gone, Cause.RESTART, "stopped")

    def resume_point(self, last_event_id: str) -> ResumePoint:
        """Where this one was stopped, for the source that goes on, after this id."""
        was_there = self.accounts.connects or self._lost is not None
        return ResumePoint(
            last_event_id=last_event_id,
            ended_at=self.status.since if was_there else None,
            delivered=tuple(self._replays.remembered()),
            reconnection_time=self.parser.reconnection_time,
            errors=tuple(self.accounts.errors),
            cookies=self._jar,
        )

    def draw_from(self, budget: Budget) -> None:
        """Count what is held here toward the bytes that the stream may hold."""
        self._replays.draw_from(budget)
        budget.share("unfinished", read=lambda: self.parser.nbytes)

    @property
    def closed(self) -> bool:
        """Whether it was closed, or ended: no event follows."""
        return self.interrupt.closed

    @property
    def stats(self) -> Stats:
        """Counters of this source."""
        return self.accounts.stats(self.parser.ignored)

    # ------------------------------------------------------------------ the driver

    async def next(self) -> EventBatch:
        """The next batch, once it came.

        It connects, reads and reconnects, and is the only place that does.

        Raises:
            StopAsyncIteration: the stream is over for good.
            SSEError: the stream failed for good.
            RuntimeError: it is being read already, or was read on another event loop.
        """
        if self._reading or self.loop is not asyncio.get_running_loop() or self.over.is_set():
            await self._begin()
        self._reading = True
        try:
            while True:
                if self.interrupt.closed:
                    raise Closed
                error: SSEError | None = None
                try:
                    if self._held.connection is None:
                        await self._open()
                    batch = await self._read()
                    if batch is not None:
                        self._reading = False
                        return batch
                except SSEError as e:
                    error = e
                    self.request.secrets.clean(e)
                self._note_truncation(error)
                await self._held.hang_up()
                await self._again(error)
        except BaseException as e:
            self._reading = False
            ended = e if isinstance(e, Closed) else self.given_up(e)
        await self.release()
        if isinstance(ended, Closed):
            raise StopAsyncIteration
        raise ended

    async def _begin(self) -> None:
        """What is to be done before the first batch is read, or is wrong before another one is."""
        # What that loop leaves behind says so too, which may take it a second.
        if self.loop_ended or (not self.interrupt.closed and runtime.has_died(self.loop)):
            raise self.how_loop_ended()
        if self.over.is_set():
            raise StopAsyncIteration
        if self._reading:
            raise RuntimeError("this EventSource is being read already; make another one")
        if self.loop is not None:
            raise RuntimeError(
                "this EventSource was read on another event loop, and its connection is there; "
                "make another one, with last_event_id= to go on after what came"
            )
        self.loop = asyncio.get_running_loop()
        self._closer = closer_of(self._held, _weakly(self.on_released))
        await anext(self._closer)

    def how_loop_ended(self) -> LoopEnded:
        """What is to be raised where the loop that read has ended, and nobody closed this source."""
        died = runtime.has_died(self.loop)
        who = (
            "thread that serves all streams" if died else "event loop this EventSource was read on"
        )
        return LoopEnded(
            f"the {who} ended, and the connection with it; make another EventSource, with "
            "last_event_id= to go on after what came"
        )

    def given_up(self, error: BaseException) -> BaseException:
        """A listener or another callable of the user's raised, or the client: over, and the status
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
            clean = self.request.secrets.clean(error)
            self.move(State.FAILED, error=clean, reason=Reason.FAILED)
        return error

    def _note_truncation(self, error: SSEError | None) -> None:
        """The connection ended: perhaps in the middle of an event."""
        unfinished, connection = self.parser.unfinished, self._held.connection
        if unfinished is not None:
            self.accounts.truncated(unfinished)
        elif error is None and connection is not None and connection.is_cut:
            self.accounts.truncated(None)

    async def _again(self, error: SSEError | None) -> None:
        """What follows the end of a connection: the pause before the next attempt.

        Raises:
            Closed: there is none, as the server meant it.
            SSEError: there is none, because of this error.
        """
        decision = self._decide(error)
        if isinstance(decision, Stop) and decision.error is None:
            await self._end_as_meant(decision.reason)
        if error is not None:
            self.accounts.errors.append(error)
        if isinstance(decision, Stop):
            await self._fail(decision)
        else:
            await self._wait_for_next(decision, error)

    def _decide(self, error: SSEError | None) -> Retry | Stop:
        """Whether there is another attempt, and when."""
        self.parser.reset()
        policy, lasted = self._options.retry, time.monotonic() - self._opened
        healthy = self._fresh or lasted >= policy.reset_after
        self._attempt = 1 if healthy else self._attempt + 1
        self._ends.ended(cleanly=error is None, lasted=lasted)
        decision = policy.decide(
            error,
            attempt=self._attempt,
            reconnection_time=self.parser.reconnection_time,
        )
        if not self._options.reconnects and isinstance(decision, Retry):
            return Stop(Reason.ENDED if error is None else Reason.FAILED, error)
        return decision

    async def _end_as_meant(self, reason: Reason) -> NoReturn:
        """Over as the server meant it, such as by a 204: nothing to be told as an error."""
        unmet = self._options.stop_when is not None
        reason = Reason.STOP_WHEN_NOT_MET if unmet else reason
        self.move(State.CLOSED, reason=reason, note=self._why_no_event())
        await self.call("error", Event("error"))
        raise Closed

    async def _fail(self, decision: Stop) -> NoReturn:
        """Over for good, because of an error."""
        assert decision.error is not None
        self.move(State.FAILED, error=decision.error, reason=decision.reason)
        await self.call("error", decision.error)
        raise decision.error

    async def _wait_for_next(self, decision: Retry, error: SSEError | None) -> None:
        """The pause before the next attempt; `retry_now()` ends it."""
        if self._lost is None and self.accounts.connects:
            cause = Cause.SLEEP if isinstance(error, SystemSuspended) else Cause.RECONNECT
            why = error.message if error is not None else "the server ended the stream"
            self._lost = Outage(time.monotonic(), cause, why)
        self.move(
            State.WAITING,
            retry_in=decision.after,
            error=error,
            note=self._why_no_event() or self._ends.note or decision.why,
        )
        await self.call("error", error or Event("error"))
        try:
            with self.interrupt:
                await asyncio.sleep(decision.after)
        except RetryNow:
            pass

    async def _open(self) -> None:
        """One attempt to connect."""
        self._fresh = False
        self._opened = math.inf
        self._unseen = 0
        held, told = self._held, self._options
        self.move(State.CONNECTING, error=self.status.error)
        last_id = self.parser.last_event_id
        if told.resume is not None and self._lost is not None:
            last_id = await self._rewound(last_id, told.resume)
        if not sendable(last_id):
            last_id = ""  # a stream that cannot be resumed there goes on from now, and says so
        # From here on: a server may take the request and never answer.
        self._watch.start()
        with self.interrupt:
            if held.client is None:
                held.client = await make_client(told.client, held.calls, told.verify, told.proxy)
                held.owns_client = held.client is not told.client
                self._watch.heard()  # making one takes its time, which is no silence of the server
            again = self.accounts.connects > 0
            held.connection = await Connection.open(
                held.client,
                self.request,
                Attempt(last_id, self._jar, again, _weakly(self._sent), held.calls),
            )
        held.chunks = held.connection.chunks()
        self._no_event.start()
        self._pacer = ReadPacer(held.connection.flow if self._paced else None)
        self.accounts.connects += 1
        self._opened = time.monotonic()
        self._ends.began(last_id)
        self.origin = held.connection.origin
        self.masked, self.headers = held.connection.url, held.connection.headers
        self.move(State.OPEN)
        if self._lost is not None:
            await self._cut(last_id)
            self.accounts.reconnected(self._lost, last_id)
            self._lost = None
        self._watch.answered()
        await self.call("open", Event("open", origin=self.origin))

    async def _read(self) -> EventBatch | None:
        """The next batch of this connection, or its next part; None where it ended cleanly."""
        if self._portions or self._ending is not None:
            return await self._rest_of_batch()
        chunks = self._held.chunks
        assert chunks is not None
        while True:
            with self.interrupt:
                await self._pacer.rest()
                chunk = await anext(chunks, None)
            if chunk is None:
                return None
            before = self.parser.last_event_id
            batch = self._parse(chunk)
            if batch is None:
                continue
            if batch.types:
                if self._replays.open or self._options.stop_when is not None:
                    await self._judge(batch, before)
                else:
                    self._fresh = True
            return self._enter_batch(batch, before, len(chunk))

    async def _rest_of_batch(self) -> EventBatch:
        """What is left of a batch that came before, then what ends the stream with it."""
        if self._portions:
            await asyncio.sleep(0)
            return self._portion()
        assert self._ending is not None
        self.interrupt.closed = True
        if isinstance(self._ending, Closed):
            self._ended_by = Reason.STOP_WHEN
        raise self._ending

    def _parse(self, chunk: bytes) -> EventBatch | None:
        """What these bytes complete; None where that is nothing."""
        size = len(chunk)
        self._watch.heard()
        self._unseen += size
        self.accounts.bytes += size
        if self.status.state is State.QUIET:
            self.move(State.OPEN)
        batch = self.parser.feed(chunk)
        self._pacer.came(size, len(batch.types))
        if batch.types:
            self._no_event.last = chunk
            if not self._no_event.clean:
                self._no_event.event()
        else:
            self._no_event.came(chunk)
            if not (batch.comments or batch.faults):
                return None
        batch.received_at = datetime.now(UTC)
        batch.origin = self.origin
        self._ends.came(batch)
        return batch

    async def _judge(self, batch: EventBatch, before: str) -> None:
        """Whether these events came before, and whether the stream ends with one of them."""
        if self._replays.open:
            await self._compare(batch, before)
        else:
            self._fresh = True
        if self._options.stop_when is not None:
            self._ending = await self._ending_with(batch, self._options.stop_when, before)

    def _enter_batch(self, batch: EventBatch, before: str, size: int) -> EventBatch:
        """Enter a batch into the books; returns it, or its first portion.

        Args:
            before: the last event ID before it.
            size: of the chunk that completed it, in bytes.
        """
        accounts, received = self.accounts, len(batch.types)
        accounts.comments += len(batch.comments)
        if batch.faults:
            accounts.faults(batch, self.request.masked)
        accounts.received += received
        self._replays.remember(batch)
        # An id of this batch is the one before, or among the bytes since the last events.
        if received * max(len(before), self._unseen) >= _MANY_IDS:
            batch = self._in_portions(batch)
        self._unseen = size
        return batch

    def _in_portions(self, batch: EventBatch) -> EventBatch:
        """The first part of a batch where an id of megabytes stands with thousands of events: each
        event has the last event ID, and whoever writes them out would need all the memory there
        is. The other parts are what is read next."""
        ids = batch.last_event_ids
        # Most streams have none: to compare each costs less than to measure it.
        if ids.count(ids[0]) == len(ids):
            ids = ids[:1]
        at_once = max(_IDS_AT_ONCE // max(1, *map(len, ids)), 1)
        if len(batch) <= at_once:
            return batch
        portions = [batch.slice(start, start + at_once) for start in range(0, len(batch), at_once)]
        ids = [
            *(portion.last_event_ids[-1] for portion in portions[:-1]),
            self.parser.last_event_id,
        ]
        self._portions.extend(zip(portions, ids, strict=True))
        return self._portion()

    def _portion(self) -> EventBatch:
        # Who stops here has not seen the ids that follow.
        portion, self.parser.last_event_id = self._portions.popleft()
        return portion

    # ------------------------------------------------------------------ the user's callables

    async def call(self, type_: str, value: object) -> None:
        """Call the listeners of this type, one after the other."""
        for listener in self.listeners.calls(type_, value):
            await self._calls.call(listener)

    async def _rewound(self, last_id: str, resume: Callable[[str], str | None]) -> str:
        """What `resume` makes of the last event ID."""
        return await self._calls.ask("resume", lambda: id_of("last_event_id", resume(last_id)))

    async def _cut(self, last_id: str) -> None:
        """A new connection is open: what comes now may have come before."""
        continuity = self._replays
        self._keys = continuity.keys()
        known: Sequence[Sequence[Hashable]] | None = None
        if callable(continuity.dedupe):
            known = await self._calls.ask("dedupe", self._keys, continuity.remembered())
        continuity.cut(last_id, known)

    async def _compare(self, batch: EventBatch, last_id: str) -> None:
        """The first events after a reconnect: which came before, and what that tells."""
        came = len(batch)
        self.accounts.came(batch)
        keys: Sequence[Hashable] | None = None
        if callable(self._replays.dedupe):
            asked = self._calls.ask("dedupe", self._keys, [batch])
            (keys,) = await self._undelivered(asked, last_id)
        resumption = self._replays.check(batch, keys)
        repeated = self._replays.repeated_now
        self.accounts.duplicates += repeated
        # A connection that only repeats is no healthy one: it may do so for ever.
        self._fresh = self._fresh or came > repeated
        if resumption is not None:
            self.accounts.resumed(resumption)

    async def _undelivered(self, asked: Awaitable[T], last_id: str) -> T:
        """Ask something before a batch is delivered: where that fails, nothing resumes after it."""
        try:
            return await asked
        except BaseException:
            self.parser.last_event_id = last_id
            raise

    async def _ending_with(
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
            asked = self._calls.ask("stop_when", _first_met, until, batch)
            n, error = await self._undelivered(asked, last_id)
            if n == 0:
                return None
            if error is not None:
                ending = contained(error) if runtime.is_loop_thread() else error
                ending.add_note("This comes of stop_when=.")
        self.end_at(batch, n)
        return ending

    def end_at(self, batch: EventBatch, n: int) -> None:
        """Nothing after the first `n` events of this batch is delivered any more."""
        drop(batch, list(range(n, len(batch))))
        if n:
            self.parser.last_event_id = batch.last_event_ids[-1]

    def move(
        self,
        state: State,
        *,
        retry_in: float | None = None,
        error: Exception | None = None,
        note: str | None = None,
        reason: Reason | None = None,
    ) -> None:
        """The stream is in this state from here on."""
        if note is None:
            # Silence changes nothing about what is odd; any other change makes it old news, but
            # for what is odd about more than one connection.
            kept = self.status.note if {self.status.state, state} <= _CONNECTED else ""
            note = kept or ("" if reason else self._ends.note)
        # How many attempts failed is of interest until one succeeds, or none follows.
        attempt = 0 if state in _CONNECTED or state is State.CLOSED else self._attempt
        now = datetime.now(UTC)
        self.status = Status(state, attempt, retry_in, now, error, note, reason, self._sent_at)
        self._hooks.on_status()

    def _note(self, note: str) -> None:
        """Say what is odd while the stream runs, as `Status.note`; "" takes it back.

        A note belongs to the state in which it is set: it stays while the stream is open or quiet,
        and any other change of state drops it. Where a state begins with a note, give it to
        `move(..., note=...)` instead. `Status.since` stays as it is. Call it on the driver's
        thread, as often as you like: what is said already is not told again.
        """
        note = note or self._ends.note
        if note != self.status.note:
            self.status = replace(self.status, note=note)
            self._hooks.on_status()

    def _sent(self) -> None:
        """The request goes out."""
        self._watch.sent()
        self._sent_at = datetime.now(UTC)
        self.status = replace(self.status, sent_at=self._sent_at)

    def _unanswered(self, sent: bool) -> None:
        if self.status.state is State.CONNECTING:
            goes = _through(self._options, self.request)
            self._note(unanswered_note(self._options, sent, goes, watchdog.ANSWER_TIMEOUT))

    def _odd(self, note: str) -> None:
        self._note(self.request.secrets.hide(note))

    def _why_no_event(self) -> str:
        """What is wrong with what came since the last event; "" where nothing is."""
        return self.request.secrets.hide(self._no_event.why)

    def _quiet(self) -> None:
        if self.status.state is State.OPEN:
            self.move(State.QUIET)

    # ------------------------------------------------------------------ ending

    def retry_now(self) -> None:
        """Where an attempt is being waited for, make it now. From any thread."""
        self._from_any_thread(self._hasten)

    def _hasten(self) -> None:
        if self.status.state is State.WAITING:
            self.interrupt.fire(RetryNow())

    def close(self) -> None:
        """End the stream for good, from any thread, task or listener; no event follows."""
        self.interrupt.closed = True
        if self.loop is None:
            self.on_released()
        self._from_any_thread(self._close_here)

    def _close_here(self) -> None:
        """On the thread of the loop that reads: wake the reader, or close where there is none."""
        if self._reading:
            self.interrupt.fire(Closed())
        elif self._releasing is None and not self.over.is_set():
            self._releasing = asyncio.ensure_future(self.release())

    def _from_any_thread(self, fn: Callable[[], None]) -> None:
        loop = self.loop
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
        # A listener that is called by the reading task would wait for itself.
        itself = self._reading and self.interrupt.task is asyncio.current_task()
        if self.loop is asyncio.get_running_loop() and not itself:
            await self.over.wait()

    async def release(self) -> None:
        """Close what is open. From then on the stream is over."""
        self.interrupt.closed = True
        if self.loop is not asyncio.get_running_loop():
            self._from_any_thread(self._close_here)
            return
        closer, self._closer = self._closer, None
        if closer is not None:
            await closer.aclose()
        else:
            await self.over.wait()  # another call closes it

    def on_released(self) -> None:
        """All is closed, by whomever."""
        # Else the event loop that read it was shut down.
        self.loop_ended = self.loop_ended or not self.interrupt.closed
        self.interrupt.closed = True
        if self.status.state not in (State.CLOSED, State.FAILED):
            self.move(State.CLOSED, reason=self._ended_by, note=self._why_no_event())
        self.over.set()


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
