"""KeptMemory: when what Arrow's allocator keeps of freed memory is given back to the system.

The allocator keeps what a thread freed for what this thread allocates next. Given back after each part, the system
has to clear those pages anew for the next part, a second later, which was most of what capturing cost. Never given
back, it is some 25 MiB for a thread that wrote one large part. So a process keeps what small parts leave, up to a
bound, and only while they follow each other.
"""

from __future__ import annotations

import threading
import time
import weakref

import pyarrow as pa

from ..basics import free_in_children

# The most that is kept, by all threads of the process together.
_MOST_BYTES = 32 * 2**20
# What a part leaves, beside its rows and half as much again (measured with pyarrow 26: 2 MiB of 0.6 MB, 16 of 11).
_LEAST_BYTES = 2 * 2**20
# Seconds without a part after which nothing is kept.
QUIET_S = 10.0

_lock = threading.Lock()
# What each has left there, in bytes.
kept: weakref.WeakKeyDictionary[KeptMemory, int] = weakref.WeakKeyDictionary()
free_in_children(_lock, kept.clear)


class KeptMemory:
    """What the thread that writes one sequence has left with the allocator. Call it on that thread."""

    def __init__(self) -> None:
        self._used_at = 0.0

    def used(self, nbytes: int) -> None:
        """A part was made of rows of so many bytes; of none: it was time for one, and there was nothing."""
        now = time.monotonic()
        if nbytes:
            self._used_at = now
            if not self._may_keep(_LEAST_BYTES + nbytes * 3 // 2):
                self.give_back()
        elif self in kept and now - self._used_at >= QUIET_S:
            self.give_back()

    def give_back(self) -> None:
        """The system has all of it again."""
        with _lock:
            kept.pop(self, None)
        pa.default_memory_pool().release_unused()

    def _may_keep(self, nbytes: int) -> bool:
        with _lock:
            before = kept.get(self, 0)
            nbytes = max(nbytes, before)
            if sum(kept.values()) - before + nbytes > _MOST_BYTES:
                return False
            kept[self] = nbytes
            return True
