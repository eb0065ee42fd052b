"""A capture as files: committed once, read back once, whoever reads (docs/capture-format.md)."""

from __future__ import annotations

import json
import resource
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from sse_widget.errors import CaptureError, CaptureNotWritten, CaptureTaken, CaptureTooNew
from sse_widget.events import Cause, EventBatch, Gap
from sse_widget.storage import writer as writing
from sse_widget.storage.dataset import Dataset
from sse_widget.storage.footer import KEY
from sse_widget.storage.local_store import MARKER
from sse_widget.storage.writer import Writer

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def batch(*numbers, at=AT, type="tick"):
    return EventBatch(
        [type] * len(numbers),
        [f"d{n}" for n in numbers],
        [str(n) for n in numbers],
        [True] * len(numbers),
        received_at=at,
    )


def numbers(table):
    return [int(data[1:]) for data in table["data"].to_pylist()]


def write(to, *parts, stream="s", shard=""):
    writer = Writer(Dataset(to), shard)
    for some in parts:
        writer.add(stream, batch(*some))
        writer.commit()
    return writer


@pytest.fixture
def to(tmp_path):
    return tmp_path / "trades"


# ---------------------------------------------------------------------- what is written is read


def test_rows_come_back_as_they_went_in(to):
    writer = Writer(Dataset(to))
    writer.add("s", batch(0, 1))
    writer.add("s", EventBatch(["a"], ['{"ä": "\\n"}'], ["1"], [False], received_at=AT))
    assert writer.commit() == 0
    assert writer.commit() is None
    rows = Dataset(to).read().to_pylist()
    assert [r["seq"] for r in rows] == [0, 1, 2]
    assert rows[2] == {
        "stream": "s",
        "seq": 2,
        "received_at": AT,
        "type": "a",
        "last_event_id": "1",
        "data": '{"ä": "\\n"}',
        "has_id": False,
    }


def test_the_checkpoint_is_the_data(to):
    gap = Gap(1, AT, Cause.RECONNECT, "why", missing=3, replayed=False)
    writer = Writer(Dataset(to))
    writer.add("a", batch(0, 1), stats={"bytes": 99}, reconnection_time=1500)
    writer.add("b", batch(7), last_event_id="later")
    writer.gap("a", gap)
    writer.commit()
    writer.add("b", batch(8, type="other"))
    writer.commit()

    streams = Writer(Dataset(to)).positions
    assert (streams["a"].seq, streams["a"].last_event_id) == (2, "1")
    assert (streams["a"].stats, streams["a"].reconnection_time) == ({"bytes": 99}, 1500)
    assert (streams["b"].seq, streams["b"].last_event_id) == (2, "8")
    assert streams["b"].types == {"tick": 1, "other": 1}
    assert Dataset(to).gaps() == [("a", gap)]
    assert Dataset(to).gaps("b") == []


def test_what_is_not_committed_is_not_there(to):
    writer = write(to, [0, 1])
    writer.add("s", batch(2))
    assert writer.pending[0] == 1
    assert numbers(Dataset(to).read()) == [0, 1]
    assert write(to).positions["s"].seq == 2


def test_ranges_and_the_newest_rows(to):
    write(to, [0, 1, 2], [3], [4, 5, 6], [7, 8, 9])
    dataset = Dataset(to)
    assert numbers(dataset.read("s", 2, 5)) == [2, 3, 4]
    assert numbers(dataset.read("s", 8)) == [8, 9]
    assert numbers(dataset.read("s", stop=1)) == [0]
    assert numbers(dataset.read("s", 10, 20)) == []
    assert numbers(dataset.read("s", last=4)) == [6, 7, 8, 9]
    assert numbers(dataset.read("nobody", last=4)) == []
    assert numbers(Dataset(to.parent / "nothing").read("s", 3)) == []


def test_shards_are_sequences_of_their_own(to):
    write(to, [0, 1], stream="a", shard="shard-0001")
    write(to, [0], [1], stream="b", shard="shard-0002")
    dataset = Dataset(to)
    assert dataset.shards() == ["shard-0001", "shard-0002"]
    assert {name: p.seq for name, p in dataset.streams().items()} == {"a": 2, "b": 2}
    assert numbers(dataset.read("b", 1)) == [1]
    assert dataset.dataset().count_rows() == 4
    assert dataset.dataset("a").count_rows() == 2
    with pytest.raises(ValueError, match="shard's name"):
        dataset.checkpoint("../elsewhere")


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # dask's, of pandas
def test_everybody_reads_each_row_once(to, monkeypatch):
    import dask.dataframe
    import duckdb
    import polars

    monkeypatch.setattr(writing, "FOLDER_PARTS", 2)
    write(to, [0, 1], [2], [3, 4])
    write(to, [5], shard="shard-0001")
    glob = f"{to}/**/*.parquet"
    everything = list(range(6))
    for data in (
        pd.read_parquet(to)["data"],
        polars.read_parquet(to)["data"],
        polars.read_parquet(glob)["data"],
        [row[0] for row in duckdb.sql(f"select data from '{glob}'").fetchall()],
        dask.dataframe.read_parquet(to).compute()["data"],
        ds.dataset(to).to_table()["data"].to_pylist(),
    ):
        assert sorted(int(d[1:]) for d in data) == everything
    assert str(pd.read_parquet(to)["received_at"].dtype) == "datetime64[us, UTC]"


# ---------------------------------------------------------------------- owners


def test_who_loses_a_part_stops(to):
    first, second = Writer(Dataset(to)), Writer(Dataset(to))
    first.add("s", batch(0))
    second.add("s", batch(0))
    assert first.commit() == 0
    with pytest.raises(CaptureTaken, match="another stream writes") as e:
        second.commit()
    assert e.value.hint
    second.add("s", batch(1))
    with pytest.raises(CaptureTaken):
        second.commit()  # it stays so
    first.add("s", batch(1))
    assert first.commit() == 1
    assert numbers(Dataset(to).read()) == [0, 1]


def test_of_many_who_write_at_once_one_goes_on(to):
    def run(k):
        writer = Writer(Dataset(to))
        for n in range(20):
            writer.add("s", batch(100 * k + n))
            try:
                writer.commit()
            except CaptureTaken:
                return n
        return 20

    for _ in range(3):
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(run, range(4)))
        assert 20 in done
        shutil.rmtree(to) if len(Dataset(to).parts()) < 20 else None
        rows = Dataset(to).read().to_pylist()
        assert len(rows) == len({row["seq"] for row in rows})


def test_a_zombie_finds_its_next_part_taken_after_folders_moved_on(to, monkeypatch):
    monkeypatch.setattr(writing, "FOLDER_PARTS", 2)
    zombie = write(to, [0], [1])  # its next part opens a folder
    write(to, [2], [3], [4])
    zombie.add("s", batch(2))
    with pytest.raises(CaptureTaken):
        zombie.commit()
    assert numbers(Dataset(to).read()) == [0, 1, 2, 3, 4]


def test_a_zombie_creates_nothing_in_a_folder_that_was_removed(to, monkeypatch):
    zombie = write(to, [0])
    monkeypatch.setattr(writing, "FOLDER_PARTS", 1)
    write(to, [1], [2])
    Dataset(to).place.remove("00000000")
    zombie.add("s", batch(1))
    with pytest.raises(CaptureTaken):
        zombie.commit()
    assert [part.first for part in Dataset(to).parts()] == [2]


# ---------------------------------------------------------------------- disks


@contextmanager
def no_large_files():
    """A disk that is full, as far as this process can tell."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_could_not_be_written_is_kept_and_written_later(to):
    writer = write(to, [0])
    writer.add("s", batch(1))
    with no_large_files():
        for _ in range(2):
            with pytest.raises(CaptureNotWritten, match="File too large") as e:
                writer.commit()
    assert e.value.hint
    writer.add("s", batch(2))
    assert writer.pending[0] == 2
    assert [writer.commit(), writer.commit(), writer.commit()] == [1, 2, None]
    assert numbers(Dataset(to).read()) == [0, 1, 2]
    assert [p.name for p in to.parent.glob(".trades.staging/*")] == [MARKER]


def test_what_is_being_encoded_waits_as_before(to, monkeypatch):
    """Who asks meanwhile, to let a stream wait or to count, is told of it."""
    writer = Writer(Dataset(to))
    waiting = []

    def encode(*args):
        waiting.append(writer.pending)
        return encoded(*args)

    encoded = writing.encode
    monkeypatch.setattr(writing, "encode", encode)
    writer.add("s", batch(0, 1))
    before = writer.pending
    writer.commit()
    assert (waiting, before[0], writer.pending) == ([before], 2, (0, 0))


def test_what_waits_too_long_is_let_go_and_numbers_stay_true(to):
    writer = Writer(Dataset(to))
    for n in range(10, 20):
        writer.add("s", batch(n))
    size = writer.pending[1]
    assert writer.drop_oldest(size // 2) == {"s": (5, 5)}
    for n in range(20, 30):
        writer.add("s", batch(n))
    assert writer.drop_oldest(size // 2) == {"s": (15, 15)}
    assert writer.pending == (5, size // 2)
    writer.commit()
    assert Dataset(to).read()["seq"].to_pylist() == [15, 16, 17, 18, 19]
    assert writer.positions["s"].seq == 20


# ---------------------------------------------------------------------- what else lies there


def test_other_files_are_left_alone(to):
    write(to, [0])
    (to / "notes.txt").write_text("mine")
    (to / "00000000" / "extra.csv").write_text("mine")
    dataset = Dataset(to)
    assert sorted(dataset.foreign_files()) == ["00000000/extra.csv", "notes.txt"]
    assert numbers(dataset.read()) == [0]
    write(to, [1])
    assert numbers(dataset.read()) == [0, 1]
    with pytest.raises(CaptureError, match="is a file"):
        Dataset(to / "notes.txt")


def test_a_file_that_was_cut_short_harms_no_other(to):
    write(to, [0, 1], [2], [3])
    newest = to / Dataset(to).parts()[-1].path
    newest.write_bytes(newest.read_bytes()[:-50])
    dataset = Dataset(to)
    assert [str(e).partition(" ")[0] for e in dataset.damaged()] == [
        "00000000/part-00000002.parquet"
    ]
    assert numbers(dataset.read()) == [0, 1, 2]
    assert numbers(dataset.read("s", 2)) == [2]
    # The event it held is asked for again, in a part of its own.
    writer = Writer(Dataset(to))
    assert (writer.positions["s"].last_event_id, writer.next_part) == ("2", 3)
    writer.add("s", batch(3))
    assert writer.commit() == 3
    assert numbers(Dataset(to).read("s", 1)) == [1, 2, 3]


def test_a_newer_version_is_not_touched(to):
    write(to, [0])
    path = to / Dataset(to).parts()[-1].path
    table = pq.read_table(path)
    said = json.loads(pq.read_metadata(path).metadata[KEY])
    newer = {KEY: json.dumps({**said, "version": 2})}
    pq.write_table(table.replace_schema_metadata(newer), path)
    with pytest.raises(CaptureTooNew, match="version 2") as e:
        Writer(Dataset(to))
    assert "upgrade" in e.value.hint
    with pytest.raises(CaptureTooNew):
        Dataset(to).read()


def test_a_clock_that_was_set_back_changes_nothing_of_the_order(to):
    writer = Writer(Dataset(to))
    for n, hours in enumerate((5, 0, 9)):
        writer.add("s", batch(n, at=AT + timedelta(hours=hours)))
        writer.commit()
    assert numbers(Dataset(to).read("s")) == [0, 1, 2]


# ---------------------------------------------------------------------- stores


def test_a_store_with_an_atomic_put(tmp_path):
    to = f"memory://{tmp_path.name}/trades"
    first, second = write(to, [0], [1, 2]), Writer(Dataset(to))
    first.add("s", batch(3))
    first.commit()
    second.add("s", batch(3))
    with pytest.raises(CaptureTaken):
        second.commit()
    assert numbers(Dataset(to).read("s", 1)) == [1, 2, 3]
    assert Dataset(to).foreign_files() == []
    assert Writer(Dataset(to)).positions["s"].last_event_id == "3"


def test_a_store_whose_files_appear_bit_by_bit_is_refused():
    with pytest.raises(CaptureError, match="cannot hold a capture"):
        Dataset("sftp://host/trades")


def test_a_store_that_overwrites_is_refused(tmp_path, monkeypatch):
    from fsspec.implementations.memory import MemoryFileSystem

    original = MemoryFileSystem.pipe_file
    monkeypatch.setattr(
        MemoryFileSystem, "pipe_file", lambda self, path, value, **_: original(self, path, value)
    )
    writer = Writer(Dataset(f"memory://{tmp_path.name}/x"))
    writer.add("s", batch(0))
    with pytest.raises(CaptureError, match="written twice"):
        writer.commit()


# ---------------------------------------------------------------------- versions


def test_version_1_is_read_for_ever():
    """These files were written when the format began, and are never written anew."""
    dataset = Dataset(Path(__file__).parents[1] / "fixtures" / "capture-1")
    ticks = "https://stream.example/ticks?key=***"
    assert [p.path for p in dataset.parts()] == [
        "00000000/part-00000000-00000001.parquet",
        "00000002/part-00000002.parquet",
        "shard-0000/00000000/part-00000000.parquet",
    ]
    rows = dataset.read(ticks).to_pylist()
    assert [(r["seq"], r["type"], r["last_event_id"], r["data"], r["has_id"]) for r in rows] == [
        (0, "tick", "1", '{"n": 1}', True),
        (1, "tick", "2", '{"n": 2}', True),
        (2, "trade", "4", '{"n": 4}', True),
        (3, "message", "4", "a\nlärm 🚀", False),
    ]
    assert rows[0]["received_at"] == AT + timedelta(seconds=1)
    position = dataset.streams()[ticks]
    assert (position.seq, position.last_event_id, position.reconnection_time) == (4, "4", 1500)
    assert position.types == {"tick": 2, "trade": 1, "message": 1}
    assert position.stats == {"bytes": 130, "connects": 2, "comments": 2}
    ((name, gap),) = dataset.gaps()
    assert (name, gap.seq, gap.cause, gap.missing) == (ticks, 2, "reconnect", 1)
    assert dataset.streams()["quotes"].seq == 1
    assert dataset.damaged() == []
