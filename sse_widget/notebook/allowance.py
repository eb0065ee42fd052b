"""Allowance: how many bytes may be on the way to a page, by how long the page's answers take.

A message to a page waits behind all those before it, and so does everything else that the kernel
says: the output of the next cell, the answer to Stop. A link may be slower than a stream (a hub over
a VPN, a remote editor), and what is put into its queue faster than it drains delays all of that
without an end. So the allowance follows the time from sending a batch to its acknowledgement: it
shrinks where that is long, and grows where it is short. Where nobody acknowledges at all, only small
batches go, slowly.

It counts and measures; it sends nothing and keeps no event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

# The most that one batch may carry, in bytes.
BATCH_BYTES = 2**20
# Batches on the way: an acknowledgement costs the kernel more than a batch, and makes the notebook's sign of
# a busy kernel flash; so a page that keeps up acknowledges every 32nd at the latest.
BATCHES = 64
_MOST_BYTES, _FIRST_BYTES, _LEAST_BYTES = 2 * BATCH_BYTES, BATCH_BYTES // 2, 32 * 1024
# An answer that took longer, in seconds, came over a link that holds too much; one that took less
# than the second says that it could hold more.
_SLOW, _QUICK = 1.0, 0.5
# Nobody has answered for a second (a busy kernel, a link that is full): small batches, four a second,
# at first of this part of the allowance, then less, down to what still moves a log.
OVERDUE_S, _UNHEARD_PAUSE, _UNHEARD_PART = 1.0, 0.25, 32
_UNHEARD_LEAST_BYTES, _UNHEARD_STEP = 4 * 1024, 8


class Allowance:
    """What may be on the way to the pages of one stream; the quickest page decides.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.bytes = _FIRST_BYTES
        # Size and time of the batches after the acknowledged one, the oldest first.
        self._on_the_way: deque[tuple[int, float]] = deque()
        self._size = 0  # of all of them
        self._progress_at = 0.0  # when the oldest of them was sent, or the last acknowledgement
        self._sent_at = 0.0
        self._unheard = 0  # batches that went though the allowance was used up, in a row

    @property
    def is_free(self) -> bool:
        """Whether a batch may go now."""
        return len(self._on_the_way) < BATCHES and self._size < self.bytes

    @property
    def batch_bytes(self) -> int:
        """What the next batch may carry."""
        if self.is_free:
            return self.bytes // 2
        unheard = self.bytes // (_UNHEARD_PART * (1 + self._unheard // _UNHEARD_STEP))
        return max(unheard, _UNHEARD_LEAST_BYTES)

    @property
    def pause(self) -> float:
        """Seconds until a batch may go though it is not free; no page is left without news."""
        now = self._clock()
        overdue = self._progress_at + OVERDUE_S - now
        return overdue if overdue > 0 else self._sent_at + _UNHEARD_PAUSE - now

    def sent(self, size: int) -> None:
        """A batch of so many bytes has gone."""
        self._sent_at = self._clock()
        self._unheard = 0 if self.is_free else self._unheard + 1
        if not self._on_the_way:
            self._progress_at = self._sent_at
        if len(self._on_the_way) == BATCHES:
            self._size -= self._on_the_way.popleft()[0]
        self._on_the_way.append((size, self._sent_at))
        self._size += size

    def answered(self, left: int) -> None:
        """A page has painted all batches but the latest `left` ones."""
        now = self._clock()
        size = count = 0
        sent_at = now
        while len(self._on_the_way) > left:
            bytes_, sent_at = self._on_the_way.popleft()
            size += bytes_
            count += 1
        self._size -= size
        self._progress_at = now
        # A page to which little came takes its time with the answer: that says nothing of the link.
        if size < self.bytes // 2 and count < BATCHES // 2:
            return
        took = now - sent_at
        if took > _SLOW:
            shrunk = int(self.bytes * max(_QUICK / took, 0.25))
            self.bytes = max(shrunk, _LEAST_BYTES)
        elif took < _QUICK:
            self.bytes = min(2 * self.bytes, _MOST_BYTES)
