"""Cost that does not grow: CPU an event, and memory, from 1,000 to 10,000,000 events.

One `SSEStream` without a page reads a single response to its end; what the thread used is noted at
every power of ten.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from unittest import mock

from .measure import Report, table, verdict
from .rig import rss
from .server import BLOCK, served

__all__ = ["report"]

_POWERS = range(3, 8)
_GROWS = 1.2  # times


def marks_of(url: str, powers: range) -> list[tuple[int, float, float]]:
    """(events, CPU seconds of the thread, MB of the process) at each power of ten."""
    from sse_widget import EventBatch, SSEStream
    from sse_widget.tables import RollingWindow

    marks: list[tuple[int, float, float]] = []
    due = [10**power for power in powers]

    append = RollingWindow.append

    def noted(window: RollingWindow, batch: EventBatch) -> None:
        append(window, batch)
        while due and window.counts.received >= due[0]:
            due.pop(0)
            marks.append((window.counts.received, time.thread_time(), rss(os.getpid())))

    with mock.patch.object(RollingWindow, "append", noted):
        stream = SSEStream(url, reconnect=False)
        asyncio.run(asyncio.wait_for(stream.wait_closed(), 300))
    stats = stream.stats
    assert stats.received == stats.held + stats.evicted
    stream.close()
    return marks


def report(most: int = 10 ** _POWERS[-1]) -> Report:
    """The table, and what it should say."""
    with served() as origin:
        marks_of(f"{origin}/endless/1", range(3, 4))  # warm
        powers = range(_POWERS[0], len(str(most)))
        marks = marks_of(f"{origin}/endless/{-(-most // BLOCK)}", powers)
    rows = []
    costs = []
    for (before, cpu, _), (now, later, held) in itertools.pairwise(marks):
        costs.append((later - cpu) / (now - before) * 1e6)
        rows.append([f"{before:,} to {now:,}", f"{costs[-1]:.2f}", f"{held:.0f}"])
    costlier = costs[-1] / costs[1]
    # From when the window holds all it may.
    larger = marks[-1][2] / marks[-2][2]
    text = "\n\n".join(
        [
            "## Cost that does not grow: one stream, at most 100,000 events held",
            table(["events", "µs of CPU an event", "MB of the process at the end"], rows),
            f"The last decade costs {costlier:.2f} times the second one; aim: flat.",
        ]
    )
    verdicts = [
        verdict("the last decade's CPU an event, times the second's", costlier, "≤", _GROWS),
        verdict("memory at the last mark, times the one before", larger, "≤", _GROWS),
    ]
    return Report(text, verdicts)
