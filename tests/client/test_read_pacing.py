"""Reading at intervals: fewer wake-ups beside a busy cell, and nothing is late after silence."""

from __future__ import annotations

import asyncio
import itertools
import queue
import select
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from sse_widget import EventSource, SSECapture, SSEStream
from sse_widget.client import read_pacer
from sse_widget.client.read_pacer import ENOUGH_BYTES_S, ReadPacer
from sse_widget.runtime import pacing as beats
from sse_widget.runtime.pacing import INTERVAL_S, ContentionDetector, look_at

from ..helpers.scripted import CHUNKED, Server

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def nobody_computes(monkeypatch):
    """Whatever else this process or machine does meanwhile."""
    nobody = ContentionDetector()
    for module in (beats, read_pacer):
        monkeypatch.setattr(module, "contention", nobody)


class Flow:
    """A transport that notes what it is told."""

    full = 192 * 1024

    def __init__(self):
        self.told = []

    def pause(self):
        self.told.append("pause")

    def resume(self):
        self.told.append("resume")


class Reads:
    """A reader whose chunks take as long to come as the test says."""

    def __init__(self, flow):
        self.now = 0.0
        self.beats = ReadPacer(flow, clock=lambda: self.now)

    async def read(self, *, after, size=100, events=1000):
        await self.beats.rest()
        self.now += after
        self.beats.came(size, events)


async def test_a_chunk_that_follows_closely_is_followed_by_a_beat():
    flow = Flow()
    reads = Reads(flow)
    await reads.read(after=INTERVAL_S / 2)
    assert flow.told == []
    await reads.read(after=INTERVAL_S / 2)
    assert flow.told == ["pause", "resume"]


async def test_what_comes_after_silence_is_never_waited_for():
    flow = Flow()
    reads = Reads(flow)
    for _ in range(5):
        await reads.read(after=INTERVAL_S * 2)
    assert flow.told == []


@pytest.mark.parametrize("rate", [2, 20, 33, 100, 195])
async def test_a_calm_stream_is_read_as_it_comes(rate):
    flow = Flow()
    reads = Reads(flow)
    for _ in range(500):
        await reads.read(after=1 / rate, events=1)
    assert flow.told == []


async def test_a_burst_is_no_flood_and_a_flood_that_ends_is_none_any_more():
    flow = Flow()
    reads = Reads(flow)
    for _ in range(5):
        for _ in range(40):
            await reads.read(after=0.001, events=1)
        await reads.read(after=0.5, events=1)
    assert flow.told == []
    for _ in range(100):
        await reads.read(after=0.001, events=1)
    paused = len(flow.told)
    assert paused >= 2
    for _ in range(50):  # what rests bring many, which keeps the flood a flood
        await reads.read(after=0.001, events=40)
    assert len(flow.told) == paused + 100
    await reads.read(after=0.02, events=1)
    told = len(flow.told)
    for _ in range(100):
        await reads.read(after=0.02, events=1)
    assert len(flow.told) == told


async def test_a_stream_that_brings_much_is_read_as_it_comes():
    """However small its chunks are; and at intervals again when it brings less."""
    flow = Flow()
    reads = Reads(flow)
    await reads.read(after=0, size=2**18)
    for _ in range(100):
        await reads.read(after=INTERVAL_S / 50, size=2**13)
    assert flow.told == []
    while not flow.told and reads.now < 10:
        await reads.read(after=INTERVAL_S / 2)
    assert flow.told == ["pause", "resume"]


async def test_a_late_timer_does_not_make_a_stream_look_fast():
    """After a long rest more has come; what counts is how much in that time."""
    rests = itertools.cycle([INTERVAL_S, 1.8 * INTERVAL_S])

    class Late(Flow):
        def resume(self):
            super().resume()
            reads.now += next(rests)

    flow = Late()
    reads = Reads(flow)
    await reads.read(after=0)
    before = reads.now
    for _ in range(20):
        await reads.beats.rest()
        reads.beats.came(int((reads.now - before) * 0.8 * ENOUGH_BYTES_S), 1000)
        before = reads.now
    assert flow.told == ["pause", "resume"] * 20


async def test_a_client_without_a_flow_is_read_as_it_comes():
    reads = Reads(None)
    async with asyncio.timeout(60):
        for _ in range(10_000):
            await reads.read(after=0)


async def test_a_beat_that_is_ended_leaves_the_transport_reading(monkeypatch):
    monkeypatch.setattr(beats, "INTERVAL_S", 3600.0)
    flow = Flow()
    reads = Reads(flow)
    await reads.read(after=0)
    resting = asyncio.create_task(reads.read(after=0))
    await asyncio.sleep(0)  # a turn of the loop: it rests now
    assert flow.told == ["pause"]
    resting.cancel()
    await asyncio.wait([resting])
    assert flow.told == ["pause", "resume"]


def held(came, then):
    """A script: the beginning of a flood; and once it was delivered, what `then` does."""

    def script(peer):
        peer.send(CHUNKED)
        peer.chunk("id: 0\ndata: 0\n\n" * 500)
        assert came.wait(60)
        then(peer)
        peer.hold()

    return script


def test_a_beat_leaves_the_socket_alone_and_stopping_ends_it_at_once(monkeypatch):
    monkeypatch.setattr(beats, "INTERVAL_S", 3600.0)
    came, full = threading.Event(), threading.Event()

    def fill(peer):
        peer.sock.settimeout(1.0)
        try:
            for _ in range(512):
                peer.chunk(b":" * 2**20 + b"\n")
        except TimeoutError:
            full.set()  # nobody reads
        peer.sock.settimeout(None)

    with Server(held(came, fill)) as server:
        stream = SSEStream(server.url)
        stream.on()(lambda event: came.set())
        assert full.wait(30)
        stream.stop()  # waits until the connection is gone, but not for long
        assert stream.status.state == "closed"
        assert set(stream.df["data"]) == {"0"}
        stream.close()


def test_what_came_during_a_beat_is_read_after_it(monkeypatch):
    monkeypatch.setattr(beats, "INTERVAL_S", 0.3)
    came, last = threading.Event(), threading.Event()

    def further(peer):
        for n in range(1, 1000):
            peer.chunk(f"id: {n}\ndata: {n}\n\n")

    with Server(held(came, further)) as server:
        stream = SSEStream(server.url)

        @stream.on()
        def seen(event):
            came.set()
            if event.data == "999":
                last.set()

        assert last.wait(20)
        assert list(stream.df["data"])[499:] == [str(n) for n in range(1000)]
        stream.close()


@pytest.mark.parametrize(("size", "roomy"), [(20, False), (2_500, True)])
def test_a_paced_stream_is_read_into_a_buffer_of_what_it_brings(size, roomy, monkeypatch):
    """The system maps one of 128 KiB and more anew for each read, and takes it away again."""
    came, over = threading.Event(), threading.Event()
    delivered: queue.Queue[str] = queue.Queue()
    asked, rests = [], []
    receive = socket.socket.recv

    def noted(sock, most, *flags):
        asked.append(most)
        return receive(sock, most, *flags)

    def further(peer):
        asked.clear()
        for n in range(10):
            for _ in range(10):
                peer.chunk(f"data: {'x' * size}\n\n" * 2)
            peer.chunk(f"data: {n}\n\n")
            while delivered.get(timeout=60) != str(n):
                pass
        over.set()

    monkeypatch.setattr(beats, "INTERVAL_S", 0.1)
    monkeypatch.setattr(socket.socket, "recv", noted)
    monkeypatch.setattr(read_pacer.contention, "note", rests.append)
    with Server(held(came, further)) as server:
        stream = SSEStream(server.url)

        @stream.on()
        def seen(event):
            came.set()
            delivered.put(event.data)

        assert over.wait(60)
        stream.close()
    assert len(rests) >= 5
    assert (max(asked) >= 128 * 1024) == roomy


async def test_what_is_read_at_once_is_handed_over_at_once(monkeypatch):
    """aiohttp keeps back what is beyond a limit of its own: the rest of a read would come after the next
    interval, and a flood beside a computing cell fall ever further behind."""
    event, receive = f"data: {'x' * 72}\n\n", socket.socket.recv
    whole: list[int] = []

    def all_of_it(sock, most, *flags):
        """As if the system held as much as is asked for; once, of a stream that is known to bring much."""
        data = receive(sock, most, *flags)
        if most > 2**19 and not whole:
            while len(data) < most:
                select.select([sock], [], [])
                data += receive(sock, most - len(data), *flags)
            whole.append(data.count(b"data: "))
        return data

    def script(peer):
        peer.send(CHUNKED)
        peer.chunk(event * 1_000)
        for _ in range(20):
            peer.send((f"{len(event):x}\r\n{event}\r\n") * 1_000)
        peer.hold()

    monkeypatch.setattr(socket.socket, "recv", all_of_it)
    with Server(script) as server:
        async with EventSource(server.url) as source, asyncio.timeout(60):
            async for batch in source.batches():
                if whole:
                    assert whole[0] > 5_000
                    assert len(batch) >= whole[0] - 1  # its first event may have begun before
                    break


@contextmanager
def computing():
    """Another thread wants the interpreter all the time, as a cell does."""
    over = threading.Event()

    def compute():
        while not over.is_set():
            sum(range(1000))

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("options", [{}, {"exact_times": True}])
@pytest.mark.parametrize("kind", ["stream", "capture"])
def test_each_token_beside_a_computing_cell_has_a_time_of_its_own(
    monkeypatch, tmp_path, kind, options
):
    """A rest would take an hour here: that the next token comes says that there was none. It is sent
    when the one before has come, so that each is a read of its own."""
    for name in ("INTERVAL_S", "CONTENDED_INTERVAL_S", "CONTENDED_INTERVAL_OF_MUCH_S"):
        monkeypatch.setattr(beats, name, 3600.0)
    for _ in range(5):
        beats.contention.note(0.006)
    # A flood only where exactness was asked for.
    tokens, at_once = (8, 1) if not options else (8, 100)
    made: queue.Queue[SSEStream | SSECapture] = queue.Queue()

    def script(peer):
        read_by = made.get(timeout=30)
        peer.send(CHUNKED)
        for n in range(1, tokens + 1):
            peer.chunk(f"data: {n}\n\n" * at_once)
            if kind == "stream":
                asyncio.run(read_by.until(where=lambda e, n=n: e.seq == n * at_once - 1))
            else:
                asyncio.run(read_by.until(lambda stats, n=n: stats.received == n * at_once))
        all_came.set()
        peer.hold()

    all_came = threading.Event()
    with Server(script) as server, computing():
        if kind == "stream":
            with SSEStream(server.url, **options) as stream:
                made.put(stream)
                assert all_came.wait(60)
                times = stream.df["received_at"]
        else:
            with SSECapture([server.url], to=tmp_path / "c", **options) as capture:
                made.put(capture)
                assert all_came.wait(60)
            times = capture.history.to_table().to_pandas()["received_at"]
    assert len(times) == tokens * at_once
    assert times.is_monotonic_increasing
    assert times[::at_once].is_unique


def test_the_status_says_when_the_request_was_sent():
    def script(peer):
        peer.server.asked_at = datetime.now(UTC)
        peer.stream("data: 1\n\n")
        peer.hold()

    before = datetime.now(UTC)
    with Server(script) as server, SSEStream(server.url) as stream:
        event = asyncio.run(stream.until(timeout=30))
        sent_at = stream.status.sent_at
        assert before <= sent_at <= server.asked_at <= event.received_at
        assert sent_at <= stream.status.since
        stream.stop()
        assert stream.status.sent_at == sent_at
    with SSEStream.replay(b"data: 1\n\n") as played:
        assert played.status.sent_at is None


def test_a_replay_has_the_times_it_was_recorded_with():
    with pytest.raises(TypeError, match="'exact_times'"):
        SSEStream.replay(b"data: 1\n\n", exact_times=True)
    with pytest.raises(TypeError, match="exact_times must be True or False"):
        SSEStream("http://localhost:1/", exact_times="yes")


def test_beside_a_thread_that_computes_the_beats_are_longer():
    contention = ContentionDetector()
    assert not contention.contended
    for _ in range(5):
        contention.note(0.006)
    assert contention.contended
    contention.note(0.0)  # one timer in time says little
    assert contention.contended
    for _ in range(5):
        contention.note(0.0)
    assert not contention.contended


def test_beside_a_thread_that_computes_rows_go_in_the_wake_up_that_read_them():
    """Reads come a little later than a timer set for the same beat: it must not come first."""
    for _ in range(5):
        beats.contention.note(0.006)
    for rows in (1, 100, 5000):
        assert beats.pace(rows, rows * 100, read=True) < beats.interval()
        assert beats.pace(rows, rows * 100, read=False) > beats.interval()


def test_a_single_late_timer_changes_nothing(monkeypatch):
    monkeypatch.setattr(beats, "contention", ContentionDetector())
    before = beats.interval()
    beats.contention.note(0.5)
    assert beats.interval() == before
    for _ in range(5):
        beats.contention.note(0.5)
    assert beats.interval() > before


def test_the_looks_of_idle_streams_fall_together_and_never_late():
    looks = {look_at(100.0 + n / 20, 5.0) for n in range(20)}
    assert looks == {105.0}
    assert look_at(100.99, 5.0) <= 105.99
    assert look_at(100.3, 0.02) == 100.3 + 0.02
