"""Closing: from any thread, task and state; nothing is left."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading

import pytest

from sse_widget import EventSource, RetryPolicy, SSEStream

from ..helpers.clients import connect, watched
from ..helpers.scripted import Peer, Server, free_port, sends

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("transport")]

NEVER = RetryPolicy(initial=3600, maximum=3600)


def states():
    """Name -> (a script or None for a refused port, the state to close in)."""
    half = sends("data: a\n\ndata: half", then="hold")
    return {
        "before the head": (Peer.hold, None),
        "open and silent": (half, "open"),
        "waiting": (None, "waiting"),
    }


async def reach(source, state):
    """Until the source is in this state."""
    seen = asyncio.Event()

    def changed():
        if source.status.state == state:
            seen.set()

    source.on_status = changed
    changed()
    async with asyncio.timeout(60):
        await seen.wait()


@pytest.mark.parametrize("name", states())
@pytest.mark.parametrize("where", ["task", "thread", "aclose", "cancel"])
async def test_close_from_anywhere_in_any_state(name, where, caplog):
    gc.collect()  # what earlier tests left says now what it has to say
    caplog.clear()
    script, state = states()[name]
    before = asyncio.all_tasks()
    with Server(script or Peer.hold) as server, caplog.at_level(logging.WARNING):
        url = server.url if script else f"http://127.0.0.1:{free_port()}/"
        source = watched(url, retry=NEVER)
        task = asyncio.create_task(source.run())
        if state is None:
            await asyncio.to_thread(server.asked.get, timeout=60)
        else:
            await reach(source, state)
        if where == "task":
            source.close()
        elif where == "thread":
            threading.Thread(target=source.close).start()
        elif where == "aclose":
            await source.aclose()
        else:
            task.cancel()
        async with asyncio.timeout(60):
            await asyncio.wait([task])
        assert task.cancelled() == (where == "cancel")
        assert source.ready_state == EventSource.CLOSED
        if script and name != "waiting":
            server.gone.get(timeout=60)
        del task, source
        gc.collect()
        async with asyncio.timeout(60):
            while asyncio.all_tasks() - before:  # noqa: ASYNC110
                await asyncio.sleep(0)
    assert caplog.records == []


async def test_closing_twice_and_after_the_end():
    with Server(sends("data: a\n\n", then="hold")) as server:
        source = connect(server.url)
        async for _ in source:
            source.close()
            source.close()
        await source.aclose()
        source.close()


async def test_a_consumer_that_raises_closes_through_the_context():
    with Server(sends("data: a\n\n", then="hold")) as server:
        with pytest.raises(ZeroDivisionError):
            await _divide(server.url)
        server.gone.get(timeout=60)


async def _divide(url):
    async with connect(url) as source:
        async for _ in source:
            raise ZeroDivisionError


async def test_a_listener_that_raises_is_heard():
    def broken():
        raise ZeroDivisionError

    with Server(sends("id: 1\ndata: a\n\nid: 2\ndata: b\n\n", then="hold")) as server:
        source = connect(server.url)
        source.on_message = broken
        with pytest.raises(ZeroDivisionError):
            await source.run()
        await source.aclose()
        # Who goes on from here misses nothing that no listener was called for.
        assert source.last_event_id == "1"
        server.gone.get(timeout=60)


def test_two_hundred_streams_leave_nothing():
    with Server(sends("data: a\n\n", then="hold")) as server:
        for _ in range(20):
            streams = [SSEStream(server.url) for _ in range(10)]
            for stream in streams:
                asyncio.run(stream.until(timeout=60))
            for stream in streams:
                stream.close()
        for _ in range(200):
            server.gone.get(timeout=60)
        names = [t.name for t in threading.enumerate()]
    assert names.count("sse-widget") == 1
