"""Captures that earlier versions began: this one goes on in them, merges them, and answers every question.

`tests/fixtures` has a folder for each version that wrote something else: `capture-1` is of 0.1.0, without a clock;
`capture-1-of-0.2.0` has the clock, compressed footers and a hole that the disk cost; `capture-1-with-pace` has a
merged file that tells how its rows came. None is ever written anew.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from sse_widget import SSECapture
from sse_widget.storage import check
from sse_widget.storage import writer as writing
from sse_widget.storage.compaction import compact
from sse_widget.storage.dataset import Dataset
from sse_widget.storage.writer import Writer

from .test_dataset import AT, batch

FIXTURES = Path(__file__).parents[1] / "fixtures"
VERSIONS = ["capture-1", "capture-1-of-0.2.0", "capture-1-with-pace"]
LATER = AT + timedelta(days=365)


@pytest.fixture(params=VERSIONS)
def to(request, tmp_path):
    """A copy of what that version left."""
    return Path(shutil.copytree(FIXTURES / request.param, tmp_path / "capture"))


def keys(table):
    return list(zip(table["stream"].to_pylist(), table["seq"].to_pylist(), strict=True))


def test_no_version_is_forgotten():
    assert sorted(folder.name for folder in FIXTURES.glob("capture-*")) == VERSIONS


def test_it_is_gone_on_with_and_merged(to, monkeypatch):
    monkeypatch.setattr(writing, "FOLDER_PARTS", 2)
    before = Dataset(to).read()
    positions = Dataset(to).streams()
    writer = Writer(Dataset(to))
    name = next(iter(writer.positions))
    first = writer.positions[name].seq
    for i in range(5):
        writer.add(name, batch(i, at=LATER + timedelta(seconds=i)))
        writer.commit()
    writer.close()
    assert compact(Dataset(to)).merged >= 1
    after = Dataset(to).read()
    added = [(name, first + i) for i in range(5)]
    assert sorted(keys(after)) == sorted([*keys(before), *added])
    streams = Dataset(to).streams()
    assert streams[name].seq == first + 5
    assert all(streams[other].seq == at.seq for other, at in positions.items() if other != name)
    assert check(Dataset(to)).problems == ()


def test_every_question_to_its_history_is_answered(to):
    rows = Dataset(to).read()
    name = rows["stream"][0].as_py()
    of_it = [seq for stream, seq in keys(rows) if stream == name]
    first, last = min(rows["received_at"].to_pylist()), max(rows["received_at"].to_pylist())
    with SSECapture({name: "http://127.0.0.1:9/"}, to=to) as capture:
        capture.stop()
        assert len(capture.read(since=first, until=last + timedelta(microseconds=1))) == len(rows)
        assert capture.read(since=last + timedelta(microseconds=1)).empty
        assert capture.rates()["events"].sum() == len(rows)
        assert capture.rates(name)["events"].sum() == len(of_it)
        assert capture[name].seek(first) == min(of_it)
        found = sorted((stream, event.seq) for stream, event in capture.search())
        assert found == sorted(keys(rows))
