"""The disk side of SSEStream: a window, counts and a source that begin where the last process ended.

`storage.recorder` writes; this module ties it to the stream and gives back what was kept: `history`, and
older rows for the page.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa

from .. import runtime
from ..client import ResumePoint, Source, SourceKeywords, SourceOptions
from ..errors import CaptureError
from ..events import EventBatch, Gap, Stats
from ..payload import bounded_slices
from ..recordings import arrow_table
from ..storage import CaptureState, CaptureStatus, Recorder, capture_of, unbroken
from ..tables import SCHEMA, GapLog, RollingWindow, Snapshot, Tally

__all__ = ["Capturing", "RestoredState"]

_GAPS_FROM = 200  # files whose gaps are read on opening
# What may come again after a restart is compared with so much of what is there.
_REMEMBER = (20_000, 16 * 2**20)
_REMEMBER_LEAST = 2**18
_BATCH = 1_000
# Older rows are read for the page so many at a time: of each the page gets 64 KiB, and a mebibyte of all.
_ROWS_ASKED, _BYTES_ASKED = 5_000, 4 * 2**20


class RestoredState:
    """What a stream begins with: nothing, or what its capture says."""

    def __init__(self, capture: Any, url: str, window: RollingWindow) -> None:
        self.recorder: Recorder | None = None
        self.gaps: list[Gap] = []
        self.counts: dict[str, int] = {}
        self.stats = Stats()
        self.received = 0
        self._batches: list[EventBatch] = []
        if capture is None:
            return
        self.recorder = recorder = Recorder(capture_of(capture), url)
        position = recorder.position
        if position is None:
            return
        try:
            rows = recorder.rows(
                max(window.max_events, _REMEMBER[0]), max(window.max_bytes, _REMEMBER_LEAST)
            )
            self.gaps = [g for _, g in recorder.dataset.gaps(recorder.name, newest=_GAPS_FROM)]
        except BaseException:
            recorder.close()
            raise
        window.restore(position.seq, rows)
        most = max(min(_REMEMBER[1], window.max_bytes // 8), _REMEMBER_LEAST)
        self._batches = _batches(rows.slice(max(rows.num_rows - _REMEMBER[0], 0)), most)
        self.counts = dict(position.types)
        self.received = position.seq
        known = {
            n: position.stats.get(n, 0) for n in ("duplicates", "oversize", "comments", "ignored")
        }
        more = {n: position.stats.get(n, 0) for n in ("bytes", "connects")}
        self.stats = Stats(**known, **more)

    def options(self, options: SourceOptions, given: SourceKeywords) -> SourceOptions:
        """What the source is told where `given` does not say otherwise: a replay is dropped, so
        that each event is kept once, and it resumes where the files end."""
        position = self.recorder.position if self.recorder is not None else None
        if self.recorder is not None and "dedupe" not in given:
            options = replace(options, dedupe=True)
        if position is not None and given.get("last_event_id") is None:
            options = replace(options, last_event_id=position.last_event_id)
        return options

    def resume_point(self, options: SourceOptions) -> ResumePoint | None:
        """Where the source goes on: where the last process ended; None where there was none."""
        position = self.recorder.position if self.recorder is not None else None
        if position is None or position.at is None:
            return None
        return ResumePoint(
            last_event_id=options.last_event_id, ended_at=position.at, delivered=self._batches
        )


def _batches(rows: pa.Table, nbytes: int) -> list[EventBatch]:
    """The newest of them, as they came, as far as comparing needs it."""
    found: deque[EventBatch] = deque()
    slices = list(bounded_slices(rows, rows=_BATCH))
    while slices and nbytes > 0:
        some = slices.pop()
        names = ("type", "data", "last_event_id", "has_id")
        found.appendleft(EventBatch(*(some[name].to_pylist() for name in names)))
        nbytes -= found[0].nbytes
    return list(found)


class Capturing:
    """Mixed into SSEStream, which has the window, the source and the counters."""

    _window: RollingWindow
    _source: Source
    _failure: Exception | None
    _channel: Any
    _counts: Tally
    _all_gaps: GapLog
    stats: Any
    _on_change: Callable[[], None]

    def _start_capturing(self, recorder: Recorder | None) -> None:
        self._recorder = recorder
        if recorder is not None:
            # The thread of the disk must not keep a stream that nobody has a name for.
            me = weakref.ref(self)

            def changed() -> None:
                if (stream := me()) is not None:
                    runtime.call(stream._capture_changed)

            def gapped(gap: Gap) -> None:
                if (stream := me()) is not None:
                    runtime.call(stream._note_gap, gap)

            def facts() -> tuple[dict[str, int], int | None]:
                stream = me()
                return ({}, None) if stream is None else stream._facts()

            recorder.hear(
                changed=changed,
                gapped=gapped,
                facts=facts,
                held=self._window.read,
                budget=self._window.budget,
            )
            # It may have met trouble before there was anybody to tell.
            runtime.call(self._capture_changed)

    @property
    def capture(self) -> CaptureStatus | None:
        """How the capture goes; None where there is none."""
        return None if self._recorder is None else self._recorder.status

    @property
    def history(self) -> Any:
        """Everything captured of this stream, as a `pyarrow.dataset.Dataset`, up to now; without
        a capture what is held.

            stream.history.to_table(filter=pc.field("type") == "trade")
            stream.history.head(1000).to_pandas()

        Raises:
            CaptureError: a file was written by a newer version.
        """
        import pyarrow.dataset

        if self._recorder is None:
            return pyarrow.dataset.dataset(arrow_table(self._window.read()))
        self._recorder.flush()
        return self._recorder.dataset.dataset(self._recorder.name)

    def _note_gap(self, gap: Gap) -> None:
        raise NotImplementedError

    # ------------------------------------------------------------------ the loop's side

    def _facts(self) -> tuple[dict[str, int], int | None]:
        stats = self.stats
        names = ("duplicates", "oversize", "comments", "ignored", "bytes", "connects")
        return {n: getattr(stats, n) for n in names}, self._source.reconnection_time

    def _capture_changed(self) -> None:
        assert self._recorder is not None
        status = self._recorder.status
        if status.state is CaptureState.TAKEN and self._failure is None:
            # The numbers of what would come are somebody else's by now.
            self._failure = status.error
            self._source.close()
        self._on_change()

    def _describe_capture(self) -> dict[str, Any] | None:
        if self._recorder is None:
            return None
        status = self._recorder.status
        error = status.error
        return {
            "to": status.to,
            "state": status.state,
            "written": status.written,
            "waiting": status.waiting,
            "not_kept": status.not_kept,
            "error": None if error is None else error.message,
            "hint": None if error is None else error.hint,
            "notes": list(status.notes),
        }

    # ------------------------------------------------------------------ older than the window

    def _oldest_kept(self) -> int | None:
        """The number of the oldest event that can be had."""
        return None if self._recorder is None else self._recorder.oldest

    def _read_kept(self, first: int, stop: int) -> Snapshot:
        """Some rows that end before `stop`, the newest first. It blocks."""
        assert self._recorder is not None
        try:
            if stop > self._recorder.status.written:
                self._recorder.flush()
            table = self._recorder.dataset.read(
                self._recorder.name, first, stop, last=_ROWS_ASKED, nbytes=_BYTES_ASKED
            )
        except (OSError, CaptureError):
            table = SCHEMA.empty_table()
        if not table.num_rows:
            return Snapshot(stop, SCHEMA.empty_table())
        end = table["seq"][-1].as_py() + 1
        table = unbroken(table, end)
        return Snapshot(end - table.num_rows, table.select(SCHEMA.names))
