"""EventSource against servers as people run them: a process each, on a free port.

Each script in `servers/` serves the same three addresses by another library: /events (numbered,
resumes after Last-Event-ID; ?end=N ends each connection after N events, ?crash=N breaks it),
/silent (nothing but keep-alive comments) and /complete (POST; a stream that ends).
"""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import httpx2
import pytest

from sse_widget import ConnectionFailed, EventSource, RetryPolicy, SSEStream
from sse_widget.events import State

from ..helpers.scripted import free_port

pytestmark = pytest.mark.anyio

SERVERS = Path(__file__).parent
SOON = RetryPolicy(initial=0.02, minimum=0.02, maximum=0.1)


class Process:
    """A server in a process of its own; started again, it has the same port."""

    def __init__(self, script: str) -> None:
        self._command = [sys.executable, str(SERVERS / script)]
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by end)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self._process = subprocess.Popen(
            [*self._command, str(self.port)], stdout=self.log, stderr=self.log
        )
        end = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                if not self.running or time.monotonic() > end:
                    raise AssertionError(f"it did not start: {self.said()}") from None
                time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> None:
        assert self._process is not None
        self._process.wait(30)

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self.log.close()


@pytest.fixture(
    scope="module", params=["with_sse_starlette.py", "with_aiohttp_sse.py", "with_fastapi.py"]
)
def _process(request: pytest.FixtureRequest) -> Iterator[Process]:
    process = Process(request.param)
    try:
        process.start()
        yield process
    finally:
        process.end()


@pytest.fixture
def server(_process: Process) -> Process:
    """A running server, whatever the test before did to it."""
    if not _process.running:
        _process.start()
    return _process


async def ids(source: EventSource, count: int) -> list[int]:
    """The ids of the first events, each of which must say what the server put in."""
    found = []
    async for event in source:
        assert event.type == "tick"
        assert event.json() == {"n": int(event.last_event_id), "text": "é\n🙂"}
        found.append(int(event.last_event_id))
        if len(found) == count:
            break
    return found


CLIENTS: dict[str, Callable[[], object] | None] = {
    "default": None,
    "httpx": lambda: httpx.AsyncClient(),
    "httpx2": lambda: httpx2.AsyncClient(),
}


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_stream_that_ends_again_and_again_is_resumed(server: Process, client: str) -> None:
    url = f"{server.url}/events?end=7"
    async with EventSource(url, retry=SOON, client=CLIENTS[client]) as source:
        assert await ids(source, 40) == list(range(1, 41))
        assert source.stats.connects == 6
        assert [gap.resumed_from for gap in source.gaps] == ["7", "14", "21", "28", "35"]
        assert list(source.errors) == []


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_stream_that_breaks_again_and_again_is_resumed(
    server: Process, client: str
) -> None:
    url = f"{server.url}/events?crash=7"
    async with EventSource(url, retry=SOON, client=CLIENTS[client]) as source:
        assert await ids(source, 40) == list(range(1, 41))
        # Not a number of ours: what a server still sends of what it was given, it may decide.
        assert len(source.gaps) == len(source.errors) == source.stats.connects - 1 >= 5
        assert all(isinstance(error, ConnectionFailed) for error in source.errors)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_server_that_went_is_waited_for(server: Process, number: signal.Signals) -> None:
    async with EventSource(f"{server.url}/events", retry=SOON) as source:
        refused = 0

        async def on_error(error: object) -> None:
            nonlocal refused
            assert source.ready_state == EventSource.CONNECTING
            assert source.status.state is State.WAITING
            if "connection refused" in str(error):
                refused += 1
                await asyncio.to_thread(server.wait)
                await asyncio.to_thread(server.start)

        source.on_error = on_error
        found = []
        back = 0
        async for event in source:
            found.append(int(event.last_event_id))
            if len(found) == 20:
                server.send(number)
            back += refused  # of the new process: the old one may have answered twice
            if back == 20:
                break
        assert source.status.state is State.OPEN
        assert found == list(range(1, len(found) + 1))
        assert refused == 1
        assert source.gaps[-1].resumed_from == str(found[-21])


async def test_keep_alive_comments_are_no_events(server: Process) -> None:
    seen: list[str] = []
    async with EventSource(f"{server.url}/silent", idle_timeout=20) as source:
        async for batch in source.batches():
            assert len(batch) == 0
            seen += batch.comments
            if len(seen) >= 3:
                break
        assert source.stats.comments == len(seen)
    assert all(comment.strip().startswith("ping") for comment in seen)


async def test_a_post_is_sent_once_and_its_stream_ends(server: Process) -> None:
    body = {"prompt": "Größe zählt nicht"}
    async with EventSource(f"{server.url}/complete", json=body) as source:
        assert [event.data async for event in source] == ["Größe", "zählt", "nicht", "two\nlines"]
        assert source.status.state is State.CLOSED
        assert (source.stats.connects, list(source.errors)) == (1, [])


async def test_the_stream_of_a_notebook_holds_every_event(server: Process) -> None:
    stream = SSEStream(f"{server.url}/events?crash=10", retry=SOON)
    try:
        await stream.until(where=lambda event: event.last_event_id == "35", timeout=30)
    finally:
        stream.close()
    held = stream.df["last_event_id"].astype(int).tolist()
    assert held == list(range(1, len(held) + 1))
    assert len(stream.gaps) >= 3
    assert stream.stats.received == stream.stats.held == len(held)
