"""What a reconnect means: which events came before, and whether any can be missing.

Pure bookkeeping over batches: it remembers the latest events that had an id of their own, and after a
reconnect compares what comes with them, by keys that it is given: those of a `dedupe=` function are made on
the thread where the user's functions run. It decides what a `Gap` may claim, and never when to
reconnect.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from ..basics import Budget
from ..events import Event, EventBatch
from .recent_batches import RecentBatches

Key = Callable[[Event], Hashable]

# What is remembered is kept by reference, not copied. Telling "came twice" needs little; dropping
# what comes twice must survive a rewind by some seconds of a busy stream.
_REMEMBER = (1_000, 2**20)
_REMEMBER_TO_DEDUPE = (20_000, 16 * 2**20)
# Characters: of a longer text its hash is remembered.
_LONG = 64 * 1024
# Characters of an id that are told in words, and kept in a gap.
_TOLD = 200
KEPT_CHARS = 1_000
# So many of the latest ids tell whether they only go up, which those drawn by chance do not.
_RISING = 8


@dataclass(frozen=True, slots=True)
class ResumeResult:
    """What the events after a cut tell so far.

    Attributes:
        replayed: True: nothing is missing; False: something is; None: nothing tells.
        repeated: how many events came twice.
        missing: how many events are missing, where the ids tell.
        began_at: the id the server began at, where that is not after the one it was asked to
            resume after; None where nothing shows that it did otherwise.
        final: a new event came: there is nothing more to learn.
    """

    replayed: bool | None
    repeated: int = 0
    missing: int | None = None
    began_at: str | None = None
    final: bool = True

    def sentence(self, resumed_from: str) -> str:
        """The end of a gap's text. It claims no more than the events show."""
        twice = f"{self.repeated:,} came twice" if self.repeated else ""
        if self.replayed:
            loss = "nothing is missing"
        elif self.missing:
            loss = f"{self.missing:,} {'event is' if self.missing == 1 else 'events are'} missing"
        else:
            loss = "unknown loss" if self.final else ""
        found = ", ".join(filter(None, (loss, twice)))
        return f"{self._place(resumed_from)}: {found}" if found else self._place(resumed_from)

    def _place(self, resumed_from: str) -> str:
        if not resumed_from:
            return "no id to resume after"
        shown = repr(abridged(resumed_from))
        if self.began_at is not None and self.began_at[:KEPT_CHARS] == resumed_from[:KEPT_CHARS]:
            return f"resumed at id {shown}"
        if self.began_at is not None:
            began = f"began at id {abridged(self.began_at)!r}" if self.began_at else "began anew"
            return f"the server did not resume after id {shown}, it {began}"
        if self.replayed is not None:
            return f"resumed after id {shown}"
        return f"asked to resume after id {shown}"


def abridged(id_: str) -> str:
    """An id as it is told: no more of it than a user reads."""
    return id_ if len(id_) <= _TOLD else f"{id_[:_TOLD]}\u2026"


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
        self._long = min(_LONG, self._limits[1] // 4)
        self._share = Budget().share("remembered")
        self._batches = RecentBatches()
        self._known: Counter[Hashable] | None = None  # while what comes may be a replay
        self._after: Counter[Hashable] = Counter()  # of these, what came after the id asked for
        self._last: Hashable = None  # the key of the last event before the cut
        self._last_id = ""
        self._counting = False  # ids before the cut went up by one
        self._rising = False  # the latest of them were numbers that never fell
        self._repeated = 0
        self._began_at: str | None = None
        self._met_last = False
        self.repeated_now = 0  # how many events of the batch checked last came twice

    @property
    def open(self) -> bool:
        """Whether the events after a cut are still being compared."""
        return self._known is not None

    def draw_from(self, budget: Budget) -> None:
        """Count what is remembered there, and remember no more than an eighth of it."""
        self._share = budget.share("remembered", part=0.125)
        self._forget()

    def remember(self, batch: EventBatch) -> None:
        """These events were delivered."""
        if True not in batch.has_id and not callable(self.dedupe):
            return
        events, most_events = len(batch.types), self._limits[0]
        if events > most_events:
            batch = batch.slice(events - most_events, events)
        size = batch.nbytes
        # Event by event only where it has to be: a flood brings thousands at once.
        if size > self._most or (size > self._long and self._has_long_text(batch)):
            batch = self._compact(batch, self._most)
            size = batch.nbytes
        self._batches.append(batch, size)
        self._forget()

    @property
    def _most(self) -> int:
        return min(self._limits[1], self._share.limit)

    def _forget(self) -> None:
        """Let go of the oldest, down to the limits; the newest batch stays."""
        batches, most_events, most = self._batches, self._limits[0], self._most
        while len(batches) > 1:
            if batches.events - batches.oldest_events < most_events and batches.nbytes <= most:
                break
            batches.drop_oldest()
        self._share.hold(batches.nbytes)

    def _compact(self, batch: EventBatch, most: int) -> EventBatch:
        """The newest of these events, as many as fit; each long text as what tells it from others."""
        first, size = len(batch), 0
        short: list[tuple[str, str, str]] = []
        while first and (first == len(batch) or size <= most):
            first -= 1
            event = (batch.types[first], batch.data[first], batch.last_event_ids[first])
            if not callable(self.dedupe):  # which is given the event as it came
                event = (self._short(event[0]), self._short(event[1]), self._short(event[2]))
            short.append(event)
            size += sum(map(sys.getsizeof, event))
        types, data, ids = zip(*reversed(short), strict=True)
        return EventBatch(list(types), list(data), list(ids), batch.has_id[first:])

    def _has_long_text(self, batch: EventBatch) -> bool:
        columns = (batch.types, batch.data, batch.last_event_ids)
        return any(max(map(len, texts), default=0) > self._long for texts in columns)

    def _short(self, text: str) -> str:
        # Its hash, with a key of this process, which no server knows.
        return text if len(text) <= self._long else f"\0{len(text)} {hash(text)}"

    def remembered(self) -> list[EventBatch]:
        """What is compared with, oldest first."""
        return list(self._batches)

    def keys(self) -> Callable[[Sequence[EventBatch]], list[list[Hashable]]]:
        """For one cut: makes the keys of the events of some batches, None for one that is never a
        replay. It calls `dedupe`, where that is a function, and shares nothing with this object."""
        dedupe = self.dedupe
        if not callable(dedupe):
            return lambda batches: [self._plain_keys(batch) for batch in batches]
        # A number for each different key: what compares them is the user's too.
        places: dict[Hashable, int] = {}

        def numbered(event: Event) -> int | None:
            key = dedupe(event)
            return None if key is None else places.setdefault(key, len(places))

        # Not by map(), which a StopIteration of the function would end without a word.
        return lambda batches: [[numbered(event) for event in batch] for batch in batches]

    def _plain_keys(self, batch: EventBatch) -> list[Hashable]:
        short = self._short
        rows = zip(batch.has_id, batch.last_event_ids, batch.types, batch.data, strict=True)
        return [
            (short(id_), short(type_), short(data)) if own else None
            for own, id_, type_, data in rows
        ]

    def cut(self, resumed_from: str, keys: Sequence[Sequence[Hashable]] | None = None) -> None:
        """A new connection is open; what comes now may have come before.

        Args:
            keys: of what is `remembered()`; left out where `dedupe` is no function.
        """
        if keys is None:
            keys = self.keys()(self.remembered())
        self._known = Counter()
        self._after = Counter()
        self._last = None
        self._last_id = resumed_from
        self._repeated = 0
        self._began_at = None
        self._met_last = False
        ids: deque[str] = deque(maxlen=_RISING)
        for batch, some in zip(self._batches, keys, strict=True):
            for i, key in enumerate(some):
                if key is not None:
                    self._known[key] += 1
                    self._after[key] += 1
                    self._last = key
                if batch.last_event_ids[i] == resumed_from:
                    self._after.clear()
                if batch.has_id[i]:
                    ids.append(batch.last_event_ids[i])
        numbers = [n for n in map(_number, ids) if n is not None]
        counted = len(numbers) == len(ids) > 1 and ids[-1] == resumed_from
        self._counting = counted and numbers[-1] == numbers[-2] + 1
        self._rising = counted and numbers == sorted(numbers) and numbers[0] < numbers[-1]

    def check(
        self, batch: EventBatch, keys: Sequence[Hashable] | None = None
    ) -> ResumeResult | None:
        """Compare the events after a cut; with `dedupe` drop those that came before, in place.

        Args:
            keys: of these events, made as those for `cut` were.

        Returns:
            What all events since the cut tell so far; None where these tell nothing more.
        """
        known = self._known
        if known is None:
            return None
        drop_rows: list[int] = []
        found: ResumeResult | None = None
        for i, key in enumerate(self._plain_keys(batch) if keys is None else keys):
            if key is None:
                continue  # without an id of its own nothing tells; it is no replay and no news
            if known[key] > 0:
                known[key] -= 1
                self._repeated += 1
                self._met_last = self._met_last or key == self._last
                if self._after[key] > 0:
                    self._after[key] -= 1
                elif self._began_at is None:
                    self._began_at = batch.last_event_ids[i]
                drop_rows.append(i)
                continue
            found = self._verdict(batch.last_event_ids[i] if batch.has_id[i] else "")
            self._known, self._after = None, Counter()
            break
        if found is None and drop_rows:
            replayed = True if self._met_last else None
            found = ResumeResult(replayed, self._repeated, None, self._began_at, final=False)
        if self.dedupe:
            drop(batch, drop_rows)
        self.repeated_now = len(drop_rows)
        return found

    def _verdict(self, first_id: str) -> ResumeResult:
        """What it tells that the first new event has this id."""
        if self._met_last:
            return ResumeResult(True, self._repeated, None, self._began_at)
        now, before = _number(first_id), _number(self._last_id)
        if now is not None and before is not None:
            if self._counting and now > before:
                missing = now - before - 1
                return ResumeResult(missing == 0, self._repeated, missing, self._began_at)
            if self._rising and now < before and self._began_at is None:
                self._began_at = first_id  # its ids begin anew, or older events come than we know
        return ResumeResult(None, self._repeated, None, self._began_at)


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
