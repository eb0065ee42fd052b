"""GapLog: each gap once, with the latest word of it, and no more of them than are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sse_widget import Gap, Stats
from sse_widget.events import Cause
from sse_widget.tables import GapLog, seconds_of_text, utc_time

AT = datetime(2026, 1, 31, tzinfo=UTC)


def gap(n: int = 0, cause: Cause = Cause.RECONNECT) -> Gap:
    return Gap(n, AT + timedelta(seconds=n), cause, f"gap {n}")


def test_what_is_learned_of_a_gap_takes_its_place():
    log = GapLog()
    assert log.add(gap(1))
    assert log.add(gap(2))
    more = replace(gap(1), text="nothing is missing", replayed=True)
    assert not log.add(more)
    assert list(log) == [more, gap(2)]
    assert log.known(gap(1)) == more


def test_gaps_differ_by_moment_by_cause_and_by_stream():
    log = GapLog([gap(1)])
    assert log.add(gap(1, Cause.SLEEP))
    assert log.add(gap(1), "other")
    assert log.by_stream() == [("", gap(1)), ("", gap(1, Cause.SLEEP)), ("other", gap(1))]
    assert log.known(gap(2)) is None


def test_the_oldest_go():
    log = GapLog(map(gap, range(5)), most=3)
    assert list(log) == [gap(2), gap(3), gap(4)]
    log.add(replace(gap(2), text="more"))
    assert len(log) == 3
    log.most = 1
    log.add(gap(5))
    assert list(log) == [gap(5)]


def test_stats_are_added_counter_by_counter():
    one = Stats(received=1, bytes=10, connects=1)
    two = Stats(received=2, duplicates=3, not_sent=4)
    assert one + two == Stats(received=3, bytes=10, connects=1, duplicates=3, not_sent=4)
    with pytest.raises(TypeError):
        one + 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("12h", 43_200),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("1h 5 s", 3605),
    ],
)
def test_lengths_of_time(text, seconds):
    assert seconds_of_text(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "5 parsecs", "-5s", "1h-5s", "5M", "1:30"])
def test_no_length_of_time(text):
    assert seconds_of_text(text) != seconds_of_text(text)


@pytest.mark.parametrize("text", ["2026-01-31T00:00:00", "2026-01-31", "2026-01-31T01:00:00+01:00"])
def test_a_time_without_a_zone_is_utc(text):
    assert utc_time(text) == AT


@pytest.mark.parametrize("text", ["", "noon", "0001-01-01T00:00:00+10:00"])
def test_no_time(text):
    with pytest.raises(ValueError):  # noqa: PT011
        utc_time(text)
