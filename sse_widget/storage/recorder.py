"""Writes one stream to disk as it comes, on a thread of its own, and says how that goes.

It takes batches on the loop without waiting and commits them once a second. It keeps them where the disk
refuses and tries again, and it stops for good where another writer took the capture over. What it writes with is
an `OwnedSequence`.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..basics import Budget, Share
from ..errors import CaptureError, CaptureNotWritten, CaptureTaken, message_of
from ..events import EventBatch, Gap
from ..runtime import quiet_thread
from ..tables import Snapshot
from .allocator import QUIET_S
from .contiguous_rows import unbroken
from .dataset import Dataset
from .footer import Position
from .options import Capture
from .owned_sequence import OwnedSequence

ROWS = 50_000
BYTES = 16 * 2**20
# Beyond this a stream waits for the disk; beyond the second a disk that refuses costs events.
FULL_BYTES = 64 * 2**20
WAITING_BYTES = 128 * 2**20
RETRY = 2.0
_PATIENCE = 5.0


class CaptureState(StrEnum):
    """How writing goes: writing; waiting (the disk refuses: kept in memory, tried again); taken
    (somebody else writes there now); failed; closed."""

    WRITING = "writing"
    WAITING = "waiting"
    TAKEN = "taken"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class CaptureStatus:
    """How the capture of a stream goes.

    Attributes:
        to: the folder or URL.
        stream: the name of the stream there.
        state: one of `CaptureState`.
        written: the number up to which events are on disk: those before it are.
        waiting: how many events wait in memory to be written.
        not_kept: how many were let go, because the disk refused for too long.
        error: why it does not write, None while all is well.
        notes: what was found there: files that are damaged, or none of ours.
    """

    to: str
    stream: str
    state: CaptureState
    written: int
    waiting: int
    not_kept: int
    error: CaptureError | None = None
    notes: tuple[str, ...] = ()


class Recorder:
    """Keeps one stream.

    Args:
        capture: where and how.
        name: of the stream, where `capture` gives none.

    Attributes:
        position: how far the stream was captured when this one opened; None where it is new.

    Raises:
        CaptureTooNew: a newer version of this package wrote there.
        CaptureError: a place that cannot hold a capture.
    """

    def __init__(self, capture: Capture, name: str) -> None:
        self.capture = capture
        self.name = capture.stream or name
        self.dataset = Dataset(capture.to)
        self.notes: tuple[str, ...] = ()
        self.oldest = 0  # the number of the oldest event on disk
        self._changed: Callable[[], None] = lambda: None
        self._gapped: Callable[[Gap], None] = lambda gap: None
        self._facts: Callable[[], tuple[Mapping[str, int], int | None]] = lambda: ({}, None)
        self._state = CaptureState.WRITING
        self._error: CaptureError | None = None
        self._share = _share_of(Budget())
        self._news, self._due = threading.Event(), threading.Event()
        self._closing = False
        self._flushed: list[Future[None]] = []
        self._lock = threading.Lock()
        _give_way(self)
        self._sequence = OwnedSequence(self.dataset, capture, streams=[self.name])
        self._writer = self._sequence.writer
        before = self._sequence.before.get(self.name)
        self.position: Position | None = before if before is not None and before.seq else None
        if self._sequence.refused is not None:
            # A stream that can be read goes on in memory all the same.
            self._error, self._state = self._sequence.refused, CaptureState.WAITING
            self._news.set()
        self._thread = quiet_thread(self._serve, "sse-widget disk")
        self._thread.start()

    def subscribe(
        self,
        *,
        changed: Callable[[], None],
        gapped: Callable[[Gap], None],
        facts: Callable[[], tuple[Mapping[str, int], int | None]],
        held: Callable[[int, int], Snapshot],
        budget: Budget,
    ) -> None:
        """Who is told of changes and of lost events (on the disk's thread), who says how the
        stream counts and its reconnection time, who has its latest events as Arrow, and what the
        bytes that wait are counted toward."""
        self._writer.held = held
        self._writer.gapped = lambda stream, gap: self._begun_anew(gap)
        self._share = _share_of(budget)
        self._share.read = lambda: self._writer.pending[1]
        budget.share("files", read=lambda: self.dataset.nbytes)
        self._changed, self._gapped, self._facts = changed, gapped, facts

    # ------------------------------------------------------------------ from any thread

    @property
    def status(self) -> CaptureStatus:
        return CaptureStatus(
            to=self.dataset.place.name,
            stream=self.name,
            state=self._state,
            written=self._sequence.written(self.name),
            waiting=self._writer.pending[0],
            not_kept=self._sequence.not_kept,
            error=self._error,
            notes=self.notes,
        )

    @property
    def over(self) -> bool:
        """Nothing is taken any more."""
        return self._state in (CaptureState.TAKEN, CaptureState.FAILED, CaptureState.CLOSED)

    async def wait_for_space(self) -> None:
        """Wait while the disk is slower than the stream. Where it refuses, that would not help."""
        full = min(FULL_BYTES, self._share.limit // 2)
        while self._state is CaptureState.WRITING and self._writer.pending[1] > full:
            await asyncio.wrap_future(self.flush_soon())

    def append(self, batch: EventBatch, last_event_id: str, nbytes: int) -> None:
        """The next events of the stream, which take so many bytes; does not wait."""
        if not batch.types or self.over:
            return
        self._writer.add(self.name, batch, last_event_id=last_event_id, nbytes=nbytes)
        if not self._news.is_set():
            self._news.set()
        rows, size = self._writer.pending
        self._share.hold(size)
        most = self._share.limit
        if rows >= ROWS or size >= min(BYTES, most // 4):
            self._due.set()
        if size > most and self._state is CaptureState.WAITING:
            for gap in self._sequence.drop_oldest(most).values():
                self._gapped(gap)

    def gap(self, gap: Gap) -> None:
        """A hole of the stream, or more is known of one."""
        if not self.over:
            self._writer.gap(self.name, gap)
            self._news.set()

    def flush_soon(self) -> Future[None]:
        """Write what waits now; done when that was tried."""
        done: Future[None] = Future()
        with self._lock:
            if self._thread.is_alive() and not self._closing:
                self._flushed.append(done)
            else:
                done.set_result(None)
        self._news.set()
        self._due.set()
        return done

    def flush(self, timeout: float = _PATIENCE) -> None:
        """Write what waits, and wait for that; where the disk refuses, it was tried."""
        with contextlib.suppress(TimeoutError):
            self.flush_soon().result(timeout)

    def close(self, timeout: float = _PATIENCE) -> None:
        """Write what waits and let go."""
        with self._lock:
            self._closing = True
        self._news.set()
        self._due.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def give_way(self) -> None:
        """Another stream of this process opens the same capture: write what waits, then stop."""
        self.close()
        if self._state is not CaptureState.TAKEN:
            self._move(
                CaptureState.TAKEN,
                CaptureTaken(
                    f"another stream writes {self.dataset.place.name} now",
                    hint="Nothing was lost or doubled. Give each stream a folder of its own.",
                ),
            )

    # ------------------------------------------------------------------ the disk's thread

    def _serve(self) -> None:
        try:
            self._keep_writing()
        except BaseException as e:  # a bug: said where a user looks, never printed into a cell
            self._move(CaptureState.FAILED, CaptureError(message_of(e)))
        finally:
            with self._lock:
                self._closing = True
            self._answer()

    def _keep_writing(self) -> None:
        self._tidy()
        while not (self._closing or self.over):
            # While a stream flows the news stays out, and the thread is woken once a commit.
            if self._writer.idle and self._state is not CaptureState.WAITING:
                self._news.clear()
                if self._writer.idle and not (self._flushed or self._closing):
                    self._wait_for_news()
            trouble = self._state is CaptureState.WAITING
            self._due.wait(RETRY if trouble else self.capture.every)
            self._due.clear()
            self._write()
        self._write()
        self._writer.close()
        if not self.over:
            self._move(CaptureState.CLOSED, None)

    def _wait_for_news(self) -> None:
        if not self._news.wait(QUIET_S):
            self._commit()  # of nothing: what was kept for the next part is given back
            self._news.wait()

    def _write(self) -> None:
        with self._lock:
            waiters, self._flushed = self._flushed, []
        try:
            if not self.over:
                self._commit()
            if self._sequence.needs_compaction and not self.over:
                self._tidy()
        finally:
            for done in waiters:
                done.set_result(None)

    def _answer(self) -> None:
        with self._lock:
            waiters, self._flushed = self._flushed, []
        for done in waiters:
            done.set_result(None)

    def _commit(self) -> None:
        writer = self._writer
        try:
            if writer.pending[0]:
                stats, reconnection_time = self._facts()
                writer.add(
                    self.name, EventBatch(), stats=stats, reconnection_time=reconnection_time
                )
            self._sequence.commit()
        except CaptureNotWritten as e:
            self._move(CaptureState.WAITING, e)
        except CaptureTaken as e:
            self._move(CaptureState.TAKEN, e)
        except CaptureError as e:
            self._move(CaptureState.FAILED, e)
        except Exception as e:  # a bug: said where a user looks, never printed into a cell
            self._move(CaptureState.FAILED, CaptureError(message_of(e)))
        else:
            if self._state is CaptureState.WAITING:
                self._move(CaptureState.WRITING, None)

    def _begun_anew(self, gap: Gap) -> None:
        """The folder is gone, and another one goes on where it ended."""
        self.oldest = gap.seq
        self._gapped(gap)

    def _tidy(self) -> None:
        compacted = self._sequence.compact()
        notes = (compacted.failure,) if compacted.failure else compacted.notes
        if compacted.removed:
            self.oldest = self._oldest()
        if notes != self.notes:
            self.notes = notes
            self._changed()

    def _oldest(self) -> int:
        try:
            found = self.dataset.oldest(self.name)
        except (OSError, CaptureError):
            return self.oldest
        return self._writer.next_seq(self.name) if found is None else found

    def _move(self, state: CaptureState, error: CaptureError | None) -> None:
        if (state, error and error.message) == (self._state, self._error and self._error.message):
            return
        self._state, self._error = state, error
        self._changed()

    # ------------------------------------------------------------------ what was kept

    def rows(self, last: int, nbytes: int) -> Any:
        """The newest events on disk, without a hole up to the next number: (rows, has_id)."""
        table = self.dataset.read(self.name, last=last, nbytes=nbytes)
        self.oldest = self._oldest()
        assert self.position is not None
        return unbroken(table, self.position.seq)


def _share_of(budget: Budget) -> Share:
    return budget.share("waiting", most=WAITING_BYTES, part=0.5)


# Recorders of this process that write; when it ends in order, what waits is written.
_open_ones: weakref.WeakSet[Recorder] = weakref.WeakSet()
_registry = threading.Lock()


def _give_way(new: Recorder) -> None:
    """Run a cell again and the stream it made before writes its last part before the new one
    reads where it stopped."""
    with _registry:
        same = [k for k in _open_ones if k.dataset.place.full("") == new.dataset.place.full("")]
        _open_ones.add(new)
    for recorder in same:
        if recorder is not new and not recorder.over:
            recorder.give_way()


def _at_exit() -> None:
    ends = time.monotonic() + _PATIENCE
    for recorder in list(_open_ones):
        if hasattr(recorder, "_thread"):
            recorder.close(max(ends - time.monotonic(), 0.1))


atexit.register(_at_exit)
