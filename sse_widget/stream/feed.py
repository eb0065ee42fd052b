"""StreamFeed: the events of one stream, from its source into its window, and how that is started and ended.

It owns the source, the window, the counts, the gaps and the recorder, and tells its listeners what happened.
It knows neither widget nor page. Two threads meet here: the user's calls `start` and `stop`, and all that comes
is taken on the background loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import weakref
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from .. import recordings, runtime, storage
from ..client import HookedSource, ResumePoint, Source, SourceHooks, SourceOptions, Url
from ..errors import SSEError
from ..events import EventBatch, Gap, Reason, State, Stats, Status
from ..notebook import NAME_CHARS, head_start
from ..runtime import LoopEnded, SharedEvent
from ..tables import GapLog, RollingWindow, Tally
from .history import KEPT_COUNTERS, RestoredState

if TYPE_CHECKING:
    from ..recordings import Recording
    from ..storage import Recorder

_GAPS_KEPT = 1000
# Seconds: `bound` waits at most so long for the thread of all streams.
_BOUND_S = 2.0
# Seconds: `stop` waits at most so long for the disk.
_FLUSH_S = 5.0
# Seconds: `stop` waits at most so long until its connection is gone, which takes milliseconds. A hung
# resolver cannot be cancelled: its task ends when it answers.
_JOIN_S = 2.0


class FeedListener:
    """What is told of a feed; each method does nothing where it is not overridden."""

    def starting(self) -> None:
        """It is about to connect: nothing has come yet. The feed is locked."""

    def started(self) -> None:
        """It connects. On the thread that called `start`."""

    def came(self, new_types: set[str]) -> None:
        """There are new events in the window, of these types. On the loop."""

    def status_changed(self) -> None:
        """The status of the stream, or of its capture, changed. On any thread."""

    def gap(self, gap: Gap) -> None:
        """Events may be missing; or more is known of such a gap. On the loop."""

    def resized(self) -> None:
        """The bounds of the window changed, and events may be gone. On the loop."""

    def cleared(self) -> None:
        """The events held were let go."""

    def stopped(self) -> None:
        """The user stopped it: the connection is gone."""

    def ending(self) -> None:
        """Nothing comes any more. The feed is locked."""

    def ended(self) -> None:
        """The stream is over, unless it is started again. On the thread of the loop."""


class _Earlier(NamedTuple):
    """What the sources before a stop and start have received and counted."""

    received: int
    stats: Stats


class StreamFeed:
    """Feeds one window from one source after the other.

    Args:
        url: where the events are asked for, or a recording.
        options: of the source.
        window: what holds the events.
        past: what a capture says of earlier runs.
        paced: reads of a flood are paced.

    Attributes:
        source: the one that is read now, or was read last.
        window, counts, gaps: what is held, how many came of each type, where some may be missing.
        recorder: what writes to disk; None without a capture.
        ended: nothing more will come, unless it is started again.
        closed: it is over for good.
    """

    def __init__(
        self,
        url: Url | Recording,
        options: SourceOptions,
        window: RollingWindow,
        past: RestoredState,
        *,
        paced: bool,
    ) -> None:
        self._url = url
        self._options = options
        self._paced = paced
        self._listeners: list[FeedListener] = []
        self._starting = threading.Lock()
        self._task: Future[None] | None = None
        self._failure: Exception | None = None
        self.closed = False
        self._earlier = _Earlier(past.received, past.stats)
        self.window = window
        self.counts = Tally(past.counts, name_chars=NAME_CHARS)
        window.budget.share("types", read=lambda: self.counts.nbytes)
        self.gaps = GapLog(past.gaps, most=_GAPS_KEPT)
        self.recorder = past.recorder
        self.ended = SharedEvent(is_set=True)
        self.source = self._next_source(past.resume_point(options))

    def add_listener(self, listener: FeedListener) -> None:
        """From here on `listener` is told, after those before it."""
        self._listeners.append(listener)

    def record(self) -> None:
        """Have the recorder write what comes: once all that listens is there."""
        if self.recorder is not None:
            subscribe_to_recorder(self, self.recorder)
            # It may have met trouble before there was anybody to tell.
            runtime.call(self.capture_changed)

    def _next_source(self, resume: ResumePoint | None) -> Source:
        hooks = SourceHooks(self._status_changed, self._on_gap)
        source: Source
        if isinstance(self._url, recordings.Recording):
            source = recordings.Player(self._url, hooks, resume)
        else:
            source = HookedSource(self._url, self._options, hooks, resume, paced=self._paced)
        source.draw_from(self.window.budget)
        return source

    # ------------------------------------------------------------------ what is known

    @property
    def begun(self) -> bool:
        """Whether it was ever started."""
        return self._task is not None

    @property
    def status(self) -> Status:
        """What the stream is doing now."""
        status = self.source.status
        if self._failure is None:
            return status
        return replace(
            status,
            state=State.FAILED,
            retry_in=None,
            error=self._failure,
            reason=Reason.FAILED,
        )

    def stats(self, not_sent: int = 0) -> Stats:
        """Counters since the stream began; `not_sent` is the page's."""
        earlier, now = self._earlier.stats, self.source.stats
        # Made at once, for each message to a page has them.
        return Stats(
            *self.window.counts,
            duplicates=earlier.duplicates + now.duplicates,
            oversize=earlier.oversize + now.oversize,
            comments=earlier.comments + now.comments,
            ignored=earlier.ignored + now.ignored,
            bytes=earlier.bytes + now.bytes,
            connects=earlier.connects + now.connects,
            not_sent=not_sent,
        )

    # ------------------------------------------------------------------ the user's side

    def start(self) -> None:
        """Connect; after `stop()`, resume from the last event ID. Does nothing while running.

        Raises:
            RuntimeError: after `close()`, which is for good.
        """
        if self.closed:
            raise RuntimeError(
                "this stream was closed, which is for good: make a new one; stop() is what start() "
                "can follow"
            )
        if self.recorder is not None and self.recorder.over:
            return  # what would come is not ours to keep any more: the status says why
        if self.source.closed:
            self.join()
        # The page and a cell may start at the same time.
        with self._starting:
            if self._task is not None:
                if not (self._task.done() or self.source.closed):
                    return
                self._renew()
            self.ended.clear()
            for listener in self._listeners:
                listener.starting()
            source = self.source
            # A cell that replays a recording mostly waits for its events.
            wait = 0.0 if isinstance(self._url, recordings.Recording) else head_start()
            self._task = task = runtime.run(self._run(source, wait))
        # Not within the lock: it is called at once where that ended already.
        task.add_done_callback(partial(self._ended_with, source))
        for listener in self._listeners:
            listener.started()

    def _renew(self) -> None:
        """A source is for one life: the next one goes on where it ended."""
        old = self.source
        self._earlier = _Earlier(self.window.counts.received, self._earlier.stats + old.stats)
        self._failure = None
        self.source = self._next_source(old.resume_point)

    def stop(self) -> None:
        """End the connection; what was received stays, and `start()` resumes."""
        self.source.close()
        self.join()
        if self.recorder is not None:
            self.recorder.flush(0.0 if runtime.is_loop_thread() else _FLUSH_S)
        for listener in self._listeners:
            listener.stopped()

    def clear(self) -> None:
        """Let go of the events held; the stream and its numbers go on."""
        self.window.clear()
        for listener in self._listeners:
            listener.cleared()

    def bound(self, *, max_events: int | None = None, max_bytes: int | None = None) -> None:
        """Bound the window anew; waits until that is done."""
        # Only the thread that appends may let go of what came last.
        if not runtime.is_loop_thread():
            runtime.call_within(
                _BOUND_S, partial(self.bound, max_events=max_events, max_bytes=max_bytes)
            )
            return
        window = self.window
        window.resize(max_events or window.max_events, max_bytes or window.max_bytes)
        for listener in self._listeners:
            listener.resized()

    def close(self) -> None:
        """`stop()` for good, and the disk is left."""
        self.closed = True
        self.source.close()
        self.join()
        if self.recorder is not None:
            self.recorder.close(0.0 if runtime.is_loop_thread() else _FLUSH_S)

    def join(self, seconds: float | None = _JOIN_S) -> None:
        """Wait until the connection is gone, at most so long; not on the loop's own thread."""
        if self._task is not None and not runtime.is_loop_thread():
            concurrent.futures.wait([self._task], seconds)

    def play_out(self) -> None:
        """Wait until it has ended by itself; raises what ended the wait. Not on the loop's thread."""
        if self._task is not None and not runtime.is_loop_thread():
            runtime.wait_for(self._task)

    # ------------------------------------------------------------------ the loop's side

    async def _run(self, source: Source, wait: float) -> None:
        try:
            await asyncio.sleep(wait)
            async for batch in source.batches():
                self._take(batch)
                if self.recorder is not None:
                    self.recorder.append(batch, source.last_event_id, self.window.newest_nbytes)
                    await self.recorder.wait_for_space()
        except SSEError:
            pass  # the source's status says it
        except Exception as e:  # a bug, or a user's callback: shown, never printed into a cell
            if source is self.source:
                self._failure = source.secrets.clean(e)
        finally:
            await source.aclose()
            if self.recorder is not None:
                self.recorder.flush_soon()
            self._end(source)

    def _ended_with(self, source: Source, task: Future[None]) -> None:
        """The loop ended under the stream: on the thread of that loop, with the last it does."""
        error = None if task.cancelled() else task.exception()
        if isinstance(error, LoopEnded):
            # The loop ends its tasks next, and the source with them.
            if self.recorder is not None:
                self.recorder.flush_soon()
            self._end(source, error)

    def _end(self, source: Source, error: Exception | None = None) -> None:
        """This source is over. Nothing where it was started again before this end was reached, as
        the page's two buttons can do."""
        with self._starting:
            if source is not self.source:
                return
            if error is not None:
                self._failure = error
            for listener in self._listeners:
                listener.ending()
            self.ended.set()
        self._status_changed()
        for listener in self._listeners:
            listener.ended()

    def _take(self, batch: EventBatch) -> None:
        self.window.append(batch)
        new_types = self.counts.add(batch.types)
        for listener in self._listeners:
            listener.came(new_types)

    def _status_changed(self) -> None:
        for listener in self._listeners:
            listener.status_changed()

    def _on_gap(self, gap: Gap) -> None:
        """A gap of the source, in the numbers of the stream; or more is known of the latest."""
        gap = replace(gap, seq=gap.seq + self._earlier.received)
        if self.recorder is not None:
            self.recorder.gap(gap)
        self.note_gap(gap)

    def note_gap(self, gap: Gap) -> None:
        """A gap in the numbers of the stream. On the loop."""
        self.gaps.add(gap)
        for listener in self._listeners:
            listener.gap(gap)

    # ------------------------------------------------------------------ the disk

    def capture_changed(self) -> None:
        """The recorder is in another state. On the loop."""
        assert self.recorder is not None
        status = self.recorder.status
        if status.state is storage.CaptureState.TAKEN and self._failure is None:
            # The numbers of what would come are another writer's by now.
            self._failure = status.error
            self.source.close()
        self._status_changed()

    def facts(self) -> tuple[dict[str, int], int | None]:
        """What the files say beside the events: counters, and the server's reconnection time."""
        stats = self.stats()
        return {n: getattr(stats, n) for n in KEPT_COUNTERS}, self.source.reconnection_time


def subscribe_to_recorder(feed: StreamFeed, recorder: Recorder) -> None:
    """Let the thread of the disk tell the feed, and ask it, without keeping alive a stream that no
    variable holds."""
    me = weakref.ref(feed)

    def changed() -> None:
        if (found := me()) is not None:
            runtime.call(found.capture_changed)

    def gapped(gap: Gap) -> None:
        if (found := me()) is not None:
            runtime.call(found.note_gap, gap)

    def facts() -> tuple[dict[str, int], int | None]:
        found = me()
        return ({}, None) if found is None else found.facts()

    window = feed.window
    recorder.subscribe(
        changed=changed, gapped=gapped, facts=facts, held=window.read, budget=window.budget
    )
