"""What a capture of many streams is given that is odd or broken: folders, files, ids, clocks, stores.

A clear state for that stream or that file, and the rest goes on unharmed.
"""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from sse_widget import SSECapture
from sse_widget.events import State
from sse_widget.fleet.many_sources import Fleet
from sse_widget.fleet.stream_table import StreamReport, StreamTable
from sse_widget.storage.dataset import Dataset
from sse_widget.storage.footer import KEY

from ..helpers.clients import AT_ONCE
from ..helpers.many import read_back, until
from ..helpers.scripted import Server, sends


@pytest.fixture
def to(tmp_path):
    return tmp_path / "captures"


@pytest.fixture
def capture(to, origin):
    """Makes a capture of three counting streams, and more, into one folder."""
    made = []

    def make(more=None, **options):
        urls = {f"s{i}": f"{origin}/count/50/s{i}" for i in range(3)}
        made.append(SSECapture(urls | (more or {}), **{"to": to, "retry": AT_ONCE, **options}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def grows(capture, by=30):
    """The counting streams go on, and lose and double nothing."""
    # Before that one may not know what earlier ones wrote.
    until(lambda: (capture.streams.loc[COUNTED, "connects"] > 0).all())
    written = capture.streams.loc[COUNTED, "written"]
    until(lambda: (capture.streams.loc[COUNTED, "written"] > written + by / 3).all())


def ended(capture):
    """What is on disk of the counting streams once it is stopped."""
    capture.stop()
    assert capture.stats.pending == 0
    return read_back(_Counting(capture.history))


class _Counting:
    """A dataset without the streams that do not count."""

    def __init__(self, dataset):
        self.dataset = dataset

    def to_batches(self, columns):
        import pyarrow.compute as pc

        return self.dataset.to_batches(columns=columns, filter=pc.field("stream").isin(COUNTED))


COUNTED = ["s0", "s1", "s2"]


def whole(read):
    return (read.streams, read.lost, read.twice, read.numbered) == (3, 0, 0, True)


# ---------------------------------------------------------------------- the folder


def test_other_files_in_the_folder_are_left_alone(capture, to):
    (to / "00000000").mkdir(parents=True)
    (to / "notes.txt").write_text("mine")
    (to / "00000000" / "extra.csv").write_text("mine")
    one = capture()
    grows(one)
    assert whole(ended(one))
    assert one.trouble == ""
    assert (to / "notes.txt").read_text() == (to / "00000000" / "extra.csv").read_text() == "mine"


def test_a_file_that_was_cut_short_costs_what_was_in_it(capture, to):
    first = capture()
    grows(first)
    first.close()
    parts = Dataset(to).parts()
    newest = to / parts[-1].path
    newest.write_bytes(newest.read_bytes()[:-50])
    second = capture()
    grows(second)
    # The source has a history: what the file held was asked for again.
    assert whole(ended(second))
    assert len(Dataset(to).damaged()) == 1


def test_files_of_a_newer_version_are_told_and_not_touched(capture, to):
    first = capture()
    grows(first)
    first.close()
    path = to / Dataset(to).parts()[-1].path
    table, said = pq.read_table(path), json.loads(pq.read_metadata(path).metadata[KEY])
    newer = {KEY: json.dumps({**said, "version": 2})}
    pq.write_table(table.replace_schema_metadata(newer), path)
    before = {p: p.read_bytes() for p in to.rglob("*") if p.is_file()}
    second = capture()
    until(lambda: "version 2" in second.trouble)
    until(lambda: not second.running)
    assert {p: p.read_bytes() for p in to.rglob("*") if p.is_file()} == before


def test_a_capture_goes_to_any_store_with_an_atomic_put(capture, tmp_path):
    to = f"memory://{tmp_path.name}/halls"
    first = capture(to=to)
    grows(first)
    first.close()
    second = capture(to=to)
    grows(second)
    assert whole(ended(second))
    assert len(second["s1"].df) == second["s1"].written
    assert set(second.gaps["cause"]) == {"restart"}


# ---------------------------------------------------------------------- ids


def events(*ids, data="d"):
    return "".join(f"id: {i}\ndata: {data}{i}\n\n" for i in ids)


def test_ids_that_repeat_or_go_backwards_are_kept_as_they_come(capture):
    with (
        Server(sends(events(7, 7, data="a") + events(7, data="b"), then="hold")) as repeats,
        Server(sends(events(5, 6, 2) + events(1, 2, data="x"), then="hold")) as backwards,
    ):
        one = capture({"repeats": repeats.url, "backwards": backwards.url}, dedupe=False)
        until(lambda: one["repeats"].written == 3)
        until(lambda: one["backwards"].written == 5)
        grows(one)
        assert whole(ended(one))
    assert list(one["repeats"].df["data"]) == ["a7", "a7", "b7"]
    assert list(one["backwards"].df["data"]) == ["d5", "d6", "d2", "x1", "x2"]


def test_an_error_in_the_place_of_an_id_is_where_nobody_resumes(capture):
    error = "event: stream-error\nid: error\ndata: unknown id\n\n"
    with Server(
        sends(events(1), then="hold"), sends(error, then="hold"), sends(error, then="hold")
    ) as server:
        for n in (1, 2):
            one = capture({"django": server.url})
            until(lambda n=n, one=one: one["django"].written == n)
            one.close()
        last = capture({"django": server.url})
        until(lambda: last.stats.duplicates == 1)
        grows(last)
        assert whole(ended(last))
        assert server.requests[2].headers["last-event-id"] == "1"
    assert list(last["django"].df["data"]) == ["d1", "unknown id"]


# ---------------------------------------------------------------------- clocks


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_jumps_makes_no_number_absurd(monkeypatch, jump):
    now, passed = [1_000_000.0], [0.0]
    clocks = SimpleNamespace(time=lambda: now[0], monotonic=lambda: passed[0])
    monkeypatch.setattr("sse_widget.fleet.stream_table.time", clocks)
    roster = StreamTable({"s": "http://localhost/"})

    def second(received, since):
        now[0] += 1
        passed[0] += 1
        report = StreamReport(
            "s", State.OPEN, received=received, written=received, waiting_since=since
        )
        roster.update([report])

    for i in range(8):
        second(10 * i, now[0])
    now[0] += jump
    assert roster.stats.rate >= 0
    assert roster.stats.lag >= 0
    for i in range(8, 20):
        second(10 * i, now[0])
        assert 0 <= roster.stats.rate <= 10
    assert roster.stats.rate == 10
    assert roster.stats.lag < 2


def test_a_rate_is_one_of_seconds_however_often_somebody_looks(monkeypatch):
    now = [0.0]
    clocks = SimpleNamespace(time=lambda: now[0], monotonic=lambda: now[0])
    monkeypatch.setattr("sse_widget.fleet.stream_table.time", clocks)
    table = StreamTable({"s": "http://localhost/"})
    # A hundred looks a second at ten events a second, of which none comes any more for half a second.
    for look in range(1000):
        now[0] += 0.01
        table.update([StreamReport("s", State.OPEN, received=min(look // 10, 95))])
    assert 8 < table.stats.rate < 11


# ---------------------------------------------------------------------- what a person asks of one


def test_a_stream_that_is_stopped_before_it_began_stays_stopped(capture, origin):
    one = capture({f"more {i}": f"{origin}/count/1/m{i}" for i in range(200)})
    for name in one:
        one[name].stop()
    until(lambda: set(one.streams["state"]) == {"closed"})
    assert one.trouble == ""


@pytest.mark.anyio
async def test_a_stream_that_is_stopped_before_its_first_step_is_over():
    sink = SimpleNamespace(full=False, written=lambda name: 0)
    fleet = Fleet({"s": "http://127.0.0.1:9/"}, sink, {})
    running = asyncio.create_task(fleet.run())
    await asyncio.sleep(0)  # the task of the stream is there, and has not begun
    fleet.command("s", "stop")
    await asyncio.wait_for(running, 60)
    assert [report.state for report in fleet.reports()] == ["closed"]
