"""`stream.latest(by=...)`: what the newest of a thousand keys costs at 20,000 events/s, and how soon it is painted.

The same stream with the state and without it, in turn: by itself, and shown on the page of a real JupyterLab, where
with the state the page shows it too. Needs `rig` and `server`.
"""

from __future__ import annotations

import gc
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
_PAIRS, _SECONDS = 4, 5.0
# By itself, side by side in two new processes, so that both meet the same machine: times as many pairs, and times
# as long, so that how often the state is read in that time, every four seconds, is much the same.
_ALONE_PAIRS, _ALONE_TIMES, _WARM = 4, 2.6, 5.0
_MORE = 1.1  # times
_PAINTED = 100  # ms
_PAINTED_TIMES = 3  # so long, so that of a hundred changes one is more than a few
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
while (performance.now() < end) {
  await new Promise(done => requestAnimationFrame(() => {
    const {port1, port2} = new MessageChannel();
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
return late;
"""


def _alone(url: str, latest: bool, seconds: float) -> float:
    """CPU seconds an event of this process, which shows nothing. Both have what a DataFrame needs."""
    import pandas  # noqa: F401

    from sse_widget import SSEStream

    with SSEStream(url) as stream:
        while stream.stats.received < _FIRST:
            time.sleep(0.02)
        if latest:
            assert len(stream.latest(by="symbol")) > _KEYS / 2
        # The first time that `latest` reads on by itself, much is loaded that is there afterwards.
        time.sleep(_WARM)
        gc.collect()
        before, start = stream.stats.received, time.process_time()
        time.sleep(seconds)
        took, came = time.process_time() - start, stream.stats.received - before
        if latest:
            assert len(stream.latest(by="symbol")) == _KEYS
    return took / came


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


def _row(name: str, without: list[float], beside: list[float]) -> tuple[list[str], float]:
    ratio = statistics.median(b / a for a, b in zip(without, beside, strict=True))
    numbers = [f"{statistics.median(times) * 1e6:.2f}" for times in (without, beside)]
    return [name, *numbers, f"{ratio:.2f}", f"less than {_MORE:g}"], ratio


def report(pairs: int = _PAIRS, seconds: float = _SECONDS) -> Report:
    """The table, and what it should say."""
    alone: dict[bool, list[float]] = {False: [], True: []}
    kernel: dict[bool, list[float]] = {False: [], True: []}
    renderer: dict[bool, list[float]] = {False: [], True: []}
    with served() as origin:
        url = f"{origin}/keyed/{_RATE}"
        for n in range(pairs * _ALONE_PAIRS):
            order = (False, True) if n % 2 else (True, False)
            with ProcessPoolExecutor(2, get_context("spawn")) as pool:
                times = pool.map(_alone, [url] * 2, order, [seconds * _ALONE_TIMES] * 2)
                for latest, took in zip(order, times, strict=True):
                    alone[latest].append(took)
        with chromium() as browser, Lab(browser) as lab:
            with opened(browser, lab, [_SHOW.format(url=url)]) as page:
                pid = page.ask("__import__('os').getpid()")
                assert pid != os.getpid()
                for n in range(pairs):
                    for latest in (False, True) if n % 2 else (True, False):
                        one, other = _shown(page, pid, latest, seconds)
                        kernel[latest].append(one)
                        renderer[latest].append(other)
            with opened(browser, lab, [_SHOW.format(url=f"{origin}/keyed-at/{_RATE}")]) as page:
                page.notebook.run(0)
                page.show(0)
                page.wait(2)
                page.notebook.js(_OPEN, 0)
                page.wait(3)
                late = page.notebook.js(_LATE, {"cell": 0, "ms": seconds * _PAINTED_TIMES * 1000})
    late.sort()
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    rows, verdicts = [], []
    for name, times in (
        ("the stream by itself", alone),
        ("shown: the kernel", kernel),
        ("shown: the page, the log or the latest", renderer),
    ):
        row, ratio = _row(name, times[False], times[True])
        rows.append(row)
        verdicts.append(verdict(f"{name}: times the CPU without it", ratio, "<", _MORE))
    verdicts.append(verdict("sent to painted in its row, p99", p99, "<", _PAINTED, " ms", 0))
    text = "\n\n".join(
        [
            f"## The latest of {_KEYS:,} keys at {_RATE:,} events/s, µs of CPU an event",
            table(["", "without", "with", "times", "aim"], rows),
            f"Sent to painted in its row: p50 {p50:.0f} ms, p99 {p99:.0f} ms; aim: under {_PAINTED} ms "
            f"({len(late):,} changes of the rows on the screen).",
        ]
    )
    return Report(text, verdicts)


if __name__ == "__main__":
    import sys

    print(report(int(sys.argv[1]), float(sys.argv[2])).text)
