"""SSECapture in one process: many streams, one folder, and bad ones among good ones.

The streams count, so that every file can be checked against what was sent.
"""

from __future__ import annotations

import threading
from functools import partial
from types import SimpleNamespace

import pandas as pd
import pytest

from sse_widget import Capture, InvalidURL, Reason, SSECapture, SSEStream
from sse_widget.client.connect_limiter import ConnectLimiter

from ..helpers.clients import AT_ONCE
from ..helpers.many import read_back, until
from ..helpers.scripted import Peer, Server, answers, free_port, sends


@pytest.fixture
def captures(tmp_path):
    """Makes captures into one folder and closes them."""
    made = []

    def make(urls, **options):
        options.setdefault("to", tmp_path / "captures")
        made.append(SSECapture(urls, **options))
        return made[-1]

    yield make
    for capture in made:
        capture.close()


def counting(origin, n, rate=10):
    return {f"s{i}": f"{origin}/count/{rate}/s{i}" for i in range(n)}


# ---------------------------------------------------------------------- what is captured


def test_every_event_of_many_streams_is_on_disk_once(captures, origin):
    capture = captures(counting(origin, 200))
    until(lambda: capture.stats.written > 2_000 and (capture.streams["written"] > 0).all())
    capture.stop()
    stats = capture.stats
    assert stats.rate == 0
    assert (capture.streams["rate"] == 0).all()
    assert stats.received == stats.written + stats.pending
    assert (stats.streams, stats.pending, stats.failed) == (200, 0, 0)
    read = read_back(capture.history)
    assert (read.streams, read.lost, read.twice, read.numbered) == (200, 0, 0, True)
    assert read.events == stats.written


def test_the_streams_are_a_frame(captures, origin):
    capture = captures(counting(origin, 3))
    until(lambda: capture.stats.written > 15)
    frames = []

    def all_flow():
        frames.append(capture.streams)
        return (frames[-1]["rate"] > 1).all()

    until(all_flow)
    frame = frames[-1]
    assert list(frame.index) == ["s0", "s1", "s2"]
    assert set(frame["state"]) == {"open"}
    assert (frame["received"] > 0).all()
    assert (frame["lag"] >= 0).all()
    assert str(frame["last_event_at"].dtype) == "datetime64[us, UTC]"
    assert "3 of 3 streams open" in repr(capture)


def test_one_stream_is_found_by_name_and_by_url(captures, origin):
    urls = counting(origin, 3)
    capture = captures(urls)
    until(lambda: capture["s1"].written > 5)
    capture.stop()
    one = capture["s1"]
    assert capture[urls["s1"]].name == "s1"
    assert (one.state, one.received) == ("closed", one.written)
    assert one.reason is Reason.STOPPED
    assert "You stopped it." in repr(one)
    frame = one.df
    assert list(frame.index) == list(range(one.written))
    assert list(frame.columns) == ["received_at", "type", "last_event_id", "data"]
    assert one.history.count_rows() == len(frame)
    assert one.last_event_id == frame["last_event_id"].iloc[-1]
    assert list(capture) == list(urls)
    assert urls["s2"] in capture
    with pytest.raises(KeyError, match="no stream 'x'"):
        capture["x"]


def test_made_again_it_goes_on_where_the_files_end(captures, origin):
    urls = counting(origin, 20)
    first = captures(urls)
    until(lambda: first.stats.written > 100)
    first.close()
    written = first.stats.written
    second = captures(urls)
    until(lambda: second.stats.written > written + 200)
    # What was missed comes at once: so many may be of a few streams.
    until(lambda: (second.streams["gaps"] == 1).all())
    second.stop()
    read = read_back(second.history)
    assert (read.lost, read.twice, read.numbered) == (0, 0, True)
    assert read.events == second.stats.written
    gaps = second.gaps
    assert len(gaps) == 20
    assert set(gaps["cause"]) == {"restart"}
    assert (second.streams["gaps"] == 1).all()


def test_what_earlier_runs_wrote_is_not_told_before_it_is_received(captures, tmp_path, monkeypatch):
    """Streams begin over a while; the files are known before."""
    with Server(sends("id: 1\ndata: a\n\n", then="hold")) as server:
        first = captures({"s": server.url})
        until(lambda: first.stats.written == 1)
        first.close()
    monkeypatch.setattr("sse_widget.fleet.many_sources.BEGIN_PER_SECOND", 1)
    monkeypatch.setattr(
        "sse_widget.fleet.many_sources.CHANCE", SimpleNamespace(uniform=lambda first, last: last)
    )
    again = captures({"s": f"http://127.0.0.1:{free_port()}/"})
    pending = set()

    def begun():
        stats = again.stats
        pending.add(stats.pending)
        return stats.received == 1

    until(begun)
    assert pending == {0}


def test_stop_and_start_go_on(captures, origin):
    capture = captures(counting(origin, 10))
    until(lambda: capture.stats.written > 30)
    capture.stop()
    written = capture.stats.written
    assert capture.stats.open == 0
    capture.start()
    until(lambda: capture.stats.written > written + 50)
    capture.stop()
    read = read_back(capture.history)
    assert (read.lost, read.twice, read.events) == (0, 0, capture.stats.written)


def test_one_stream_is_stopped_and_started_alone(captures, origin):
    capture = captures(counting(origin, 3))
    until(lambda: capture["s1"].received > 3)
    capture["s1"].stop()
    until(lambda: capture["s1"].state == "closed")
    others = capture["s0"].received
    until(lambda: capture["s0"].received > others + 10)
    capture["s1"].start()
    before = capture["s1"].received
    until(lambda: capture["s1"].received > before)
    capture.stop()
    read = read_back(capture.history)
    assert (read.lost, read.twice) == (0, 0)


@pytest.mark.anyio
async def test_one_can_wait_for_what_the_numbers_say(captures, origin):
    capture = captures(counting(origin, 3))
    stats = await capture.until(lambda s: s.written > 10, timeout=60)
    assert stats.written > 10
    with pytest.raises(TimeoutError, match=r"within 0\.3 s: <SSECapture"):
        await capture.until(lambda s: s.streams > 3, timeout=0.3)
    capture.stop()
    with pytest.raises(TimeoutError, match="before the capture ended"):
        await capture.until(lambda s: s.streams > 3)


@pytest.mark.anyio
async def test_what_came_as_the_capture_ended_is_looked_at_too(captures):
    with Server(sends("id: 1\ndata: 1\n\n"), answers("204 No Content")) as server:
        capture = captures([server.url], retry=AT_ONCE)

        def condition(stats):
            until(lambda: not capture.running)  # while we look at what was before
            return stats.written == 1

        assert (await capture.until(condition)).received == 1


def test_events_without_ids_are_captured_too(captures):
    with Server(sends("data: 1\n\ndata: 2\n\n", then="hold")) as server:
        capture = captures([server.url])
        until(lambda: capture.stats.written == 2)
        capture.stop()
        assert list(capture[server.url].df["data"]) == ["1", "2"]


@pytest.mark.parametrize("options", [{}, {"headers": {"A": "b"}}])
def test_each_event_is_kept_once_whatever_else_is_said(captures, options):
    again = "retry: 0\n" + "".join(f"id: {n}\ndata: {n}\n\n" for n in range(3))
    with Server(sends(again), sends(again + "id: 3\ndata: 3\n\n", then="hold")) as server:
        capture = captures([server.url], **options)
        until(lambda: capture.stats.written == 4)
        assert capture.stats.duplicates == 3
        capture.stop()
        assert list(capture[server.url].df["data"]) == ["0", "1", "2", "3"]


def test_it_is_over_when_every_stream_is(captures):
    scripts = (sends("id: 1\ndata: 1\n\n"), answers("204 No Content"))
    with Server(*scripts) as one, Server(*scripts) as two:
        capture = captures([one.url, two.url], retry=AT_ONCE)
        until(lambda: set(capture.streams["state"]) == {"closed"})
        assert set(capture.streams["reason"]) == {Reason.NO_CONTENT}
        until(lambda: capture.stats.pending == 0)
        assert capture.history.count_rows() == 2


# ---------------------------------------------------------------------- bad ones among good ones


def test_bad_streams_say_why_and_harm_no_other(captures, origin):
    urls = counting(origin, 30)
    urls |= {
        "twice": urls["s0"],
        "invalid": "example.com/events",
        "none": None,
        "refused": f"http://127.0.0.1:{free_port()}/",
        "silent": f"{origin}/silent/x",
        "not found": f"{origin}/count/1",
    }
    with Server(answers("404 Not Found"), answers("404 Not Found")) as server:
        urls["not found"] = server.url
        capture = captures(urls)
        until(lambda: capture.stats.written > 300)
        until(lambda: (capture.streams["written"].iloc[:30] > 0).all())
        until(lambda: capture["not found"].state == "failed")
        until(lambda: "refused" in capture["refused"].error)
        assert capture["refused"].state in ("waiting", "connecting")
        # Who sends no head is asked again after a while.
        assert capture["silent"].state in ("waiting", "connecting")
        assert "404" in capture["not found"].error
        capture.stop()
    assert capture["twice"].state == "failed"
    assert "the same URL as 's0'" in capture["twice"].error
    assert "not an http or https URL" in capture["invalid"].error
    assert "Did you mean" in capture["invalid"].error
    assert capture["none"].state == "failed"
    read = read_back(capture.history)
    assert (read.streams, read.lost, read.twice) == (30, 0, 0)


def test_an_id_that_the_server_refuses_fails_that_stream_alone(captures, origin):
    urls = counting(origin, 5) | {"forgetful": f"{origin}/forgetful/10/f"}
    first = captures(urls)
    until(lambda: first["forgetful"].written > 3)
    first.close()
    second = captures(urls)
    until(lambda: second["forgetful"].state == "failed")
    assert "400" in second["forgetful"].error
    written = second.stats.written
    until(lambda: second.stats.written > written + 20)
    until(lambda: (second.streams["written"] > 0).all())
    second.stop()
    read = read_back(second.history)
    assert (read.streams, read.lost, read.twice) == (6, 0, 0)


def test_urls_that_differ_in_a_secret_alone_need_names(captures, tmp_path):
    with Server(*[sends("data: 1\n\n", then="hold")] * 2) as server:
        urls = [f"{server.url}?token=first-secret", f"{server.url}?token=other-secret"]
        listed = captures(urls, to=tmp_path / "listed")
        masked = f"{server.url}?token=***"
        assert "in a secret alone" in listed[f"{masked} (2)"].error
        listed.close()
        capture = captures({"first": urls[0], "other": urls[1]}, headers={"X-Key": "third-secret"})
        until(lambda: capture.stats.written == 2)
        capture.stop()
        shown = f"{capture!r} {capture.streams.to_string()} {capture['first']!r}"
        written = b"".join(p.read_bytes() for p in tmp_path.rglob("*.parquet"))
        state = str(capture.get_state())
        for secret in ("first-secret", "other-secret", "third-secret"):
            assert secret not in shown + state
            assert secret.encode() not in written


@pytest.mark.parametrize(
    ("urls", "options", "error"),
    [
        ([], {}, ValueError),
        ({"": "http://localhost/"}, {}, TypeError),
        (["http://localhost/"], {"heders": {}}, TypeError),
        (["http://localhost/"], {"idle_timeout": -1}, ValueError),
        (["http://localhost/"], {"cluster": "remote"}, TypeError),
    ],
)
def test_what_cannot_work_is_refused_at_once(tmp_path, urls, options, error):
    with pytest.raises(error):
        SSECapture(urls, to=tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_capture_without_a_name_is_not_the_folder_one_is_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = ""
    for make in (
        lambda: SSEStream("http://127.0.0.1:1/", capture=folder),
        lambda: SSECapture("http://127.0.0.1:1/", to=folder),
        lambda: Capture(folder),
    ):
        with pytest.raises(ValueError, match="must name a folder"):
            make()
    assert list(tmp_path.iterdir()) == []


def test_a_single_url_needs_no_list(captures):
    with Server(sends("data: 1\n\n", then="hold")) as server:
        capture = captures(server.url)
        until(lambda: capture.stats.written == 1)


def test_a_file_where_the_folder_should_be_is_told(captures, tmp_path, origin):
    (tmp_path / "captures").write_text("mine")
    capture = captures(counting(origin, 2))
    until(lambda: "is a file" in capture.trouble)
    assert (tmp_path / "captures").read_text() == "mine"


def test_of_two_captures_of_one_folder_the_later_goes_on(captures, origin):
    urls = counting(origin, 10)
    first = captures(urls)
    until(lambda: first.stats.written > 30)
    second = captures(urls)
    until(lambda: first.trouble != "")
    assert "another" in first.trouble.lower()
    assert first.stats.open == 0
    written = second.stats.written
    until(lambda: second.stats.written > written + 50)
    second.stop()
    read = read_back(second.history)
    assert (read.lost, read.twice, read.numbered) == (0, 0, True)


def test_a_full_disk_is_told_and_caught_up_with(captures, origin, monkeypatch):
    capture = captures(counting(origin, 10))
    until(lambda: capture.stats.written > 30)
    full = threading.Event()

    def refuse(self, name, content):
        full.set()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("sse_widget.storage.local_store.LocalFolder.create", refuse)
        assert full.wait(60)
        until(lambda: "No space left" in capture.trouble)
        before = capture.stats
        until(lambda: capture.stats.received > before.received + 50)
        assert capture.stats.written == before.written
        assert capture.stats.lag > 0
    until(lambda: capture.trouble == "" and capture.stats.written > before.written + 50)
    capture.stop()
    read = read_back(capture.history)
    assert (read.lost, read.twice) == (0, 0)


# ---------------------------------------------------------------------- at the door


def test_no_more_than_some_connect_to_one_host_at_once(captures, monkeypatch):
    patient = partial(ConnectLimiter, hold_timeout=3600.0)
    monkeypatch.setattr("sse_widget.fleet.many_sources.ConnectLimiter", patient)
    waiting = threading.Semaphore(0)
    release = threading.Event()

    def slow(peer: Peer):
        waiting.release()
        release.wait(60)
        peer.stream("data: 1\n\n")
        peer.hold()

    with Server(slow) as server:
        capture = captures([f"{server.url}/{i}" for i in range(80)])
        for _ in range(32):
            assert waiting.acquire(timeout=60)
        # The others wait at the door as long as there is patience with these.
        assert len(server.requests) == 32
        release.set()
        until(lambda: capture.stats.written == 80)
        capture.stop()


def test_who_never_answers_gives_its_place_up(captures, origin):
    silent = {f"silent {i}": f"{origin}/silent/{i}" for i in range(40)}
    capture = captures(silent | counting(origin, 40))
    until(lambda: capture.stats.open == 40)
    assert set(capture.streams.loc[list(silent), "state"]) <= {"connecting", "waiting"}


@pytest.mark.anyio
async def test_the_door_counts_each_attempt_once():
    class Client:
        def __init__(self):
            self.now = self.most = 0

        async def send(self, request):
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0)
            self.now -= 1

    import asyncio

    import httpx

    client = Client()
    gate = ConnectLimiter(client, at_once=3)
    request = httpx.Request("GET", "http://localhost/")
    await asyncio.gather(*[gate.send(request) for _ in range(50)])
    assert client.most == 3


# ---------------------------------------------------------------------- beside SSEStream


def test_what_a_stream_captured_a_capture_can_be_read_beside(captures, origin, tmp_path):
    assert issubclass(InvalidURL, ValueError)
    capture = captures(counting(origin, 1))
    until(lambda: capture.stats.written > 3)
    capture.stop()
    frame = pd.read_parquet(tmp_path / "captures")
    assert list(frame["stream"].unique()) == ["s0"]
    assert not issubclass(SSECapture, SSEStream)
