"""What `record` reports to: the interface of `TextLog`, which writes for people, and `JsonLog`, which writes for
programs.

It says how often progress is told, and nothing about what is told.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from ..fleet import CaptureStats

# Seconds between two lines of progress.
_PROGRESS_S = 10.0

Fact = str | int | float | bool | None


class StreamState(NamedTuple):
    """How one stream is.

    Attributes:
        stream: its name.
        state: one of `State`.
        text: what is odd or went wrong, without secrets; "" for nothing.
    """

    stream: str
    state: str
    text: str


class Throttle:
    """Says when to tell how far a recording is: when something changed, and every ten seconds."""

    def __init__(self) -> None:
        self._due = 0.0
        self._state: object = None

    def is_due(self, state: object) -> bool:
        """Whether to tell now, where `state` is what a change is looked for in."""
        now = time.monotonic()
        if now < self._due and state == self._state:
            return False
        self._due, self._state = now + _PROGRESS_S, state
        return True


class Log(Protocol):
    def running(self) -> AbstractContextManager[None]:
        """While the capture runs."""

    def progress(
        self, stats: CaptureStats, gone: float, duration: float | None, trouble: str
    ) -> None:
        """Called several times a second; `trouble` is "" for none. Times are seconds."""

    def streams(self, changed: list[StreamState], more: int) -> None:
        """These streams are in another state by now, and so many more."""

    def say(self, event: str, text: str, *, level: str = "info", **facts: Fact) -> None:
        """Something happened once: `event` names its kind."""

    def ended(
        self, stats: CaptureStats, to: str, took: float, odd: list[StreamState], trouble: str
    ) -> None:
        """It is over, with this on disk."""


def plural(count: int, word: str) -> str:
    """`1 event`, `2,000 events`."""
    return f"{count:,} {word if count == 1 else f'{word}s'}"
