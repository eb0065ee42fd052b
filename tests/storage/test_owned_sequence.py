"""A sequence that is owned: what is let go while the disk refuses is counted once, and is a gap each time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from sse_widget import Capture, CaptureTaken, EventBatch, SSEStream
from sse_widget.storage import Dataset, OwnedSequence, owned_sequence, recorder, take_over
from sse_widget.storage import writer as writing

from ..helpers.many import until
from ..helpers.scripted import Server, sends

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


def test_one_sequence_of_a_process_is_merged_at_a_time_and_the_others_are_due_then(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(writing, "FOLDER_PARTS", 2)
    first, second = (owned(tmp_path / name, "a") for name in ("first", "second"))
    for sequence in (first, second):
        for _ in range(2):
            sequence.writer.add("a", batch(1))
            sequence.commit()
        assert sequence.needs_compaction
    began, go_on = threading.Event(), threading.Event()
    real = owned_sequence.compact

    def compact(*given, **named):
        began.set()
        assert go_on.wait(60)
        return real(*given, **named)

    monkeypatch.setattr(owned_sequence, "compact", compact)
    with ThreadPoolExecutor() as pool:
        merging = pool.submit(first.compact)
        assert began.wait(60)
        assert second.compact() is None
        assert second.needs_compaction
        go_on.set()
        assert merging.result().merged == 1
    assert not first.needs_compaction
    assert second.compact().merged == 1
    assert not second.needs_compaction


def test_a_stream_whose_turn_comes_later_is_tidied_though_it_is_idle(tmp_path, monkeypatch):
    """What is found in the folder of a silent stream is said, also where another one was merged just then."""
    (tmp_path / "silent").mkdir()
    (tmp_path / "silent" / "notes.txt").write_text("mine")
    busy = owned(tmp_path / "busy", "a")
    began, go_on = threading.Event(), threading.Event()
    real = owned_sequence.compact

    def compact(dataset, *given, **named):
        if dataset is busy.dataset:
            began.set()
            assert go_on.wait(60)
        return real(dataset, *given, **named)

    monkeypatch.setattr(owned_sequence, "compact", compact)
    monkeypatch.setattr(recorder, "RETRY", 0.01)
    with ThreadPoolExecutor() as pool, Server(sends("", then="hold")) as server:
        merging = pool.submit(busy.compact)
        assert began.wait(60)
        stream = SSEStream(server.url, capture=tmp_path / "silent")
        try:
            until(lambda: stream.status.state == "open")
            assert stream.capture.notes == ()
            go_on.set()
            until(lambda: stream.capture.notes)
            assert stream.capture.notes == ("another file is left alone: notes.txt",)
        finally:
            go_on.set()
            stream.close()
        merging.result()
