"""A sequence that is owned: what is let go while the disk refuses is counted once, and is a gap each time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sse_widget import Capture, CaptureTaken, EventBatch
from sse_widget.storage import Dataset, OwnedSequence, take_over

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
