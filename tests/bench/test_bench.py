"""The benchmarks measure the same work: every reader gives the same events.

Peers are those found in this environment; `make bench` has them all, and refuses to print a table
where one of them reads something else (`agree`).
"""

from __future__ import annotations

import asyncio
import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from sse_widget.storage.dataset import Dataset
from sse_widget.tables.json_columns import expand

from ..helpers import literal
from . import __main__ as run
from . import (
    capture,
    flat,
    frames,
    history,
    measure,
    parser,
    peers,
    receive,
    start,
    windows,
    workloads,
)
from .server import served

CELLS = [(workload, cut) for workload in workloads.WORKLOADS for cut in workloads.CUTS]
READERS = [peers.OURS, *peers.installed()]


@pytest.mark.parametrize(("workload", "cut"), CELLS, ids=[" - ".join(cell) for cell in CELLS])
@pytest.mark.parametrize("reader", READERS, ids=[reader.name for reader in READERS])
def test_every_reader_gives_the_same_events(reader, workload, cut):
    events = workloads.WORKLOADS[workload][0](30)
    chunks = workloads.pieces(events, workloads.CUTS[cut])
    assert b"".join(chunks) == b"".join(events)
    assert reader.rows(chunks) == literal.read(b"".join(events)).events
    reader.read(chunks)


def test_workloads_are_what_they_are_called():
    sizes = {}
    for name, (make, _) in workloads.WORKLOADS.items():
        assert make(20) == make(20)
        sizes[name] = sum(map(len, make(500))) / 500
    assert sizes["ticks, 30 B"] == 30
    assert 1500 < sizes["JSON with ids, 1.6 KB"] < 1700
    assert 330 < sizes["token deltas, 340 B"] < 350
    assert all(event.count(b"\n") == 21 for event in workloads.multi_line(5))


@pytest.mark.parametrize("keeper", windows.installed(), ids=lambda keeper: keeper.name)
def test_every_window_holds_the_same_events(keeper):
    windows.agree([keeper], frames.batches(500), 250)
    windows.agree([keeper], frames.batches(30, 7), 250)


def test_a_window_that_holds_something_else_is_noticed():
    wrong = windows.Keeper("wrong", lambda batches, rows: ["x"])
    with pytest.raises(AssertionError, match="wrong"):
        windows.agree([wrong], frames.batches(3), 2)


def test_windows_and_deques_are_filled_alike():
    events = frames.batches(100, 5)
    columns = frames.fill_deques(events, 30)
    frame = frames.fill_window(events, 30).read().frame()
    for name, values in columns.items():
        assert frame[name].tolist() == list(values)


@pytest.mark.parametrize("shape", frames.SHAPES)
def test_payload_shapes_are_objects_of_which_both_make_the_same_columns(shape):
    frame = frames.payload_frame(shape, 50)
    ours = expand(frame[["data"]])
    theirs = frames.normalize(frame)
    # They spread objects over further columns; which ours do where they are asked by their path.
    plain = [n for n in theirs if n in ours and not ours[n].map(type).isin([dict, list]).any()]
    assert len(plain) >= 3
    for name in plain:
        for mine, its in zip(ours[name], theirs[name], strict=True):
            assert (pd.isna(mine) and pd.isna(its)) or mine == its


def test_a_reader_that_says_something_else_is_noticed():
    wrong = peers.Peer("wrong", lambda chunks: None, lambda chunks: [])
    with pytest.raises(AssertionError, match="wrong"):
        parser.agree([wrong], workloads.ticks(3))


@pytest.fixture(scope="module")
def origin():
    with served() as origin:
        yield origin


@pytest.mark.parametrize("kind", receive.TARGETS)
@pytest.mark.parametrize("name", receive.contenders())
def test_every_receiver_ends_with_the_same_columns(origin, name, kind):
    read = asyncio.run(receive.contenders()[name](f"{origin}/{kind}/500"))
    events = literal.read(b"".join(workloads.ticks(500))).events
    assert list(zip(*receive.columns(read), strict=True)) == events


def test_a_captured_stream_has_the_same_events(origin, tmp_path):
    url = f"{origin}/own/500"
    assert capture.kept(url, None) == capture.kept(url, tmp_path / "capture") == 500
    assert Dataset(tmp_path / "capture").dataset().count_rows() == 500
    assert capture.paced(f"{origin}/paced/1000", 0.2, tmp_path / "paced") > 0


def test_many_streams_are_counted_on_one_thread(origin):
    share, rate, threads = receive.many(origin, streams=5, seconds=0.3)
    assert share > 0
    assert rate > 0
    assert threads <= 2  # the asyncio debug of a test may keep one of its own


def test_nothing_heavy_is_imported_before_it_is_needed():
    assert start.heavy() == []
    assert start.heavy(start.CLIENT, start.NOT_OF_A_CLIENT) == []
    # Found where they are: the names are right.
    assert start.heavy("import pandas", start.NOT_OF_A_CLIENT)[:1] == ["pandas"]


def test_what_installing_brings_is_weighed():
    sizes = start.installed()
    assert {"pandas", "numpy", "httpcore"} <= sizes.keys()
    assert all(size > 0 for size in sizes.values())


def test_a_verdict_judges_the_number_and_not_how_it_is_rounded():
    assert measure.verdict("p99", 94.4, "<", 100, " ms", 0) == ("p99", "94 ms", "< 100 ms", True)
    assert not measure.verdict("p99", 100.2, "≤", 100, digits=0).met
    assert [measure.verdict("", 1.0, sign, 1).met for sign in ("<", "≤", "≥", ">")] == [
        *(False, True),
        *(True, False),
    ]


def test_a_run_begins_with_every_aim_and_whether_it_is_met(monkeypatch, capsys):
    """Whatever the numbers are that is no failure; a benchmark that breaks is one, and says so."""
    quick = measure.verdict("quick", 1, "≤", 2)
    slow = measure.verdict("slow", 3, "≤", 2)
    monkeypatch.setattr(parser, "report", lambda: measure.Report("## Parser", [quick, slow]))
    assert run.main(["parser"]) == 0
    said = capsys.readouterr()
    assert "1 of 2 aims are met" in said.out
    assert "| parser: quick | 1.00 | ≤ 2 | met |" in said.out
    assert "| parser: slow | 3.00 | ≤ 2 | **missed** |" in said.out
    assert said.out.index("slow") < said.out.index("## Parser")
    assert "parser" in said.err

    monkeypatch.setattr(flat, "report", lambda: 1 / 0)
    assert run.main(["flat", "parser"]) == 1
    said = capsys.readouterr()
    assert "1 of 3 aims are met" in said.out
    assert "| flat: all of it | not measured |" in said.out


@pytest.mark.parametrize("unknown", ["no-such", "parser,flat"])
def test_a_benchmark_that_is_not_there_is_refused_by_name(unknown, capsys):
    assert run.main([unknown]) == 2
    assert unknown in capsys.readouterr().out


def test_ratios_are_taken_within_a_round():
    times = measure.Times({"a": [1.0, 2.0, 4.0], "b": [2.0, 4.0, 8.0], "c": [9.0, 9.0, 9.0]})
    assert times.ratio("a", "b") == 2.0
    assert times.fastest(but="a") == "b"


def test_every_contender_runs_once_a_round_in_rotated_order():
    order = []
    times = measure.compare({n: lambda n=n: order.append(n) for n in "abc"}, rounds=3)
    assert order[:3] == ["a", "b", "c"]  # to warm up
    assert order[3:] == [*"abc", *"bca", *"cab"]
    assert all(len(rounds) == 3 for rounds in times.rounds.values())


def test_benchmarks_are_run_with_all_that_the_package_needs():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[^\w.-]", line)[0] for line in project["dependencies"]}
    pinned = (Path(__file__).parent / "requirements.txt").read_text()
    # What these need in turn is pinned with them.
    brought = {"traitlets": "ipywidgets", "yarl": "aiohttp"}
    missing = {n for n in needed if f"\n{brought.get(n, n)}==" not in pinned}
    assert not missing


def test_a_generated_capture_has_all_its_events(tmp_path):
    end = history.generate(tmp_path / "capture", 3_000, together=1_000)
    captured = Dataset(tmp_path / "capture")
    assert captured.dataset("ticks").count_rows() == 3_000
    assert captured.read("ticks", since=end)["seq"].to_pylist() == list(range(2_000, 3_000))
