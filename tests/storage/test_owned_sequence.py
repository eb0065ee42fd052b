"""A sequence that is owned: what is let go while the disk refuses is counted once, and is a gap each time."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from sse_widget import Capture, CaptureTaken, EventBatch
from sse_widget.storage import Dataset, OwnedSequence, Recorder, allocator, compaction, take_over
from sse_widget.storage import recorder as recording
from sse_widget.storage import writer as writing

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def owned(folder, *streams: str) -> OwnedSequence:
    return OwnedSequence(Dataset(folder), Capture(folder), streams=streams)


def batch(n: int) -> EventBatch:
    return EventBatch(["t"] * n, ["x" * 1000] * n, [""] * n, [False] * n, received_at=NOW)


def test_a_loss_that_goes_on_is_one_gap_and_the_next_one_another(tmp_path):
    sequence = owned(tmp_path / "capture", "a")
    for _ in range(2):
        sequence.writer.add("a", batch(10))
    first = sequence.drop_oldest(15_000)["a"]
    sequence.writer.add("a", batch(10))
    more = sequence.drop_oldest(15_000)["a"]
    assert (first.missing, first.seq) == (10, 10)
    assert (more.missing, more.seq, more.at) == (20, 20, first.at)
    assert sequence.losing
    sequence.commit()
    assert not sequence.losing
    assert sequence.written("a") == 30
    for _ in range(2):
        sequence.writer.add("a", batch(10))
    later = sequence.drop_oldest(15_000)["a"]
    assert (later.missing, later.seq) == (10, 40)
    assert later.at > first.at
    assert sequence.not_kept == 30
    sequence.commit()
    kept = Dataset(tmp_path / "capture").gaps("a")
    assert [(gap.seq, gap.missing) for _, gap in kept] == [(20, 20), (40, 10)]


@pytest.fixture
def given_back(monkeypatch):
    """The threads that gave back what Arrow's allocator kept of them, as they do; nothing is kept at first."""
    threads = queue.Queue()

    class Pool:
        def release_unused(self):
            threads.put(threading.get_ident())

    monkeypatch.setattr(allocator, "pa", SimpleNamespace(default_memory_pool=Pool))
    monkeypatch.setattr(allocator, "kept", weakref.WeakKeyDictionary())
    return threads


def test_memory_is_kept_from_one_small_part_to_the_next_and_given_back_after_a_large_one(
    tmp_path, given_back
):
    """Given back after each part it is cleared by the system for the next one: most of what that cost."""
    sequence = owned(tmp_path / "capture", "a")
    for _ in range(5):
        sequence.writer.add("a", batch(5000))
        sequence.commit()
    assert given_back.empty()
    sequence.writer.add("a", batch(30_000))
    sequence.commit()
    assert given_back.qsize() == 1


def test_all_sequences_of_a_process_keep_no_more_memory_than_one_may(tmp_path, given_back):
    sequences = [owned(tmp_path / str(n), "a") for n in range(30)]
    for sequence in sequences:
        sequence.writer.add("a", batch(100))
        sequence.commit()
    assert 10 <= given_back.qsize() < 30


def test_a_sequence_that_falls_silent_keeps_no_memory(tmp_path, given_back, monkeypatch):
    sequence = owned(tmp_path / "capture", "a")
    sequence.writer.add("a", batch(100))
    sequence.commit()
    sequence.commit()
    assert given_back.empty()
    monkeypatch.setattr(allocator, "QUIET_S", 0)
    sequence.commit()
    sequence.commit()
    assert given_back.qsize() == 1


def test_a_stream_that_falls_silent_keeps_no_memory(tmp_path, given_back, monkeypatch):
    """Though its thread sleeps until something comes."""
    for module in (allocator, recording):
        monkeypatch.setattr(module, "QUIET_S", 0)
    recorder = Recorder(Capture(tmp_path / "capture"), "a")
    given_back.get(timeout=60)  # of its housekeeping
    recorder.append(batch(100), "", 100_000)
    recorder.flush()
    assert given_back.get(timeout=60) != threading.get_ident()
    recorder.close()


def test_who_claims_a_sequence_last_has_it(tmp_path):
    earlier = owned(tmp_path / "capture", "a")
    earlier.writer.add("a", batch(3))
    earlier.commit()
    later = owned(tmp_path / "capture", "a")
    assert later.before["a"].seq == 3
    earlier.writer.add("a", batch(1))
    with pytest.raises(CaptureTaken):
        earlier.commit()
    take_over(Dataset(tmp_path / "capture"), "")
    later.writer.add("a", batch(1))
    with pytest.raises(CaptureTaken):
        later.commit()


@pytest.fixture
def held_up(monkeypatch):
    """Merging waits in the middle, in the thread that begins first, until it is let go on."""
    monkeypatch.setattr(writing, "FOLDER_PARTS", 2)
    began, go_on = threading.Event(), threading.Event()
    real = compaction.replace_folder

    def replace_folder(*given):
        if not began.is_set():
            began.set()
            assert go_on.wait(60)
        real(*given)

    monkeypatch.setattr(compaction, "replace_folder", replace_folder)
    yield began, go_on
    go_on.set()


def shard(folder, name, *, keep=None):
    """A sequence of which two folders are closed."""
    to = Capture(folder, keep=keep)
    sequence = OwnedSequence(Dataset(folder), to, name, streams=["a"])
    for _ in range(4):
        sequence.writer.add("a", batch(1))
        sequence.commit()
    assert sequence.needs_compaction
    return sequence


def test_one_shard_of_a_capture_is_merged_at_a_time_and_the_others_are_due_then(tmp_path, held_up):
    began, go_on = held_up
    first, second = (shard(tmp_path / "capture", name) for name in ("left", "right"))
    with ThreadPoolExecutor() as pool:
        merging = pool.submit(first.compact)
        assert began.wait(60)
        done = second.compact()
        assert (done.merged, done.later, second.needs_compaction) == (0, True, True)
        go_on.set()
        assert merging.result().merged == 2
    assert not first.needs_compaction
    assert second.compact().merged == 2
    assert not second.needs_compaction


def test_a_capture_whose_merging_hangs_holds_up_no_other_and_nothing_is_kept_too_long(
    tmp_path, held_up
):
    began, go_on = held_up
    hangs, other = shard(tmp_path / "hangs", ""), shard(tmp_path / "other", "")
    beside = shard(tmp_path / "hangs", "beside", keep=timedelta(microseconds=1))
    with ThreadPoolExecutor() as pool:
        merging = pool.submit(hangs.compact)
        assert began.wait(60)
        assert other.compact().merged == 2
        assert beside.compact().removed > 0
        go_on.set()
        assert merging.result().merged == 2


FORKED = """
import os, signal, sys, threading
from datetime import UTC, datetime
from sse_widget import Capture, EventBatch
from sse_widget.storage import Dataset, OwnedSequence, compaction, writer

writer.FOLDER_PARTS = 2
sequences = []
for name in ("left", "right"):
    sequence = OwnedSequence(Dataset(sys.argv[1]), Capture(sys.argv[1]), name, streams=["a"])
    for _ in range(4):
        sequence.writer.add("a", EventBatch(["t"], ["x"], [""], [False], received_at=datetime.now(UTC)))
        sequence.commit()
    sequences.append(sequence)
began, go_on = threading.Event(), threading.Event()
real = compaction.replace_folder
def replace_folder(*given):
    if not began.is_set():
        began.set()
        go_on.wait()
    real(*given)
compaction.replace_folder = replace_folder
threading.Thread(target=sequences[0].compact).start()
began.wait()
child = os.fork()
if not child:
    signal.alarm(60)
    os._exit(0 if sequences[1].compact().merged == 2 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
go_on.set()
"""


def printed_by(program, folder):
    """What a program that forks prints."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, folder],
        check=True,
        capture_output=True,
        text=True,
    )
    return run.stdout.strip()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_of_a_process_that_merges_can_merge(tmp_path):
    assert printed_by(FORKED, tmp_path / "capture") == "0"


WRITES = """
import os, signal, sys, threading
from datetime import datetime, UTC
from pathlib import Path
from sse_widget import Capture, EventBatch
from sse_widget.storage import Dataset, OwnedSequence
from sse_widget.storage.allocator import KeptMemory

folder, over = Path(sys.argv[1]), threading.Event()

def keep():
    mine = KeptMemory()
    while not over.is_set():
        mine.used(1)

thread = threading.Thread(target=keep)
thread.start()
codes = set()
for n in range(30):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        sequence = OwnedSequence(Dataset(folder / str(n)), Capture(folder / str(n)), streams=["a"])
        now = datetime.now(UTC)
        sequence.writer.add("a", EventBatch(["t"], ["x"], [""], [False], received_at=now))
        sequence.commit()
        os._exit(0)
    codes.add(os.waitpid(child, 0)[1])
    if codes != {0}:
        break
over.set()
thread.join()
print(codes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_of_a_process_that_writes_can_write(tmp_path):
    """No child inherits a lock in the middle of something."""
    assert printed_by(WRITES, tmp_path) == "{0}"
