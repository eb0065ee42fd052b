"""The streams of a capture are exchanged while it runs: those that stay are not touched, and nothing is lost."""

from __future__ import annotations

import asyncio

import pytest

from sse_widget import SSECapture
from sse_widget.storage.dataset import Dataset

from ..helpers.many import until
from ..helpers.scripted import Server


def counts(peer):
    """Ten events after the one that is named, and no more."""
    first = int(peer.request.headers.get("last-event-id", "-1")) + 1
    peer.stream("".join(f"id: {n}\ndata: {n}\n\n" for n in range(first, first + 10)))
    peer.hold()


def received(capture, events):
    asyncio.run(capture.until(lambda stats: stats.received >= events, timeout=30))


def on_disk(to, name):
    rows = Dataset(to).read(name)
    return rows["seq"].to_pylist(), [int(text) for text in rows["data"].to_pylist()]


def targets(server):
    return sorted(asked.target for asked in server.requests)


def test_new_ones_begin_changed_ones_go_on_and_the_others_are_not_touched(tmp_path):
    with Server(counts) as server:
        urls = {"same": server.origin + "/same", "moved": server.origin + "/old"}
        urls["gone"] = {"url": server.origin + "/gone", "headers": {"X-Of": "its own"}}
        with SSECapture(urls, to=tmp_path, headers=lambda name: {"X-Name": name}) as capture:
            received(capture, 30)
            capture.set_streams({**urls, "moved": server.origin + "/new", "more": server.url})
            received(capture, 50)
            # All that came of the one that goes is on disk before its row goes.
            capture.set_streams({name: urls[name] for name in ("same",)})
            until(lambda: list(capture) == ["same"])
            assert on_disk(tmp_path, "gone") == ([*range(10)], [*range(10)])
            assert on_disk(tmp_path, "moved") == ([*range(20)], [*range(20)])
            assert capture.running
            # And later it goes on where it was left.
            capture.set_streams(urls)
            received(capture, 60)
    assert targets(server) == ["/events", "/gone", "/gone", "/new", "/old", "/old", "/same"]
    assert on_disk(tmp_path, "gone") == ([*range(20)], [*range(20)])
    assert on_disk(tmp_path, "same") == ([*range(10)], [*range(10)])
    assert on_disk(tmp_path, "moved") == ([*range(30)], [*range(30)])


def test_the_only_stream_of_a_capture_may_be_exchanged(tmp_path):
    with Server(counts) as server:
        with SSECapture({"a": server.origin + "/1"}, to=tmp_path) as capture:
            received(capture, 10)
            capture.set_streams({"a": {"url": server.origin + "/1", "params": {"n": "2"}}})
            received(capture, 20)
            capture.set_streams({"b": server.origin + "/3"})
            until(lambda: list(capture) == ["b"])
            received(capture, 10)
        assert targets(server) == ["/1", "/1?n=2", "/3"]
    assert on_disk(tmp_path, "a") == ([*range(20)], [*range(20)])
    assert on_disk(tmp_path, "b") == ([*range(10)], [*range(10)])


@pytest.mark.parametrize(
    ("urls", "told"), [({}, "no streams"), ({"a": {"header": {}, "url": "http://x/"}}, "'header'")]
)
def test_what_is_refused_changes_nothing(tmp_path, urls, told):
    with Server(counts) as server, SSECapture({"a": server.url}, to=tmp_path) as capture:
        received(capture, 10)
        with pytest.raises((TypeError, ValueError), match=told):
            capture.set_streams(urls)
        assert list(capture) == ["a"]
        assert capture["a"].state == "open"


def test_a_url_that_cannot_be_used_is_a_row_that_says_why(tmp_path):
    with Server(counts) as server, SSECapture({"a": server.url}, to=tmp_path) as capture:
        received(capture, 10)
        capture.set_streams({"a": server.url, "b": "example.com/events"})
        assert capture["b"].state == "failed"
        capture.set_streams({"a": server.url, "b": server.origin + "/b"})
        received(capture, 20)
        assert targets(server) == ["/b", "/events"]


def test_while_it_is_stopped_the_next_start_has_them(tmp_path):
    with Server(counts) as server, SSECapture({"a": server.url}, to=tmp_path) as capture:
        received(capture, 10)
        capture.stop()
        capture.set_streams({"b": server.origin + "/b"})
        assert list(capture) == ["b"]
        capture.start()
        received(capture, 10)
        assert targets(server) == ["/b", "/events"]
