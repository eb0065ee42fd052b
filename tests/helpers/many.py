"""Many streams with a history: `python -m tests.many`, a process of its own.

Every stream counts its events from the start of the server at its own rate: an event is a function of
its number, so that any number can be handed out again and a reader's files can be checked against
what was sent. One timer serves all connections, and streams that are due together are sent the same
bytes, so that ten thousand of them cost little more than the system's calls. Paths:

- `/count/<rate>/<name>`: ids are the numbers; resumes after Last-Event-ID, else with the newest;
- `/forgetful/<rate>/<name>`: the same, but it answers 400 to an id;
- `/silent/<name>`: takes the connection and never answers.

The data of an event is its number, and when it was due and was sent, in seconds since the epoch.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow.compute as pc

from ..bench import server

__all__ = ["Readback", "read_back", "served"]

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
_BURST = 500
# Of a second of a stream with one event a second: so many moments at which events are due.
_SLOTS = 100


@dataclass(order=True)
class _Group:
    """The readers whose next event is the same one: it is written once, for all of them."""

    due: float
    n: int = field(compare=False)
    rate: float = field(compare=False)
    offset: float = field(compare=False)
    readers: list[asyncio.Transport] = field(compare=False)

    def events(self, now: float, began: float) -> bytes:
        """What is due, up to some number of events; the rest is due then."""
        events = []
        while self.due <= now and len(events) < _BURST:
            events.append(_event(self.n, began + self.due, began + now))
            self.n += 1
            self.due = self.n / self.rate + self.offset
        return b"".join(events)


def _event(n: int, at: float, sent: float) -> bytes:
    return b"id: %d\ndata: %d %.3f %.3f\n\n" % (n, n, at, sent)


class _Server:
    def __init__(self) -> None:
        self.began = time.time()
        self.heap: list[_Group] = []
        self.groups: dict[tuple[float, float], _Group] = {}  # by rate and offset
        self.news = asyncio.Event()

    def answer(self, head: str, transport: asyncio.Transport) -> None:
        _, kind, *rest = head.split(" ", 2)[1].split("/")
        if kind == "silent":
            return
        lines = dict(line.split(": ", 1) for line in head.lower().split("\r\n")[1:] if line)
        last = lines.get("last-event-id")
        if kind == "forgetful" and last is not None:
            transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            transport.close()
            return
        rate, now = float(rest[0]), time.time() - self.began
        group = self.group(rate, zlib.crc32(rest[1].encode()) % _SLOTS, now)
        first = max(group.n - 1, 0) if last is None else int(last) + 1
        # What it missed, and then what all get.
        missed = [
            _event(n, self.began + n / rate + group.offset, self.began + now)
            for n in range(first, group.n)
        ]
        transport.write(_HEAD + b"".join(missed))
        group.readers.append(transport)

    def group(self, rate: float, slot: int, now: float) -> _Group:
        """Streams do not all tick at once: those of a slot do."""
        offset = slot / _SLOTS / rate
        group = self.groups.get((rate, offset))
        if group is None:
            n = max(int((now - offset) * rate), 0)
            group = self.groups[rate, offset] = _Group(n / rate + offset, n, rate, offset, [])
            heapq.heappush(self.heap, group)
            self.news.set()
        return group

    async def tick(self) -> None:
        while True:
            now = time.time() - self.began
            while self.heap and self.heap[0].due <= now:
                group = self.heap[0]
                group.readers = [reader for reader in group.readers if not reader.is_closing()]
                if not group.readers:  # else a slow machine makes what nobody reads, and no more
                    heapq.heappop(self.heap)
                    del self.groups[group.rate, group.offset]
                    continue
                events = group.events(now, self.began)
                heapq.heapreplace(self.heap, group)
                for reader in group.readers:
                    reader.write(events)
            wait = self.heap[0].due - (time.time() - self.began) if self.heap else 1.0
            if wait > 0.02:
                self.news.clear()
                try:
                    async with asyncio.timeout(wait):
                        await self.news.wait()
                except TimeoutError:
                    pass
            else:
                await asyncio.sleep(max(wait, 0.002))


class _Connection(asyncio.Protocol):
    """One request, and its answer for as long as the client stays."""

    def __init__(self, server: _Server) -> None:
        self.server = server
        self.head: bytes | None = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.head is None:
            return
        self.head += data
        if self.head.endswith(b"\r\n\r\n"):
            head, self.head = self.head.decode(), None
            self.server.answer(head, self.transport)


async def _serve() -> None:
    many = _Server()
    listening = await asyncio.get_running_loop().create_server(
        lambda: _Connection(many), "127.0.0.1", 0, backlog=4096
    )
    print(listening.sockets[0].getsockname()[1], flush=True)
    ticking = asyncio.create_task(many.tick())
    await asyncio.to_thread(sys.stdin.read)
    ticking.cancel()
    os._exit(0)  # whoever is still being served is gone too


def served() -> AbstractContextManager[str]:
    """The origin of a running server."""
    return server.served("tests.helpers.many")


@dataclass
class Readback:
    """What the files of a capture hold of counting streams.

    Attributes:
        streams: how many there are.
        events: rows, of all.
        lost: numbers missing between the first and the last of each stream.
        twice: numbers that are there more than once.
        numbered: whether the events of every stream have the numbers 0, 1, 2, ...
        silence: the longest time between two events of one stream, in seconds.
        stalled: the longest time the source itself was late, which is the machine's doing.
        last: the newest number of each stream.
    """

    streams: int
    events: int
    lost: int
    twice: int
    numbered: bool
    silence: float
    stalled: float
    last: dict[str, int] = field(repr=False)


def until(condition: Callable[[], object], seconds: float = 180.0) -> None:
    """Look until it is true: for what the files have, or other processes, there is no event."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def read_back(history: Any) -> Readback:
    """Check a capture's files against what the server sent. Of each event it holds four numbers."""
    codes: dict[str, int] = {}
    found: list[list[np.ndarray[Any, Any]]] = []
    stalled = 0.0
    for batch in history.to_batches(columns=["stream", "seq", "received_at", "data"]):
        if not batch.num_rows:
            continue
        stream = batch["stream"].dictionary_encode()
        code = np.array([codes.setdefault(s, len(codes)) for s in stream.dictionary.to_pylist()])
        words = pc.list_flatten(pc.split_pattern(batch["data"], " ")).to_numpy(False)
        n, due, sent = words.reshape(-1, 3).T
        stalled = max(stalled, float((sent.astype("f8") - due.astype("f8")).max()))
        at = batch["received_at"].cast("int64").to_numpy()
        seq = batch["seq"].to_numpy()
        found.append([code[stream.indices.to_numpy()], seq, n.astype("i8"), at])
    code, seq, n, at = map(np.concatenate, zip(*found, strict=True))
    order = np.lexsort((seq, code))
    code, seq, n, at = code[order], seq[order], n[order], at[order]
    first = np.flatnonzero(np.diff(code, prepend=-1))  # the first row of each stream
    size = np.diff(first, append=len(code))
    inside = np.ones(len(code), bool)
    inside[first] = False
    by_number = np.lexsort((n, code))
    same = (np.diff(code[by_number]) == 0) & (np.diff(n[by_number]) == 0)
    distinct = len(code) - int(same.sum())
    last = np.maximum.reduceat(n, first)
    return Readback(
        streams=len(first),
        events=len(code),
        lost=int((last - np.minimum.reduceat(n, first) + 1).sum() - distinct),
        twice=len(code) - distinct,
        numbered=bool((seq == np.arange(len(code)) - np.repeat(first, size)).all()),
        silence=float(np.diff(at, prepend=at[0])[inside].max(initial=0)) / 1e6,
        stalled=stalled,
        last={
            name: int(last[place])
            for place, name in enumerate(sorted(codes, key=codes.__getitem__))
        },
    )


if __name__ == "__main__":
    asyncio.run(_serve())
