"""A stream that is kept: written as it comes, gone on with in another process (capture=)."""

from __future__ import annotations

import math
import time

import pyarrow.compute as pc
import pytest

from sse_widget import RetryPolicy, SSEStream
from sse_widget.dataset import Dataset

from .scripted import Server, answers, sends

AT_ONCE = RetryPolicy(initial=0.01, minimum=0.01, jitter=0)


def events(*ids, data="d", name="tick"):
    return "".join(f"id: {i}\nevent: {name}\ndata: {data}{i}\n\n" for i in ids)


def until(true, seconds=10.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


def kept(url, to, n, **options):
    """A stream that has received up to number `n`, and is stopped."""
    stream = SSEStream(url, capture=to, retry=AT_ONCE, **options)
    until(lambda: stream.stats.received >= n)
    stream.stop()
    return stream


def data(to):
    return Dataset(to).read()["data"].to_pylist()


def adds_up(stats):
    return stats.received == stats.held + stats.evicted + stats.cleared


@pytest.fixture
def to(tmp_path):
    return tmp_path / "captures" / "trades"


# ---------------------------------------------------------------------- going on


def test_what_is_seen_is_on_disk_when_it_is_stopped(to):
    with Server(sends(events(1, 2, 3), then="hold")) as server:
        stream = kept(server.url, to, 3)
        assert data(to) == ["d1", "d2", "d3"]
        status = stream.capture
        assert (status.state, status.written, status.waiting) == ("writing", 3, 0)
        assert status.stream == server.url
        stream.close()
    assert stream.capture.state == "closed"


def test_another_process_goes_on_where_the_last_one_ended(to):
    with Server(sends(events(1, 2, 3), then="hold"), sends(events(4, 5), then="hold")) as server:
        kept(server.url, to, 3).close()
        stream = kept(server.url, to, 5)
        assert server.requests[1].headers["last-event-id"] == "3"
    assert stream.df["data"].tolist() == ["d1", "d2", "d3", "d4", "d5"]
    assert stream.df.index.tolist() == [0, 1, 2, 3, 4]
    assert stream.event_types == {"tick": 5}
    assert adds_up(stream.stats)
    assert stream.stats.connects == 2
    (gap,) = stream.gaps
    assert (gap.cause, gap.seq, gap.replayed, gap.missing) == ("restart", 3, True, 0)
    assert data(to) == ["d1", "d2", "d3", "d4", "d5"]


def test_a_hole_after_a_restart_has_its_size(to):
    with Server(sends(events(1, 2), then="hold"), sends(events(9, 10), then="hold")) as server:
        kept(server.url, to, 2).close()
        stream = kept(server.url, to, 4)
    (gap,) = stream.gaps
    assert (gap.cause, gap.replayed, gap.missing) == ("restart", False, 6)
    assert "6 events are missing" in gap.text
    assert [g for _, g in Dataset(to).gaps()] == [gap]
    with Server(answers("204 No Content")) as server:
        assert kept(server.url, to, 0).gaps == []  # another URL is another stream


@pytest.mark.parametrize("again", [(3,), (1, 2, 3), ()])
def test_what_comes_again_is_kept_once(to, again):
    with Server(
        sends(events(1, 2, 3), then="hold"), sends(events(*again, 4, 5), then="hold")
    ) as server:
        kept(server.url, to, 3).close()
        stream = kept(server.url, to, 5)
    assert data(to) == ["d1", "d2", "d3", "d4", "d5"]
    assert stream.stats.duplicates == len(again)


def test_events_that_share_an_id_are_kept_each(to):
    first = events(7, 7, data="a") + events(7, data="b")
    second = events(7, data="b") + events(7, data="c")
    with Server(sends(first, then="hold"), sends(second, then="hold")) as server:
        kept(server.url, to, 3).close()
        kept(server.url, to, 4)
    assert data(to) == ["a7", "a7", "b7", "c7"]


def test_the_window_begins_with_the_newest_of_the_past(to):
    with Server(sends(events(*range(50)), then="hold"), sends(events(50), then="hold")) as server:
        kept(server.url, to, 50).close()
        stream = kept(server.url, to, 51, max_events=10)
    assert stream.df.index.tolist() == list(range(41, 51))
    assert (stream.stats.received, stream.stats.evicted) == (51, 41)
    assert adds_up(stream.stats)
    assert stream.history.count_rows() == 51


def test_it_is_shown_without_a_server(to):
    with Server(sends(events(1, 2), then="hold")) as server:
        kept(server.url, to, 2).close()
        url = server.url
    stream = SSEStream(url, capture=to)
    assert stream.df["data"].tolist() == ["d1", "d2"]
    until(lambda: stream.status.state == "waiting")
    stream.close()


def test_an_id_of_the_persons_own_counts_more(to):
    with Server(sends(events(1, 2), then="hold"), sends(events(8), then="hold")) as server:
        kept(server.url, to, 2).close()
        kept(server.url, to, 3, last_event_id="7")
        assert server.requests[1].headers["last-event-id"] == "7"


def test_an_id_that_the_server_refuses_is_a_clear_end(to):
    with Server(sends(events(1), then="hold"), answers("400 Bad Request")) as server:
        kept(server.url, to, 1).close()
        stream = SSEStream(server.url, capture=to)
        until(lambda: stream.status.state == "failed")
        assert "last_event_id" in stream.status.error.hint
        assert "1" in stream.status.error.hint
        stream.close()
    assert data(to) == ["d1"]


def test_ids_that_go_backwards_are_kept_as_they_come(to):
    with Server(
        sends(events(5, 6, 2), then="hold"), sends(events(1, 2, data="x"), then="hold")
    ) as server:
        kept(server.url, to, 3).close()
        stream = kept(server.url, to, 5)
    assert data(to) == ["d5", "d6", "d2", "x1", "x2"]
    assert [g.missing for g in stream.gaps] == [None]


# ---------------------------------------------------------------------- two of them


def test_who_opens_it_later_has_it_and_the_other_says_so(to):
    with Server(sends(events(1, 2), then="hold"), sends(events(3), then="hold")) as server:
        first = SSEStream(server.url, capture=to, retry=AT_ONCE)
        until(lambda: first.stats.received == 2)
        second = kept(server.url, to, 3)
        until(lambda: first.status.state == "closed")
        assert first.capture.state == "taken"
        assert "another stream writes" in first.capture.error.message
        assert first.capture.error.hint
        first.start()  # does nothing: the numbers are the other's
        assert len(server.requests) == 2
        second.close()
    assert data(to) == ["d1", "d2", "d3"]
    assert first.df["data"].tolist() == ["d1", "d2"]


# ---------------------------------------------------------------------- without connecting


def test_a_capture_is_played_without_connecting(to):
    with Server(sends(events(1, 2, 3), then="hold")) as server:
        kept(server.url, to, 3).close()
    stream = SSEStream.replay(to, speed=math.inf)
    assert stream.df["data"].tolist() == ["d1", "d2", "d3"]
    assert stream.url == "replay:trades"
    assert stream.status.state == "closed"


def test_history_is_everything_on_disk(to):
    with Server(sends(events(1, 2) + events(3, name="other"), then="hold")) as server:
        stream = SSEStream(server.url, capture=to, max_events=1)
        until(lambda: stream.stats.received == 3)
        history = stream.history
        assert history.to_table(filter=pc.field("type") == "tick")["data"].to_pylist() == [
            "d1",
            "d2",
        ]
        stream.close()
        without = SSEStream(server.url)
        until(lambda: without.stats.received == 3)
        assert without.history.count_rows() == 3
        without.close()
