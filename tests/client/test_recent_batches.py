"""The latest batches of a stream are given back as they came, and one event is one object for the collector."""

from __future__ import annotations

import gc
from datetime import UTC, datetime

from sse_widget import EventBatch
from sse_widget.client import RecentBatches
from sse_widget.client.resumption import ReplayDetector

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def batch(*data: str) -> EventBatch:
    n = len(data)
    return EventBatch(
        ["t"] * n, list(data), [f"id-{text}" for text in data], [True] * n, [], [], "http://a", NOW
    )


def test_batches_are_given_back_as_they_came():
    recent = RecentBatches()
    came = [batch("1"), batch("2", "3"), batch(), batch("4")]
    for one in came:
        recent.append(one, 100 * len(one))
    for _ in range(2):
        found = list(recent)
        assert found == came
        assert [list(one) for one in found] == [list(one) for one in came]
    assert (len(recent), recent.events, recent.nbytes) == (4, 4, 400)


def test_what_is_let_go_of_is_counted():
    recent = RecentBatches()
    for one in (batch("1"), batch("2", "3"), batch("4")):
        recent.append(one, 10 * len(one))
    seen = []
    while len(recent):
        seen.append((recent.oldest_events, recent.events, recent.nbytes))
        recent.drop_oldest()
    assert seen == [(1, 4, 40), (2, 3, 30), (1, 1, 10)]
    assert (recent.events, recent.nbytes) == (0, 0)


def test_a_batch_of_one_event_with_a_comment_keeps_it():
    recent, one = RecentBatches(), batch("1")
    one.comments.append("said")
    recent.append(one, 10)
    assert next(iter(recent)).comments == ["said"]


def test_single_events_are_nothing_to_the_garbage_collector():
    recent = RecentBatches()
    gc.collect()
    before = len(gc.get_objects())
    for n in range(1_000):
        recent.append(batch(str(n)), 10)
    gc.collect()  # which finds that these hold nothing that could refer back
    # One for each would be a thousand; threads of earlier tests may make some meanwhile.
    assert len(gc.get_objects()) - before < 500


def test_of_a_flood_the_latest_events_are_remembered_as_they_came():
    detector = ReplayDetector(remember=(100, 2**20))
    flood = [f"{n} {'x' * 1_000}" for n in range(1_000)]
    detector.remember(batch(*flood))
    assert [text for one in detector.remembered() for text in one.data] == flood[-100:]
