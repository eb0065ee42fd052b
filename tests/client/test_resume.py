"""Once and only once: what a reconnect means, `dedupe=` and `resume=`."""

from __future__ import annotations

import queue
import re
import time

import pytest

from sse_widget import BadStatus, RetryPolicy

from ..helpers.clients import AT_ONCE, OVER, collect, connect
from ..helpers.scripted import CHUNKED, Server, answers, sends

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("transport")]


def events(*ids, data="d"):
    return "".join(f"id: {i}\ndata: {data}{i}\n\n" for i in ids)


async def resumed(first, second, **options):
    """What a source says of two connections: its only gap, its data."""
    with Server(sends(first), sends(second), OVER) as server:
        source, got = await collect(server.url, **options)
    return source, source.gaps[0], [e.data for e in got]


# ---------------------------------------------------------------------- what is known


async def test_ids_that_count_up_tell_that_nothing_is_missing():
    _, gap, _ = await resumed(events(1, 2, 3), events(4, 5))
    assert (gap.replayed, gap.missing, gap.repeated) == (True, 0, 0)
    assert gap.resumed_from == "3"
    assert gap.seq == 3
    assert "nothing is missing" in gap.text


async def test_ids_that_count_up_tell_how_many_are_missing():
    _, gap, _ = await resumed(events(1, 2, 3), events(9, 10))
    assert (gap.replayed, gap.missing) == (False, 5)
    assert "5 events are missing" in gap.text


async def test_what_comes_again_of_a_flood_is_counted_its_long_texts_too():
    flood = events(*range(3_000)) + events(3_000, data="x" * 200_000)
    again = events(*range(2_500, 3_000)) + events(3_000, data="x" * 200_000)
    _, gap, _ = await resumed(flood, again + events(3_001))
    assert gap.repeated == 501


async def test_a_stream_without_ids_is_unknown_loss():
    _, gap, _ = await resumed("data: a\n\n", "data: b\n\n")
    assert gap.replayed is None
    assert gap.resumed_from == ""
    assert "unknown loss" in gap.text


async def test_opaque_ids_are_unknown_loss():
    _, gap, _ = await resumed(events("x1", "x2"), events("y1"))
    assert gap.replayed is None
    assert "unknown loss" in gap.text


async def test_a_server_that_ignored_the_id_began_anew():
    """It sends the past again, from the beginning: those are counted, and the end is known."""
    source, gap, data = await resumed(events(1, 2), events(1, 2, 3))
    assert data == ["d1", "d2", "d1", "d2", "d3"]
    assert (gap.replayed, gap.repeated) == (True, 2)
    assert source.stats.duplicates == 2
    assert source.stats.received == 5


async def test_a_server_that_lost_its_past_is_unknown_loss():
    _, gap, _ = await resumed(events(7, 8), events(1))
    assert gap.replayed is None
    assert "unknown loss" in gap.text


async def test_a_server_that_replays_inclusively_has_replayed():
    source, gap, data = await resumed(events("x", "y"), events("y", "z"))
    assert data == ["dx", "dy", "dy", "dz"]
    assert (gap.replayed, gap.repeated) == (True, 1)
    assert source.stats.duplicates == 1


def said(source):
    """The end of each gap's text, which must agree with its numbers."""
    assert sum(gap.repeated for gap in source.gaps) == source.stats.duplicates
    return [gap.text.partition("; ")[2] for gap in source.gaps]


async def test_a_server_that_sends_everything_each_time_is_told_so():
    """It ignores Last-Event-ID, and ends before anything new comes."""
    again = sends(events(*range(8)))
    with Server(again, again, again, again, OVER) as server:
        source, _ = await collect(server.url)
    assert source.stats.duplicates == 24
    assert [gap.repeated for gap in source.gaps] == [8, 8, 8]
    assert (
        said(source)
        == [
            "the server did not resume after id '7', it began at id '0': "
            "nothing is missing, 8 came twice"
        ]
        * 3
    )


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (events(1, 2), events(3), "resumed after id '2': nothing is missing"),
        (events(1, 2), events(2, 3), "resumed at id '2': nothing is missing, 1 came twice"),
        (
            events(1, 2, 3),
            events(2, 3, 4),
            "the server did not resume after id '3', it began at id '2': "
            "nothing is missing, 2 came twice",
        ),
        (
            events(5, 6, 7),
            events(1, 2),
            "the server did not resume after id '7', it began at id '1': unknown loss",
        ),
        (events("b", "a"), events("c"), "asked to resume after id 'a': unknown loss"),
        (events(7), events(1), "asked to resume after id '7': unknown loss"),
        (events(9, 3), events(1), "asked to resume after id '3': unknown loss"),
        (events(1, 2), "data: no id\n\n", "asked to resume after id '2'"),
        ("data: a\n\n", "data: a\n\n", "no id to resume after: unknown loss"),
    ],
)
async def test_the_words_of_a_gap_claim_what_the_events_show(first, second, says):
    source, _, _ = await resumed(first, second)
    assert said(source) == [says]


async def test_the_words_of_a_gap_where_only_a_key_tells():
    source, _, data = await resumed(
        "data: a\n\ndata: b\n\n", "data: b\n\ndata: c\n\n", dedupe=lambda e: e.data
    )
    assert data == ["a", "b", "c"]
    assert said(source) == ["no id to resume after: nothing is missing, 1 came twice"]


async def test_what_resume_asks_for_again_is_resumed_as_asked():
    source, gap, _ = await resumed(events(1, 2, 3, 4), events(3, 4, 5), resume=lambda last: "2")
    assert gap.resumed_from == "2"
    assert said(source) == ["resumed after id '2': nothing is missing, 2 came twice"]


async def test_a_gap_grows_with_what_is_known_of_it():
    def again(peer):
        peer.stream(events(1))
        step.get(timeout=60)
        peer.send(events(2))
        peer.hold()

    step = queue.Queue()
    with Server(sends(events(1, 2)), again) as server:
        async with connect(server.url, retry=AT_ONCE) as source:
            came = aiter(source)
            texts = []
            for n in range(4):
                await anext(came)
                texts.append(said(source)[-1:])
                if n == 2:
                    step.put(None)
    assert texts[:2] == [[], []]
    assert texts[2] == ["the server did not resume after id '2', it began at id '1': 1 came twice"]
    assert texts[3][0].endswith("nothing is missing, 2 came twice")


async def test_why_and_how_long_are_in_the_gap():
    def broken(peer):
        peer.send(CHUNKED)
        peer.chunk(events(1))
        peer.send("ff\r\nnever")

    with Server(broken, sends(events(2)), OVER) as server:
        source, _ = await collect(server.url)
    assert "the body was cut in the middle" in source.gaps[0].text
    assert source.gaps[0].duration >= 0
    assert source.gaps[0].cause == "reconnect"


async def test_attempts_that_fail_between_are_one_gap():
    busy = answers("503 Busy")
    with Server(sends(events(1)), busy, busy, sends(events(2)), OVER) as server:
        source, got = await collect(server.url)
    assert [e.data for e in got] == ["d1", "d2"]
    assert len(source.gaps) == 1
    assert [type(e) for e in source.errors] == [BadStatus] * 2


# ---------------------------------------------------------------------- dedupe


async def test_dedupe_drops_what_an_inclusive_replay_repeats():
    source, gap, data = await resumed(events(1, 2, 3), events(3, 4), dedupe=True)
    assert data == ["d1", "d2", "d3", "d4"]
    assert (source.stats.duplicates, source.stats.received) == (1, 4)
    assert (gap.replayed, gap.repeated) == (True, 1)


async def test_dedupe_ends_at_the_first_unknown_event():
    _, _, data = await resumed(events(1, 2), events(2, 3) + events(1), dedupe=True)
    assert data == ["d1", "d2", "d3", "d1"]


async def test_dedupe_compares_id_type_and_data():
    second = "id: 2\ndata: other\n\n" + events(3)
    _, _, data = await resumed(events(1, 2), second, dedupe=True)
    assert data == ["d1", "d2", "other", "d3"]


async def test_events_without_an_id_line_are_never_dropped():
    first = "id: 1\ndata: a\n\ndata: same\n\n"
    second = "id: 1\ndata: a\n\ndata: same\n\nid: 2\ndata: b\n\n"
    _, _, data = await resumed(first, second, dedupe=True)
    assert data == ["a", "same", "same", "b"]


async def test_equal_events_of_one_id_are_matched_one_by_one():
    first = events("t", data="x") * 2
    _, _, data = await resumed(first, events("t", data="x") * 3, dedupe=True)
    assert data == ["xt"] * 3


async def test_dedupe_by_another_key():
    first = "id: 1\ndata: k1 a\n\nid: 2\ndata: k2 b\n\n"
    second = "id: 9\ndata: k2 changed\n\nid: 10\ndata: k3 c\n\n"
    _, _, data = await resumed(first, second, dedupe=lambda e: e.data.split()[0])
    assert data == ["k1 a", "k2 b", "k3 c"]


async def test_a_replay_over_several_connections():
    with Server(
        sends(events(1, 2, 3)), sends(events(3)), sends(events(3)), sends(events(3, 4)), OVER
    ) as server:
        source, got = await collect(server.url, dedupe=True)
    assert [e.data for e in got] == ["d1", "d2", "d3", "d4"]
    assert source.stats.duplicates == 3


async def test_a_connection_that_only_repeats_is_not_healthy():
    """A server that sends the last event again and ends must not be asked in a hot loop."""
    policy = RetryPolicy(initial=0, minimum=0, jitter=0, maximum=0, attempts=4)
    with Server(sends(events(1))) as server:
        source, got = await collect(server.url, dedupe=True, retry=policy)
    assert [e.data for e in got] == ["d1"]
    assert len(server.requests) == 4
    assert source.status.state == "closed"


# ---------------------------------------------------------------------- resume


async def test_resume_rewinds_to_where_ids_are_whole():
    """Ids are seconds that several events share: go back one, drop what is known."""
    first = "id: 5\ndata: a\n\nid: 6\ndata: b\n\nid: 6\ndata: c\n\n"
    second = "id: 6\ndata: b\n\nid: 6\ndata: c\n\nid: 6\ndata: d\n\nid: 7\ndata: e\n\n"
    with Server(sends(first), sends(second), OVER) as server:
        source, got = await collect(
            server.url, dedupe=True, resume=lambda last: str(int(last) - 1) if last else last
        )
    assert [e.data for e in got] == ["a", "b", "c", "d", "e"]
    assert server.requests[1].headers["last-event-id"] == "5"
    assert source.gaps[0].resumed_from == "5"
    assert source.gaps[0].replayed is True


async def test_resume_is_not_asked_on_the_first_connection():
    with Server(sends(events(1)), OVER) as server:
        await collect(server.url, last_event_id="9", resume=lambda last: None)
    assert server.requests[0].headers["last-event-id"] == "9"
    assert "last-event-id" not in server.requests[1].headers


async def test_reader_that_stops_half_way_resumes_after_what_it_saw():
    with Server(sends(events(1, 2, 3), then="hold")) as server:
        async with connect(server.url) as source:
            async for event in source:
                if event.data == "d2":
                    break
    assert source.last_event_id == "2"


# ---------------------------------------------------------------------- sleep


async def test_waking_from_sleep_is_a_gap(monkeypatch):
    """The wall clock jumps ahead of the monotonic one: the connection is not to be trusted."""
    monkeypatch.setattr("sse_widget.client.watchdog.INTERVAL_S", 0.01)
    real = time.time
    asleep = [0.0]
    monkeypatch.setattr("sse_widget.client.watchdog.time.time", lambda: real() + asleep[0])
    with Server(sends(events(1, 2), then="hold"), sends(events(3), then="hold")) as server:
        got = []
        async with connect(server.url, retry=AT_ONCE) as source:
            async for event in source:
                got.append(event.data)
                if event.data == "d2":
                    asleep[0] = 3600.0  # the lid is closed for an hour
                if event.data == "d3":
                    break
    assert got == ["d1", "d2", "d3"]
    assert [(g.cause, g.replayed) for g in source.gaps] == [("sleep", True)]
    assert re.search(r"slept for 36\d\d s", source.gaps[0].text)  # and what passed meanwhile


@pytest.mark.parametrize(("answer", "error"), [(7, TypeError), ("7\r\nX-Evil: 1", ValueError)])
async def test_resume_that_gives_no_id_is_said_and_never_sent(answer, error):
    with Server(sends(events(1)), sends(events(2))) as server:
        async with connect(server.url, retry=AT_ONCE, resume=lambda last: answer) as source:
            with pytest.raises(error, match="last_event_id") as caught:
                await source.run()
    assert caught.value.__notes__ == ["This comes of resume=."]
    assert len(server.requests) == 1
    assert source.status.state == "failed"
