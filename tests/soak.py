"""`make heavy`'s soak: one stream for half an hour, shown on a page, and what it costs over time.

20,000 events a second into a real JupyterLab. Printed as it goes: memory, handles, threads and
rates; at the end a straight line through each of them, by least squares over the last two thirds:
what grows shows in its slope. `SSE_WIDGET_SOAK_SECONDS` shortens it.

    python -m tests.soak
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .bench.measure import table
from .bench.rig import Rig, rig, rss
from .bench.server import served
from .helpers.measured import measured

_SECONDS = float(os.environ.get("SSE_WIDGET_SOAK_SECONDS", "1800"))
_RATE = 20_000
_SAMPLES = 30
# The kernel holds 100,000 events after 5 s; the allocators settle within the first third.
_SETTLED = 1 / 3
_SLOPE = 600  # seconds over which a slope is told
_LOG = 1
_MAKE = "import os\nfrom sse_widget import SSEStream\nURL = {!r}"
_SHOW = "stream = SSEStream(URL)\nstream"
_COUNTS = "[stream.stats.received, stream.stats.not_sent, stream.stats.held]"


class Sample(NamedTuple):
    """What is seen at one moment."""

    seconds: float
    kernel_mb: float
    heap_mb: float
    page_mb: float
    handles: float
    threads: float
    rate: float  # events a second since the sample before
    not_sent: float


_NAMES = {
    "kernel_mb": "kernel, MB",
    "heap_mb": "page's heap, MB",
    "page_mb": "page, MB",
    "handles": "handles of the kernel",
    "threads": "threads of the kernel",
    "rate": "events/s",
    "not_sent": "not sent",
}


def _sample(page: Rig, pid: int, start: float, before: tuple[float, int]) -> tuple[Sample, int]:
    received, not_sent, held = page.ask(_COUNTS)
    now = time.monotonic() - start
    assert held <= 100_000
    heap, whole = page.page_memory()
    rate = (received - before[1]) / (now - before[0])
    handles = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    return Sample(now, rss(pid), heap, whole, handles, threads, rate, not_sent), received


def _row(sample: Sample) -> list[str]:
    values = [f"{value:,.0f}" for value in sample[1:]]
    return [f"{sample.seconds:,.0f} s", *values]


def lines(samples: list[Sample]) -> list[list[str]]:
    """For each figure its mean and the slope of a straight line in 10 minutes; and how far it
    wanders from that line, below which a slope over all the time says nothing."""
    settled = [s for s in samples if s.seconds >= _SETTLED * samples[-1].seconds]
    times = np.array([s.seconds for s in settled]) / _SLOPE
    rows = []
    for name, title in _NAMES.items():
        values = np.array([getattr(s, name) for s in settled])
        slope, start = np.polyfit(times, values, 1)
        wanders = float(np.std(values - (start + slope * times)))
        rows.append([title, f"{values.mean():,.1f}", f"{slope:+,.2f}", f"{wanders:,.2f}"])
    return rows


def main() -> None:
    every = max(_SECONDS / _SAMPLES, 2.0)
    samples: list[Sample] = []
    with served() as origin:
        make = _MAKE.format(f"{origin}/timed/{_RATE}")
        with rig([make, _SHOW]) as page:
            page.notebook.run(0)
            page.notebook.run(_LOG)
            page.show(_LOG)
            pid = page.ask("os.getpid()")
            start, before = time.monotonic(), (0.0, page.ask(_COUNTS)[0])
            print(f"### A soak of {_SECONDS:,.0f} s at {_RATE:,} events/s\n")
            print(table(["", *_NAMES.values()], []), flush=True)
            while not samples or samples[-1].seconds < _SECONDS:
                page.wait(every)
                sample, received = _sample(page, pid, start, before)
                before = (sample.seconds, received)
                samples.append(sample)
                print("| " + " | ".join(_row(sample)) + " |", flush=True)
            assert not page.notebook.page_errors, page.notebook.page_errors
            page.notebook.execute("stream.close()")
    print()
    print("Over the last two thirds, a straight line by least squares:\n")
    print(table(["", "mean", "slope in 10 minutes", "around the line"], found := lines(samples)))
    for name, mean, slope, _ in found:
        measured(f"soak, {name}", f"{mean}, {slope} in 10 minutes")


if __name__ == "__main__":
    main()
