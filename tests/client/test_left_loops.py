"""A loop over an EventSource that was left: the next one goes on, and nothing is printed or left."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import subprocess
import sys

import pytest

from sse_widget import EventSource, SSEStream

from ..helpers.clients import AT_ONCE, OVER, connect
from ..helpers.scripted import Peer, Server, free_port, sends

pytestmark = pytest.mark.usefixtures("transport")

ids = "".join(f"id: {n}\ndata: {n}\n\n" for n in range(8))


def pieces(peer: Peer) -> None:
    """Two events at a time, so that loops end inside of a batch and between two."""
    peer.stream()
    with contextlib.suppress(OSError):  # the client may leave at the first of them
        for n in range(0, 8, 2):
            peer.send(f"id: {n}\ndata: {n}\n\nid: {n + 1}\ndata: {n + 1}\n\n")
    peer.hold()


async def take(events, n: int) -> list[str]:
    """The next `n` of a loop that is then left by `break`."""
    got = []
    async for event in events:
        got.append(event.data)
        if len(got) == n:
            break
    return got


@pytest.mark.anyio
async def test_the_next_loop_goes_on_where_the_one_before_was_left():
    with Server(pieces) as server:
        async with connect(server.url) as source:
            assert await take(source, 1) == ["0"]
            assert source.last_event_id == "0"
            assert await take(source, 2) == ["1", "2"]
            assert (await anext(source)).data == "3"
            assert await take(source, 1) == ["4"]
            # Columns of what a loop over events left of a batch.
            async for batch in source.batches():
                rest = batch.data
                assert batch.has_id == [True] * len(batch)
                break
            rest += await take(source, 3 - len(rest)) if len(rest) < 3 else []
            assert rest == ["5", "6", "7"]
            assert source.last_event_id == "7"
        assert [event async for event in source] == []
        assert len(server.requests) == 1
        server.gone.get(timeout=60)


@pytest.mark.anyio
async def test_listeners_are_called_once_over_several_loops():
    with Server(sends(ids), OVER) as server:
        source = connect(server.url, retry=AT_ONCE)
        heard = []
        source.on_message = lambda event: heard.append(event.data)
        assert await take(source, 3) == ["0", "1", "2"]
        assert heard == ["0", "1", "2"]
        await source.run()
    assert heard == list("01234567")


@pytest.mark.anyio
async def test_two_loops_at_the_same_time_are_refused():
    with Server(pieces) as server:
        async with connect(server.url) as source:
            async for _ in source:
                with pytest.raises(RuntimeError, match="being read already"):
                    await take(source, 1)
                with pytest.raises(RuntimeError, match="being read already"):
                    await source.run()
                # But one more event may be asked for.
                assert (await anext(source)).data == "1"
                break
            waiting = asyncio.create_task(take(source, 100))
            await asyncio.sleep(0)
            while source.stats.received < 8:  # noqa: ASYNC110
                await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="being read already"):
                await anext(source)
            source.close()
            assert await waiting == list("234567")


@pytest.mark.anyio
async def test_closing_after_a_loop_was_left_closes_the_connection():
    with Server(pieces) as server:
        source = connect(server.url)
        await take(source, 1)
        source.close()
        assert await take(source, 1) == []
        assert source.ready_state == EventSource.CLOSED
        server.gone.get(timeout=60)


@pytest.mark.anyio
async def test_a_source_that_nobody_has_any_more_closes_its_connection():
    with Server(pieces) as server:
        await take(connect(server.url), 3)
        await take(connect(server.url), 2)
        for _ in range(2):
            await asyncio.to_thread(server.gone.get, timeout=60)


def plain(source, n: int) -> list[str]:
    got = []
    for event in source:
        got.append(event.data)
        if len(got) == n:
            break
    return got


def _twice(source) -> None:
    for _ in source:
        plain(source, 1)


def test_plain_loops_go_on_too():
    with Server(pieces) as server:
        with connect(server.url) as source:
            assert plain(source, 1) == ["0"]
            assert next(source).data == "1"
            assert plain(source, 3) == ["2", "3", "4"]
            with pytest.raises(RuntimeError, match="being read already"):
                _twice(source)
        assert source.ready_state == EventSource.CLOSED
        assert plain(source, 1) == []
        with pytest.raises(StopIteration):
            next(source)
        server.gone.get(timeout=60)


def test_the_end_of_a_with_closes_however_it_is_left():
    with Server(pieces) as server:
        with pytest.raises(ZeroDivisionError):
            _divide(server.url)
        server.gone.get(timeout=60)
    with connect(f"http://127.0.0.1:{free_port()}/") as source:
        pass
    assert source.ready_state == EventSource.CLOSED


def _divide(url: str) -> None:
    with connect(url) as source:
        for _ in source:
            raise ZeroDivisionError


def test_a_loop_on_another_event_loop_says_what_to_do():
    with Server(pieces) as server:
        source = connect(server.url)
        assert plain(source, 1) == ["0"]
        # What came already is handed over; the connection stays with the thread that reads it.
        with pytest.raises(RuntimeError, match="last_event_id="):
            asyncio.run(take(source, 100))
        source.close()
        server.gone.get(timeout=60)


@pytest.mark.anyio
async def test_a_plain_with_around_an_async_loop():
    with Server(pieces) as server:
        with connect(server.url) as source:
            assert await take(source, 1) == ["0"]
        await asyncio.to_thread(server.gone.get, timeout=60)
        assert source.ready_state == EventSource.CLOSED


def test_a_stream_is_closed_by_with():
    with Server(pieces) as server:
        with SSEStream(server.url) as stream:
            assert asyncio.run(stream.until(where=lambda e: e.data == "7", timeout=20)).seq == 7
        server.gone.get(timeout=60)
        assert stream.status.state == "closed"
        assert len(stream.df) == 8

        async def inside() -> None:
            async with SSEStream(server.url) as other:
                await other.until(timeout=20)

        asyncio.run(inside())
        server.gone.get(timeout=60)


async def left_by_break(url):
    source = connect(url)
    await take(source, 1)


async def dropped(url):
    async for _ in connect(url):
        break


async def left_in_columns(url):
    source = connect(url)
    async for _ in source.batches():
        break


async def left_by_an_error(url):
    async for _ in connect(url):
        raise ZeroDivisionError


async def several(url):
    sources = [connect(url) for _ in range(5)]
    await asyncio.gather(*(take(source, 2) for source in sources))


async def cancelled(url):
    task = asyncio.create_task(take(connect(url), 100))
    await left_by_break(url)
    task.cancel()


async def left_while_it_reads(url):
    source = connect(url)
    asyncio.create_task(take(source, 100))  # noqa: RUF006
    while source.stats.received < 8:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def of_a_stream(url):
    stream = SSEStream(url)
    async for _ in stream:
        break
    await stream.until(timeout=20)
    stream.close()


@pytest.mark.parametrize(
    "leaves",
    [
        left_by_break,
        dropped,
        left_in_columns,
        left_by_an_error,
        several,
        cancelled,
        left_while_it_reads,
        of_a_stream,
    ],
)
def test_the_end_of_asyncio_run_prints_nothing(leaves, caplog, capsys, monkeypatch):
    """An event loop that ends closes all that is open at the same time, whoever has it."""
    gc.collect()  # what earlier tests left says now what it has to say
    caplog.clear()
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    with Server(pieces) as server, caplog.at_level(logging.WARNING):
        with contextlib.suppress(ZeroDivisionError):
            asyncio.run(leaves(server.url))
        gc.collect()
        server.gone.get(timeout=60)
    assert [record.getMessage() for record in caplog.records] == []
    assert unraisable == []
    assert capsys.readouterr().err == ""


SCRIPT = """
import sys
from sse_widget import EventSource
source = EventSource(sys.argv[1])
for event in source:
    break
for event in EventSource(sys.argv[1]):
    break
"""


def test_the_end_of_a_script_prints_nothing():
    with Server(pieces) as server:
        done = subprocess.run(
            [sys.executable, "-W", "always", "-c", SCRIPT, server.url],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
