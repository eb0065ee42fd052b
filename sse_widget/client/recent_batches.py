"""The latest batches of a stream, in little memory and few objects.

Of ten thousand streams with one event a second each a batch is one event. As objects a batch is five, and Python's
garbage collector visits each of them in every full collection, which would stop a process for seconds. So a batch of
one event is kept as one tuple of plain values, which the collector leaves alone, and is made anew when it is
asked for. A larger batch is kept by reference. It knows no limits: whoever holds it lets go of the oldest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime

from ..events import EventBatch, SingleEvent

# type, data, id, whether that is its own, origin, when it came, bytes
_Packed = tuple[str, str, str, bool, str, datetime | None, int]


class RecentBatches:
    """Batches in the order they came.

    Attributes:
        events: how many events they have.
        nbytes: about how many bytes they take.
    """

    __slots__ = ("_kept", "events", "nbytes")

    def __init__(self) -> None:
        self._kept: deque[_Packed | tuple[EventBatch, int, int]] = deque()
        self.events = self.nbytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[EventBatch]:
        return map(_unpacked, self._kept)

    def append(self, batch: EventBatch, nbytes: int) -> None:
        """The newest batch, and its `nbytes`."""
        events = len(batch.types)
        if events == 1 and not batch.faults and not batch.comments:
            [type_], [data] = batch.types, batch.data
            [id_], [own] = batch.last_event_ids, batch.has_id
            self._kept.append((type_, data, id_, own, batch.origin, batch.received_at, nbytes))
        else:
            self._kept.append((batch, events, nbytes))
        self.events += events
        self.nbytes += nbytes

    @property
    def oldest_events(self) -> int:
        """How many events the oldest batch has."""
        oldest = self._kept[0]
        return 1 if len(oldest) == 7 else oldest[1]

    def drop_oldest(self) -> None:
        """Let go of the oldest batch."""
        oldest = self._kept.popleft()
        self.events -= 1 if len(oldest) == 7 else oldest[1]
        self.nbytes -= oldest[-1]


def _unpacked(kept: _Packed | tuple[EventBatch, int, int]) -> EventBatch:
    if len(kept) == 3:
        return kept[0]
    type_, data, id_, own, origin, received_at, _ = kept
    return SingleEvent([type_], [data], [id_], [own], origin=origin, received_at=received_at)
