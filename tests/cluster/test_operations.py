"""What people do to a cluster, and what networks do: each event is on disk once all the same.

`make test` cuts one worker off. `make heavy` (`SSE_WIDGET_CLUSTER`: how many streams) also restarts all workers one by one,
grows to four workers and shrinks, lets Dask adapt, and restarts the scheduler; it prints the longest silence
of each.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from distributed import Client, LocalCluster

from sse_widget import SSECapture

from ..helpers.dask_processes import Processes, processes
from ..helpers.many import Readback, read_back, until
from ..helpers.measured import measured

STREAMS = int(os.environ.get("SSE_WIDGET_CLUSTER", "24"))
HEAVY = "SSE_WIDGET_CLUSTER" in os.environ
RATE = 10
PATIENCE_S = 120.0
HERE = "this kernel"


@contextmanager
def capturing(origin: str, to: Any, client: Any) -> Iterator[SSECapture]:
    urls = {f"s{i}": f"{origin}/count/{RATE}/s{i}" for i in range(STREAMS)}
    capture = SSECapture(urls, to=to, cluster=client)
    try:
        yield capture
    finally:
        capture.close()


def flows(capture: SSECapture, seconds: float = 2) -> None:
    """All streams are open, and as much more is on disk as they send in this time."""
    until(lambda: capture.stats.open == STREAMS, PATIENCE_S)
    written = capture.stats.written
    until(lambda: capture.stats.written > written + seconds * STREAMS * RATE, PATIENCE_S)


def places(capture: SSECapture) -> dict[str, int]:
    """Worker -> how many streams are on it."""
    return {str(w["name"]): int(str(w["streams"])) for w in capture.workers if w["streams"]}


def on(capture: SSECapture, *names: str) -> None:
    """Wait until all streams are on these workers, on each of them some."""
    until(lambda: set(places(capture)) == set(names), PATIENCE_S)


def proven(capture: SSECapture, what: str) -> Readback:
    """Stop it; nothing is lost, nothing is there twice. A worker that was cut off a moment ago may be late to
    say what it has written: the files are what counts."""
    capture.stop()
    assert capture.trouble == ""
    read = read_back(capture.history)
    measured(
        what,
        f"{read.streams} streams, {read.events:,} events, {read.lost} lost, {read.twice} twice, "
        f"longest silence {read.silence:.1f} s",
    )
    assert (read.streams, read.lost, read.twice, read.numbered) == (STREAMS, 0, 0, True)
    return read


def a_partition(cluster: Processes, origin: str, to: Any) -> None:
    """One of two workers and the scheduler hear nothing of each other, while both go on."""
    cluster.start_worker("near")
    wires = cluster.start_apart("far")
    with cluster.client(2) as client, capturing(origin, to, client) as capture:
        on(capture, "near", "far")
        flows(capture, 1)
        for wire in wires:
            wire.cut()
        # The worker that is cut off still writes, until it meets a part that is another's.
        on(capture, "near")
        flows(capture, 1)
        for wire in wires:
            wire.mend()
        flows(capture, 1)
        proven(capture, "a partition between the scheduler and a worker")


def a_rolling_restart(cluster: Processes, origin: str, to: Any) -> None:
    """Each worker is ended and another started, as an upgrade does it."""
    for i in range(3):
        cluster.start_worker(f"old-{i}")
    with cluster.client(3) as client, capturing(origin, to, client) as capture:
        on(capture, "old-0", "old-1", "old-2")
        flows(capture)
        for i in range(3):
            cluster.end_worker(f"old-{i}")
            cluster.start_worker(f"new-{i}")
            until(lambda i=i: f"new-{i}" in places(capture), PATIENCE_S)
            flows(capture)
        on(capture, "new-0", "new-1", "new-2")
        proven(capture, "rolling restart of three workers")


def a_scale_up_and_down(cluster: Processes, origin: str, to: Any) -> None:
    cluster.start_worker("w-0")
    with cluster.client(1) as client, capturing(origin, to, client) as capture:
        on(capture, "w-0")
        flows(capture)
        for i in (1, 2, 3):
            cluster.start_worker(f"w-{i}")
        on(capture, "w-0", "w-1", "w-2", "w-3")
        flows(capture)
        for i in (0, 1, 2):
            cluster.end_worker(f"w-{i}")
        on(capture, "w-3")
        flows(capture)
        proven(capture, "from one worker to four and back to one")


def a_scheduler_restart(cluster: Processes, origin: str, to: Any) -> None:
    """It comes back at its address, and knows nothing of what was before."""
    for name in ("w-0", "w-1"):
        cluster.start_worker(name)
    with cluster.client(2) as client, capturing(origin, to, client) as capture:
        on(capture, "w-0", "w-1")
        flows(capture)
        cluster.kill_scheduler()
        on(capture, HERE)
        flows(capture)
        # Dask's workers end with their scheduler: whoever started them starts others.
        cluster.start_scheduler()
        for name in ("w-2", "w-3"):
            cluster.start_worker(name)
        on(capture, "w-2", "w-3")
        flows(capture)
        proven(capture, "restart of the scheduler")


CASES = [a_partition]
if HEAVY:
    CASES += [a_rolling_restart, a_scale_up_and_down, a_scheduler_restart]


@pytest.mark.parametrize("happens", CASES, ids=lambda case: case.__name__)
def test_each_event_is_there_once_whatever_happens(happens, tmp_path, origin):
    with processes(tmp_path) as cluster:
        happens(cluster, origin, tmp_path / "capture")


def adapted(tmp_path, origin):
    """Dask itself starts workers, by the other work it has, and ends some."""
    local = LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
    )
    with (
        local,
        Client(local, set_as_default=False) as client,
        capturing(origin, tmp_path / "capture", client) as capture,
    ):
        flows(capture)
        for _ in range(2):
            adaptive = local.adapt(minimum=1, maximum=3, interval="500ms", target_duration="1s")
            work = client.map(time.sleep, [0.5] * 60, pure=False)
            until(lambda: len(places(capture)) == 3, PATIENCE_S)
            flows(capture, 5)
            client.cancel(work)
            # It ends no worker by itself that has a task, such as a shard; whoever scales it down does.
            adaptive.stop()
            local.scale(1)
            until(lambda: len(places(capture)) == 1, PATIENCE_S)
            flows(capture)
        proven(capture, "adaptive scaling between one and three workers, twice")


if HEAVY:

    def test_each_event_is_there_once_while_dask_adapts(tmp_path, origin):
        adapted(tmp_path, origin)
