"""From a server on loopback: CPU of the reading process per event.

Events beside events: `async for`, and a plain loop, put type, data and id of each event into three
lists, as the peer does. Columns are the way of `SSEStream` without its widget: `EventSource.batches()`
into the rolling window. No
contender pays for reading the certificates: those who would are given a context that was made.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

from .measure import Report, Times, Verdict, compare, table, verdict
from .server import served

__all__ = ["EVENTS", "TARGETS", "TITLES", "contenders", "many", "report"]

# type, data, id
Columns = list[list[str]]

# Times the peer: events, columns.
TARGETS = {"own": (7.0, 7.0), "coalesced": (3.5, 5.0)}
EVENTS = {"own": 40_000, "coalesced": 200_000}
TITLES = {"own": "each event its own HTTP chunk", "coalesced": "HTTP chunks of 16 KiB"}
_STREAMS, _RATE, _SECONDS = 1000, 10, 8.0
_PEER = "httpx + httpx-sse"
_EVENTS, _COLUMNS = "sse-widget, events", "sse-widget, columns"
_CORE = 50  # % of one core for all of them
_CAME = 0.98  # of what a server sends at a rate, or it was not measured at that rate


@functools.cache
def _context() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context()


async def _into_window(url: str, client: Any = None) -> Any:
    from sse_widget import EventSource
    from sse_widget.tables.window import RollingWindow

    window = RollingWindow(max_events=2**20)
    async with EventSource(url, reconnect=False, client=client) as source:
        async for batch in source.batches():
            window.append(batch)
    return window


async def _ours(url: str) -> Any:
    return await _into_window(url)


async def _ours_as_events(url: str) -> Columns:
    from sse_widget import EventSource

    types, data, ids = [], [], []
    async with EventSource(url, reconnect=False) as source:
        async for event in source:
            types.append(event.type)
            data.append(event.data)
            ids.append(event.last_event_id)
    return [types, data, ids]


async def _ours_as_plain_loop(url: str) -> Columns:
    from sse_widget import EventSource

    def loop() -> Columns:
        types, data, ids = [], [], []
        for event in EventSource(url, reconnect=False):
            types.append(event.type)
            data.append(event.data)
            ids.append(event.last_event_id)
        return [types, data, ids]

    return await asyncio.to_thread(loop)


async def _ours_over_httpx(url: str) -> Any:
    import httpx

    async with httpx.AsyncClient(verify=_context()) as client:
        return await _into_window(url, client)


async def _httpx_sse(url: str) -> Columns:
    import httpx
    import httpx_sse

    types, data, ids = [], [], []
    async with (
        httpx.AsyncClient(verify=_context(), timeout=None) as client,
        httpx_sse.aconnect_sse(client, "GET", url) as source,
    ):
        async for event in source.aiter_sse():
            types.append(event.event)
            data.append(event.data)
            ids.append(event.id)
    return [types, data, ids]


def columns(read: Any) -> Columns:
    """What a contender read, as lists: the proof that all did the same work."""
    if isinstance(read, list):
        return read
    frame = read.read().table
    return [frame.column(name).to_pylist() for name in ("type", "data", "last_event_id")]


def contenders() -> dict[str, Callable[[str], Coroutine[Any, Any, Any]]]:
    """Ours first; the peer where it is installed."""
    found = {
        _EVENTS: _ours_as_events,
        "sse-widget, events, without asyncio": _ours_as_plain_loop,
        _COLUMNS: _ours,
        "sse-widget, columns, over stock httpx": _ours_over_httpx,
    }
    if importlib.util.find_spec("httpx_sse"):
        found[_PEER] = _httpx_sse
    return found


def _run(reader: Callable[[str], Coroutine[Any, Any, Any]], url: str) -> Callable[[], object]:
    return lambda: asyncio.run(reader(url))


def many(origin: str, streams: int, seconds: float) -> tuple[float, float, int]:
    """Many `EventSource`s on one thread.

    Returns:
        The share of one core, events a second, and how many threads there were.
    """

    others = threading.active_count() - 1  # of the process, where a test runs this

    async def read() -> tuple[float, float, int]:
        from sse_widget import EventSource
        from sse_widget.tables.window import RollingWindow

        received = 0
        flowing = asyncio.Event()  # all are open, and a second of all came

        async def follow() -> None:
            nonlocal received
            window = RollingWindow(max_events=1000)
            async with EventSource(f"{origin}/paced/{_RATE}") as source:
                async for batch in source.batches():
                    window.append(batch)
                    received += len(batch)
                    if received >= streams * _RATE:
                        flowing.set()

        readers = []
        for _ in range(streams):
            readers.append(asyncio.create_task(follow()))
            await asyncio.sleep(0.002)  # so that their ticks do not fall together
        await flowing.wait()
        before, start, cpu = received, time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        while received == before:  # noqa: ASYNC110 (a machine that is busy elsewhere)
            await asyncio.sleep(seconds)
        cpu, took = time.process_time() - cpu, time.perf_counter() - start
        rate, threads = (received - before) / took, threading.active_count() - others
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        return cpu / took, rate, threads

    return asyncio.run(read())


def _rows(kind: str, times: Times) -> tuple[list[list[str]], list[Verdict]]:
    aims = dict(zip((_EVENTS, _COLUMNS), TARGETS[kind], strict=True))
    rows, verdicts = [], []
    for name in times.rounds:
        ratio = times.ratio(name, _PEER) if _PEER in times.rounds else 0.0
        aim = f"{aims[name]:g}" if name in aims else ""
        cost = times.median(name) / EVENTS[kind] * 1e6
        rows.append([f"{TITLES[kind]}: {name}", f"{cost:.2f}", f"{ratio:.1f}", aim])
        if name in aims:
            title = f"{TITLES[kind]}: {name}, times faster than {_PEER}"
            verdicts.append(verdict(title, ratio, "≥", aims[name], digits=1))
    return rows, verdicts


def report() -> Report:
    """The table, and what it should say."""
    rows: list[list[str]] = []
    verdicts: list[Verdict] = []
    with served() as origin:
        for kind in TARGETS:
            url = f"{origin}/{kind}/{EVENTS[kind]}"
            times = compare({name: _run(fn, url) for name, fn in contenders().items()}, rounds=7)
            more, found = _rows(kind, times)
            rows += more
            verdicts += found
        share, rate, threads = many(origin, _STREAMS, _SECONDS)
    streams = f"{_STREAMS:,} streams at {_RATE} events/s each"
    verdicts += [
        verdict(f"{streams}: of a core", share * 100, "≤", _CORE, " %", digits=0),
        verdict(f"{streams}: events/s", rate, "≥", _CAME * _STREAMS * _RATE, digits=0),
    ]
    text = "\n\n".join(
        [
            "## Receive: events and columns from a socket, µs of CPU per event",
            table(["", "µs", f"times faster than {_PEER}", "aim"], rows),
            f"{streams} in one process: {rate:,.0f} events/s, "
            f"{share:.0%} of one core, {threads} thread(s); aim: at most {_CORE} %.",
        ]
    )
    return Report(text, verdicts)
