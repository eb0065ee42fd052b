"""Health: whether a recorder can do its own work, which is to read, and to write what it has read.

A server that is away is no fault of the recorder, which connects again by itself; that is a note. This module
judges the numbers that it is given, and asks for none.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..capture import SSECapture
from ..fleet import CaptureStats

# Seconds: what came is on disk a second later; what waits for so long waits for a disk that does not keep up.
LAG_S = 30.0
# Seconds: the loop answers within milliseconds; one that does not within so long hangs.
ANSWER_S = 1.9
# Seconds: as long as the first connections may take.
BEGIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Health:
    """What a probe is told.

    Attributes:
        reasons: why it is unhealthy; () where it is not.
        notes: what a user should know, and a probe need not.
        stats: the sums over all streams.
    """

    reasons: Sequence[str]
    notes: Sequence[str] = ()
    stats: CaptureStats = field(default_factory=CaptureStats)

    def as_json(self) -> dict[str, object]:
        """As the endpoint says it."""
        names = ("streams", "open", "failed", "received", "written", "lag")
        return {
            "status": "unhealthy" if self.reasons else "healthy",
            "reasons": list(self.reasons),
            "notes": list(self.notes),
            **{name: getattr(self.stats, name) for name in names},
        }


def health_of(capture: SSECapture, begun: float) -> Health:
    """How it is now.

    Args:
        begun: when it began, by the monotonic clock.
    """
    asked = time.monotonic()
    stats = capture.stats
    now = time.monotonic()
    return judge(
        stats,
        is_running=capture.running,
        trouble=capture.trouble,
        answered_in=now - asked,
        runs_for=now - begun,
    )


def judge(
    stats: CaptureStats, *, is_running: bool, trouble: str, answered_in: float, runs_for: float
) -> Health:
    """Whether these numbers are those of a healthy recorder; times in seconds."""
    away = stats.streams - stats.open - stats.failed
    found = {
        "it does not record any more": not is_running,
        f"the loop did not answer within {ANSWER_S:g} s": answered_in >= ANSWER_S,
        trouble: bool(trouble),
        f"events wait for the disk for {stats.lag:.0f} s": stats.lag > LAG_S,
        f"{stats.failed:,} of {stats.streams:,} streams failed for good": stats.failed > 0,
        "no stream has a connection": (
            stats.streams > 0 and not stats.open and not stats.failed and runs_for > BEGIN_S
        ),
    }
    notes = [f"{away:,} of {stats.streams:,} streams have no connection now"] if away > 0 else []
    return Health([reason for reason, is_so in found.items() if is_so], notes, stats)
