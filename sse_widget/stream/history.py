"""The part of a stream that is on disk: where it goes on after an earlier process, and its older rows.

`storage.recorder` writes; this module reads for the window, the source, `history` and the page. It starts
nothing.
"""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from .. import recordings, runtime, storage
from ..client import ResumePoint, SourceKeywords, SourceOptions
from ..errors import CaptureError
from ..events import EventBatch, Gap, Stats
from ..notebook import CaptureMessage
from ..payload import bounded_slices
from ..tables import RollingWindow, Snapshot

if TYPE_CHECKING:
    import os

    import pyarrow.dataset

    from ..storage import Capture, CaptureStatus, Recorder

_GAPS_FROM = 200  # files whose gaps are read on opening
# What may come again after a restart is compared with so much of what is there.
_REMEMBER = (20_000, 16 * 2**20)
_REMEMBER_LEAST = 2**18
_BATCH = 1_000
# Seconds for which a turn of the loop is waited for.
_TURN_S = 5.0
# Of `Stats`, what the files hold beside the events.
KEPT_COUNTERS = ("duplicates", "oversize", "comments", "ignored", "bytes", "connects")


class RestoredState:
    """What a stream begins with: nothing, or what its capture says."""

    def __init__(
        self, capture: str | os.PathLike[str] | Capture | None, url: str, window: RollingWindow
    ) -> None:
        self.recorder: Recorder | None = None
        self.gaps: list[Gap] = []
        self.counts: dict[str, int] = {}
        self.stats = Stats()
        self.received = 0
        self._batches: list[EventBatch] = []
        if capture is None:
            return
        self.recorder = recorder = storage.Recorder(storage.capture_of(capture), url)
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
        self.stats = Stats(**{name: position.stats.get(name, 0) for name in KEPT_COUNTERS})

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


class History:
    """What the files of a stream hold, and how its capture goes.

    Args:
        recorder: what writes them; None without a capture.
        window: what is held, where there is no capture.
    """

    def __init__(self, recorder: Recorder | None, window: RollingWindow) -> None:
        self._recorder = recorder
        self._window = window

    @property
    def status(self) -> CaptureStatus | None:
        """How the capture goes; None where there is none."""
        return None if self._recorder is None else self._recorder.status

    def dataset(self) -> pyarrow.dataset.Dataset:
        """All events of the stream up to now; without a capture what is held."""
        import pyarrow.dataset

        if self._recorder is None:
            return pyarrow.dataset.dataset(recordings.arrow_table(self._window.read()))
        # An event is counted, and handed to the recorder, in one turn of the loop: not before that is over.
        runtime.call_within(_TURN_S, lambda: None)
        self._recorder.flush()
        return self._recorder.dataset.dataset(self._recorder.name)

    def describe(self) -> CaptureMessage | None:
        """The status as the page reads it."""
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

    def oldest(self) -> int | None:
        """The number of the oldest event that can be had."""
        return None if self._recorder is None else self._recorder.oldest

    def read(self, first: int, stop: int) -> Snapshot:
        """Some rows that end before `stop`, the newest first. It blocks."""
        assert self._recorder is not None
        with contextlib.suppress(OSError, CaptureError):
            if stop > self._recorder.status.written:
                self._recorder.flush()
        return storage.earlier_rows(self._recorder.dataset, self._recorder.name, first, stop)
