"""Collections of young garbage, less often while many streams run.

Python looks for garbage each time that some hundred more containers were made than freed. A stream that waits for its
next event is twenty of them (futures, coroutines, handles), made anew for each event: with some thousand streams nearly
all are alive each time, are promoted to an older generation, and bring on full collections, each of which visits
all objects. So meanwhile the first threshold grows with the number of streams, and it is as before when they end.
Reference counting works as ever, no object is exempt from collection, and a threshold that somebody else sets
meanwhile is left alone. (`cluster.gc_freeze` is for full collections, and for workers of our own.)

https://docs.python.org/3/library/gc.html#gc.set_threshold
"""

from __future__ import annotations

import gc
import threading

from ..basics import free_in_children

# Of a stream: half of what it makes anew for an event.
_CONTAINERS = 10


class YoungCollections:
    """How often this process looks for young garbage, by how many streams it has."""

    def __init__(self) -> None:
        # Reentrant: a collection inside it may end a fleet that nobody refers to any more.
        self._lock = threading.RLock()
        self._streams: dict[int, int] = {}
        self._usual = self._ours = 0
        free_in_children(self._lock, self._have_none)

    def run(self, owner: object, streams: int) -> None:
        """So many streams of this owner run from here on; none where it has ended."""
        with self._lock:
            now = gc.get_threshold()[0]
            if not self._streams:
                self._usual = self._ours = now
            self._streams.pop(id(owner), None)
            if streams:
                self._streams[id(owner)] = streams
            if now and now == self._ours:
                self._ours = max(self._usual, _CONTAINERS * sum(self._streams.values()))
                gc.set_threshold(self._ours)

    def _have_none(self) -> None:
        """A child of a fork has no streams."""
        self._streams.clear()
        if gc.get_threshold()[0] == self._ours:
            gc.set_threshold(self._usual)


YOUNG = YoungCollections()
