"""Collections of young garbage, less often while many streams run.

Python looks for garbage each time that 700 more containers were made than freed. A stream that waits for its next
event is twenty of them (futures, coroutines, handles), made anew for each event: with some thousand streams nearly
all are alive each time, are taken for old ones, and bring on collections of everything, which took a third of the
processor time. So meanwhile the first threshold grows with the number of streams. All that is freed without a
collection is freed as ever; no object is left out of one, and a threshold that somebody else sets is kept.

https://docs.python.org/3/library/gc.html#gc.set_threshold
"""

from __future__ import annotations

import gc
import threading

# Of a stream: half of what it makes anew for an event.
_CONTAINERS = 10


class YoungCollections:
    """How often this process looks for young garbage, by how many streams it has."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: dict[int, int] = {}
        self._usual = self._ours = -1

    def run(self, owner: object, streams: int) -> None:
        """So many streams of this owner run from here on; none where it has ended."""
        with self._lock:
            self._streams.pop(id(owner), None)
            if streams:
                self._streams[id(owner)] = streams
            first, *others = gc.get_threshold()
            if first != self._ours:
                self._usual = first
            if self._usual:  # 0 is never
                self._ours = max(self._usual, _CONTAINERS * sum(self._streams.values()))
                gc.set_threshold(self._ours, *others)


YOUNG = YoungCollections()
