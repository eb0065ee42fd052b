"""How the events of a capture came over time, as counts in steps of equal length.

A part that was written as events came says when its first and its last row came: a second, mostly. A merged
one carries the steps of those it was made of, as its `Pace`. What is known of a longer time than a step is
spread evenly over it. Nothing here opens a file.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

# Of a merged part: an hour in steps of ten seconds.
_STEPS = 360
MAX_STEPS = 4_096  # of one that somebody else wrote
_US = 1_000_000
# Seconds that a clock has marks for; longer steps are whole days.
_STEP_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_DAY_S = 86_400


class Pace(NamedTuple):
    """How the rows of a merged part came.

    Attributes:
        start: of the first step, in seconds since 1970.
        step: how long each is, in seconds.
        rows: how many rows came in each.
    """

    start: int
    step: int
    rows: tuple[int, ...]


def steps_for(first: int, last: int, most: int) -> tuple[int, int, int]:
    """The shortest steps that are round and no more than `most`, from `first` to `last` in
    microseconds: where they start and how long each is, in seconds, and how many they are."""
    span = max(last - first, 0) / _US
    for step in _STEP_S:
        if span / step <= most - 1:
            break
    else:
        step = _DAY_S * max(math.ceil(span / _DAY_S / max(most - 1, 1)), 1)
    start = first // _US // step * step
    return start, step, max(int(last // _US // step - start // step) + 1, 1)


class Counts:
    """Rows in steps of time.

    Args:
        start, step: of the first step and of each, in seconds.
        steps: how many.

    Attributes:
        rows: how many came in each step: an array of int64.
    """

    def __init__(self, start: int, step: int, steps: int) -> None:
        self.start = start
        self.step = step
        self.rows: Any = np.zeros(steps, np.int64)

    @classmethod
    def over(cls, first: int, last: int, most: int = _STEPS) -> Counts:
        """Round steps over these microseconds."""
        return cls(*steps_for(first, last, most))

    def spread(self, rows: int, first: int, last: int, pace: Pace | None = None) -> None:
        """So many rows came from `first` to `last`, in microseconds, at this pace, or evenly.

        Rows outside the steps count nowhere.
        """
        known = 0 if pace is None else sum(pace.rows)
        if pace is None or known == 0:
            return self._evenly(rows, first, last)
        before = 0
        given = 0
        for i, some in enumerate(pace.rows):
            before += some
            # In whole rows whose sum is right, where they are a share of all rows.
            until = rows * before // known
            begin = (pace.start + i * pace.step) * _US
            self._evenly(until - given, max(begin, first), min(begin + pace.step * _US - 1, last))
            given = until
        return None

    def _evenly(self, rows: int, first: int, last: int) -> None:
        if rows <= 0:
            return
        last = max(first, last)
        begin, length = self.start * _US, self.step * _US
        low = (first - begin) // length
        high = (last - begin) // length
        if low == high:
            if 0 <= low < len(self.rows):
                self.rows[low] += rows
            return
        low, high = max(low, 0), min(high, len(self.rows) - 1)
        if low > high:
            return
        edges = begin + length * np.arange(low, high + 2, dtype=np.float64)
        share = np.clip((edges - first) / (last + 1 - first), 0.0, 1.0)
        self.rows[low : high + 1] += np.diff(np.floor(share * rows + 0.5)).astype(np.int64)

    def pace(self) -> Pace:
        """The same as a footer carries it."""
        return Pace(self.start, self.step, tuple(self.rows.tolist()))
