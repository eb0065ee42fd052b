"""Many streams at once: nothing lost, nothing twice, memory flat, no stream silent.

In one process, a thousand with ten events a second each (`SSE_WIDGET_MANY_SECONDS`, 20); on a local cluster, as many as
`SSE_WIDGET_SPREAD` says (2,000) with one event a second each (`SSE_WIDGET_SPREAD_SECONDS`, 60). `make heavy` runs an hour of the
first, and 15 minutes of 10,000 of the second. Each prints what it saw.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sse_widget.storage.dataset import Dataset
from sse_widget.storage.writer import FOLDER_PARTS

from ..helpers.many import read_back, served
from ..helpers.measured import measured

STREAMS, RATE = 1000, 10
SECONDS = float(os.environ.get("SSE_WIDGET_MANY_SECONDS", "20"))
SPREAD = int(os.environ.get("SSE_WIDGET_SPREAD", "2000"))
SPREAD_SECONDS = float(os.environ.get("SSE_WIDGET_SPREAD_SECONDS", "60"))
# Seconds: of a stream that no machine's slowness explains.
SILENT = {"here": 2.0, "cluster": 5.0}
# Events wait up to a second for the disk, and Arrow and the allocator hold on to some of that.
ALLOWANCE = 64 * 2**20
# Of each stream the latest 64 events are remembered: until so many came its memory grows.
REMEMBERED, REMEMBERED_BYTES = 64, 32 * 2**10

# A process of its own: its memory is the capture's, not that of the tests around it.
SCRIPT = """
import json, sys, threading, time, psutil
from pathlib import Path
from sse_widget import SSECapture

def queued():
    # Seconds that threads of this process and its workers stood ready and got no processor.
    me, total = psutil.Process(), 0
    for pid in (p.pid for p in [me, *me.children(recursive=True)]):
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
            total += sum(int((t / "schedstat").read_text().split()[1]) for t in tasks)
        except OSError:
            pass
    return total / 1e9

def used(server):
    # Seconds of processor time: of this process (and the scheduler in it), its workers, the server.
    me = psutil.Process()
    others = [p for p in me.children(recursive=True)]
    seconds = lambda *processes: sum(sum(p.cpu_times()[:2]) for p in processes)
    return {"kernel": seconds(me), "workers": seconds(*others), "server": seconds(psutil.Process(server))}

def main():
    origin, to, streams, rate, seconds, cluster, server = sys.argv[1:]
    streams, seconds, server = int(streams), float(seconds), int(server)
    urls = {f"s{i}": f"{origin}/count/{rate}/s{i}" for i in range(streams)}
    urls["silent"] = f"{origin}/silent/x"
    waited, over = [], threading.Event()

    def watch():
        while not over.wait(1):
            waited.append(queued())

    threading.Thread(target=watch, daemon=True).start()
    capture = SSECapture(urls, to=to, cluster=None if cluster == "here" else cluster)
    began = time.monotonic()
    while capture.stats.open < streams and time.monotonic() - began < 300:
        time.sleep(0.2 if streams < 2_000 else 1)  # each look at all streams takes a while
    opened = time.monotonic() - began
    # Its processes load what they need with the first files.
    while capture.stats.written < 5 * streams and time.monotonic() - began < 330:
        time.sleep(0.2)
    me = psutil.Process()
    all_of_them = [me, *me.children(recursive=True)]
    memory, late = [], []
    cpu, began = used(server), time.monotonic()
    while time.monotonic() - began < seconds:
        time.sleep(1)
        memory.append(sum(p.memory_info().rss for p in all_of_them))
        stats = capture.stats
        late.append(stats.lag)
    took = time.monotonic() - began
    cpu = {name: (seconds - cpu[name]) / took for name, seconds in used(server).items()}
    # A worker whose answers are late may have lost its streams to another one at this moment.
    while (stats := capture.stats).open < streams and time.monotonic() - began < seconds + 120:
        time.sleep(0.2)
    over.set()
    third = max(len(memory) // 3, 1)
    told = {
        "open": stats.open,
        "opened in": round(opened, 1),
        "silent": str(capture["silent"].state),
        "first": sorted(memory[:third])[third // 2],
        "middle": sorted(memory[third : 2 * third] or memory)[third // 2],
        "last": sorted(memory[-third:])[third // 2],
        "cpu": cpu,
        "lag": max(late),
        "descriptors": sum(p.num_fds() for p in all_of_them) if hasattr(me, "num_fds") else 0,
        # The most in any five seconds: what the machine, not the capture, kept the streams waiting.
        "starved": max(b - a for a, b in zip(waited, waited[5:])) if len(waited) > 5 else 0.0,
        "moved": stats.gaps,
    }
    capture.stop()
    stats = capture.stats
    told |= {"received": stats.received, "written": stats.written, "trouble": capture.trouble}
    capture.close()
    print(json.dumps(told))

if __name__ == "__main__":
    main()
"""


def told_row(rate, told, read, streams):
    """What it took, a stream and an event."""
    share = {name: f"{cpu:.2f}" for name, cpu in told["cpu"].items()}
    cpu = sum(cpu for name, cpu in told["cpu"].items() if name != "server") / (streams * rate)
    return (
        f"{read.lost} lost, {read.twice} twice, longest silence {read.silence:.1f} s (its server {read.stalled:.1f} s, no "
        f"processor {told['starved']:.1f} s), open after {told['opened in']} s; a stream: "
        f"{told['descriptors'] / streams:.2f} descriptors, {told['last'] / streams / 1024:.0f} KiB "
        f"(first third {told['first'] / streams / 1024:.0f}, second {told['middle'] / streams / 1024:.0f}); an event: {cpu * 1e6:.0f} us of processor time; of a core: "
        f"{', '.join(f'{name} {cpu}' for name, cpu in share.items())}; {told['received']:,} events, lag at most "
        f"{told['lag']:.1f} s, {told['moved']} gaps by moves"
    )


def is_server(process):
    """And not one that an earlier test left to this process."""
    with contextlib.suppress(psutil.Error):
        return "tests.helpers.many" in process.cmdline()
    return False


@pytest.fixture(autouse=True)
def _descriptors():
    """A connection takes one, at the server too; many systems allow a process 1,024 if it asks for no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("where", "streams", "rate", "seconds"),
    [("here", STREAMS, RATE, SECONDS), ("cluster", SPREAD, 1, SPREAD_SECONDS)],
)
def test_many_streams(tmp_path, where, streams, rate, seconds):
    to, script = tmp_path / "capture", tmp_path / "script.py"
    script.write_text(SCRIPT, "utf-8")  # a file: the workers of a cluster import it again
    cluster = "local" if where == "cluster" else where
    with served() as origin:
        [server] = [p for p in psutil.Process().children() if is_server(p)]
        done = subprocess.run(
            [
                *(sys.executable, str(script), origin, str(to)),
                *map(str, (streams, rate, seconds, cluster, server.pid)),
            ],
            stdout=subprocess.PIPE,
            check=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
    told = json.loads(done.stdout)
    read = read_back(Dataset(to).dataset())
    what = f"{streams:,} streams at {rate}/s, {where}, {seconds:g} s"
    measured(what, told_row(rate, told, read, streams))
    assert (told["open"], told["trouble"]) == (streams, "")
    # It sends no head: it is tried again after a while.
    assert told["silent"] in ("connecting", "waiting")
    assert (read.streams, read.lost, read.twice, read.numbered) == (streams, 0, 0, True)
    assert read.events == told["received"] == told["written"]
    fills = seconds / 3 < REMEMBERED / rate
    allowed = ALLOWANCE + fills * streams * REMEMBERED_BYTES
    # In the first third of a long run each worker merges files for the first time: what that takes stays with the
    # allocators.
    merged = where == "cluster" and seconds / 3 > FOLDER_PARTS
    assert told["last"] - told["middle" if merged else "first"] < allowed
    # The source was late, or had no processor: that is the machine's silence, not the stream's.
    assert read.silence - read.stalled - told["starved"] < SILENT[where]
