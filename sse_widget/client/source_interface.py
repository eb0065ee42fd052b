"""What a stream, a fleet and a player know of a source, and give to the next one.

`Source` is what an `EventSource` and a player of recordings have in common. `SourceHooks` and `ResumePoint`
are given to its constructor; nothing of a source is written from outside afterwards.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ..basics import Budget
from ..errors import SSEError
from ..events import EventBatch, Gap, Stats, Status
from ..masking import Secrets
from .cookies import OriginJar
from .response_headers import ResponseHeaders


def _no_status() -> None:
    pass


def _no_gap(gap: Gap) -> None:
    pass


@dataclass(frozen=True, slots=True)
class SourceHooks:
    """Who is told what happens to a source. Called on the thread that reads it.

    Attributes:
        on_status: the status changed.
        on_gap: called with a new gap, and again when more is known of it.
    """

    on_status: Callable[[], None] = _no_status
    on_gap: Callable[[Gap], None] = _no_gap


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where a source goes on: after an earlier source, or after an earlier process.

    Attributes:
        last_event_id: the id to resume after.
        ended_at: since when there is no connection, which makes a gap; None: there was none yet.
        delivered: what came last: it is compared with what comes.
        reconnection_time: milliseconds, as the server said; None where it said nothing.
        errors: the latest ones.
        cookies: those that the server has set; None for none.
        position: of a recording, the row that is next.
    """

    last_event_id: str = ""
    ended_at: datetime | None = None
    delivered: Sequence[EventBatch] = ()
    reconnection_time: int | None = None
    errors: Sequence[SSEError] = ()
    cookies: OriginJar | None = None
    position: int = 0


class Source(Protocol):
    """Where events come from: a server, or a recording in its place."""

    @property
    def url(self) -> str:
        """Masked: safe to show."""

    @property
    def origin(self) -> str:
        """Scheme, host and port of what answers."""

    @property
    def response_headers(self) -> ResponseHeaders:
        """Of the answer that is the stream."""

    @property
    def status(self) -> Status:
        """What it is doing now."""

    @property
    def stats(self) -> Stats:
        """Its counters."""

    @property
    def errors(self) -> Sequence[SSEError]:
        """The latest ones, oldest first."""

    @property
    def last_event_id(self) -> str:
        """The id it would resume after."""

    @property
    def reconnection_time(self) -> int | None:
        """Milliseconds, as the server said."""

    @property
    def secrets(self) -> Secrets:
        """Takes its secret values out of texts."""

    @property
    def closed(self) -> bool:
        """Whether it was closed, or ended: no event follows."""

    @property
    def resume_point(self) -> ResumePoint:
        """Where another source goes on."""

    def batches(self) -> AsyncIterator[EventBatch]:
        """What comes, until it is over."""

    def draw_from(self, budget: Budget) -> None:
        """Count what it holds toward these bytes."""

    def retry_now(self) -> None:
        """Where an attempt is being waited for, make it now. From any thread."""

    def close(self) -> None:
        """End it, from any thread."""

    async def aclose(self) -> None:
        """`close()`, and wait until it is gone."""
