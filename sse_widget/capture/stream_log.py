"""The log of the selected stream of a capture, for the page.

A small rolling window is fed from the stream while it is selected, and has a channel of its own to the
page. This module reads no file and opens no connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..events import EventBatch, Gap, Reason
from ..fleet import StreamReport
from ..notebook import Channel
from ..tables import GapLog, RollingWindow, Tally

__all__ = ["StreamLog"]

MAX_EVENTS = 20_000
MAX_BYTES = 32 * 2**20
_TYPES_KEPT = 1_000
_GAPS_KEPT = 200


class StreamLog:
    """What the page sees of the selected stream.

    Args:
        number: which selection of the capture this is; messages of earlier ones are ignored.
        name, url: of the stream.
        send: puts a message on the wire.
        report: the stream as it is now.
    """

    def __init__(
        self,
        number: int,
        name: str,
        url: str,
        *,
        send: Callable[[dict[str, Any], list[Any]], None],
        report: Callable[[], StreamReport],
    ) -> None:
        self.number = number
        self.name = name
        self.settings = {
            "url": url,
            "session": f"{name}/{number}",
        }
        self._report = report
        self._window = RollingWindow(MAX_EVENTS, MAX_BYTES)
        self._counts = Tally(types=_TYPES_KEPT)
        self._gaps = GapLog(most=_GAPS_KEPT)
        self._state = ""
        self.channel = Channel(
            self._window,
            send=lambda content, buffers: send({**content, "log": number}, buffers),
            describe=self._describe,
            counts=self._counts,
            gaps=lambda: list(self._gaps),
        )

    def take(self, batch: EventBatch | None, gap: Gap | None) -> None:
        """Something came of the stream."""
        if gap is not None:
            known = self._gaps.known(gap)
            gap = replace(gap, seq=self._window.counts.received if known is None else known.seq)
            self._gaps.add(gap)
            self.channel.note(gap=gap)
        if batch is not None and batch.types:
            self._window.append(batch)
            self.channel.note(self._counts.add(batch.types))

    def look(self) -> None:
        """The state may have changed."""
        report = self._report()
        state = f"{report.state} {report.attempt} {report.error} {report.text}"
        if state != self._state:
            self._state = state
            self.channel.note()

    def clear(self) -> None:
        self._window.clear()
        self.channel.note()

    def _describe(self) -> dict[str, Any]:
        report = self._report()
        received, held, evicted, cleared = self._window.counts
        now = time.time()
        return {
            "stats": {
                "received": received,
                "held": held,
                "evicted": evicted,
                "cleared": cleared,
                "duplicates": report.duplicates,
                "oversize": report.oversize,
                "comments": 0,
                "ignored": 0,
                "bytes": report.bytes,
                "connects": report.connects,
                "not_sent": self.channel.not_sent,
            },
            "status": {
                "state": report.state,
                "attempt": report.attempt,
                "retry_in": max(report.retry_at - now, 0.0) if report.retry_at else None,
                "since": now * 1000,
                "error": report.error or None,
                "hint": report.hint or None,
                "note": report.note or None,
                "reason": Reason(report.reason).sentence if report.reason else None,
                "warns": bool(report.reason) and Reason(report.reason).warns,
            },
            "last_event_id": report.last_event_id,
            "reconnection_time": None,
        }
