"""Which event is due when, and where a reconnect goes on.

A schedule maps time to event numbers and back; since an event is a function of its number, the
history is arithmetic: the last HELD numbers. Pure; does no I/O.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

EPOCH = 1_735_689_600.0
"""Live feeds count their events from 2025-01-01T00:00Z, not from the start of the server: so an id
means the same event after the server was restarted, and the restart can be resumed across."""

HELD = 5_000
"""Events a live feed still hands out to somebody who was away."""

RETRY_MS = 1_000
"""The reconnection time the feeds ask for: short, since somebody is watching."""


class Clock:
    """Seconds since the epoch that never go back: a feed must not repeat a number when somebody
    sets the clock."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def __call__(self) -> float:
        return self._offset + time.monotonic()


@dataclass(frozen=True, slots=True)
class Schedule:
    """Event `first` is due at `start`, the next one 1/rate seconds later, and so on."""

    rate: float
    first: int
    start: float

    def newest(self, now: float) -> int:
        """The number of the latest event that is due."""
        return self.first + max(0, math.floor((now - self.start) * self.rate))

    def at(self, number: int) -> float:
        """When an event is due."""
        return self.start + (number - self.first) / self.rate

    def wait(self, number: int, now: float) -> float:
        # Never 0: floor() above and this division may disagree in the last bit, and a loop that
        # waits 0 seconds for an event that is not due yet would spin.
        return max(0.001, self.at(number) - now)


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a connection begins: with event `start`; `gone` events before it are held no more."""

    start: int
    gone: int


def parse_id(value: str | None) -> int | None:
    """The number in a Last-Event-ID header; None where it is none of ours."""
    if value is None or not (value.isascii() and value.isdigit()) or len(value) > 15:
        return None
    return int(value)


def resume(last: int | None, newest: int, held: int = HELD, ahead: int = 0) -> Resume:
    """Where to go on after event `last`, when `newest` is the latest one.

    Without an id, or with one from another timeline (more than `ahead` in the future), begin with
    the latest event: somebody who opens a stream should see something at once.
    """
    if last is None or last > newest + ahead:
        return Resume(newest, 0)
    start = max(last + 1, newest - held + 1)
    return Resume(start, start - last - 1)
