"""All of a capture's history: what is asked for by time and stream reads only what matters, how events came
is told by the ends of the files, and a search finds each event once."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sse_widget import EventFilter, SSECapture
from sse_widget.events import EventBatch
from sse_widget.storage import earlier_rows
from sse_widget.storage import writer as writing
from sse_widget.storage.compaction import compact
from sse_widget.storage.dataset import Dataset
from sse_widget.storage.writer import Writer

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENTS = 200  # of each stream, in each part
PARTS = 15
TOTAL = (PARTS + 3) * EVENTS


def minute(n):
    return AT + timedelta(minutes=n)


def batch(first, at, count=EVENTS):
    numbers = range(first, first + count)
    return EventBatch(
        ["tick"] * count,
        [f"{n} {random.Random(n).randbytes(200).hex()}" for n in numbers],
        [str(n) for n in numbers],
        [True] * count,
        received_at=at,
    )


def write(to, parts, streams=("a", "b"), size=1):
    """A part a minute: of each stream so many events, but "b" sends in the first three alone."""
    writer = Writer(Dataset(to))
    for i in range(parts):
        for name in streams:
            if name != "b" or i < 3:
                writer.add(name, batch(EVENTS * i * size, minute(i), EVENTS * size))
        writer.commit()
    writer.close()


@pytest.fixture
def to(tmp_path):
    return tmp_path / "trades"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A quarter of an hour of two streams."""
    to = tmp_path_factory.mktemp("captured") / "trades"
    write(to, PARTS)
    return to


@pytest.fixture
def capture(files, to):
    """The files in the hands of a person; nothing is sent any more."""
    shutil.copytree(files, to)
    with SSECapture(dict.fromkeys("ab", "http://127.0.0.1:9/"), to=to) as capture:
        capture.stop()
        yield capture


class Meter:
    """Bytes that this process has read, by what the system counts."""

    def __init__(self):
        self.before = self._read()

    def _read(self):
        lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
        return int(lines["rchar"])

    def taken(self):
        now = self._read()
        taken, self.before = now - self.before, now
        return taken


def size(to):
    return sum(path.stat().st_size for path in to.rglob("*.parquet"))


# ---------------------------------------------------------------------- only what matters is read


def test_a_time_and_a_stream_read_the_files_that_matter_and_each_footer_once(capture, to):
    capture.read(since=minute(90))  # what is imported late is read here
    whole, meter = size(to), Meter()
    frame = capture.read("a", since=minute(10), until=minute(12))
    assert list(frame["seq"]) == list(range(10 * EVENTS, 12 * EVENTS))
    assert meter.taken() < whole / 2
    # The ends of the files are known by now: nothing is read for a time of which there is nothing.
    assert capture.read(since=minute(90)).empty
    assert capture.rates()["events"].sum() == TOTAL
    assert meter.taken() < whole / 100
    # Of a stream that was silent since nothing is read of the files after.
    assert len(capture.read("b")) == 3 * EVENTS
    assert meter.taken() < whole / 2
    assert len(capture["b"].df) == 3 * EVENTS


def test_a_filter_on_the_dataset_opens_the_files_that_matter(capture, to):
    history = capture.history
    whole, meter = size(to), Meter()
    recent = history.to_table(filter=pc.field("received_at") >= minute(PARTS - 2))
    assert recent.num_rows == 2 * EVENTS
    some = history.to_table(filter=(pc.field("stream") == "b") & (pc.field("seq") < 50))
    assert some["seq"].to_pylist() == list(range(50))
    assert meter.taken() < whole / 2  # pyarrow reads the end of each file that it opens twice
    assert history.count_rows() == TOTAL


def test_inside_a_merged_file_only_the_row_groups_that_matter_are_read(to, monkeypatch):
    monkeypatch.setattr(writing, "FOLDER_PARTS", 40)
    write(to, 40, streams=["a"], size=3)
    write(to, 0)
    assert compact(Dataset(to)).merged == 1
    (merged,) = [p for p in to.rglob("*.parquet") if "00000039" in p.name]
    assert pq.read_metadata(merged).num_row_groups > 2
    dataset = Dataset(to)
    dataset.read(since=minute(200))
    meter = Meter()
    rows = dataset.read("a", since=minute(20), until=minute(21))
    assert rows["seq"].to_pylist() == list(range(20 * 3 * EVENTS, 21 * 3 * EVENTS))
    assert meter.taken() < size(to) * 0.75
    tables = list(dataset.tables("a", 39 * 3 * EVENTS))
    assert sum(table.num_rows for table in tables) == 3 * EVENTS
    assert meter.taken() < size(to) * 0.75


def test_a_folder_that_was_made_anew_is_read_anew(capture, to):
    assert len(capture.read()) == TOTAL
    for path in sorted(to.rglob("*.parquet")):
        path.unlink()
    writer = Writer(Dataset(to))
    writer.add("a", batch(7, minute(500), count=3))
    writer.commit()
    assert len(capture.read("a")) == 3
    assert capture.rates()["events"].sum() == 3


# ---------------------------------------------------------------------- how events came


def test_the_rate_of_a_whole_capture_is_told_by_the_footers(capture):
    rates = capture.rates(steps=20)
    assert (rates.index[0], rates.index[-1]) == (minute(0), minute(PARTS - 1))
    assert list(rates["events"]) == [2 * EVENTS] * 3 + [EVENTS] * (PARTS - 3)
    assert list(rates["rate"])[-1] == EVENTS / 60
    of_b = capture.rates("b", steps=20)["events"]
    assert list(of_b[of_b > 0].items()) == [(minute(i), EVENTS) for i in range(3)]
    assert list(capture["a"].rates(since=minute(4), until=minute(6))["events"]).count(EVENTS) == 2
    coarse = capture.rates(steps=4)
    assert len(coarse) <= 4
    assert coarse["events"].sum() == TOTAL
    assert capture.rates(since=minute(90)).empty


def test_a_merged_file_still_tells_how_its_events_came(to, monkeypatch):
    monkeypatch.setattr(writing, "FOLDER_PARTS", PARTS)
    write(to, PARTS)
    write(to, 0)
    before = SSECapture({"a": "http://127.0.0.1:9/"}, to=to)
    before.close()
    assert list(before.rates(steps=20)["events"]) == [2 * EVENTS] * 3 + [EVENTS] * (PARTS - 3)
    assert compact(Dataset(to)).merged == 1
    assert list(before.rates(steps=20)["events"]) == [2 * EVENTS] * 3 + [EVENTS] * (PARTS - 3)
    # Of one stream the sum is right, at the pace of all.
    assert before.rates("b", steps=20)["events"].sum() == 3 * EVENTS
    assert before.rates("a", steps=20)["events"].sum() == PARTS * EVENTS


def test_a_stream_that_moved_between_workers_is_counted_once(to):
    first, second = Writer(Dataset(to), "shard-0000"), Writer(Dataset(to), "shard-0001")
    second.add("other", batch(0, minute(0), 5))
    second.commit()
    first.add("a", batch(0, minute(1), 10))
    first.commit()
    second.positions["a"] = first.positions["a"]  # as whoever takes a stream over knows it
    second.add("a", batch(10, minute(2), 20))
    second.add("other", batch(5, minute(2), 7))
    second.commit()
    capture = SSECapture({"a": "http://127.0.0.1:9/"}, to=to)
    capture.close()
    assert capture.rates("a")["events"].sum() == 30
    assert capture.rates()["events"].sum() == 42


def test_a_time_is_found_as_the_number_of_an_event(capture):
    stream = capture["a"]
    assert stream.seek(minute(0) - timedelta(days=1)) == 0
    assert stream.seek(minute(7)) == 7 * EVENTS
    assert stream.seek(minute(7) + timedelta(seconds=1)) == 8 * EVENTS
    assert stream.seek(minute(99)) is None
    assert capture["b"].seek((minute(2)).isoformat()) == 2 * EVENTS


# ---------------------------------------------------------------------- searching


def test_a_search_finds_the_newest_first_and_says_how_far_it_is(capture, to):
    search = capture.search(f"{EVENTS * 5} ", stream="a")
    assert search.progress.searched == 0
    found = next(search)
    assert (found.stream, found.event.seq) == ("a", EVENTS * 5)
    assert 0 < search.progress.searched < search.progress.events
    assert list(search) == []
    assert search.progress.done
    assert search.progress.searched == search.progress.events == TOTAL
    everything = [(name, event.seq) for name, event in capture.search()]
    assert len(everything) == len(set(everything)) == TOTAL
    assert everything[0] == ("a", PARTS * EVENTS - 1)
    times = EventFilter(since=minute(4), until=minute(5))
    assert [event.seq for _, event in capture["a"].search(filter=times)] == list(
        reversed(range(4 * EVENTS, 5 * EVENTS))
    )


def test_a_search_that_is_cancelled_reads_no_further(capture, to):
    search = capture.search("tick", filter=None, stream=None, regex=False)
    search.cancel()
    assert list(search) == []
    whole, meter = size(to), Meter()
    search = capture.search()
    next(search)
    search.cancel()
    assert list(search) == []
    assert meter.taken() < whole / 2
    assert search.progress.done
    assert search.progress.searched < search.progress.events


def test_a_search_while_files_are_merged_finds_each_event_once(to, monkeypatch):
    monkeypatch.setattr(writing, "FOLDER_PARTS", 5)
    write(to, PARTS)
    write(to, 0)
    capture = SSECapture({"a": "http://127.0.0.1:9/"}, to=to)
    capture.close()
    search = capture.search()
    found = [next(search) for _ in range(2 * EVENTS + 7)]  # of the newest folder
    assert compact(Dataset(to)).merged == 3
    found += search
    keys = [(name, event.seq) for name, event in found]
    assert len(keys) == len(set(keys)) == TOTAL


def test_what_cannot_be_asked_is_refused(capture):
    with pytest.raises(KeyError, match="no stream"):
        capture.read("nobody")
    with pytest.raises(ValueError, match="no column 'price'"):
        capture.read(columns=["price"])
    with pytest.raises(ValueError, match="steps"):
        capture.rates(steps=0)
    with pytest.raises(TypeError, match="not both"):
        capture.search("x", filter=EventFilter(types="tick"))
    with pytest.raises(TypeError, match="at must be"):
        capture["a"].seek(None)


def test_behind_a_hole_that_the_disk_cost_a_page_still_finds_what_is_older(to):
    writer = Writer(Dataset(to))
    writer.add("a", batch(0, minute(0), 5))
    writer.commit()
    # As it is after the disk was full for a while: numbers go on, and these are in no file.
    writer.close()
    writer = Writer(Dataset(to))
    writer.positions["a"] = msgspec.structs.replace(writer.positions["a"], seq=20_005)
    writer.add("a", batch(5, minute(1), 5))
    writer.commit()
    rows = earlier_rows(Dataset(to), "a", 12_000, 20_005)
    assert (rows.first, rows.table.num_rows) == (0, 5)
    rows = earlier_rows(Dataset(to), "a", 0, 20_007)
    assert (rows.first, rows.table.num_rows) == (20_005, 2)
    assert earlier_rows(Dataset(to), "nobody", 5, 9).table.num_rows == 0
