"""Reading in beats: fewer wake-ups beside a busy cell, and nothing is late after silence."""

from __future__ import annotations

import asyncio
import itertools
import threading

import pytest

from sse_widget import SSEStream
from sse_widget.client import read_pacer
from sse_widget.client.read_pacer import ENOUGH_BYTES_S, ReadPacer
from sse_widget.runtime import pacing as beats
from sse_widget.runtime.pacing import INTERVAL_S, ContentionDetector

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

    async def read(self, *, after, size=100):
        await self.beats.rest()
        self.now += after
        self.beats.came(size)


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


async def test_a_stream_that_brings_much_is_read_as_it_comes():
    """However small its chunks are; and in beats again when it brings less."""
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
        reads.beats.came(int((reads.now - before) * 0.8 * ENOUGH_BYTES_S))
        before = reads.now
    assert flow.told == ["pause", "resume"] * 20


async def test_a_client_without_a_flow_is_read_as_it_comes():
    reads = Reads(None)
    async with asyncio.timeout(5):
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
    """A script: one event; and once it was delivered, what `then` does."""

    def script(peer):
        peer.send(CHUNKED)
        peer.chunk("id: 0\ndata: 0\n\n")
        assert came.wait(10)
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
        assert stream._task.done()
        assert stream.status.state == "closed"
        assert list(stream.df["data"]) == ["0"]
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
        assert list(stream.df["data"]) == [str(n) for n in range(1000)]
        stream.close()


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
