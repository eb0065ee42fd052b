"""Which numbers of each stream the files of a capture hold, as runs without a hole, and what that shows.

A month of a stream is one run, so this stays small; where it would not, it stops and says so
(`is_full`). It reads no file: `checking` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from ..events import Cause, Gap
from ..visible import visible_name

_RUN_BYTES = 400


@dataclass(slots=True)
class Run:
    """Events of one stream from number `start` to before `stop`; `path` is the file it begins in."""

    start: int
    stop: int
    path: str


class Numbers:
    """Of one file, of a sequence, or of a whole capture.

    Args:
        most: bytes of memory that it takes at the most.

    Attributes:
        runs: stream -> its runs, in the order they were met.
        is_full: there was more than fits: what `problems` says is not all.
    """

    def __init__(self, most: int) -> None:
        self.runs: dict[str, list[Run]] = {}
        self.is_full = False
        self._free = most
        self._lost: dict[tuple[str, datetime], Gap] = {}
        self._removed: dict[str, int] = {}
        self._reached: dict[str, tuple[int, str]] = {}

    @property
    def free(self) -> int:
        """The bytes that are left."""
        return self._free

    def add_rows(self, rows: pa.Table, path: str) -> None:
        """The rows of a file, some after the other."""
        coded = rows["stream"].combine_chunks().dictionary_encode()
        names: list[str] = coded.dictionary.to_pylist()
        codes = coded.indices.to_numpy()
        seq = rows["seq"].to_numpy()
        order = np.argsort(codes, kind="stable")
        codes, seq = codes[order], seq[order]
        breaks = np.flatnonzero((np.diff(codes) != 0) | (np.diff(seq) != 1)) + 1
        starts = [0, *breaks.tolist()]
        for start, stop in zip(starts, [*starts[1:], len(seq)], strict=True):
            first = int(seq[start])
            self.add(names[int(codes[start])], Run(first, first + stop - start, path))

    def add(self, stream: str, run: Run) -> None:
        runs = self.runs.get(stream)
        if runs and runs[-1].stop == run.start:
            runs[-1].stop = run.stop
        elif self._takes(_RUN_BYTES + (0 if runs else len(stream))):
            self.runs.setdefault(stream, []).append(Run(run.start, run.stop, run.path))

    def merge(self, other: Numbers) -> None:
        """What another one of these holds, too."""
        for stream, runs in other.runs.items():
            for run in runs:
                self.add(stream, run)
        for (stream, _), gap in other._lost.items():
            self.add_gap(stream, gap)
        for stream, before in other._removed.items():
            self.add_removed(stream, before)
        for stream, (seq, path) in other._reached.items():
            self.add_reached(stream, seq, path)
        self.is_full = self.is_full or other.is_full

    def add_gap(self, stream: str, gap: Gap) -> None:
        """A hole that the capture itself tells of; one of the same time is better known later."""
        if (
            gap.cause is not Cause.DISK
        ):  # the others are holes of the server's: no number is missing
            return
        key = (stream, gap.at)
        if key in self._lost or self._takes(_RUN_BYTES + len(stream) + len(gap.text)):
            self._lost[key] = gap

    def add_removed(self, stream: str, before: int) -> None:
        """What is below this number may have been removed, by `keep=` or `keep_bytes=`."""
        if stream in self._removed or self._takes(_RUN_BYTES + len(stream)):
            self._removed[stream] = max(before, self._removed.get(stream, 0))

    def add_reached(self, stream: str, seq: int, path: str) -> None:
        """All below this number was captured, as a footer says."""
        further = seq >= self._reached.get(stream, (0, ""))[0]
        if further and (stream in self._reached or self._takes(_RUN_BYTES + len(stream))):
            self._reached[stream] = (seq, path)

    def _takes(self, nbytes: int) -> bool:
        if self._free < nbytes:
            self.is_full = True
            return False
        self._free -= nbytes
        return True

    # ------------------------------------------------------------------ what it shows

    def problems(self) -> Iterator[str]:
        """A sentence for each range of numbers that is there twice or not at all."""
        lost: dict[str, list[Gap]] = {}
        for (stream, _), gap in self._lost.items():
            lost.setdefault(stream, []).append(gap)
        for stream in sorted({*self.runs, *self._reached}):
            reached, before = 0, ""
            for run in sorted(self.runs.get(stream, ()), key=lambda run: (run.start, run.stop)):
                if run.start < reached:
                    again = _range(run.start, min(run.stop, reached))
                    yield f"{again} of {named(stream)} are there twice: {run.path} repeats them."
                elif not self._is_told(stream, reached, run.start, lost.get(stream, [])):
                    yield _hole(stream, reached, run.start, before, run.path)
                if run.stop > reached:
                    reached, before = run.stop, run.path
            end, path = self._reached.get(stream, (0, ""))
            if end > reached and not self._is_told(stream, reached, end, lost.get(stream, [])):
                yield (
                    f"{_range(reached, end)} of {named(stream)} are in no file, "
                    f"although the footer of {path} counts them."
                )

    def _is_told(self, stream: str, start: int, stop: int, lost: list[Gap]) -> bool:
        """Whether there is no hole from `start` to before `stop`, or it is known why."""
        if start == stop or stop <= self._removed.get(stream, 0):
            return True
        start = max(start, self._removed.get(stream, 0))
        gaps = [gap for gap in lost if start < gap.seq <= stop]
        return any(gap.missing is None for gap in gaps) or (
            sum(gap.missing or 0 for gap in gaps) >= stop - start
        )


def named(stream: str) -> str:
    """A stream's name in a sentence."""
    return f"“{visible_name(stream, 200)}”"


def _hole(stream: str, start: int, stop: int, before: str, after: str) -> str:
    where = f"before {after}" if not before else f"after those of {before}, before {after}"
    return f"{_range(start, stop)} of {named(stream)} are in no file, and no gap tells of them ({where})."


def _range(start: int, stop: int) -> str:
    return f"Events {start:,} to {stop - 1:,}"
