"""SSECapture on a cluster: 200 streams on two workers, and what happens to either.

What was lost and what is there twice is counted on read-back, against a source that counts; the
longest silences are printed (`make heavy` shows them).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import psutil
import pytest
from distributed import Client

from sse_widget import ConnectionFailed, EventSource, RetryPolicy, SSECapture
from sse_widget.cluster.dask_backend import check

from ..helpers.many import Readback, read_back, until
from ..helpers.measured import measured
from ..helpers.scripted import free_port

STREAMS, RATE = 200, 10
ONCE = RetryPolicy(attempts=1)
# How long a worker sleeps; `make heavy` lets it sleep longer.
ASLEEP = float(os.environ.get("SSE_WIDGET_ASLEEP_SECONDS", "7"))


@pytest.fixture(autouse=True)
def _two_workers(monkeypatch):
    """A cluster of our own has two, however many cores the machine has."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.fixture
def urls(origin):
    return {f"s{i}": f"{origin}/count/{RATE}/s{i}" for i in range(STREAMS)}


def flows(capture, seconds=2):
    """All streams are open, and as much more is on disk as they send in this time."""
    until(lambda: capture.stats.open == STREAMS)
    written = capture.stats.written
    until(lambda: capture.stats.written > written + seconds * STREAMS * RATE)


def places(capture):
    """Worker -> how many streams are on it."""
    return {w["name"]: w["streams"] for w in capture.workers if w["streams"]}


def settled(capture, streams=STREAMS):
    """Half of the streams on each of two workers: until these are there, streams run in this process."""
    found = places(capture)
    return "this kernel" not in found and list(found.values()) == [streams // 2] * 2


def on_disk(capture) -> int:
    """How many moves the files tell of."""
    return int((capture.gaps["cause"] == "restart").sum())


def proven(capture, what) -> Readback:
    """Stop it; nothing is lost, nothing is there twice."""
    capture.stop()
    stats = capture.stats
    assert (stats.pending, capture.trouble) == (0, "")
    read = read_back(capture.history)
    measured(f"{STREAMS} streams on two workers, {what}", str(read))
    assert (read.streams, read.lost, read.twice, read.numbered) == (STREAMS, 0, 0, True)
    assert read.events == stats.written == stats.received
    return read


@contextmanager
def local(urls, to) -> Iterator[SSECapture]:
    capture = SSECapture(urls, to=to, cluster="local")
    try:
        flows(capture)
        yield capture
    finally:
        capture.close()


def _is_json(file: Path) -> bool:
    try:
        return bool(json.loads(file.read_text()))
    except ValueError:
        return False


@contextmanager
def apart(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A scheduler and two workers that are nobody's children but ours: its process, its address."""
    file = folder / "scheduler.json"

    def start(what: str, *options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", f"distributed.cli.dask_{what}", *options),
                *("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    scheduler = start("scheduler", "--port", "0")
    workers = start(
        "worker", *("--nworkers", "2", "--nthreads", "1", "--local-directory", str(folder))
    )
    try:
        until(lambda: file.exists() and _is_json(file))  # it is written while others may read it
        with Client(scheduler_file=str(file), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=180)
            address = client.scheduler.address
        yield scheduler, address
    finally:
        for process in (scheduler, workers):
            process.terminate()
        for process in (scheduler, workers):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def test_a_worker_is_killed(urls, tmp_path):
    # The first death is the task's last here: Dask gives up (KilledWorker), the capture does not.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        local(urls, tmp_path / "capture") as capture,
    ):
        until(lambda: settled(capture))
        before = on_disk(capture)
        pids = capture.client.run(os.getpid)
        os.kill(next(iter(pids.values())), signal.SIGKILL)
        # What moved says so, and that it cost nothing.
        until(lambda: on_disk(capture) >= before + STREAMS // 2)
        flows(capture)
        gaps = capture.gaps
        moved = gaps[gaps["cause"] == "restart"]
        assert "unknown loss" not in " ".join(moved["text"])
        proven(capture, "kill -9 of one worker")


def test_a_worker_sleeps_and_wakes(urls, tmp_path):
    with local(urls, tmp_path / "capture") as capture:
        pids = capture.client.run(os.getpid)
        pid = next(iter(pids.values()))
        os.kill(pid, signal.SIGSTOP)
        try:
            until(lambda: list(places(capture).values()) == [STREAMS])
            flows(capture, ASLEEP)
        finally:
            os.kill(pid, signal.SIGCONT)
        # It wakes with events of its own in hand, and gets streams back.
        until(lambda: len(places(capture)) == 2)
        flows(capture)
        proven(capture, f"a worker asleep for {ASLEEP:.0f} s")


def test_the_scheduler_dies(urls, tmp_path):
    with apart(tmp_path) as (scheduler, address), Client(address, set_as_default=False) as client:
        capture = SSECapture({"s0": urls["s0"]}, to=tmp_path / "capture", cluster=client)
        try:
            until(lambda: capture.stats.written > RATE)
            capture.set_streams(urls)  # on a cluster all go on where they were left
            flows(capture)
            until(lambda: settled(capture))
            scheduler.kill()
            until(lambda: places(capture) == {"this kernel": STREAMS})
            flows(capture)
            proven(capture, "death of the scheduler")
        finally:
            capture.close()


def end_scheduler(cluster):
    """A local cluster's scheduler lives in this process: nothing is left to answer at its address."""

    async def end():
        await cluster.scheduler.close()

    asyncio.run_coroutine_threadsafe(end(), cluster.loop.asyncio_loop).result(30)


def end_processes(cluster):
    """As when the machine is short of memory: the workers' processes, and who would start them anew."""

    async def end():
        for nanny in cluster.workers.values():
            pid = nanny.process.process.pid
            nanny.auto_restart = False
            os.kill(pid, signal.SIGKILL)
        await cluster.scheduler.close()

    asyncio.run_coroutine_threadsafe(end(), cluster.loop.asyncio_loop).result(30)


@pytest.mark.parametrize("end", [end_scheduler, end_processes])
def test_a_local_cluster_that_is_lost_is_replaced(urls, tmp_path, end):
    with local(urls, tmp_path / "capture") as capture:
        first = capture.client
        until(lambda: settled(capture))
        workers = [psutil.Process(pid) for pid in first.run(os.getpid).values()]
        cluster = first.cluster
        end(cluster)
        # The files alone say where each stream goes on; another cluster takes them.
        until(lambda: capture.client not in (None, first))
        until(lambda: len(places(capture)) == 2 and "this kernel" not in places(capture))
        flows(capture)
        until(lambda: all(w["state"] == "open" for w in capture.workers))
        proven(capture, f"{end.__name__} of a local cluster")
    # Of the one that was lost nothing stays.
    until(lambda: cluster.status.name == "closed" and first.status == "closed")
    until(lambda: not any(worker.is_running() for worker in workers))


NOTEBOOK = """
import sys, time
from distributed import Client
from sse_widget import ConnectionFailed, EventSource, RetryPolicy, SSECapture
origin, address, to = sys.argv[1:]
urls = {f"s{i}": f"{origin}/count/10/s{i}" for i in range(200)}
capture = SSECapture(urls, to=to, cluster=Client(address, set_as_default=False))
while capture.stats.written < 3000:
    time.sleep(0.1)
print("flows", flush=True)
time.sleep(600)
"""


def test_the_notebook_is_closed_and_the_files_are_enough(urls, origin, tmp_path):
    to = tmp_path / "capture"
    with apart(tmp_path) as (_, address):
        with subprocess.Popen(
            [sys.executable, "-c", NOTEBOOK, origin, address, str(to)], stdout=subprocess.PIPE
        ) as notebook:
            assert notebook.stdout is not None
            try:
                assert notebook.stdout.readline() == b"flows\n"
            finally:
                notebook.kill()
        # Its workers still write; here everything goes on in one process, from the files alone.
        capture = SSECapture(urls, to=to)
        try:
            flows(capture)
            before = capture.stats.written
            assert before > 3000
            proven(capture, "the notebook is killed")
        finally:
            capture.close()


def test_a_stream_that_was_stopped_stays_so_where_it_moves(tmp_path, origin):
    urls = {f"s{i}": f"{origin}/count/10/s{i}" for i in range(8)}  # two in each shard
    capture = SSECapture(urls, to=tmp_path / "capture", cluster="local")
    try:
        until(lambda: capture.stats.written > 20)
        until(lambda: settled(capture, 8))
        capture["s0"].stop()
        until(lambda: capture["s0"].state == "closed")
        received = capture["s0"].received
        # What is not on disk when a worker is killed would come again, but not to a stream that is stopped.
        until(lambda: capture.streams.loc["s0", "written"] == received)
        workers = capture.client.scheduler_info()["workers"]
        names = {f"worker {about['name']}": address for address, about in workers.items()}
        address = names[capture.streams.loc["s0", "worker"]]
        pid = capture.client.run(os.getpid, workers=[address])[address]
        gaps = capture.stats.gaps
        os.kill(pid, signal.SIGKILL)
        states = set()

        def moved():
            states.add(capture["s0"].state)  # on its way too
            return capture.stats.gaps > gaps and capture.stats.open == 7

        until(moved)
        written = capture.stats.written
        until(lambda: moved() and capture.stats.written > written + 30)
        assert (states, capture["s0"].received) == ({"closed"}, received)
    finally:
        capture.close()


@pytest.fixture
def another_dashboard():
    """The port that a dashboard takes by default is another cluster's."""
    with socket.socket() as ours:
        # Where it is taken already, somebody else does what this is for.
        with contextlib.suppress(OSError):
            ours.bind(("127.0.0.1", 8787))
            ours.listen()
        yield


@pytest.mark.usefixtures("another_dashboard")
def test_what_a_cluster_wrote_is_a_dask_dataframe(tmp_path, origin):
    urls = {f"s{i}": f"{origin}/count/10/s{i}" for i in range(4)}
    capture = SSECapture(urls, to=tmp_path / "capture", cluster="local")
    try:
        until(lambda: capture.stats.written > 50)
        until(lambda: set(capture.streams["worker"]) == {"worker 0", "worker 1"})
        # Each of its workers has one thread, and the streams gave it back.
        assert capture.client.submit(sum, (1, 2)).result(timeout=180) == 3
        # Dask would look at each loop a hundred times a second, and keep what it saw for a quarter of an hour.
        asked = capture.client.submit(dask.config.get, "distributed.worker.profile.enabled")
        assert asked.result(timeout=180) is False

        def all_is_well():
            workers = capture.workers
            return (
                all(w["rate"] > 0 for w in workers)
                and [w["state"] for w in workers] == ["open"] * 2
                and sum(w["streams"] for w in workers) == len(urls)
            )

        until(all_is_well)  # a worker whose answer is late is told as failed meanwhile
        capture.stop()
        frame = capture.dask_dataframe()
        count = frame.groupby("stream")["seq"].count().compute(scheduler="synchronous")
        assert count.sum() == capture.stats.written
        assert set(count.index) == set(urls)
    finally:
        capture.close()


def test_what_is_no_cluster_is_refused():
    with pytest.raises(TypeError, match="Client or"):
        check("somewhere")


def test_an_error_that_is_pickled_among_workers_tells_no_secret():
    # Dask makes Python pickle an exception together with its causes.
    stream = EventSource(f"http://127.0.0.1:{free_port()}/?token=opensesame", retry=ONCE)
    with pytest.raises(ConnectionFailed) as raised:
        list(stream)
    assert raised.value.__cause__ is not None
    assert b"opensesame" not in pickle.dumps(raised.value)


def test_without_dask_it_is_named_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ModuleNotFoundError, match=r"sse-widget\[cluster\]"):
        check("local")
