"""Waits that have a limit."""

from __future__ import annotations

import asyncio


async def set_within(seconds: float, event: asyncio.Event) -> bool:
    """Wait until the event is set, but no longer than this; whether it is."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
