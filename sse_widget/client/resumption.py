"""What a reconnect means: which events came before, and whether anything can be missing.

Pure bookkeeping over batches: it remembers the latest events that had an id of their own, and
after a cut compares what comes with them. It decides what the words of a `Gap` may claim, never
when to reconnect. Imports `events` only.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from ..events import Event, EventBatch

__all__ = ["ReplayDetector", "ResumeResult", "drop"]

Key = Callable[[Event], Hashable]

# What is remembered is kept by reference, not copied. Telling "came twice" needs little; dropping
# what comes twice must survive a rewind by some seconds of a busy stream.
_REMEMBER = (1_000, 2**20)
_REMEMBER_TO_DEDUPE = (20_000, 16 * 2**20)


@dataclass(frozen=True, slots=True)
class ResumeResult:
    """What the first events after a cut tell.

    Attributes:
        replayed: True: nothing is missing; False: something is; None: nothing tells.
        repeated: how many events came twice.
        missing: how many events are missing, where the ids tell.
    """

    replayed: bool | None
    repeated: int = 0
    missing: int | None = None

    def sentence(self, resumed_from: str) -> str:
        """The end of a gap's text."""
        if not resumed_from and not self.repeated:
            return "no id to resume after: unknown loss"
        twice = f", {self.repeated:,} came twice" if self.repeated else ""
        if self.replayed:
            return f"resumed after id {resumed_from!r}: nothing is missing{twice}"
        if self.missing:
            are = "event is" if self.missing == 1 else "events are"
            return f"resumed after id {resumed_from!r}: {self.missing:,} {are} missing{twice}"
        return f"resumed after id {resumed_from!r}: unknown loss{twice}"


class ReplayDetector:
    """Remembers events, and reads what follows a cut.

    Args:
        dedupe: drop what came before: True by id, type and data; a callable gives another key
            (None: never a replay); False only counts.
        remember: the most events and characters that are remembered; None for enough of them.
    """

    def __init__(self, dedupe: bool | Key = False, remember: tuple[int, int] | None = None) -> None:
        self.dedupe = dedupe
        self._limits = remember or (_REMEMBER_TO_DEDUPE if dedupe else _REMEMBER)
        self._batches: deque[tuple[EventBatch, int]] = deque()
        self._events = 0
        self._size = 0
        self._known: Counter[Hashable] | None = None  # while what comes may be a replay
        self._last: Hashable = None  # the key of the last event before the cut
        self._last_id = ""
        self._counting = False  # ids before the cut went up by one
        self._repeated = 0
        self._met_last = False
        self.repeated_now = 0  # how many events of the batch checked last came twice

    @property
    def open(self) -> bool:
        """Whether the events after a cut are still being compared."""
        return self._known is not None

    def remember(self, batch: EventBatch) -> None:
        """These events were delivered."""
        if True not in batch.has_id and not callable(self.dedupe):
            return
        size = sum(map(len, batch.data))
        self._batches.append((batch, size))
        self._events += len(batch)
        self._size += size
        while len(self._batches) > 1 and (
            self._events - len(self._batches[0][0]) >= self._limits[0]
            or self._size - self._batches[0][1] >= self._limits[1]
        ):
            oldest, size = self._batches.popleft()
            self._events -= len(oldest)
            self._size -= size

    def cut(self, resumed_from: str) -> None:
        """A new connection is open; what comes now may have come before."""
        self._known = Counter()
        self._last = None
        self._last_id = resumed_from
        self._repeated = 0
        self._met_last = False
        ids: deque[str] = deque(maxlen=2)
        for batch, _ in self._batches:
            for i, key in enumerate(self._keys(batch)):
                if key is not None:
                    self._known[key] += 1
                    self._last = key
                if batch.has_id[i]:
                    ids.append(batch.last_event_ids[i])
        numbers = [_number(i) for i in ids]
        self._counting = (
            len(numbers) == 2
            and None not in numbers
            and numbers[1] == (numbers[0] or 0) + 1
            and ids[1] == resumed_from
        )

    def check(self, batch: EventBatch) -> ResumeResult | None:
        """Compare the events after a cut; with `dedupe` drop those that came before, in place.

        Returns:
            What they tell, once the first new event came; None while all of them are known.
        """
        known = self._known
        if known is None:
            return None
        drop_rows: list[int] = []
        verdict: ResumeResult | None = None
        for i, key in enumerate(self._keys(batch)):
            if key is None:
                continue  # without an id of its own nothing tells; it is no replay and no news
            if known[key] > 0:
                known[key] -= 1
                self._repeated += 1
                self._met_last = self._met_last or key == self._last
                drop_rows.append(i)
                continue
            verdict = self._verdict(batch.last_event_ids[i] if batch.has_id[i] else "")
            self._known = None
            break
        if self.dedupe:
            drop(batch, drop_rows)
        self.repeated_now = len(drop_rows)
        return verdict

    def _verdict(self, first_id: str) -> ResumeResult:
        if self._met_last:
            return ResumeResult(True, self._repeated)
        now, before = _number(first_id), _number(self._last_id)
        if self._counting and now is not None and before is not None and now > before:
            missing = now - before - 1
            return ResumeResult(missing == 0, self._repeated, missing)
        return ResumeResult(None, self._repeated)

    def _keys(self, batch: EventBatch) -> list[Any]:
        """A key an event; None for what is never a replay."""
        if callable(self.dedupe):
            return [self.dedupe(event) for event in batch]
        rows = zip(batch.has_id, batch.last_event_ids, batch.types, batch.data, strict=True)
        return [(id_, type_, data) if own else None for own, id_, type_, data in rows]


def drop(batch: EventBatch, rows: list[int]) -> None:
    """Take these rows (ascending) out of a batch; faults keep their place between the others."""
    if not rows:
        return
    gone = set(rows)
    columns: tuple[list[Any], ...] = (batch.types, batch.data, batch.last_event_ids, batch.has_id)
    for column in columns:
        column[:] = [value for row, value in enumerate(column) if row not in gone]
    for fault in batch.faults:
        fault.index -= sum(row < fault.index for row in rows)


def _number(id_: str) -> int | None:
    return int(id_) if id_.isascii() and id_.isdigit() and len(id_) <= 18 else None
