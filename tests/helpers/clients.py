"""Clients for the tests: each scenario runs under our transport and under httpx's own."""

from __future__ import annotations

import asyncio
import ssl
import threading

import httpx
import pytest

from sse_widget import EventSource, RetryPolicy
from sse_widget.client import HookedSource, SourceHooks, SourceOptions

from .scripted import answers

# Reading the certificates of public servers takes longer than most tests.
_TRUSTED = ssl.create_default_context()


def httpx_client():
    """A client of httpx as it comes, on its own transport."""
    return httpx.AsyncClient(verify=_TRUSTED)


TRANSPORTS = {"aiohttp": None, "httpx": httpx_client}
AT_ONCE = RetryPolicy(initial=0, minimum=0, jitter=0, maximum=0)
OVER = answers("204 No Content")

current = None  # the `client=` of this run; the fixture `transport` sets it


def connect(url, **options):
    """An EventSource on the transport of this run."""
    options.setdefault("client", current)
    return EventSource(url, **options)


class WatchedSource(HookedSource):
    """Calls `on_status`, which may be set at any time, when the status changed."""

    def __init__(self, url, **options):
        self.on_status = lambda: None
        hooks = SourceHooks(on_status=lambda: self.on_status())
        super().__init__(url, SourceOptions.of("EventSource", options), hooks)


def watched(url, **options):
    """The same, whose changes of status a test hears of."""
    options.setdefault("client", current)
    return WatchedSource(url, **options)


async def collect(url, **options):
    """The source, and all its events until the stream is over for good."""
    options.setdefault("retry", AT_ONCE)
    async with connect(url, **options) as source:
        return source, [event async for event in source]


async def failure(url, **options):
    """The error that ends this stream."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        await collect(url, **options)
    return caught.value


def join(name, seconds=60.0):
    """Wait until no thread of this name runs any more; whether that is so."""
    found = [thread for thread in threading.enumerate() if thread.name == name]
    for thread in found:
        thread.join(seconds)
    return not any(thread.is_alive() for thread in found)


def over(stream, seconds=120.0):
    """Wait until a stream is over; its status."""
    return asyncio.run(asyncio.wait_for(stream.wait_closed(), seconds))
