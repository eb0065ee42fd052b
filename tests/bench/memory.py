"""What a stream gives back, and what a thousand of them keep: resident memory.

Two hundred streams are made, shown and closed, one after the other, in a real JupyterLab, after forty that
bring what the first ones bring for good. A thousand streams run in a process of their own, with windows
that are full from the beginning of what is measured: whatever grows then, grows for ever.
"""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import subprocess
import sys
from pathlib import Path

from .measure import Report, table, verdict
from .rig import Rig, rig, rss
from .server import served

__all__ = ["report"]

_WARM, _STREAMS, _EVENTS = 40, 200, 200
_MORE_MIB, _PAGE_MIB = 5, 20
# A window lets go of what it let go of when a few hundred events came: half a minute.
_MANY, _RATE, _FULL_S, _SECONDS = 1_000, 10, 45.0, 60.0
_GROWS = 1.05

_MAKE = """
import os, time
from IPython.display import clear_output, display
from sse_widget import SSEStream
def show(url, streams, events):
    for n in range(streams):
        stream = SSEStream(f"{url}?{n}", reconnect=False)
        display(stream)
        while stream.stats.received < events: time.sleep(0.005)
        stream.df
        stream.close()
        clear_output()
"""
_SHOW = "show(URL, {}, {})"


def _held(page: Rig) -> tuple[float, float]:
    """MiB of the kernel and of the page's heap, once both have collected what is garbage."""
    page.wait(2)
    pid = page.ask("__import__('gc').collect() and os.getpid() or os.getpid()")
    return rss(pid), page.page_memory()[0]


def given_back(streams: int) -> tuple[float, float, float]:
    """MiB that kernel and page hold more after so many streams that were closed; and what the kernel
    holds more after the second half of them."""
    half = _SHOW.format(streams // 2, _EVENTS)
    cells = [_MAKE, _SHOW.format(_WARM, _EVENTS), half, half]
    with served() as origin, rig(cells) as page:
        page.notebook.run(0)
        page.notebook.execute(f"URL = {f'{origin}/own/{_EVENTS}'!r}")
        page.notebook.run(1)
        held = [_held(page)]
        for cell in (2, 3):
            page.notebook.start(cell)
            page.notebook.finished(cell, timeout=300)
            held.append(_held(page))
    before, between, after = held
    return after[0] - before[0], after[1] - before[1], after[0] - between[0]


async def _follow(origin: str, streams: int, full: float, seconds: float) -> list[float]:
    from sse_widget import EventSource
    from sse_widget.tables import RollingWindow

    async def follow() -> None:
        window = RollingWindow(max_events=_RATE * 10)
        async with EventSource(f"{origin}/paced/{_RATE}") as source:
            async for batch in source.batches():
                window.append(batch)

    readers = [asyncio.create_task(follow()) for _ in range(streams)]
    await asyncio.sleep(full)
    found = []
    for _ in range(30):
        await asyncio.sleep(seconds / 30)
        gc.collect()
        found.append(rss(os.getpid()))
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return found


def thousand(streams: int, full: float, seconds: float) -> tuple[float, float]:
    """MiB resident in the first and in the last third of the time."""
    with served() as origin:
        command = [sys.executable, "-m", __name__, origin, str(streams), str(full), str(seconds)]
        root = Path(__file__).parents[2]
        run = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    found = [float(word) for word in run.stdout.split()]
    third = len(found) // 3
    return statistics.median(found[:third]), statistics.median(found[-third:])


def report(streams: int = _STREAMS, seconds: float = _SECONDS) -> Report:
    """The table, and what it should say."""
    kernel, page, second_half = given_back(streams)
    first, last = thousand(_MANY, _FULL_S, seconds)
    shown = f"{streams} streams made, shown and closed"
    many = f"{_MANY:,} streams at {_RATE} events/s each, full windows"
    rows = [
        [f"{shown}: the kernel, MiB more", f"{kernel:.1f}", f"{_MORE_MIB}"],
        [f"{shown}: the kernel, by the second half of them", f"{second_half:.1f}", ""],
        [f"{shown}: the page's heap, MiB more", f"{page:.1f}", f"{_PAGE_MIB}"],
        [f"{many}: MiB, first third of {seconds:g} s", f"{first:.0f}", ""],
        [f"{many}: MiB, last third", f"{last:.0f}", f"{_GROWS:g} times the first"],
    ]
    verdicts = [
        verdict(f"{shown}: the kernel", kernel, "<", _MORE_MIB, " MiB more", digits=1),
        verdict(f"{shown}: the page's heap", page, "<", _PAGE_MIB, " MiB more", digits=1),
        verdict(f"{many}: the last third, times the first", last / first, "≤", _GROWS),
    ]
    return Report("\n\n".join(["## Memory", table(["", "", "at most"], rows)]), verdicts)


if __name__ == "__main__":
    origin, *numbers = sys.argv[1:]
    how_many, full, seconds = int(numbers[0]), float(numbers[1]), float(numbers[2])
    print(*asyncio.run(_follow(origin, how_many, full, seconds)))
