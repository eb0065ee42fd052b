"""Full garbage collections in worker processes of our own: objects that survived one are frozen for a while.

Five thousand streams are a million and more objects that live as long as the streams do. Python visits all of them in
each full collection: a second or two in which the process reads nothing and answers nobody. Frozen objects are freed as
ever when nothing refers to them; only cycles among them have to wait for the next collection of everything. It is
switched on for the time that shards run, and never in a user's process. (`fleet.gc_threshold` is for young garbage.)

https://docs.python.org/3/library/gc.html#gc.freeze
"""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator

# Seconds between two collections of everything.
_WHOLE_S = 900.0


class LongLived:
    """Freezes what survived, after each full collection, while somebody is inside `kept()`."""

    def __init__(self, whole_s: float = _WHOLE_S) -> None:
        self._whole_s = whole_s
        self._users = 0
        self._whole_at = 0.0

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Meanwhile it does; after the last user all is visited again."""
        self._users += 1
        if self._users == 1:
            self._whole_at = time.monotonic()
            gc.callbacks.append(self._collected)
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                gc.callbacks.remove(self._collected)
                gc.unfreeze()

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase != "stop" or info["generation"] != 2:
            return
        now = time.monotonic()
        if now - self._whole_at < self._whole_s:
            gc.freeze()
        else:  # the next one visits everything
            self._whole_at = now
            gc.unfreeze()
