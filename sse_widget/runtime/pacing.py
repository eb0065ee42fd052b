"""Pacing: the intervals between two wake-ups of the background thread, and whether a cell computes.

Every wake-up takes the interpreter's lock from the cell that runs, whether it brings one event or a hundred:
while another thread computes, the intervals are longer (docs/decisions/0003-paced-reading.md). This module
only says how long they are; a socket is read by `client.read_pacer`, a page told by `notebook.channel`.
"""

from __future__ import annotations

import math

# A tick of the page's channel too: what is read is sent in the same wake-up.
INTERVAL_S = 0.03
# Beside a cell that computes: still a log that moves, for a twelfth of the wake-ups. Where an interval
# brings much the sooner, for what waits in the system's socket buffers must fit there.
CONTENDED_INTERVAL_S, CONTENDED_INTERVAL_OF_MUCH_S = 0.35, 0.25
MUCH_BYTES = 64 * 1024
# Between messages of more rows than are read one by one, and fewer than make a lump: see `pace`.
CALM = 2.5 * INTERVAL_S
_FEW_ROWS, _MANY_ROWS, _LUMP = 2, 400, 128 * 1024
# A thread that wants the interpreter asks a busy one for it after 5 ms, once for each system call.
_LATE = 0.003
_MANY, _MOST = 3, 6
# Seconds: a look that is due before that is due then.
_EXACT_S = 2.0


class ContentionDetector:
    """Whether another thread computes: then more timers fire late than in time.

    The interpreter's lock is the process's, and so is this.
    """

    def __init__(self) -> None:
        self._late = 0

    def note(self, late: float) -> None:
        """A timer of the loop fired this many seconds after it was due."""
        self._late = min(self._late + 1, _MOST) if late > _LATE else max(self._late - 1, 0)

    @property
    def contended(self) -> bool:
        return self._late >= _MANY


contention = ContentionDetector()


def look_at(now: float, seconds: float) -> float:
    """When to look again in about so many seconds, by the clock of `now`: at a whole second, so that
    the looks of many idle streams are one wake-up. Never later, and as it is for less than two seconds."""
    return now + seconds if seconds < _EXACT_S else float(math.floor(now + seconds))


def interval(size: float = 0) -> float:
    """Seconds between two wake-ups, as things are, where each brings about so many bytes."""
    if not contention.contended:
        return INTERVAL_S
    return CONTENDED_INTERVAL_OF_MUCH_S if size > MUCH_BYTES else CONTENDED_INTERVAL_S


def pace(rows: int, size: int, *, read: bool) -> float:
    """Seconds between two messages to a page, where so many rows, of about so many bytes, wait.

    A paint costs a page the same whatever is new. A few rows a person reads one by one: a message an interval.
    More are only seen to move: every second interval will do, and the oldest is painted within 100 ms of
    its coming, for half of the page's CPU. Yet more are a load by themselves and must not pile up: a message
    an interval again.

    Args:
        read: it was just read, so that nothing more comes for an interval: no use to wait longer.
    """
    if contention.contended:
        # A message goes in the wake-up that read its rows: half an interval is not too soon for that one,
        # and the timer leaves it the time to come a little late.
        return interval(size) / 2 if read else interval(size) * 1.5
    if not _FEW_ROWS < rows < _MANY_ROWS or size > _LUMP:
        return INTERVAL_S
    return CALM - INTERVAL_S if read else CALM
