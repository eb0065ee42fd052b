"""Beats: reading at intervals where events come faster than a page can show them.

Every wake-up of the reading thread takes the interpreter away from the cell that runs, whether it
brings one event or a hundred. So after a small chunk that followed another one closely the socket
is left alone for a beat, and then read at once. It never delays what comes after silence, holds no
bytes, and decides nothing but when to read. Imports nothing of ours.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

__all__ = ["BEAT", "Beats", "Flow"]

# A tick of the page's channel: what is read is sent in the same wake-up.
BEAT = 0.05
# A chunk of this size is worth its wake-up. And a beat a chunk this large would be a brake: what
# the system's socket buffers hold meanwhile may be little more.
_ENOUGH = 32 * 1024


class Flow(Protocol):
    """The transport of a connection: told to leave its socket alone, and to go on."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class Beats:
    """`await rest()` before each read, `came(size)` after it.

    Args:
        flow: of this connection; None where the client has none to offer: then there is no beat,
            for each of its chunks may be one of many that it has read already.
    """

    __slots__ = ("_asked", "_clock", "_due", "_flow")

    def __init__(self, flow: Flow | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._flow = flow
        self._clock = clock
        self._asked = 0.0
        self._due = False

    async def rest(self) -> None:
        """A beat, where one is due. A wait that can be cancelled like any other."""
        if self._due and self._flow is not None:
            self._due = False
            self._flow.pause()
            try:
                await asyncio.sleep(BEAT)
            finally:
                self._flow.resume()
        self._asked = self._clock()

    def came(self, size: int) -> None:
        """A chunk of `size` bytes was read."""
        self._due = size < _ENOUGH and self._clock() - self._asked < BEAT
