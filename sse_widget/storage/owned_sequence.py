"""OwnedSequence: one sequence of a capture's files that this process has claimed. It commits events, bounds what waits
while the disk refuses, and runs compaction.

The latest process to claim a sequence owns it. Its methods block, and it has no thread and no clock: its owner
decides when something is written, and on which thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

from ..errors import CaptureNotWritten, CaptureTaken, message_of
from ..events import Cause, Gap
from .allocator import KeptMemory
from .compaction import Compacted, compact
from .dataset import Dataset
from .footer import Position
from .options import Capture
from .writer import FOLDER_TIME, Writer

# How often a claim is tried: an owner that is about to lose may be quicker by a moment, not so often.
_CLAIMS = 20

T = TypeVar("T")


class Superseded(CaptureTaken):
    """A later capture has taken this sequence over, and all others with it: nothing was claimed."""


class _Loss(NamedTuple):
    """Rows of one stream that were let go, one after the other; the first is their name."""

    first: int
    rows: int
    at: datetime


class OwnedSequence:
    """One sequence, and the writer that has it.

    Args:
        dataset: the capture.
        to: how it is kept.
        name: of the sequence; "" is the capture's only one.
        streams: those that are written from here on.
        begin: how far streams are by other sequences of the capture.
        generation: of the capture whose sequence it is, as given to `take_over`; "" for that of whoever comes.

    Attributes:
        writer: writes it.
        before: how far each stream was before it was claimed.
        refused: why the disk refuses to be claimed, for now; None where it is ours.
        not_kept: how many rows were let go since.
        losing: rows were let go since the last commit.
        needs_compaction: a folder was closed since the last tidying, or its merging had to wait.

    Raises:
        CaptureTaken: another owner was quicker, again and again.
        Superseded: the newest part is of another generation.
        CaptureTooNew: a newer version of this package wrote there.
        CaptureError: a place that cannot hold a capture.
    """

    def __init__(
        self,
        dataset: Dataset,
        to: Capture,
        name: str = "",
        *,
        streams: Iterable[str],
        begin: Mapping[str, Position] | None = None,
        generation: str = "",
    ) -> None:
        self._generation = generation
        self.dataset = dataset
        self.not_kept = 0
        self.needs_compaction = self.losing = False
        self._to = to
        self._name = name
        self._losses: dict[str, _Loss] = {}
        self._kept = KeptMemory()
        self.refused: CaptureNotWritten | None = None
        self.writer, self.before = _persistent(lambda: self._claim(streams, begin or {}))

    def _claim(
        self, streams: Iterable[str], begin: Mapping[str, Position]
    ) -> tuple[Writer, dict[str, Position]]:
        longest = FOLDER_TIME if self._keep is None else min(FOLDER_TIME, self._keep / 4)
        writer = Writer(self.dataset, self._name, folder_time=longest, generation=self._generation)
        # Its claim fails where another part is made meanwhile: this is true of the part it follows.
        if writer.follows is not None and not writer.follows.startswith(self._generation):
            writer.close()
            raise Superseded(
                f"a later capture writes {self.dataset.place.name} now",
                hint="Nothing was lost or doubled.",
            )
        for name, position in begin.items():
            known = writer.positions.get(name)
            if known is None or known.seq < position.seq:
                writer.positions[name] = position
        # What it says before we are there: also when the last one ended.
        before = dict(writer.positions)
        self.refused = None
        try:
            # Ours, before anything is asked for: an owner that sleeps must not win when it wakes.
            writer.claim(*streams)
        except CaptureNotWritten as e:
            self.refused = e
        return writer, before

    @property
    def _keep(self) -> timedelta | None:
        return self._to.keep if isinstance(self._to.keep, timedelta) else None

    def written(self, stream: str) -> int:
        """The number up to which the events of a stream are on disk."""
        position = self.writer.positions.get(stream)
        return 0 if position is None else position.seq

    def commit(self) -> None:
        """Write what waits.

        Raises:
            CaptureTaken: another owner has the sequence.
            CaptureNotWritten: the disk refuses; all is kept.
        """
        writer = self.writer
        folder = writer.folder
        _, size = writer.pending
        try:
            # What was refused is written as it was then; what came since is the next part.
            if writer.refused:
                writer.commit()
            writer.commit()
            self.losing = False
        finally:
            self.needs_compaction = self.needs_compaction or writer.folder != folder
            self._kept.used(size)

    def drop_oldest(self, most: int) -> dict[str, Gap]:
        """Let go of the oldest rows that wait until fewer than `most` bytes do: some more than have to, so
        that this is not done again for the next one. What a stream lost is a gap of it, which is written
        with what comes next; those gaps are returned. From any thread."""
        gaps = {}
        for name, lost in self.writer.drop_oldest(most - most // 8).items():
            if not lost.rows:
                continue
            known = self._losses.get(name)
            if known is None or known.first != lost.end - lost.rows:
                known = _Loss(lost.end - lost.rows, 0, datetime.now(UTC))
            self.not_kept += lost.rows - known.rows
            self.losing = True
            self._losses[name] = known._replace(rows=lost.rows)
            text = f"{lost.rows:,} events were not captured: the disk refused for too long"
            gaps[name] = Gap(
                lost.end, known.at, Cause.DISK, text, missing=lost.rows, replayed=False
            )
            self.writer.gap(name, gaps[name])
        return gaps

    def compact(self) -> Compacted:
        """Merge and remove what may be; a failure is only said, for it never ends a capture."""
        self.needs_compaction = False
        try:
            done = compact(
                self.dataset,
                self._name,
                keep=self._keep,
                keep_bytes=self._to.keep_bytes,
                merge=self._to.merge,
                writer=self.writer.id,
            )
            self.needs_compaction = done.later
            return done
        except Exception as e:
            return Compacted(failure=f"Housekeeping failed: {message_of(e)}")
        finally:
            self._kept.give_back()


def take_over(dataset: Dataset, name: str, generation: str = "") -> None:
    """Take a sequence from its owner, and leave it to those of this generation; it is begun where there is none."""

    def claim() -> None:
        writer = Writer(dataset, name, generation=generation)
        writer.claim()
        writer.close()

    with contextlib.suppress(CaptureTaken):
        _persistent(claim)


def _persistent(claim: Callable[[], T]) -> T:
    for _ in range(_CLAIMS - 1):
        try:
            return claim()
        except Superseded:
            raise
        except CaptureTaken:
            continue
    return claim()
