"""What has to be closed when reading ends: the connection and its bytes, the client, the threads.

It knows nothing of the source, so that a source that is dropped is freed while these are open. It opens
nothing: the driver puts here what it opened.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any

from ..runtime import CallThread
from .connection import Connection
from .no_event_watch import NoEventWatch
from .watchdog import IdleWatchdog


class OpenResources:
    """What is open of one source.

    Args:
        watch, no_event: stopped with the connection.
        calls: the thread of the user's callables, closed with the client.
    """

    def __init__(self, watch: IdleWatchdog, no_event: NoEventWatch, calls: CallThread) -> None:
        self.watch = watch
        self.no_event = no_event
        self.calls = calls
        self.client: Any = None
        self.owns_client = False
        self.connection: Connection | None = None
        self.chunks: AsyncGenerator[bytes, None] | None = None

    async def hang_up(self) -> None:
        """Close the connection; the client stays for the next one."""
        self.watch.stop()
        self.no_event.stop()
        chunks, self.chunks = self.chunks, None
        connection, self.connection = self.connection, None
        if chunks is not None:
            await chunks.aclose()
        if connection is not None:
            await connection.aclose()

    async def aclose(self) -> None:
        """Close all of it."""
        client, self.client = self.client, None
        try:
            await self.hang_up()
        finally:
            if client is not None and self.owns_client:
                await client.aclose()
            self.calls.close()


async def closer_of(held: OpenResources, closed: Callable[[], None]) -> AsyncGenerator[None, None]:
    """Closes `held` when it is closed itself: by the driver; by the event loop when that shuts
    down; or by the event loop when the garbage collector finds it, for its source was dropped.

    It is the only asynchronous generator of ours that waits while it is closed. A loop that shuts
    down closes all generators at the same time, and where one of them closes another that is an
    error, which asyncio prints.
    """
    try:
        yield
    finally:
        try:
            await held.aclose()
        finally:
            closed()
