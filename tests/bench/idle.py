"""What is shown and has nothing to do: CPU and wake-ups of kernel and page together.

Each contender has a kernel and a page of its own. What the two cost where no stream is shown is
measured in the same way, and taken off. A wake-up is a moment in which threads of the kernel ran that had waited:
a beat that goes from thread to thread is one.
"""

from __future__ import annotations

import statistics
import threading
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser

from ..helpers.browser import chromium
from ..helpers.lab import Lab
from .measure import Report, Verdict, table, verdict
from .rig import Rig, opened
from .server import served

__all__ = ["report"]

# A minute: nothing that a page or a kernel does by itself has a longer interval.
_WARM, _SECONDS, _ROUNDS = 10.0, 60.0, 1
_SILENT, _SLOW, _MANY = "paced/0.0001", "timed/1", 20
_OURS = """
from IPython.display import display
from sse_widget import SSEStream
streams = [SSEStream({url!r} + f"?{{n}}") for n in range({many})]
display(*streams)"""
_THEIRS = """
import asyncio, httpx, httpx_sse
async def follow(url):
    async with httpx.AsyncClient(timeout=None) as client, httpx_sse.aconnect_sse(client, "GET", url) as source:
        async for event in source.aiter_sse(): print(event.data)
tasks = [asyncio.create_task(follow({url!r} + f"?{{n}}")) for n in range({many})]"""
_NOTHING = "pass"
_MOMENT = 0.02  # seconds


class _Cost(NamedTuple):
    kernel: float  # share of a core
    page: float
    wakes: float  # a second


class _Wakes:
    """Counts the moments in which a process wakes, until it is told to stop."""

    def __init__(self, pid: int) -> None:
        self.moments = 0
        self._pid = pid
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def _count(self) -> None:
        seen = _switches(self._pid)
        while not self._stopped.wait(_MOMENT):
            now = _switches(self._pid)
            self.moments += now != seen
            seen = now

    def stop(self) -> int:
        self._stopped.set()
        self._thread.join()
        return self.moments


def _switches(pid: int) -> int:
    """How often a thread of this process has waited of its own accord."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        try:
            said = status.read_text()
        except OSError:
            continue  # the thread ended meanwhile
        total += int(said.rpartition("\nvoluntary_ctxt_switches:")[2].split(maxsplit=1)[0])
    return total


def _cost(browser: Browser, lab: Lab, code: str) -> _Cost:
    """What a kernel and its page use once the cell has run."""
    with opened(browser, lab, [code]) as page:
        pid = page.ask("__import__('os').getpid()")
        page.notebook.run(0)
        page.collect()
        page.show(0)
        page.wait(_WARM)
        before = (Rig.cpu(pid), page.renderer_cpu())
        wakes = _Wakes(pid)
        page.wait(_SECONDS)
        after = (Rig.cpu(pid), page.renderer_cpu())
        moments = wakes.stop()
    kernel, renderer = ((b - a) / _SECONDS for a, b in zip(before, after, strict=True))
    return _Cost(kernel, renderer, moments / _SECONDS)


def report(rounds: int = _ROUNDS) -> Report:
    """The table, and what it should say."""
    one, many = "one stream without events", f"{_MANY} streams with one event a second each"
    with served() as origin, chromium() as browser, Lab(browser) as lab:
        silent = {"url": f"{origin}/{_SILENT}", "many": 1}
        slow = {"url": f"{origin}/{_SLOW}", "many": _MANY}
        codes = {
            "nothing": _NOTHING,
            f"sse-widget: {one}": _OURS.format(**silent),
            f"httpx + httpx-sse, print: {one}": _THEIRS.format(**silent),
            f"sse-widget: {many}": _OURS.format(**slow),
            f"httpx + httpx-sse, print: {many}": _THEIRS.format(**slow),
        }
        costs: dict[str, list[_Cost]] = {name: [] for name in codes}
        for n in range(rounds):
            names = list(codes)[n % len(codes) :] + list(codes)[: n % len(codes)]
            for name in names:
                costs[name].append(_cost(browser, lab, codes[name]))
    least = {
        name: _Cost(*map(statistics.median, zip(*found, strict=True)))
        for name, found in costs.items()
    }
    nothing = least["nothing"]
    rows, shares, wakes = [], {}, {}
    for name, cost in least.items():
        shares[name] = cost.kernel + cost.page - nothing.kernel - nothing.page
        wakes[name] = cost.wakes - nothing.wakes
        numbers = [f"{share:.2%}" for share in (cost.kernel, cost.page, shares[name])]
        rows.append([name, *numbers, f"{wakes[name]:.1f}"])
    ours, ours_many = f"sse-widget: {one}", f"sse-widget: {many}"
    verdicts: list[Verdict] = [
        verdict(f"{one}: of a core", shares[ours] * 100, "<", 0.3, " %"),
        verdict(f"{one}: wake-ups a second", wakes[ours], "≤", 1.0, digits=1),
        verdict(f"{many}: of a core", shares[ours_many] * 100, "<", 3, " %"),
    ]
    head = ["", "kernel", "page", "together, more than nothing", "wake-ups/s more"]
    return Report(
        "\n\n".join(
            ["## Idle: shown, with little or nothing to do, share of a core", table(head, rows)]
        ),
        verdicts,
    )
