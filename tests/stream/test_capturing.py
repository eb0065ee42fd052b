"""A stream that is kept: written as it comes, gone on with in another process (capture=)."""

from __future__ import annotations

import contextlib
import math
import queue
import resource
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.dataset  # noqa: F401 (or it is loaded in the middle of a test)
import pytest

from sse_widget import Capture, RetryPolicy, SSEStream
from sse_widget.storage import recorder
from sse_widget.storage.dataset import Dataset

from ..helpers.many import until
from ..helpers.scripted import Server, answers, free_port, sends

AT_ONCE = RetryPolicy(initial=0.01, minimum=0.01, jitter=0)


def events(*ids, data="d", name="tick"):
    return "".join(f"id: {i}\nevent: {name}\ndata: {data}{i}\n\n" for i in ids)


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


@pytest.mark.parametrize("max_events", [10, 3000, 100_000])
def test_it_is_kept_whole_whatever_the_window_still_holds(to, max_events):
    text = "".join(
        f"event: {'abc'[i % 3]}\ndata: é{i}\n\n" if i % 2 else f"id: {i}\ndata: {i}\n\n"
        for i in range(9000)
    )
    with Server(sends(text, then="hold")) as server:
        stream = SSEStream(server.url, capture=Capture(to, every=0.01), max_events=max_events)
        until(lambda: stream.stats.received >= 4000)
        stream.clear()
        until(lambda: stream.stats.received == 9000)
        stream.stop()
        stream.close()
    rows = Dataset(to).read()
    assert rows["seq"].to_pylist() == list(range(9000))
    assert rows["data"].to_pylist() == [f"é{i}" if i % 2 else str(i) for i in range(9000)]
    assert rows["last_event_id"].to_pylist() == [str(i - i % 2) for i in range(9000)]
    assert rows["has_id"].to_pylist() == [i % 2 == 0 for i in range(9000)]
    kinds = ["abc"[i % 3] if i % 2 else "message" for i in range(9000)]
    assert rows["type"].to_pylist() == kinds
    assert Dataset(to).checkpoint().streams[server.url].types == Counter(kinds)


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
        kept(server.url, Capture(to, stream="s"), 2).close()
    stream = SSEStream(f"http://127.0.0.1:{free_port()}/", capture=Capture(to, stream="s"))
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


def test_an_error_in_the_place_of_an_id_is_no_checkpoint(to):
    """django-eventstream's answer to an id it does not know."""
    error = "event: stream-error\nid: error\ndata: unknown id\n\n"
    with Server(
        sends(events(1), then="hold"), sends(error, then="hold"), sends(error, then="hold")
    ) as server:
        kept(server.url, to, 1).close()
        kept(server.url, to, 2).close()
        stream = SSEStream(server.url, capture=to)
        until(lambda: stream.stats.duplicates == 1)
        stream.close()
        assert server.requests[2].headers["last-event-id"] == "1"
    assert data(to) == ["d1", "unknown id"]


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
        until(lambda: first.capture.written + first.capture.waiting == 2)
        second = kept(server.url, to, 3)
        until(lambda: first.status.state == "failed")
        assert first.capture.state == "taken"
        assert "another stream writes" in first.capture.error.message
        assert first.capture.error.hint
        first.start()  # does nothing: the numbers are the other's
        assert len(server.requests) == 2
        second.close()
    assert data(to) == ["d1", "d2", "d3"]
    assert first.df["data"].tolist() == ["d1", "d2"]


# ---------------------------------------------------------------------- disks


class Disk:
    """A filesystem of its own that can be full, where we may make one (root); else files that may
    not grow, which is a disk that refuses too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(path)]
        self.mounted = subprocess.run(mount, capture_output=True).returncode == 0
        self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        if self.mounted:
            with contextlib.suppress(OSError), (self.path / "filler").open("wb", 0) as file:
                while True:
                    file.write(bytes(512))
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, self.limits[1]))

    def free(self) -> None:
        if self.mounted:
            (self.path / "filler").unlink(missing_ok=True)
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)

    def read_only(self, on: bool) -> None:
        if self.mounted:
            option = "remount,ro" if on else "remount,rw"
            subprocess.run(["mount", "-o", option, str(self.path)], check=True)
        else:
            (self.fill if on else self.free)()

    def end(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.path)], check=True)
        else:
            self.free()


@pytest.fixture
def disk(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "RETRY", 0.02)
    disk = Disk(tmp_path / "disk")
    try:
        yield disk
    finally:
        disk.end()


class Tap:
    """A server that sends when it is told to."""

    def __init__(self) -> None:
        self.more: queue.Queue[str | None] = queue.Queue()

    def __call__(self, peer) -> None:
        peer.stream()
        while (some := self.more.get()) is not None:
            peer.send(some)


@pytest.fixture
def tap():
    return Tap()


def every(to, **more):
    return Capture(to, every=0.01, **more)


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_disk_that_refuses_is_seen_and_caught_up_with(disk, tap, trouble):
    to = disk.path / "trades"
    with Server(tap) as server:
        stream = SSEStream(server.url, capture=every(to))
        tap.more.put(events(1))
        until(lambda: stream.capture.written == 1)
        (disk.fill if trouble == "full" else lambda: disk.read_only(True))()
        tap.more.put(events(2))
        until(lambda: stream.capture.state == "waiting")
        tap.more.put(events(3))
        until(lambda: stream.capture.waiting == 2)  # counted a moment after it was received
        assert stream.df["data"].tolist() == ["d1", "d2", "d3"]
        assert stream.status.state == "open"
        status = stream.capture
        assert (status.written, status.waiting) == (1, 2)
        assert "cannot be written" in status.error.message
        assert "kept in memory" in status.error.hint
        (disk.free if trouble == "full" else lambda: disk.read_only(False))()
        until(lambda: stream.capture.written == 3 and stream.capture.state == "writing")
        assert stream.capture.error is None
        stream.close()
        tap.more.put(None)
    assert data(to) == ["d1", "d2", "d3"]
    assert Dataset(to).gaps() == []


def test_a_stream_begins_though_the_disk_refuses(disk, tap):
    to = disk.path / "trades"
    disk.fill()
    with Server(tap) as server:
        stream = SSEStream(server.url, capture=every(to))
        tap.more.put(events(1, 2))
        until(lambda: stream.stats.received == 2)
        until(lambda: stream.capture.state == "waiting")
        assert stream.capture.written == 0
        disk.free()
        until(lambda: stream.capture.written == 2)
        stream.close()
        tap.more.put(None)
    assert data(to) == ["d1", "d2"]


def test_what_a_full_disk_costs_is_a_gap_of_its_size(disk, tap, monkeypatch):
    monkeypatch.setattr(recorder, "WAITING_BYTES", 1000)
    to = disk.path / "trades"
    with Server(tap) as server:
        stream = SSEStream(server.url, capture=every(to))
        tap.more.put(events(1))
        until(lambda: stream.capture.written == 1)
        disk.fill()
        tap.more.put(events(2))
        until(lambda: stream.capture.state == "waiting")
        for n in range(3, 103):
            tap.more.put(events(n))
        until(lambda: stream.stats.received == 102 and stream.capture.not_kept > 50)
        disk.free()
        until(lambda: stream.capture.written == 102)
        stream.close()
        tap.more.put(None)
        rows = Dataset(to).read()
        seq, ids = rows["seq"].to_pylist(), rows["last_event_id"].to_pylist()
        assert [n + 1 for n in seq] == list(map(int, ids))
        missing = sorted(set(range(102)) - set(seq))
        assert len(missing) == stream.capture.not_kept
        gaps = [gap for _, gap in Dataset(to).gaps()]
        assert {gap.cause for gap in gaps} == {"disk"}
        assert sum(gap.missing for gap in gaps) == len(missing)
        assert gaps[-1].seq == missing[-1] + 1
        assert stream.gaps == gaps
        assert len(stream.df) == 102  # in memory nothing is missing
        # The past is shown up to the hole: numbers in a frame have none.
        again = SSEStream(server.url, capture=to)
        assert again.df.index.tolist() == list(range(missing[-1] + 1, 102))
        assert adds_up(again.stats)
        again.close()
        tap.more.put(None)


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


def test_history_has_what_was_received_though_it_is_only_now_handed_to_the_disk(to, monkeypatch):
    given, go = threading.Event(), threading.Event()
    append = recorder.Recorder.append

    def slowly(self, *args):
        given.set()
        assert go.wait(30)
        append(self, *args)

    monkeypatch.setattr(recorder.Recorder, "append", slowly)
    with Server(sends(events(1), then="hold")) as server, SSEStream(server.url, capture=to) as one:
        assert given.wait(30)
        assert one.stats.received == 1
        found = []
        asking = threading.Thread(target=lambda: found.append(one.history.count_rows()))
        asking.start()
        asking.join(0.5)  # longer where nothing waits for that moment
        go.set()
        asking.join()
    assert found == [1]
