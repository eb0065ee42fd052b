"""What a stream costs the cell that runs beside it; executed inside a kernel.

A pure-Python loop is timed alone, beside the stream that is shown on the page, and beside a thread
that reads the same stream with httpx-sse and only counts: in turn, in rotated order. The time the
loop's thread waited for a core is taken off: that is the browser's and the server's doing, which
share this machine, and not that of a thread in this process.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Counter", "compare", "schedstat"]

_SETTLE = 0.8
# Seconds: the longest time between two reads that is waited for.
_BETWEEN_READS = 2.0


def schedstat(tid: int) -> tuple[float, float]:
    """Seconds a thread of this process was on a core, and waited for one."""
    ran, waited, _ = Path(f"/proc/self/task/{tid}/schedstat").read_text().split()
    return int(ran) / 1e9, int(waited) / 1e9


def _work(n: int) -> int:
    x = 0
    for i in range(n):
        x = (x * 31 + i) % 1_000_003
    return x


def loop(seconds: float) -> tuple[float, float]:
    """Seconds a round of work takes, while whatever else runs; and the share of the time in which
    the loop neither ran nor waited for a core: another thread had the interpreter."""
    me = threading.get_native_id()
    rounds = 0
    ran, waited = schedstat(me)
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        _work(20_000)
        rounds += 1
    took = time.perf_counter() - start
    now = schedstat(me)
    took -= now[1] - waited
    return took / rounds, 1 - (now[0] - ran) / took


class Counter:
    """A thread that reads with httpx-sse and only counts."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = False
        self.count = 0
        self.tid = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        import httpx
        import httpx_sse

        self.tid = threading.get_native_id()
        with (
            httpx.Client(timeout=None) as client,
            httpx_sse.connect_sse(client, "GET", self._url) as source,
        ):
            for _ in source.iter_sse():
                self.count += 1
                if self._over:
                    return

    def wait(self) -> None:
        """Until the server has ended the stream."""
        self._thread.join(10)

    def end(self) -> None:
        self._over = True
        self._thread.join(10)


@contextmanager
def _shown(stream: Any) -> Iterator[tuple[int, Any]]:
    stream.start()
    (thread,) = [t for t in threading.enumerate() if t.name == "sse-widget"]
    assert thread.native_id is not None
    yield thread.native_id, lambda: stream.stats.received
    stream.stop()


@contextmanager
def _counted(url: str) -> Iterator[tuple[int, Any]]:
    counter = Counter(url)
    while not counter.count:
        time.sleep(0.01)
    yield counter.tid, lambda: counter.count
    counter.end()


def _read_now(count: Any) -> tuple[int, float]:
    """How many came, and when, as some have just been read: between two reads the rest waits unseen."""
    before, end = count(), time.perf_counter() + _BETWEEN_READS
    while count() == before and time.perf_counter() < end:
        time.sleep(0.001)
    return count(), time.perf_counter()


def compare(stream: Any, url: str, rounds: int, seconds: float) -> dict[str, float]:
    """What both cost: `cpu` is a share of a core, `slower` a share of the loop's time alone."""
    ways = {"ours": lambda: _shown(stream), "peer": lambda: _counted(url)}
    seen: dict[str, list[float]] = {}
    loop(seconds / 2)  # warm
    for n in range(rounds):
        alone: list[float] = []
        taken: dict[str, float] = {}
        for name in (["ours", "alone", "peer"], ["peer", "alone", "ours"])[n % 2]:
            if name == "alone":
                alone.append(loop(seconds)[0])
                continue
            alone.append(loop(seconds / 2)[0])
            with ways[name]() as (tid, count):
                time.sleep(_SETTLE)
                before, since = _read_now(count)
                ran, start = schedstat(tid)[0], time.perf_counter()
                taken[name], lost = loop(seconds)
                took = time.perf_counter() - start
                seen.setdefault(f"{name} cpu", []).append((schedstat(tid)[0] - ran) / took)
                seen.setdefault(f"{name} lost", []).append(lost)
                after, until = _read_now(count)
                seen.setdefault(f"{name} rate", []).append((after - before) / (until - since))
        base = statistics.median(alone)
        for name, time_ in taken.items():
            seen.setdefault(f"{name} slower", []).append(time_ / base - 1)
    return {name: statistics.median(values) for name, values in seen.items()}
