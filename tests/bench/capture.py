"""What capturing costs: CPU of a stream with `capture=` beside the same stream without.

At the 5,000 events/s that the tests kill it at, while it runs; and at full speed, the whole of 40,000
and 200,000 events until they are in the window and on disk: there the opening of the folder and the
last flush count too, and reading costs so little that whatever is done with an event shows.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .measure import Report, Times, Verdict, compare, table, verdict
from .receive import EVENTS, TITLES
from .server import served

if TYPE_CHECKING:
    from sse_widget import SSEStream

__all__ = ["AIM", "kept", "paced", "report"]

AIM, _FULL_AIM = 1.15, 1.5
_RATE, _SECONDS, _ROUNDS = 5_000, 3.0, 7


def _stream(url: str, to: Path | None) -> SSEStream:
    from sse_widget import SSEStream

    return SSEStream(url, max_events=2**20, reconnect=False, capture=to)


def kept(url: str, to: Path | None) -> int:
    """Read a stream to its end; how many events came."""
    stream = _stream(url, to)
    asyncio.run(_ended(stream))
    stream.close()
    return stream.stats.received


async def _ended(stream: SSEStream) -> None:
    await asyncio.wait_for(stream.wait_closed(), 120)


def paced(url: str, seconds: float, to: Path | None) -> float:
    """CPU of an event while a stream is read for some seconds, from its first flush on."""
    stream = _stream(url, to)
    time.sleep(1.5)
    events, cpu = stream.stats.received, time.process_time()
    time.sleep(seconds)
    while stream.stats.received == events:  # a machine that is busy elsewhere
        time.sleep(seconds)
    events, cpu = stream.stats.received - events, time.process_time() - cpu
    stream.close()
    return cpu / events


def _pair(read: Callable[[Path | None], object], folder: Path) -> dict[str, Callable[[], object]]:
    def captured() -> None:
        to = Path(tempfile.mkdtemp(dir=folder))
        read(to / "capture")
        shutil.rmtree(to)

    return {"without": lambda: read(None), "capture=": captured}


def _row(title: str, events: int, times: Times) -> list[str]:
    cost = [f"{times.median(name) / events * 1e6:.2f}" for name in ("without", "capture=")]
    return [title, *cost, f"{times.ratio('without', 'capture='):.2f}"]


def _judged(title: str, times: Times, most: float) -> Verdict:
    ratio = times.ratio("without", "capture=")
    return verdict(f"{title}: CPU with capture=, times without", ratio, "≤", most)


def _steady(url: str, folder: Path) -> Times:
    times = Times({"without": [], "capture=": []})
    for n in range(_ROUNDS):
        for name in sorted(times.rounds, reverse=n % 2 == 0):
            to = Path(tempfile.mkdtemp(dir=folder)) if name == "capture=" else None
            times.rounds[name].append(paced(url, _SECONDS, to))
    return times


def report() -> Report:
    """The table, and what it should say."""
    folder = Path(tempfile.mkdtemp(prefix="sse-widget-bench-"))
    try:
        with served() as origin:
            url = f"{origin}/paced/{_RATE}"
            steady = _steady(url, folder)
            name = f"{_RATE:,} events/s"
            rows = [_row(f"{name}; aim: at most {AIM:g}", 1, steady)]
            verdicts = [_judged(name, steady, AIM)]
            for kind, events in EVENTS.items():
                url = f"{origin}/{kind}/{events}"
                times = compare(_pair(lambda to, url=url: kept(url, to), folder), rounds=7)
                name = f"full speed, {TITLES[kind]}"
                rows.append(_row(f"{name}; aim: at most {_FULL_AIM:g}", events, times))
                verdicts.append(_judged(name, times, _FULL_AIM))
    finally:
        shutil.rmtree(folder)
    text = "\n\n".join(
        [
            "## Capture: a stream with and without, µs of CPU per event",
            table(["", "without", "with", "times"], rows),
        ]
    )
    return Report(text, verdicts)
