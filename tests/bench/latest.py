"""`stream.latest(by=...)`: what the newest of a thousand keys costs at 20,000 events/s, and how soon it is painted.

The same stream with the state and without it, crossed: by itself, and shown on the page of a real JupyterLab, where
with the state the page shows it too. A process differs from the next one of the same code by more than what is
measured, and a machine from itself a minute later. So each ratio is the geometric mean of two, in which with and
without have changed places: what belongs to the process, or to the time, is in one as a factor and in the other as a
divisor. Needs `rig` and `server`.
"""

from __future__ import annotations

import gc
import math
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from ..helpers.browser import chromium
from ..helpers.lab import Lab
from .measure import Report, table, verdict
from .rig import Rig, opened
from .server import served

__all__ = ["report"]

_RATE, _KEYS = 20_000, 1_000
# How often the state is read by itself: what is measured takes a whole number of these.
_READ_EVERY = 4.35  # s
# By itself: pairs of processes that run side by side, and how often with and without change places in one.
_PROCESSES, _CROSSINGS, _READS = 3, 3, 3
_SHOWN_CROSSINGS, _SHOWN_READS = 5, 2
_MORE = 1.1  # times
_PAINTED = 100  # ms
_PAINTED_SECONDS = 15  # so that of a hundred changes one is more than a few
_FIRST = 5_000  # events

_SHOW = """
from sse_widget import SSEStream
stream = SSEStream({url!r})
stream"""
_OPEN = """
const host = panel.content.widgets[arg].node;
host.querySelector('[aria-label="View"]').click();
[...host.querySelectorAll('button')].find(b => b.textContent.startsWith('Latest of each key')).click();
"""
# How long after an event was sent its price is in its row: the rows that are on the screen, in every frame.
_LATE = """
const host = panel.content.widgets[arg.cell].node;
const late = [], end = performance.now() + arg.ms;
const seen = new Map();
// One for all frames: the browser's garbage would be measured too.
const {port1, port2} = new MessageChannel();
while (performance.now() < end) {
  await new Promise(done => requestAnimationFrame(() => {
    port1.onmessage = done;
    port2.postMessage(null);
  }));
  const now = performance.timeOrigin + performance.now();
  for (const row of host.querySelectorAll('.sse-list > .sse-row')) {
    const [key, sent] = [...row.querySelectorAll('.sse-cell')].map(cell => cell.textContent);
    if (sent && seen.get(key) !== sent) {
      if (seen.has(key)) late.push(now - Number(sent));
      seen.set(key, sent);
    }
  }
}
port1.close();
return late;
"""


class _Crossed:
    """Times with and without, two of each at a time."""

    def __init__(self) -> None:
        self.without: list[float] = []
        self.beside: list[float] = []

    def add(self, without: tuple[float, float], beside: tuple[float, float]) -> None:
        self.without += without
        self.beside += beside

    @property
    def ratios(self) -> list[float]:
        pairs = [b / a for a, b in zip(self.without, self.beside, strict=True)]
        return [math.sqrt(a * b) for a, b in zip(pairs[::2], pairs[1::2], strict=True)]


def _alone(url: str, latest: bool, seconds: float) -> float:
    """CPU seconds an event of this process, which shows nothing."""
    from sse_widget import SSEStream

    with SSEStream(url) as stream:
        while stream.stats.received < _FIRST:
            time.sleep(0.02)
        if latest:
            assert len(stream.latest(by="symbol")) > _KEYS / 2
        gc.collect()
        before, start = stream.stats.received, time.process_time()
        time.sleep(seconds)
        took, came = time.process_time() - start, stream.stats.received - before
        if latest:
            assert len(stream.latest(by="symbol")) == _KEYS
    return took / came


def _in_turn(url: str, first: bool, times: int, seconds: float) -> list[float]:
    """As `_alone`, so many times with the state and without it in turn, in one process."""
    _alone(url, True, seconds / 2)  # much is loaded the first time
    return [_alone(url, (n % 2 == 0) == first, seconds) for n in range(times)]


def _by_itself(url: str, processes: int, crossings: int, seconds: float) -> _Crossed:
    """Two processes side by side: when one has the state the other one has not."""
    crossed = _Crossed()
    for _ in range(processes):
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            begun = [
                pool.submit(_in_turn, url, first, 2 * crossings, seconds) for first in (True, False)
            ]
            one, other = (turns.result() for turns in begun)
        for n in range(0, 2 * crossings, 2):
            crossed.add((one[n + 1], other[n]), (one[n], other[n + 1]))
    return crossed


def _shown(page: Rig, pid: int, latest: bool, seconds: float) -> tuple[float, float]:
    """CPU seconds an event of the kernel, and of the page."""
    page.notebook.execute("if 'stream' in globals(): stream.close()")
    page.notebook.run(0)
    page.show(0)
    page.wait(2)
    if latest:
        page.notebook.execute("stream.latest(by='symbol')")
        page.notebook.js(_OPEN, 0)
    page.wait(1)
    before = page.ask("stream.stats.received"), Rig.cpu(pid), page.renderer_cpu()
    page.wait(seconds)
    kernel, renderer = Rig.cpu(pid) - before[1], page.renderer_cpu() - before[2]
    came = page.ask("stream.stats.received") - before[0]
    return kernel / came, renderer / came


def _on_a_page(page: Rig, crossings: int, seconds: float) -> tuple[_Crossed, _Crossed]:
    """The kernel's and the page's: with, without, without, with."""
    pid = page.ask("__import__('os').getpid()")
    assert pid != os.getpid()
    kernel, renderer = _Crossed(), _Crossed()
    for _ in range(crossings):
        one, two, three, four = (
            _shown(page, pid, latest, seconds) for latest in (True, False, False, True)
        )
        for crossed, n in ((kernel, 0), (renderer, 1)):
            crossed.add((two[n], three[n]), (one[n], four[n]))
    return kernel, renderer


def _row(name: str, times: _Crossed) -> list[str]:
    numbers = [f"{statistics.median(some) * 1e6:.2f}" for some in (times.without, times.beside)]
    ratios = sorted(times.ratios)
    spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
    return [name, *numbers, f"{statistics.median(ratios):.2f}", spread, f"less than {_MORE:g}"]


def report(
    processes: int = _PROCESSES, crossings: int = _CROSSINGS, shown: int = _SHOWN_CROSSINGS
) -> Report:
    """The table, and what it should say."""
    with served() as origin:
        url = f"{origin}/keyed/{_RATE}"
        alone = _by_itself(url, processes, crossings, _READS * _READ_EVERY)
        with chromium() as browser, Lab(browser) as lab:
            with opened(browser, lab, [_SHOW.format(url=url)]) as page:
                kernel, renderer = _on_a_page(page, shown, _SHOWN_READS * _READ_EVERY)
            with opened(browser, lab, [_SHOW.format(url=f"{origin}/keyed-at/{_RATE}")]) as page:
                page.notebook.run(0)
                page.show(0)
                page.wait(2)
                page.notebook.js(_OPEN, 0)
                page.wait(3)
                late = page.notebook.js(_LATE, {"cell": 0, "ms": _PAINTED_SECONDS * 1000})
    late.sort()
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    rows, verdicts = [], []
    for name, times in (
        ("the stream by itself", alone),
        ("shown: the kernel", kernel),
        ("shown: the page, the log or the latest", renderer),
    ):
        rows.append(_row(name, times))
        ratio = statistics.median(times.ratios)
        verdicts.append(verdict(f"{name}: times the CPU without it", ratio, "<", _MORE))
    verdicts.append(verdict("sent to painted in its row, p99", p99, "<", _PAINTED, " ms", 0))
    text = "\n\n".join(
        [
            f"## The latest of {_KEYS:,} keys at {_RATE:,} events/s, µs of CPU an event",
            table(["", "without", "with", "times", "single crossings", "aim"], rows),
            f"Sent to painted in its row: p50 {p50:.0f} ms, p99 {p99:.0f} ms; aim: under {_PAINTED} ms "
            f"({len(late):,} changes of the rows on the screen).",
        ]
    )
    return Report(text, verdicts)


if __name__ == "__main__":
    import sys

    print(report(*map(int, sys.argv[1:4])).text)
