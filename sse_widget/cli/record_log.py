"""The log of `record`: what it is told, whatever is made of that: `text_log` for a person, `json_log` for a
program. It decides nothing.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from ..fleet import CaptureStats

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
