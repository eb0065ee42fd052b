"""What is measured in a notebook is the same work for all, and the numbers mean what they say."""

from __future__ import annotations

import importlib.util
import json
import re
import threading
import time
from pathlib import Path

import pytest

from sse_widget import SSEStream

from .. import soak
from ..helpers.clients import over
from ..helpers.scripted import Server, sends
from . import busy, flat, profile, rig, sinks, versus
from .server import served


@pytest.fixture(scope="module")
def origin():
    with served() as origin:
        yield origin


@pytest.mark.parametrize("name", sinks.installed())
def test_every_way_to_show_a_stream_shows_the_same_events(name, capsys):
    events = [f'{{"n": {n}, "at": {n + 0.5}, "text": "a <b>"}}' for n in range(200)]
    with Server(sends("".join(f"data: {event}\n\n" for event in events))) as server:
        sink = sinks.SINKS[name]()
        sink.start(server.url)
        sink.wait()
        assert [json.loads(text) for text in sink.texts()] == [json.loads(e) for e in events]
        sink.end()
    if name == "print":
        assert capsys.readouterr().out.splitlines() == events


if importlib.util.find_spec("httpx_sse"):

    def test_the_counting_thread_and_the_stream_read_the_same(origin):
        url = f"{origin}/own/500"
        counter = busy.Counter(url)
        counter.wait()
        stream = SSEStream(url, reconnect=False)
        over(stream)
        assert counter.count == stream.stats.received == 500
        stream.close()


def test_latency_counts_every_event_and_not_only_the_newest_of_a_frame():
    """Two frames, 100 ms apart: what was painted with the second one was sent 5 to 105 ms before."""
    frames = [[1000.0, 1, 995.0], [1100.0, 101, 1095.0]]
    seen = rig.latency(frames, [60.0, 51.0])
    assert (seen.events, seen.long_tasks) == (100, 2)
    assert 50 <= seen.p50 <= 60
    assert 95 <= seen.p99 <= 105


def test_an_event_that_is_alone_in_its_frame_is_as_late_as_it_is():
    frames = [[1000.0 + 40 * n, n, 988.0 + 40 * n] for n in range(1, 50)]
    seen = rig.latency(frames, [])
    assert (seen.p50, seen.p99) == (12.0, 12.0)


def test_each_power_of_ten_is_noted_once(origin):
    marks = flat.marks_of(f"{origin}/endless/1", range(2, 5))
    assert len(marks) == 3
    assert all(events >= 10**power for power, (events, _, _) in enumerate(marks, 2))
    assert [cpu for _, cpu, _ in marks] == sorted(cpu for _, cpu, _ in marks)


def test_timed_events_say_when_they_were_sent(origin):
    before = time.time() * 1000
    enough = threading.Event()
    stream = SSEStream(f"{origin}/timed/5000")
    stream.on()(lambda event: event.json()["n"] == 1000 and enough.set())
    assert enough.wait(60)
    stream.close()
    sent = [json.loads(data) for data in stream.df["data"]]
    assert [event["n"] for event in sent] == list(range(1, len(sent) + 1))
    assert before - 1 <= sent[0]["at"] <= sent[-1]["at"] <= time.time() * 1000


def test_a_straight_line_shows_what_grows():
    samples = [
        soak.Sample(s, 100 + max(s, 1200) / 600, 50, 300, 60, 12, 20_000, 0)
        for s in range(0, 3601, 60)
    ]
    slopes = {row[0]: row[2] for row in soak.lines(samples)}
    assert slopes["kernel, MB"] == "+1.00"  # as after the first third, when it settled
    assert float(slopes["page, MB"]) == 0


def test_a_profile_names_no_place_of_this_machine():
    text = profile.report(seconds=0.2)
    assert "recv" in text
    assert "/" not in re.sub(
        r"events/s|docs/\S+|\d+/\d+", "", text.partition("```")[2].rpartition("```")[0]
    )


def test_two_checkouts_do_the_same_tasks():
    root = Path(__file__).parents[2]
    found = versus.compare_checkouts(root, root, "append", rounds=1)
    assert len(found) == 3
    assert all(len(ours) == len(theirs) == 1 for ours, theirs in found.values())
    assert versus.table_of(found).count("\n") == 4
