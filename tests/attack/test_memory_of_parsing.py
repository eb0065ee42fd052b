"""Hostile servers and memory: each in a process of its own, which reports what it grew by.

Growth under 40 MiB at `max_event_bytes=1 MiB`, a typed error, the stream
goes on.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zlib

import pytest

from sse_widget import EventStreamParser

from ..helpers.scripted import UNTIL_CLOSED, Server, answers

MIB = 2**20
TOTAL = 200 * MIB  # what the server sends; a client that keeps it would show

# Of the program alone: `ru_maxrss` begins with the memory of the process that started it.
PEAK = """
import resource, sys
from pathlib import Path

def peak():
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
"""
PROGRAM = """
import asyncio, json
from sse_widget import EventSource, RetryPolicy

async def main(url):
    start, data, longest = None, [], 0
    retry = RetryPolicy(initial=0, minimum=0, jitter=0)
    async with EventSource(url, max_event_bytes=2**20, retry=retry) as source:
        async for event in source:
            start = start or peak()
            data.append(event.data[:20])
    print(json.dumps({
        "grown": peak() - start, "data": data, "oversize": source.stats.oversize,
        "errors": sorted({type(e).__name__ for e in source.errors}),
        "gaps": sorted({str(g.cause) for g in source.gaps}), "last_id": source.last_event_id,
    }))

asyncio.run(main(sys.argv[1]))
"""


def endless(piece: bytes, before: bytes = b"", total: int = TOTAL):
    """A script: one event, then this again and again for 200 MiB, then another event."""

    def script(peer):
        peer.send(UNTIL_CLOSED)
        peer.send(b"data: first\n\n" + before)
        block = piece * (MIB // len(piece))
        for _ in range(total // len(block)):
            peer.send(block)
        peer.send(b"\n\ndata: last\n\n")

    return script


def bomb(peer):
    """200 MiB of one line in 200 KiB of gzip."""
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(b"data: first\n\n") + packer.flush(zlib.Z_SYNC_FLUSH)
    peer.stream(packed, "Content-Encoding: gzip\r\n")
    packed = packer.compress(b"data: ")
    for _ in range(TOTAL // MIB):
        packed += packer.compress(b"x" * MIB)
    peer.send(packed + packer.compress(b"\n\ndata: last\n\n") + packer.flush())


HOSTILE = {
    "endless data line": endless(b"x" * 1024, b"id: 7\ndata: "),
    "endless event of many lines": endless(b"data: " + b"x" * 100 + b"\n"),
    "endless comment": endless(b"x" * 1024, b": "),
    "endless id": endless(b"x" * 1024, b"id: "),
    "endless event type": endless(b"x" * 1024, b"event: "),
    "endless unknown field": endless(b"x" * 1024, b"foo"),
    "gzip bomb": bomb,
}


def output(program, script):
    """What a client in a process of its own says of this server."""
    with Server(script, answers("204 No Content")) as server:
        done = subprocess.run(
            [sys.executable, "-c", PEAK + program, server.url],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run(script):
    said = json.loads(output(PROGRAM, script))
    assert said["data"] == ["first", "last"]
    assert said["grown"] < 40 * MIB
    return said


@pytest.mark.parametrize("name", HOSTILE)
def test_memory_stays_bounded_and_the_stream_goes_on(name):
    said = run(HOSTILE[name])
    assert said["oversize"] == 1
    assert "EventTooLarge" in said["errors"]
    assert "oversize" in said["gaps"]
    assert said["last_id"] == ("7" if name == "endless data line" else "")


def test_comments_without_end_are_no_event():
    """A keep-alive a second for a year: nothing is kept, nothing is reported."""
    assert run(endless(b": keep-alive\n", total=60 * MIB))["oversize"] == 0


LONG_ID = """
from sse_widget import SSEStream
stream = SSEStream(sys.argv[1], max_bytes=32 * 2**20, reconnect=False)
import asyncio
asyncio.run(asyncio.wait_for(stream.wait_closed(), 500))
stats = stream.stats
assert stats.received == 3001 == stats.held + stats.evicted, (stats, stream.status)
assert 0 < stats.held and len(stream.df) == stats.held
assert stream.last_event_id == "x" * 2**20
print(peak())
"""


def test_an_id_of_a_mebibyte_before_thousands_of_events():
    """Each event has the last event ID; written out this batch would have 3 GiB."""
    body = b"id: " + b"x" * MIB + b"\ndata: a\n\n" + b"data: b\n\n" * 3000
    assert int(output(LONG_ID, lambda peer: peer.stream(body))) < 600 * MIB


def test_ten_mebibytes_pass_by_default():
    parser = EventStreamParser()
    stream = b"data: " + b"x" * (10 * MIB) + b"\n\n"
    events = [e for i in range(0, len(stream), 1460) for e in parser.feed(stream[i : i + 1460])]
    assert [len(e.data) for e in events] == [10 * MIB]


def test_so_does_an_image_of_28():
    batch = EventStreamParser().feed(b"data: " + b"A" * (28 * MIB) + b"\n\n")
    assert [len(data) for data in batch.data] == [28 * MIB]
    assert not batch.faults
