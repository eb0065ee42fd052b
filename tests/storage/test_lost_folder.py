"""A folder that goes away while it is written: the writer waits, says what is gone, begins anew, and goes
on when it is back. Nothing is called a takeover that is none."""

from __future__ import annotations

import contextlib
import queue
import shutil
from pathlib import Path

import pytest

from sse_widget import Capture, SSECapture, SSEStream
from sse_widget.errors import CaptureNotWritten, CaptureTaken
from sse_widget.events import Cause
from sse_widget.storage import lost_folder, recorder
from sse_widget.storage.compaction import compact
from sse_widget.storage.dataset import Dataset
from sse_widget.storage.local_store import LocalStore
from sse_widget.storage.writer import Writer

from ..helpers.many import until
from ..helpers.scripted import Server
from .test_dataset import batch, numbers, write


@pytest.fixture
def to(tmp_path):
    return tmp_path / "trades"


@pytest.fixture
def at_once(monkeypatch):
    """A folder that is gone is begun anew at the next attempt."""
    monkeypatch.setattr(lost_folder, "PATIENCE", 0.0)
    monkeypatch.setattr(lost_folder, "UNMOUNTED", 0.0)


def refused(writer, *events, match):
    writer.add("s", batch(*events))
    with pytest.raises(CaptureNotWritten, match=match) as e:
        writer.commit()
    assert "kept in memory" in e.value.hint
    return e.value


GONE = {
    "removed": lambda to: shutil.rmtree(to),
    "renamed": lambda to: to.rename(to.with_name("away")),
    "its parent removed": lambda to: shutil.rmtree(to.parent),
}


@pytest.mark.parametrize("how", GONE)
def test_it_waits_says_what_is_gone_and_begins_anew(tmp_path, at_once, how):
    to = tmp_path / "captures" / "trades"
    writer = write(to, [0], [1])
    told = []
    writer.gapped = lambda stream, gap: told.append((stream, gap))
    GONE[how](to)
    refused(writer, 2, match="is gone: it was removed or renamed")
    assert not to.exists()
    assert writer.commit() == 2
    assert writer.commit() is None
    dataset = Dataset(to)
    assert numbers(dataset.read()) == [2]
    assert dataset.read()["seq"].to_pylist() == [2]
    assert dataset.gaps() == told
    ((stream, gap),) = told
    assert (stream, gap.seq, gap.cause, gap.missing, gap.replayed) == ("s", 2, Cause.DISK, 2, False)
    assert "2 events before this one are not here any more" in gap.text
    assert writer.positions["s"].seq == 3
    writer.add("s", batch(3))
    assert writer.commit() == 3
    # And another process goes on there.
    assert write(to, [4]).positions["s"].seq == 5
    assert numbers(Dataset(to).read()) == [2, 3, 4]


@pytest.mark.parametrize("before", [True, False], ids=["before it is begun anew", "after"])
def test_it_goes_on_when_the_folder_is_back(to, at_once, before):
    writer = write(to, [0], [1])
    to.rename(to.with_name("away"))
    refused(writer, 2, match="is gone")
    if not before:
        assert writer.commit() == 2
        shutil.rmtree(to)
        refused(writer, 3, match="is gone")
    to.with_name("away").rename(to)
    writer.commit()
    writer.add("s", batch(4))
    writer.commit()
    assert numbers(Dataset(to).read()) == [0, 1, 2, 4] if before else [0, 1, 3, 4]
    gaps = Dataset(to).gaps()
    assert [gap.missing for _, gap in gaps] == ([] if before else [1])


def test_an_empty_folder_in_its_place_is_another_one(to, at_once):
    writer = write(to, [0])
    to.rename(to.with_name("away"))
    to.mkdir()
    refused(writer, 1, match="another folder has the name .*: it was replaced, or mounted over")
    assert writer.commit() == 1
    assert numbers(Dataset(to).read()) == [1]


@pytest.mark.parametrize("parts", [([9],), ([7], [8], [9], [10], [11])], ids=["fewer", "more"])
def test_another_capture_in_its_place_is_not_written(to, at_once, parts):
    writer = write(to, [0], [1])
    to.rename(to.with_name("away"))
    write(to, *parts, stream="theirs")
    for _ in range(3):
        refused(writer, 2, match="another capture is in the place of")
    assert set(Dataset(to).read()["stream"].to_pylist()) == {"theirs"}
    shutil.rmtree(to)
    to.with_name("away").rename(to)
    writer.commit()
    assert numbers(Dataset(to).read("s"))[:3] == [0, 1, 2]


def test_only_the_folder_of_the_sequence_is_gone(to, at_once):
    writer = write(to, [0], [1])
    shutil.rmtree(to / "00000000")
    refused(writer, 2, match="trades/00000000 is gone")
    assert writer.commit() == 2
    assert numbers(Dataset(to).read()) == [2]
    assert Dataset(to).gaps()[0][1].missing == 2


def test_who_was_taken_over_is_told_so_and_nothing_else(to, at_once):
    """Its folder was merged, and later removed: by somebody who made a part first."""
    asleep = write(to, [0])
    successor = Writer(Dataset(to))
    successor.claim("s")
    shutil.rmtree(to / "00000000")
    asleep.add("s", batch(1))
    with pytest.raises(CaptureNotWritten, match="is gone"):
        asleep.commit()  # no trace of anybody is left
    shutil.rmtree(to)
    asleep = write(to, [0])
    write(to, [1], [2])
    compact(Dataset(to))
    asleep.add("s", batch(1))
    with pytest.raises(CaptureTaken):
        asleep.commit()


def test_a_disk_that_is_gone_is_waited_for_longer(to, monkeypatch):
    """Unmounted: the name leads to the disk below. What would be written there is in two places."""
    monkeypatch.setattr(lost_folder, "PATIENCE", 0.0)
    writer = write(to, [0])
    to.rename(to.with_name("away"))
    to.mkdir()
    below = LocalStore.identity
    monkeypatch.setattr(LocalStore, "identity", lambda s: (below(s)[0] + 1, below(s)[1]))
    for _ in range(3):
        refused(writer, 1, match="mounted over")
    monkeypatch.setattr(lost_folder, "UNMOUNTED", 0.0)
    assert writer.commit() == 1
    assert numbers(Dataset(to).read())[:1] == [1]


def test_nothing_is_made_where_the_folder_is_gone(to):
    """Not by who reads, nor by who tidies."""
    dataset = write(to, [0]).dataset
    shutil.rmtree(to)
    compact(dataset)
    assert dataset.parts() == []
    assert not to.exists()


# ---------------------------------------------------------------------- a stream


def handles(folder):
    """What this process has open there."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(link.readlink())
    return [path for path in found if folder in path.parents or path == folder]


def test_a_closed_stream_holds_no_disk(tmp_path, to):
    with Server(lambda peer: (peer.stream("data: 0\n\n"), peer.hold())) as server:
        stream = SSEStream(server.url, capture=Capture(to, stream="s", every=0.01))
        until(lambda: stream.capture.written == 1)
        assert handles(tmp_path)
        stream.close()
    until(lambda: not handles(tmp_path))  # close() waits for a slow disk only so long


def test_a_closed_capture_of_many_neither(tmp_path, to, origin):
    capture = SSECapture({"a": f"{origin}/count/50/a"}, to=Capture(to, every=0.05))
    until(lambda: capture.stats.written > 5)
    assert handles(tmp_path)
    capture.close()
    assert handles(tmp_path) == []


def test_a_stream_goes_on_through_it_all(to, monkeypatch):
    monkeypatch.setattr(recorder, "RETRY", 0.05)
    monkeypatch.setattr(lost_folder, "PATIENCE", 3600.0)

    def ticks(peer):
        peer.stream("id: 0\ndata: 0\n\n")
        n = 0
        while peer.server.asked_for.get():
            n += 1
            peer.send(f"id: {n}\ndata: {n}\n\n")

    with Server(ticks) as server:
        server.asked_for = queue.Queue()
        stream = SSEStream(server.url, capture=Capture(to, stream="s", every=0.01))
        try:
            until(lambda: stream.capture.written == 1)
            shutil.rmtree(to)
            server.asked_for.put(True)
            until(lambda: stream.capture.state == "waiting")
            assert "is gone: it was removed or renamed" in stream.capture.error.message
            assert stream.status.state == "open"
            server.asked_for.put(True)
            until(lambda: stream.stats.received == 3)
            monkeypatch.setattr(lost_folder, "PATIENCE", 0.0)
            until(lambda: stream.capture.written == 3)
            until(lambda: stream.capture.state == "writing")
            assert stream.capture.error is None
            assert stream.status.state == "open"
            until(lambda: stream.gaps)
            (gap,) = stream.gaps
            assert (gap.seq, gap.cause, gap.missing) == (1, "disk", 1)
            assert stream.df["data"].tolist() == ["0", "1", "2"]
            assert stream.history.to_table()["data"].to_pylist() == ["1", "2"]
        finally:
            server.asked_for.put(False)
            stream.close()


def test_many_streams_go_on_through_it_too(to, origin, monkeypatch):
    monkeypatch.setattr(lost_folder, "PATIENCE", 0.0)
    urls = {name: f"{origin}/count/50/{name}" for name in ("a", "b")}
    capture = SSECapture(urls, to=Capture(to, every=0.05))
    try:
        until(lambda: (capture.streams["written"] > 5).all())
        to.rename(to.with_name("away"))  # in one step, unlike removing
        until(lambda: (capture.streams["gaps"] == 1).all())
        until(lambda: not capture.trouble)
        assert (capture.streams["state"] == "open").all()
        capture.stop()
        assert capture.stats.pending == 0
    finally:
        capture.close()
    assert set(capture.gaps["stream"]) == {"a", "b"}
    for name, gap in capture.gaps.groupby("stream"):
        seqs = Dataset(to).read(name)["seq"].to_pylist()
        assert seqs == list(range(gap["seq"].iloc[0], seqs[-1] + 1))
