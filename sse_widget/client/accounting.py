"""What a source counts, its errors and its gaps, in numbers and in words.

Every event, fault, byte and reconnect is entered here once. Nothing is decided here: which events came
twice is found by `resumption`, and when to connect again by `retry`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..errors import SSEError
from ..events import Cause, EventBatch, Gap, Stats
from ..protocol import Unfinished
from .resumption import KEPT_CHARS, ResumeResult

_ERRORS_KEPT = 32
_GAPS_KEPT = 1000


class Outage(NamedTuple):
    """Why there is no connection, and since when (monotonic seconds)."""

    since: float
    cause: Cause
    why: str


class Accounts:
    """The accounts of one source.

    Args:
        gapped: called with every new gap, and again when more is known of it.
        hide: takes the stream's secrets out of what is told of a gap: an id may repeat one.
    """

    def __init__(self, gapped: Callable[[Gap], None], hide: Callable[[str], str] = str) -> None:
        self._gapped = gapped
        self._hide = hide
        self.errors: deque[SSEError] = deque(maxlen=_ERRORS_KEPT)
        self.gaps: deque[Gap] = deque(maxlen=_GAPS_KEPT)
        self.received = 0
        self.duplicates = 0
        self.oversize = 0
        self.comments = 0
        self.bytes = 0
        self.connects = 0
        self._open: Gap | None = None  # a reconnect's, until its first events tell more
        # Of events that the end of a connection cut off, with their ids, until the next events tell
        # more. Several of them may be one event, which each of some connections cut off.
        self._cut: deque[tuple[Gap, str | None]] = deque(maxlen=_GAPS_KEPT)

    def stats(self, ignored: int) -> Stats:
        return Stats(
            received=self.received,
            duplicates=self.duplicates,
            oversize=self.oversize,
            comments=self.comments,
            ignored=ignored,
            bytes=self.bytes,
            connects=self.connects,
        )

    def reconnected(self, lost: Outage, resumed_from: str) -> None:
        """A connection opened after one was lost: there may be a hole before the next event."""
        duration = time.monotonic() - lost.since
        if lost.cause is Cause.RESTART:
            begin = f"Stopped for {duration:.1f} s, then started again"
        else:
            begin = f"Reconnected after {duration:.1f} s ({lost.why})"
        # Whether it resumed there is for the events to show.
        then = ResumeResult(None, final=not resumed_from).sentence(resumed_from)
        self._open = self._note(
            self.received,
            lost.cause,
            f"{begin}; {then}",
            resumed_from=resumed_from[:KEPT_CHARS],
            duration=duration,
        )

    def truncated(self, unfinished: Unfinished | None) -> None:
        """A connection ended in the middle of an event, which the standard drops; None: in the middle
        of compressed bytes, and nobody knows what they held."""
        if unfinished is None:
            text = "the compressed stream ended before its end: unknown loss"
            self._note(self.received, Cause.TRUNCATED, text)
            return
        size = unfinished.size
        dropped = "1 byte of it was" if size == 1 else f"{size:,} bytes of it were"
        gap = self._note(
            self.received,
            Cause.TRUNCATED,
            f"the stream ended inside an event: {dropped} dropped",
            missing=1 if unfinished.data else None,
        )
        self._cut.append((gap, unfinished.id))

    def came(self, batch: EventBatch) -> None:
        """These events came after a reconnect: perhaps one that was cut off before."""
        if not self._cut:
            return
        rows = zip(batch.last_event_ids, batch.has_id, strict=True)
        ids = {id_ for id_, own in rows if own}
        for cut in [cut for cut in self._cut if cut[1] in ids]:
            self._cut.remove(cut)
            self._know_of_cut(cut[0], "it came again", replayed=True)

    def _know_of_cuts(self, text: str, *, replayed: bool) -> None:
        while self._cut:
            self._know_of_cut(self._cut.popleft()[0], text, replayed=replayed)

    def _know_of_cut(self, gap: Gap, text: str, *, replayed: bool) -> None:
        known = replace(gap, text=f"{gap.text}; {text}", replayed=replayed, missing=0)
        self._replace(gap, known)

    def _replace(self, gap: Gap, known: Gap) -> None:
        """More is known of this gap."""
        if gap in self.gaps:
            self.gaps[self.gaps.index(gap)] = known
        self._gapped(known)

    def resumed(self, resumption: ResumeResult) -> None:
        """The first events tell more of a reconnect than was known when it was noted."""
        gap = self._open
        if gap is None:
            return
        begin = gap.text.partition("; ")[0]
        known = replace(
            gap,
            text=self._hide(f"{begin}; {resumption.sentence(gap.resumed_from)}"),
            replayed=resumption.replayed,
            missing=resumption.missing,
            repeated=resumption.repeated,
        )
        self._open = None if resumption.final else known
        self._replace(gap, known)
        if resumption.replayed:
            self._know_of_cuts("it came again", replayed=True)
        elif resumption.missing:
            # What is missing begins with it: one loss, counted once.
            self._know_of_cuts("it is among those missing after the reconnect", replayed=False)
        elif resumption.final:
            self._cut.clear()  # nothing tells

    def faults(self, batch: EventBatch, url: str) -> None:
        """Events of this batch, which is not received yet, that were dropped."""
        self.oversize += len(batch.faults)
        for fault in batch.faults:
            fault.url = url
            self.errors.append(fault)
            at = self.received + fault.index
            self._note(at, Cause.OVERSIZE, fault.message, replayed=False, missing=1)

    def _note(self, seq: int, cause: Cause, text: str, **more: Any) -> Gap:
        gap = Gap(seq, datetime.now(UTC), cause, self._hide(text), **more)
        self.gaps.append(gap)
        self._gapped(gap)
        return gap
