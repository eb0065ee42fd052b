"""Many event streams on one loop, each an `EventSource` of its own, into one sink.

A fleet spreads their beginnings over a moment, connects a few at a time at each host, and keeps one row of
counters a stream. The sink decides what is kept and where; each source reconnects by itself. A stream that
fails, hangs or lies harms no other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Protocol

from ..basics import CHANCE
from ..client import (
    ConnectLimiter,
    HookedSource,
    RecentBatches,
    ResumePoint,
    SourceHooks,
    SourceOptions,
    Url,
    make_client,
)
from ..errors import SSEError, hint_of, message_of
from ..events import EventBatch, Gap, Reason, State, Stats
from ..filters import EventFilter
from ..runtime import CallThread
from ..storage import Position
from ..tables import GapLog
from .gc_threshold import YOUNG
from .per_stream import told_to
from .stream_table import StreamReport

# Attempts a second while a fleet begins: 1,000 streams are spread over four seconds. A core opens about a thousand a
# second, and a worker of a cluster has several fleets.
BEGIN_PER_SECOND = 250
# What a stream keeps of its latest events: for telling repeats, and for who selects it. Of a
# thousand streams it is the largest part of the memory.
REMEMBER = (64, 2**16)
_LAG_STEP = 0.25
_GAPS_KNOWN = 16


class Sink(Protocol):
    """Where the events of a fleet go. Called on the loop's thread; only `wait_for_space` waits."""

    def begun(self, name: str) -> tuple[Position | None, list[EventBatch]]:
        """Where the stream was left, None where it is new; and the latest events before that."""

    @property
    def full(self) -> bool:
        """Whether streams should wait for `wait_for_space()` before they read on."""

    async def wait_for_space(self) -> None: ...

    def append(
        self, name: str, batch: EventBatch, last_event_id: str, reconnection_time: int | None
    ) -> None:
        """These events came; the stream would resume after this id."""

    def gap(self, name: str, gap: Gap) -> None:
        """Something may be missing here; or more is known of the latest gap."""

    def written(self, name: str) -> int:
        """Up to which number the stream's events are safe."""


# A batch and the number of its first event, or a gap and where it stands.
Watcher = Callable[[EventBatch | None, Gap | None, int], None]


class FleetStream:
    """One stream of a fleet: its source, now and again, and its accounts."""

    def __init__(self, name: str, url: Url) -> None:
        self.name = name
        self.url = url
        self.source: HookedSource | None = None
        self.task: asyncio.Task[None] | None = None
        self.seq = 0
        self.earlier_events = 0  # of its numbers, those given in earlier runs
        self.gaps = 0
        # The latest gaps: more may be known of them later.
        self.known_gaps = GapLog(most=_GAPS_KNOWN)
        self.last_at = 0.0
        self.failure = ""
        self.stopped = False  # by a user, this one alone
        self.is_leaving = False  # it is followed no more, and gone once what came of it is safe
        self.earlier = Stats()  # of its sources before this one
        # (seq after it, when it came): how long events wait for the sink
        self.waiting: deque[tuple[int, float]] = deque(maxlen=4096)
        self.recent = RecentBatches()
        self.watcher: Watcher | None = None

    def remember(self, batch: EventBatch) -> None:
        """Keep the latest batches as far as they are small: of large ones none."""
        recent = self.recent
        recent.append(batch, batch.nbytes)
        while recent.nbytes > REMEMBER[1] or (
            len(recent) > 1 and recent.events - recent.oldest_events >= REMEMBER[0]
        ):
            recent.drop_oldest()


class Fleet:
    """Reads many streams until it is stopped.

    Args:
        urls: name -> URL, unmasked, or what is asked for it; all valid.
        sink: where the events go.
        options: of `EventSource`, the same for all; `filter`, which events are taken; and
            `exact_times`, that reading is not paced; and `own`, name -> the options of that stream
            alone.
    """

    def __init__(self, urls: Mapping[str, Url], sink: Sink, options: Mapping[str, Any]) -> None:
        self._followers = {name: FleetStream(name, url) for name, url in urls.items()}
        self._sink = sink
        shared = ("client", "verify", "proxy", "filter", "exact_times", "own")
        self._options = {k: v for k, v in options.items() if k not in shared}
        self._filter: EventFilter | None = options.get("filter")
        self._own: Mapping[str, Mapping[str, Any]] = options.get("own", {})
        self._paced = not options.get("exact_times", False)
        self._told = SourceOptions(**{k: options[k] for k in shared[:3] if k in options})
        self._gate: ConnectLimiter | None = None
        self._idle = asyncio.Event()  # no stream runs any more
        self._running = 0
        self._ended = False
        self._watched: FleetStream | None = None

    # ------------------------------------------------------------------ the run

    async def run(self) -> None:
        """Until every stream has ended by itself, or `stop()`; then all connections are gone."""
        calls, told = CallThread(), self._told
        client = await make_client(told.client, calls, told.verify, told.proxy)
        calls.close()
        self._gate = ConnectLimiter(client)
        try:
            YOUNG.run(self, len(self._followers))
            self._begin_over(self._followers.values())
            if self._running:
                await self._idle.wait()
        finally:
            self._ended = True
            YOUNG.run(self, 0)
            await _end(self._followers.values())
            if client is not self._told.client:
                await client.aclose()

    def stop(self) -> None:
        """End all streams; `run` returns once they are gone. On the loop's thread."""
        self._ended = True
        self._idle.set()

    async def follow(self, urls: Mapping[str, Url], own: Mapping[str, Mapping[str, Any]]) -> None:
        """Follow these streams from here on, and no others.

        New ones begin. One with another URL or other options of its own ends, and begins again where it
        was left. One that is not named ends, and is reported until all that came of it is safe.

        Args:
            urls, own: as for the constructor.
        """
        before = self._followers
        changed = [
            follower
            for name, follower in before.items()
            if name in urls
            and (
                follower.is_leaving
                or follower.url != urls[name]
                or own.get(name) != self._own.get(name)
            )
        ]
        leaving = [follower for name, follower in before.items() if name not in urls]
        new = [FleetStream(name, url) for name, url in urls.items() if name not in before]
        self._own = own
        for follower in leaving:
            follower.is_leaving = True
        for follower in changed:
            follower.is_leaving, follower.url = False, urls[follower.name]
        self._followers = before | {follower.name: follower for follower in new}
        if self._gate is None or self._ended:  # the run begins them; or nothing does any more
            return
        YOUNG.run(self, len(self._followers))
        self._running += 1  # that all have ended for a moment is no end of the run
        try:
            await _end([*leaving, *changed])
        finally:
            self._begin_over([] if self._ended else [*changed, *new])
            self._one_less()

    def _begin_over(self, followers: Collection[FleetStream]) -> None:
        """Begin these, spread over a moment where they are many."""
        window = len(followers) / BEGIN_PER_SECOND
        for follower in followers:
            if not (follower.stopped or follower.is_leaving):
                follower.failure = ""
                self._begin(follower, CHANCE.uniform(0, window) if window > 0.05 else 0.0)

    def _one_less(self) -> None:
        self._running -= 1
        if not self._running:
            self._idle.set()

    def _begin(self, follower: FleetStream, after: float) -> None:
        self._running += 1
        follower.task = asyncio.get_running_loop().create_task(self._follow(follower, after))
        # Not at the end of the task's own work: where it is cancelled before its first step, there is none.
        follower.task.add_done_callback(lambda _: self._one_less())

    async def _follow(self, follower: FleetStream, after: float) -> None:
        source: HookedSource | None = None
        try:
            if after:
                await asyncio.sleep(after)
            source = self._source(follower)
            async for batch in source.batches():
                self._take(follower, batch)
                if self._sink.full:
                    await self._sink.wait_for_space()
        except SSEError:
            pass  # the source's status says it
        except asyncio.CancelledError:
            raise
        except Exception as e:  # a bug, or a user's callable: this stream's trouble alone
            said = message_of(e)
            follower.failure = said if source is None else source.secrets.hide(said)
        finally:
            if source is not None:
                await source.aclose()

    def _source(self, follower: FleetStream) -> HookedSource:
        """A source is for one life: the first goes on where the files end, a later one where the
        earlier ended."""
        told = told_to(follower.name, self._options, self._own)
        options = SourceOptions(**{**told, "client": self._gate})
        earlier = follower.source
        if earlier is not None:
            resume: ResumePoint | None = earlier.resume_point
            follower.earlier += earlier.stats
        else:
            resume = self._where_files_end(follower, options.last_event_id)
        base = follower.seq
        hooks = SourceHooks(on_gap=lambda gap: self._gapped(follower, base, gap))
        source = HookedSource(
            follower.url, options, hooks, resume, remember=REMEMBER, paced=self._paced
        )
        follower.source = source
        return source

    def _where_files_end(self, follower: FleetStream, last_event_id: str) -> ResumePoint | None:
        """Where an earlier capture of this stream was; None where it is new."""
        position, latest = self._sink.begun(follower.name)
        if position is None:
            return None
        follower.seq = follower.earlier_events = position.seq
        goes_on = position.seq > 0 and position.at is not None
        return ResumePoint(
            last_event_id=position.last_event_id or last_event_id,
            ended_at=position.at if goes_on else None,
            delivered=latest if goes_on else (),
        )

    # ------------------------------------------------------------------ what comes

    def _take(self, follower: FleetStream, batch: EventBatch) -> None:
        if self._filter is not None:
            batch = _passed(batch, self._filter)
            if not batch.types:
                # Nothing to keep, but where to resume: by what was seen, not by what was kept.
                source = follower.source
                assert source is not None
                self._sink.append(follower.name, batch, source.last_event_id, None)
        if not batch.types:
            return
        follower.seq += len(batch)
        assert batch.received_at is not None
        follower.last_at = at = batch.received_at.timestamp()
        waiting = follower.waiting
        if waiting and at - waiting[-1][1] < _LAG_STEP:
            waiting[-1] = (follower.seq, waiting[-1][1])
        else:
            waiting.append((follower.seq, at))
        follower.remember(batch)
        source = follower.source
        assert source is not None
        self._sink.append(follower.name, batch, source.last_event_id, source.reconnection_time)
        if follower.watcher is not None:
            follower.watcher(batch, None, follower.seq - len(batch))

    def _gapped(self, follower: FleetStream, base: int, gap: Gap) -> None:
        # Of a source that is filtered, the numbers are not those of what is kept.
        seq = gap.seq + base if self._filter is None else follower.seq
        gap = replace(gap, seq=seq)
        if follower.known_gaps.add(gap):
            follower.gaps += 1
        self._sink.gap(follower.name, gap)
        if follower.watcher is not None:
            follower.watcher(None, gap, gap.seq)

    def note_gap(self, name: str, gap: Gap) -> None:
        """A gap that the sink has noted: of what was kept, not of what came."""
        follower = self._followers.get(name)
        if follower is not None:
            follower.gaps += 1
            if follower.watcher is not None:
                follower.watcher(None, gap, gap.seq)

    # ------------------------------------------------------------------ what is told

    def reports(self) -> list[StreamReport]:
        """Every stream as it is now."""
        gone = [name for name, follower in self._followers.items() if self._is_gone(follower)]
        for name in gone:
            del self._followers[name]
        return [self._report(follower) for follower in self._followers.values()]

    def _is_gone(self, follower: FleetStream) -> bool:
        has_ended = follower.task is None or follower.task.done()
        return (
            follower.is_leaving and has_ended and self._sink.written(follower.name) >= follower.seq
        )

    def _report(self, follower: FleetStream) -> StreamReport:
        written = self._sink.written(follower.name)
        waiting = follower.waiting
        while waiting and waiting[0][0] <= written:
            waiting.popleft()
        since = waiting[0][1] if waiting else 0.0
        source = follower.source
        if source is None:
            state = State.CLOSED if follower.stopped else State.CONNECTING
            reason = Reason.STOPPED if follower.stopped else ""
            return StreamReport(
                follower.name,
                state,
                received=follower.seq,
                # What earlier runs wrote is known before the stream goes on from there.
                written=min(written, follower.seq),
                reason=reason,
                earlier=follower.earlier_events,
            )
        status, stats = source.status, source.stats
        if follower.earlier.connects:
            stats = follower.earlier + stats
        error = status.error
        text = "" if error is None else message_of(error)
        return StreamReport(
            follower.name,
            State.FAILED if follower.failure else status.state,
            status.attempt,
            0.0 if status.retry_in is None else status.since.timestamp() + status.retry_in,
            follower.seq,
            min(written, follower.seq),
            stats.bytes,
            stats.connects,
            stats.duplicates,
            stats.oversize,
            follower.gaps,
            follower.last_at,
            since,
            source.last_event_id,
            follower.failure or text,
            "" if error is None else hint_of(error),
            status.note,
            Reason.FAILED if follower.failure else status.reason or "",
            follower.earlier_events,
        )

    def watch(self, name: str | None, watcher: Watcher) -> None:
        """From here on `watcher` is called with all that comes of this stream, beginning with the
        latest that is remembered, and with nothing of the one before."""
        if self._watched is not None:
            self._watched.watcher = None
        self._watched = follower = None if name is None else self._followers.get(name)
        if follower is not None:
            follower.watcher = watcher
            first = follower.seq - follower.recent.events
            for batch in follower.recent:
                watcher(batch, None, first)
                first += len(batch)

    # ------------------------------------------------------------------ what is asked

    def command(self, name: str, kind: str) -> None:
        """Start, stop or retry one stream."""
        follower = self._followers.get(name)
        if follower is None or follower.is_leaving or self._ended:
            return
        source, task = follower.source, follower.task
        if kind == "retry" and source is not None:
            source.retry_now()
        elif kind == "stop":
            follower.stopped = True
            if source is not None:
                source.close()
            elif task is not None:
                task.cancel()  # it waits for its turn to begin
        elif kind == "start" and (task is None or task.done()):
            follower.failure, follower.stopped = "", False
            if self._gate is not None:  # else the run begins it
                self._begin(follower, 0.0)


async def _end(followers: Collection[FleetStream]) -> None:
    """End these streams; returns once their connections are gone, or could be no gentler."""
    tasks = [follower.task for follower in followers if follower.task is not None]
    for follower in followers:
        if follower.source is not None:
            follower.source.close()
        elif follower.task is not None:
            follower.task.cancel()
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=3.0)
        for task in late:
            task.cancel()


def _passed(batch: EventBatch, wanted: EventFilter) -> EventBatch:
    """The events that the filter lets through. Another batch: this one is remembered as it came."""
    rows = [i for i, event in enumerate(batch) if wanted.matches(event)]
    return EventBatch(
        types=[batch.types[i] for i in rows],
        data=[batch.data[i] for i in rows],
        last_event_ids=[batch.last_event_ids[i] for i in rows],
        has_id=[batch.has_id[i] for i in rows],
        origin=batch.origin,
        received_at=batch.received_at,
    )
