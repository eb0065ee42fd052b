"""SharedEvent: an event that any thread sets and any event loop waits for.

An `asyncio.Event` belongs to one loop and one thread; streams are driven on a background thread and
waited for in cells. It knows nothing of streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading


class SharedEvent:
    """As `asyncio.Event`, but for all threads and loops at once."""

    def __init__(self, *, is_set: bool = False) -> None:
        self._lock = threading.Lock()
        self._set = is_set
        self._waiting: set[asyncio.Future[None]] = set()

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        """Wake all waiters; from now on no wait blocks."""
        with self._lock:
            self._set = True
            waiting, self._waiting = self._waiting, set()
        for future in waiting:
            # A loop that was closed while a waiter was in it has none to wake.
            with contextlib.suppress(RuntimeError):
                future.get_loop().call_soon_threadsafe(_finish, future)

    def clear(self) -> None:
        """From now on a wait lasts until the next `set`."""
        self._set = False

    async def wait(self) -> None:
        """Until it is set; may be cancelled."""
        with self._lock:
            if self._set:
                return
            future = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
        try:
            await future
        finally:
            with self._lock:
                self._waiting.discard(future)


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
