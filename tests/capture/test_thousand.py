"""A thousand streams in one kernel: nothing lost, memory flat, no stream silent.

A minute in `make test`; `make heavy` runs an hour (SSE_WIDGET_MANY_SECONDS) and prints what it saw.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from sse_widget.storage.dataset import Dataset

from ..helpers.many import read_back, served

STREAMS, RATE = 1000, 10
SECONDS = float(os.environ.get("SSE_WIDGET_MANY_SECONDS", "60"))
# What a stream needs at all comes in the first seconds; from then on memory is flat.
WARM = min(20.0, SECONDS / 3)
# Events wait up to a second for the disk, and Arrow and the allocator hold on to some of that.
ALLOWANCE = 64 * 2**20

# A process of its own: its memory is the capture's, not that of the tests around it.
SCRIPT = """
import json, sys, time, psutil
from pathlib import Path
from sse_widget import SSECapture
origin, to, streams, rate, seconds, warm = sys.argv[1:]
streams, seconds, warm = int(streams), float(seconds), float(warm)
me = psutil.Process()
urls = {f"s{i}": f"{origin}/count/{rate}/s{i}" for i in range(streams)}
urls["silent"] = f"{origin}/silent/x"
capture = SSECapture(urls, to=to)
began = time.monotonic()
memory, late, waited = [], [], [0.0]

def queued():
    # Seconds that threads of this process stood ready and got no processor.
    try:
        tasks = list(Path("/proc/self/task").iterdir())
        return sum(int((t / "schedstat").read_text().split()[1]) for t in tasks) / 1e9
    except OSError:
        return 0.0

before = queued()
cpu = time.process_time()
while time.monotonic() - began < seconds:
    time.sleep(1)
    memory.append((time.monotonic() - began, me.memory_info().rss))
    stats = capture.stats
    late.append(stats.lag)
    waited.append(queued() - before)
cpu = time.process_time() - cpu
warmed = [rss for at, rss in memory if at >= warm]
third = max(len(warmed) // 3, 1)
told = {
    "open": stats.open,
    "silent": str(capture["silent"].state),
    "first": sorted(warmed[:third])[third // 2],
    "last": sorted(warmed[-third:])[third // 2],
    "cpu": cpu / seconds,
    "lag": max(late),
    # The most in any five seconds: what the machine, not the capture, kept the streams waiting.
    "starved": max(b - a for a, b in zip(waited, waited[5:])) if len(waited) > 5 else 0.0,
}
capture.stop()
stats = capture.stats
told |= {"received": stats.received, "written": stats.written, "trouble": capture.trouble}
print(json.dumps(told))
"""


def test_a_thousand_streams(tmp_path):
    to = tmp_path / "capture"
    with served() as origin:
        done = subprocess.run(
            [
                *(sys.executable, "-c", SCRIPT, origin, str(to)),
                *map(str, (STREAMS, RATE, SECONDS, WARM)),
            ],
            stdout=subprocess.PIPE,
            check=True,
            cwd=Path(__file__).parents[2],
        )
    told = json.loads(done.stdout)
    read = read_back(Dataset(to).dataset())
    print(f"\n{STREAMS:,} streams at {RATE}/s for {SECONDS:g} s: {told}\n{read}")
    assert (told["open"], told["silent"], told["trouble"]) == (STREAMS, "connecting", "")
    assert (read.streams, read.lost, read.twice, read.numbered) == (STREAMS, 0, 0, True)
    assert read.events == told["received"] == told["written"]
    assert told["last"] - told["first"] < ALLOWANCE
    # The source was late, or had no processor: that is the machine's silence, not the stream's.
    assert read.silence - read.stalled - told["starved"] < 2.0
