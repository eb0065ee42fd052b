"""The driver of an EventSource: it connects, reads and reconnects until the stream is over.

It only waits, and moves between the states of `State`. `retry` decides what to do after a connection
ended, `connection` what an answer means, the parser what bytes mean, and `resumption` what a reconnect
means. On the background loop the user's callables run on a thread of the stream's own (`CallThread`).
"""

from __future__ import annotations

import asyncio
import inspect
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

from .. import runtime
from ..errors import SSEError
from ..events import Cause, Event, EventBatch, Gap, Reason, State, Status
from ..protocol import EventStreamParser
from ..runtime import CallThread, ReadPacer, SharedEvent, contained
from . import watchdog
from .accounting import Accounts, Outage
from .connection import Connection
from .cookies import OriginJar
from .event_target import EventTarget
from .exchange import Attempt
from .http_client import make_client
from .interrupt import Closed, Interrupt, RetryNow
from .options import SourceOptions, id_of
from .repeated_ends import RepeatedEnds
from .request import Request, sendable
from .resumption import ReplayDetector, drop
from .retry import Retry, Stop
from .watchdog import IdleWatchdog, SystemSuspended

__all__ = ["Driver"]

T = TypeVar("T")

# Characters of ids in one batch: those it may have, and from where on it is worth a look.
_IDS_AT_ONCE = 8 * 2**20
_MANY_IDS = 64 * 2**20
_CONNECTED = frozenset({State.OPEN, State.QUIET})


class Driver(EventTarget):
    """What EventSource does; how it is asked to is `source`'s.

    There is one way of driving it: whoever iterates `_drive()`. There is no hidden task and no
    queue, so a slow reader slows the socket, and nothing connects before somebody reads.
    """

    status: Status
    origin: str

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
        self._accounts = Accounts(lambda gap: self._gapped(gap), request.secrets.hide)

        self.status = Status(State.CONNECTING, 0, None, datetime.now(UTC))
        self.origin = "" if request.address is None else request.address.origin

        self._attempt = 0  # connections that ended in a row without a healthy one
        self._opened = math.inf  # when this connection did, monotonic
        self._ends = RepeatedEnds()
        self._ended_by = Reason.STOPPED  # unless something else ends it
        self._over = SharedEvent()  # nothing is left of it: no connection, no reader

        self._driven = False
        self._closing = False
        self._fresh = False  # this connection brought something new
        self._lost: Outage | None = None  # since when, and why, there is no connection
        self._delivery = _Delivery()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._interrupt = Interrupt()
        self._watch = IdleWatchdog(
            self._interrupt,
            idle_timeout=options.idle_timeout,
            asks_again=options.reconnects,
            quiet=self._quiet,
            unanswered=self._unanswered,
            url=request.masked,
        )
        self._client: Any = None
        self._jar = OriginJar()
        self._connection: Connection | None = None
        self._reader: AsyncGenerator[Any, None] | None = None
        # SSEStream's wish: it reads beside a person's cell. Whoever reads here is the cell.
        self._paced = False
        # SSEStream's hooks, called on the driver's thread: the status changed; a gap is new, or
        # more is known of one.
        self._changed: Callable[[], None] = _nothing
        self._gapped: Callable[[Gap], None] = _nothing

    # ------------------------------------------------------------------ the driver

    async def _drive(self) -> AsyncGenerator[EventBatch, None]:
        """Connect, read and reconnect until the stream is over; the only place that does."""
        if self._driven:
            raise RuntimeError("this EventSource is being read already; make another one")
        if self._closing:
            return
        self._driven = True
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                error: SSEError | None = None
                self._fresh = False
                self._opened = math.inf
                try:
                    connection = await self._open()
                    await self._call("open", Event("open", origin=connection.origin))
                    async with aclosing(self._read(connection)) as batches:
                        async for batch in batches:
                            yield batch
                            if self._closing:
                                return
                except SSEError as e:
                    error = e
                    self._request.secrets.clean(e)
                finally:
                    await self._hang_up()
                if not await self._again(error):
                    return
        except Closed:
            return
        except BaseException as e:
            self._give_up(e)
        finally:
            await self._release()

    def _give_up(self, error: BaseException) -> NoReturn:
        """A listener or another callable of the person's raised, or the client: over, and the status
        says why."""
        task = asyncio.current_task()
        cancelled = isinstance(error, asyncio.CancelledError) and (
            task is None or task.cancelling() > 0
        )
        if cancelled or isinstance(error, GeneratorExit):
            raise error
        if runtime.is_loop_thread():
            # Such as SystemExit in a client's own code: it ends this stream, and not the loop.
            error = contained(error)
        if isinstance(error, Exception) and self.status.state is not State.FAILED:
            clean = self._request.secrets.clean(error)
            self._move(State.FAILED, error=clean, reason=Reason.FAILED)
        raise error

    async def _again(self, error: SSEError | None) -> bool:
        """What follows the end of a connection: True after the pause before the next attempt, False
        where the stream is over as the server meant it.

        Raises:
            SSEError: it failed for good.
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
            self._move(State.CLOSED, reason=Reason.STOP_WHEN_NOT_MET if unmet else decision.reason)
            await self._call("error", Event("error"))
            return False
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
            note=self._ends.note or decision.why,
        )
        await self._call("error", error or Event("error"))
        await self._wait(decision.after)
        return True

    async def _open(self) -> Connection:
        """One attempt to connect."""
        self._move(State.CONNECTING, error=self.status.error)
        last_id = self._parser.last_event_id
        if self._options.resume is not None and self._lost is not None:
            last_id = await self._rewound(last_id, self._options.resume)
        if not sendable(last_id):
            last_id = ""  # a stream that cannot be resumed there goes on from now, and says so
        # From here on: a server may take the request and never answer.
        self._watch.start()
        with self._interrupt:
            if self._closing:
                raise Closed
            if self._client is None:
                told = self._options
                self._client = await make_client(told.client, self._calls, told.verify, told.proxy)
            self._connection = await Connection.open(
                self._client,
                self._request,
                Attempt(
                    last_id, self._jar, self._accounts.connects > 0, self._watch.sent, self._calls
                ),
            )
        self._accounts.connects += 1
        self._opened = time.monotonic()
        self._ends.began(last_id)
        self.origin = self._connection.origin
        self._move(State.OPEN)
        if self._lost is not None:
            await self._cut(last_id)
            self._accounts.reconnected(self._lost, last_id)
            self._lost = None
        self._watch.answered()
        return self._connection

    async def _read(self, connection: Connection) -> AsyncGenerator[EventBatch, None]:
        """The batches of one connection."""
        feed, interrupt, heard = self._parser.feed, self._interrupt, self._watch.heard
        continuity, ledger = self._replays, self._accounts
        beats = ReadPacer(connection.flow if self._paced else None)
        ending: BaseException | None = None
        unseen = 0
        async with aclosing(connection.chunks()) as chunks:
            while ending is None:
                with interrupt:
                    if self._closing:
                        raise Closed
                    await beats.rest()
                    chunk = await anext(chunks, None)
                if chunk is None:
                    return
                heard()
                unseen += len(chunk)
                beats.came(len(chunk))
                ledger.bytes += len(chunk)
                if self.status.state is State.QUIET:
                    self._move(State.OPEN)
                before = self._parser.last_event_id
                batch = feed(chunk)
                if not (batch.types or batch.comments or batch.faults):
                    continue
                batch.received_at = datetime.now(UTC)
                batch.origin = connection.origin
                ledger.comments += len(batch.comments)
                self._ends.came(batch)
                if continuity.open and batch.types:
                    await self._compare(batch, before)
                elif batch.types and not self._fresh:
                    self._fresh = True
                if self._options.stop_when is not None and batch.types:
                    ending = await self._ending(batch, self._options.stop_when, before)
                if batch.faults:
                    ledger.faults(batch, self._request.masked)
                ledger.received += len(batch)
                continuity.remember(batch)
                # An id of this batch is the one before, or among the bytes since the last events.
                if len(batch) * max(len(before), unseen) < _MANY_IDS:
                    yield batch
                else:
                    async with aclosing(self._portions(batch)) as portions:
                        async for portion in portions:
                            yield portion
                unseen = len(chunk)
        self._closing = True
        if isinstance(ending, Closed):
            self._ended_by = Reason.STOP_WHEN
        raise ending

    async def _portions(self, batch: EventBatch) -> AsyncGenerator[EventBatch, None]:
        """The batch in pieces where an id of megabytes stands with thousands of events: each event
        has the last event ID, and whoever writes them out would need all the memory there is."""
        at_once = max(_IDS_AT_ONCE // max(1, *map(len, batch.last_event_ids)), 1)
        if len(batch) <= at_once:
            yield batch
            return
        last_id = self._parser.last_event_id
        for start in range(0, len(batch), at_once):
            portion = batch.slice(start, start + at_once)
            # Who stops here has not seen the ids that follow.
            self._parser.last_event_id = portion.last_event_ids[-1]
            yield portion
            await asyncio.sleep(0)
        self._parser.last_event_id = last_id

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
        self.status = Status(state, attempt, retry_in, datetime.now(UTC), error, note, reason)
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
            self.status = replace(self.status, note=note)
            self._changed()

    def _unanswered(self, sent: bool) -> None:
        if self.status.state is not State.CONNECTING:
            return
        options = self._options
        if not sent:
            asked = [n for n in ("headers", "auth") if callable(getattr(options, n))]
            which = " or ".join(f"{name}=" for name in asked)
            return self._note(
                f"The callable of {which} has not returned yet."
                if asked
                else "It waits for its turn: other streams connect to this host."
            )
        if options.idle_timeout is not None:
            then = f"after {options.idle_timeout:g} s it is given up (idle_timeout=)"
        elif options.reconnects:
            then = f"after {watchdog.ANSWER_TIMEOUT:g} s it is asked anew"
        else:
            then = (
                f"a {options.method} is not sent twice, so it is waited for (idle_timeout= ends it)"
            )
        self._note(f"The server has not answered yet; {then}.")

    def _quiet(self) -> None:
        if self.status.state is State.OPEN:
            self._move(State.QUIET)

    # ------------------------------------------------------------------ ending

    def _take_over(self, earlier: Driver) -> None:
        """Go on where `earlier` was stopped: what it remembers and was told, its errors, and a gap
        between."""
        self._replays = earlier._replays
        self._jar = earlier._jar
        self._parser._reconnection_time = earlier._parser.reconnection_time
        self._accounts.errors.extend(earlier._accounts.errors)
        if earlier._accounts.connects or earlier._lost is not None:
            gone = (datetime.now(UTC) - earlier.status.since).total_seconds()
            self._lost = Outage(time.monotonic() - gone, Cause.RESTART, "stopped")

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
        if not self._driven:
            self._move(State.CLOSED, reason=Reason.STOPPED)
            self._over.set()
        self._from_any_thread(lambda: self._interrupt.fire(Closed()))

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
        if not self._driven or self._loop is not asyncio.get_running_loop():
            return
        if self._reader is not None and not getattr(self._reader, "ag_running", False):
            # The driver stands at a yield, because its reader left the loop: end it there.
            await self._reader.aclose()
        elif self._interrupt.task is not asyncio.current_task():
            await self._over.wait()

    async def _hang_up(self) -> None:
        self._watch.stop()
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.aclose()

    async def _release(self) -> None:
        await self._hang_up()
        client, self._client = self._client, None
        if client is not None and client is not self._options.client:
            await client.aclose()
        self._calls.close()
        if self.status.state not in (State.CLOSED, State.FAILED):
            self._move(State.CLOSED, reason=self._ended_by)
        self._closing = True
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


class _Delivery:
    """How far the events of a batch were handed over. Written once an event, and so no attribute of
    a class that looks at each name."""

    __slots__ = ("last_event_id",)

    def __init__(self) -> None:
        self.last_event_id: str | None = None  # None: all of them were


def _nothing(*_: object) -> None:
    pass
