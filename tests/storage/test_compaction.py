"""Merging and removing captured files while others read (docs/capture-format.md, "Housekeeping")."""

from __future__ import annotations

import gc
import os
import threading
import tracemalloc
from datetime import timedelta

import pyarrow.dataset as ds
import pytest

from sse_widget.errors import CaptureTaken
from sse_widget.events import Cause, EventBatch, Gap
from sse_widget.storage import (
    compaction,
    create_only,
    folder_swap,
    held_folder,
    local_store,
    retention,
)
from sse_widget.storage import writer as writing
from sse_widget.storage.compaction import compact
from sse_widget.storage.dataset import Dataset
from sse_widget.storage.footer import Footer
from sse_widget.storage.local_store import MARKER
from sse_widget.storage.writer import Writer

from ..helpers.killed import killed
from ..helpers.many import until
from ..helpers.measured import measured
from .test_dataset import AT, batch, numbers, write


@pytest.fixture(autouse=True)
def _small_folders(monkeypatch):
    monkeypatch.setattr(writing, "FOLDER_PARTS", 3)


@pytest.fixture
def to(tmp_path):
    return tmp_path / "trades"


def files(to):
    return sorted(str(p.relative_to(to)) for p in to.rglob("*") if p.is_file())


def everybody(to):
    """What a reader that knows nothing of us finds."""
    return sorted(numbers(ds.dataset(to).to_table())) if files(to) else []


def staged(to):
    return [p.name for p in to.parent.glob(".trades.staging/*") if p.name != MARKER]


# ---------------------------------------------------------------------- merging


def test_a_folder_that_is_closed_becomes_one_file(to):
    gap = Gap(2, AT, Cause.RECONNECT, "why")
    writer = write(to, [0, 1], [2])
    writer.gap("s", gap)
    writer.add("s", batch(3))
    writer.commit()
    write(to, [4], [5])
    before = Dataset(to)
    held = before.dataset()
    assert compact(before).merged == 1
    assert files(to) == [
        "00000000/part-00000000-00000002.parquet",
        "00000003/part-00000003.parquet",
        "00000003/part-00000004.parquet",
    ]
    dataset = Dataset(to)
    assert numbers(dataset.read()) == everybody(to) == [0, 1, 2, 3, 4, 5]
    assert numbers(dataset.read("s", 1, 3)) == [1, 2]
    assert numbers(dataset.read("s", last=3)) == [3, 4, 5]
    assert dataset.gaps() == [("s", gap)]
    assert numbers(before.read("s", 2)) == [2, 3, 4, 5]  # who knew the small files looks again
    with pytest.raises(FileNotFoundError):  # never half or double the rows
        held.to_table()
    assert staged(to) == []
    assert compact(dataset).merged == 0


def test_merging_leaves_nothing_that_only_the_collector_frees(to):
    """In a process of many streams that looks at everything every few hours, and a merge reads hundreds of files."""
    write(to, [0], [1], [2], [3])
    assert compact(Dataset(to)).merged == 1  # what is made once is made
    write(to, [4], [5], [6], [7])
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        assert compact(Dataset(to)).merged == 1
        gc.collect()
        left = {type(one).__qualname__ for one in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left.isdisjoint({"FileMetaData", "ParquetSchema", "CDLL"})


def test_the_checkpoint_can_be_a_merged_file(to):
    write(to, [0], [1], [2])
    assert compact(Dataset(to)).merged == 1
    writer = Writer(Dataset(to))
    assert (writer.next_part, writer.positions["s"].seq) == (3, 3)
    writer.add("s", batch(3))
    writer.commit()
    assert everybody(to) == [0, 1, 2, 3]


def test_a_zombie_writes_nothing_into_a_merged_folder(to):
    asleep = write(to, [0])  # it holds the folder
    late = Writer(Dataset(to))  # it has not entered the folder yet
    write(to, [1], [2], [3])
    compact(Dataset(to))
    for zombie in (asleep, late):
        zombie.add("s", batch(1))
        with pytest.raises(CaptureTaken):
            zombie.commit()
    assert everybody(to) == [0, 1, 2, 3]


def test_a_damaged_file_keeps_its_folder_as_it_is(to):
    write(to, [0], [1], [2], [3])
    path = to / "00000000" / "part-00000001.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    tidied = compact(Dataset(to))
    assert tidied.merged == 0
    assert "part-00000001.parquet is damaged" in tidied.notes[0]
    assert len(files(to)) == 4


def test_the_damage_of_another_sequence_is_its_owners_to_tell(to):
    write(to, [0], [1], stream="a", shard="left")
    write(to, [0], [1], stream="b", shard="right")
    path = to / "right" / "00000000" / "part-00000000.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    assert compact(Dataset(to), "left").notes == ()
    # A stream that is captured there beside them tells of all.
    for sequence in ("right", ""):
        [note] = compact(Dataset(to), sequence).notes
        assert "part-00000000.parquet is damaged" in note


def with_long_footers(to, folders, parts):
    """A capture in which each of many files tells of many streams, 0.1 MB in memory."""
    types = [f"type-{n}" for n in range(30)]
    writer = Writer(Dataset(to))
    for n in range(100):
        writer.add(f"s{n}", EventBatch(types, types, types, [False] * 30, received_at=AT))
    writer.commit()
    for n in range(folders * parts - 1):
        writer.add("s0", batch(n))
        writer.commit()
    writer.close()


def most_memory(call):
    """The most bytes that Python has at once while this runs, and what it returns."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        done = call()
        return tracemalloc.get_traced_memory()[1] - before, done
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("folders", "parts", "how"), [(1, 120, {}), (120, 1, {"merge": False})])
def test_the_footers_of_all_files_are_never_in_memory_at_once(to, monkeypatch, folders, parts, how):
    monkeypatch.setattr(writing, "FOLDER_PARTS", parts)
    with_long_footers(to, folders, parts)
    dataset = Dataset(to)
    keep = timedelta(days=36_500)
    most, done = most_memory(lambda: compact(dataset, keep=keep, writer="somebody", **how))
    assert (done.merged, done.removed, done.failure) == (parts > 1, 0, "")
    # All of them would be 14 MB.
    assert most < 8 * 2**20
    if parts > 1:
        assert dataset.nbytes < 2**20  # nothing of the files that are gone


_MODULES = (compaction, create_only, folder_swap, held_folder, local_store, retention)
_CODE = "storage/({})".format("|".join(m.__name__.rpartition(".")[2] for m in _MODULES))
_COMPACT = """
from sse_widget.storage.compaction import compact
from sse_widget.storage.dataset import Dataset
"""


def test_killed_between_any_two_lines_each_row_is_there_once(tmp_path):
    """Merges two folders and removes one, killed at a line; then the next one does its work."""

    stride = int(os.environ.get("SSE_WIDGET_CRASHES", "24"))
    cases = [tmp_path / str(n) / "trades" for n in range(stride + 1)]
    for to in cases:
        write(to, *([n] for n in range(10)))
    whole = cases.pop()
    sizes = [p.size for p in Dataset(whole).parts()]
    keep = sum(sizes) - sizes[0] // 2  # the oldest folder goes
    call = f"compact(Dataset(to), keep_bytes={keep})"
    points = killed(call, _CODE, whole, cases, _COMPACT)
    assert everybody(whole) == [3, 4, 5, 6, 7, 8, 9]
    assert points[-1] > 100
    for to, kill_at in zip(cases, points, strict=True):
        found = everybody(to)
        assert found in (list(range(10)), list(range(3, 10))), f"killed at line {kill_at}"
        compact(Dataset(to), keep_bytes=keep)
        assert everybody(to) == list(range(3, 10)), f"killed at line {kill_at}"
        assert staged(to) == []
    measured(
        "merging and removing, killed between two lines",
        f"{len(points)} of {points[-1]} lines: each row in one file",
    )


def test_readers_meet_each_row_once_while_files_are_merged(to):
    """They look all the time; where a file went away under them they look again. (pyarrow passes
    over one that went away between its listing and its look at it: it may miss, never double.)"""
    seen, over, failures = [], threading.Event(), []

    def read(table):
        got = sorted(numbers(table))
        seen.append(len(got))
        return got

    def ours():
        while not over.is_set():
            got = read(Dataset(to).read())
            if got != list(range(got[-1] + 1)):
                failures.append(got)

    def theirs():
        while not over.is_set():
            try:
                got = read(ds.dataset(to).to_table())
            except FileNotFoundError:
                continue
            if len(got) != len(set(got)):
                failures.append(got)

    write(to, [0])
    threads = [threading.Thread(target=reader) for reader in (ours, theirs)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: seen)
        for n in range(1, 60, 3):
            write(to, [n], [n + 1], [n + 2])
            compact(Dataset(to))
        until(lambda: 61 in seen or failures)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert len(set(seen)) > 1
    assert len(files(to)) <= 23


# ---------------------------------------------------------------------- removing


def dated(to, monkeypatch, days):
    """A capture whose parts were written so many days after each other, as wall clocks said, and on
    machines that were started since."""
    real = Footer.encode
    written = iter(days)

    def encode(footer):
        from dataclasses import replace

        return real(replace(footer, at=AT + timedelta(days=next(written)), clock=None))

    monkeypatch.setattr(Footer, "encode", encode)
    write(to, *([n] for n in range(len(days))))
    monkeypatch.setattr(Footer, "encode", real)


def test_folders_that_are_too_old_go(to, monkeypatch):
    dated(to, monkeypatch, [0, 0, 1, 4, 4, 5, 9, 9])
    assert compact(Dataset(to), keep=timedelta(days=6)).removed == 1
    assert everybody(to) == [3, 4, 5, 6, 7]
    assert Dataset(to).oldest("s") == 3
    assert write(to).positions["s"].seq == 8
    assert compact(Dataset(to), keep=timedelta(days=1)).removed == 1
    assert everybody(to) == [6, 7]
    assert compact(Dataset(to), keep=timedelta(seconds=1)).removed == 0  # the checkpoint stays


def test_a_clock_that_jumped_removes_nothing_that_is_new(to, monkeypatch):
    # Written by clocks that were years ahead, then right again.
    dated(to, monkeypatch, [4000, 4000, 4000, 1, 1, 1, 2, 2])
    assert compact(Dataset(to), keep=timedelta(days=7)).removed == 0
    assert everybody(to) == list(range(8))


def test_the_oldest_go_while_there_is_too_much(to):
    write(to, *([n] for n in range(9)), [9])
    parts = Dataset(to).parts()
    tidied = compact(Dataset(to), keep_bytes=sum(p.size for p in parts[5:]), merge=False)
    assert tidied.removed == 2
    assert everybody(to) == [6, 7, 8, 9]


def test_a_store_has_old_files_removed_too(tmp_path):
    to = f"memory://{tmp_path.name}/trades"
    write(to, *([n] for n in range(7)))
    assert compact(Dataset(to), keep_bytes=1).removed == 2
    assert numbers(Dataset(to).read()) == [6]


def test_what_is_found_there_is_said(to):
    write(to, [0])
    (to / "notes.txt").write_text("mine")
    assert compact(Dataset(to)).notes == ("another file is left alone: notes.txt",)
