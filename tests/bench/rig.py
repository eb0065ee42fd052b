"""A real JupyterLab in headless Chromium as a measuring place: clocks, CPU and memory of the page.

"Painted" is a message posted from inside an animation frame, which arrives once the frame is drawn.
The clocks of a page and of a server on the same machine agree to a fraction of a millisecond.
Uses the driver of the tests (`tests/helpers/lab.py`) and knows no contender.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from playwright.sync_api import Browser

from ..helpers.browser import chromium
from ..helpers.lab import Lab, Notebook

__all__ = ["SHOW", "Latency", "Rig", "opened", "rig", "rss"]

# A cell that shows the log of `URL`, and ends the one it showed before.
SHOW = """
if stream is not None: stream.close()
stream = SSEStream(URL)
stream"""

# Notes what is painted: [when, number of the newest event on the page, when that was sent], for
# every frame in which it changed; and how long each long task took.
_WATCH = """
const host = panel.content.widgets[arg.cell].node;
const found = /"n": (\\d+), "at": ([\\d.]+)/;
const watch = window.benchWatch = {frames: [], long: [], on: true};
watch.observer = new PerformanceObserver(l => watch.long.push(...l.getEntries().map(e => e.duration)));
watch.observer.observe({type: 'longtask'});
let last = 0;
// One for all frames: the browser's garbage would be measured too.
const {port1, port2} = new MessageChannel();
port1.onmessage = () => {
  const match = found.exec(host.querySelector('.sse-list')?.lastElementChild?.textContent ?? '');
  if (!match || Number(match[1]) === last) return;
  last = Number(match[1]);
  watch.frames.push([performance.timeOrigin + performance.now(), last, Number(match[2])]);
};
const look = () => {
  if (!watch.on) return port1.close();
  port2.postMessage(null);
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
_SEEN = """
const {frames, long} = window.benchWatch; window.benchWatch.on = false; window.benchWatch.observer.disconnect();
const row = panel.content.widgets[arg.cell].node.querySelector('.sse-list').lastElementChild;
const box = row.getBoundingClientRect();
const there = document.elementFromPoint(box.left + 40, box.top + box.height / 2);
return {frames, long, visible: row.contains(there)};
"""


class Latency(NamedTuple):
    """From sent to painted, over all events of the time watched, in ms."""

    events: int
    p50: float
    p99: float
    newest: float  # p50 of the newest event of each frame alone
    long_tasks: int  # over 50 ms
    seconds: float


def rss(pid: int) -> float:
    """Resident memory of a process, MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


class Rig:
    """One notebook on a page that is looked at."""

    def __init__(self, browser: Browser, notebook: Notebook) -> None:
        self.notebook = notebook
        self.page = notebook.page
        self._browser = browser.new_browser_cdp_session()
        self._cdp = self.page.context.new_cdp_session(self.page)
        self._cdp.send("Performance.enable")

    def wait(self, seconds: float) -> None:
        """Let time pass, and the page work."""
        self.page.wait_for_timeout(seconds * 1000)

    def show(self, cell: int) -> None:
        """Bring a cell into view: what is off the screen is not laid out, and costs nothing."""
        self.notebook.js("panel.content.widgets[arg].node.scrollIntoView({block: 'start'});", cell)

    def ask(self, code: str) -> Any:
        """What this expression of the kernel is, by JSON."""
        return json.loads(self.notebook.execute(f"import json; print(json.dumps({code}))"))

    def renderer_cpu(self) -> float:
        """CPU seconds of the page's processes so far."""
        return sum(self.cpu(pid) for pid in self.renderers())

    def renderers(self) -> list[int]:
        found = self._browser.send("SystemInfo.getProcessInfo")["processInfo"]
        return [p["id"] for p in found if p["type"] == "renderer"]

    @staticmethod
    def cpu(pid: int) -> float:
        # On-CPU nanoseconds of all threads; the ticks of /proc/pid/stat are 10 ms.
        total = 0
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total += int(task.read_text().split()[0])
            except OSError:
                continue  # the thread ended meanwhile
        return total / 1e9

    def collect(self) -> None:
        """Collect the page's garbage now."""
        self._cdp.send("HeapProfiler.collectGarbage")

    def page_memory(self) -> tuple[float, float]:
        """The JavaScript heap after a collection and the resident memory of the page, MB."""
        self.collect()
        metrics = {
            m["name"]: m["value"] for m in self._cdp.send("Performance.getMetrics")["metrics"]
        }
        return metrics["JSHeapUsedSize"] / 2**20, max(map(rss, self.renderers()))

    def watch(self, cell: int, seconds: float) -> Latency:
        """Look at the log in this cell's output for some seconds."""
        self.notebook.js(_WATCH, {"cell": cell})
        self.wait(seconds)
        seen = self.notebook.js(_SEEN, {"cell": cell})
        assert seen["visible"], "the newest row is not on the screen"
        return latency(seen["frames"], seen["long"])


def latency(frames: list[list[float]], long: list[float]) -> Latency:
    """Every event counts, not the newest of each frame alone: those that came on the page in one
    frame were sent between the newest of the frame before and this frame's own, evenly."""
    painted, number, sent = np.array(frames).T
    events = np.diff(number)
    newest = painted[1:] - sent[1:]
    # From the newest to the oldest of the frame: none where it is one event.
    span = np.diff(sent) * (1 - 1 / events)
    steps = np.linspace(0, 1, 20)
    times = (newest[:, None] + span[:, None] * steps).ravel()
    weights = np.repeat(events / len(steps), len(steps))
    order = np.argsort(times)
    share = np.cumsum(weights[order]) / weights.sum()
    p50, p99 = (float(times[order][np.searchsorted(share, q)]) for q in (0.5, 0.99))
    alone = float(np.median(painted - sent))
    seconds = float(painted[-1] - painted[0]) / 1000
    return Latency(int(number[-1] - number[0]), p50, p99, alone, sum(d > 50 for d in long), seconds)


@contextmanager
def opened(browser: Browser, lab: Lab, cells: list[str]) -> Iterator[Rig]:
    """A page with a kernel of its own, both gone afterwards, however choked they are."""
    page = Rig(browser, lab.notebook(cells))
    pid = page.ask("__import__('os').getpid()")
    try:
        yield page
    finally:
        # First the kernel: a page that cannot keep up is closed when there is nothing more to draw.
        os.kill(pid, signal.SIGKILL)
        page.page.context.close()


@contextmanager
def rig(cells: list[str]) -> Iterator[Rig]:
    """A notebook of these cells, opened, none of them run."""
    with chromium() as browser, Lab(browser) as lab:
        yield Rig(browser, lab.notebook(cells))
