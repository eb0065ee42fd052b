"""Captures in real stores, by `make stores`: S3 (moto), Azure Blob (Azurite), GCS (gcp-storage-emulator), on loopback.

`SSE_WIDGET_OUTAGE` says for how many seconds a store is away (30), `SSE_WIDGET_STORE_KILLS` how often a capture is
killed (3). A row for each is printed.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sse_widget import CaptureState, RetryPolicy, SSECapture, SSEStream
from sse_widget.errors import CaptureError, CaptureTaken
from sse_widget.storage import Dataset, Writer, check

from ..helpers.many import read_back, until
from ..helpers.measured import measured
from ..helpers.scripted import Server
from ..storage.test_dataset import batch
from ..storage.test_kill import CHILD, Feed
from .servers import CREDENTIALS, SERVERS

OUTAGE = float(os.environ.get("SSE_WIDGET_OUTAGE", "30"))
KILLS = int(os.environ.get("SSE_WIDGET_STORE_KILLS", "3"))
STREAMS, RATE = 20, 10
# Seconds: the packages try again for up to a minute before they say that a store is away.
PATIENCE = 240.0
AT_ONCE = RetryPolicy(initial=0.01, minimum=0.01, jitter=0)
_names = itertools.count()


@pytest.fixture(scope="module", params=SERVERS)
def server(request, tmp_path_factory):
    with SERVERS[request.param](tmp_path_factory.mktemp(request.param)) as server:
        yield server
        server.door.shut()


@pytest.fixture
def to(server):
    """The URL of a capture that is not there yet."""
    server.calm()
    yield server.url(f"capture {next(_names)}/ünd so")
    server.calm()


@pytest.fixture
def urls(origin):
    return {f"s{i}": f"{origin}/count/{RATE}/s{i}" for i in range(STREAMS)}


def flows(capture, seconds=1):
    """As much more is on disk as comes in this time."""
    written = capture.stats.written
    until(lambda: capture.stats.written > written + seconds * STREAMS * RATE, PATIENCE)


def proven(to, what):
    """Nothing is lost, nothing is there twice, and nothing is wrong with the files."""
    report = check(Dataset(to))
    assert report.problems == ()
    read = read_back(Dataset(to).dataset())
    measured(f"{to.partition('://')[0]}://, {what}", str(read))
    assert (read.streams, read.lost, read.twice, read.numbered) == (STREAMS, 0, 0, True)
    return read


def test_a_capture_is_written_read_and_gone_on_with(to, urls):
    for _ in range(2):
        with SSECapture(urls, to=to) as capture:
            until(lambda: capture.stats.open == STREAMS)
            flows(capture)
        assert (capture.stats.pending, capture.trouble) == (0, "")
    read = proven(to, "two runs")
    assert read.events == capture.stats.written
    rows = Dataset(to).read("s3", 5, 9)
    assert rows["seq"].to_pylist() == [5, 6, 7, 8]


def test_old_files_go(to, urls):
    from sse_widget import Capture

    with SSECapture(urls, to=Capture(to, keep="2s", every=0.2)) as capture:
        until(lambda: capture.stats.open == STREAMS)
        until(lambda: (Dataset(to).oldest("s0") or 0) > 0, PATIENCE)
    assert Dataset(to).dataset().count_rows() < capture.stats.written


def test_killed_again_and_again(server, to):
    feed = Feed(remembers=3600, rate=500)
    with Server(feed) as source:
        for n in range(KILLS):
            child = subprocess.Popen([sys.executable, "-c", CHILD, source.url, to])
            try:
                source.asked.get(timeout=PATIENCE)
                if n == 0:
                    until(lambda: Dataset(to).parts(), PATIENCE)
                time.sleep(random.uniform(0.0, 3.0))  # the instant is what this is about
            finally:
                child.send_signal(signal.SIGKILL)
                child.wait()
        feed.stop_at = feed.now()
        stream = SSEStream(source.url, capture=to, retry=AT_ONCE)
        until(lambda: stream.last_event_id == str(feed.stop_at - 1), PATIENCE)
        stream.close()
        feed.ended.set()
    rows = Dataset(to).read()
    assert [int(i) for i in rows["last_event_id"].to_pylist()] == list(range(feed.stop_at))
    assert rows["seq"].to_pylist() == list(range(feed.stop_at))
    measured(f"{server.kind}, kill -9", f"{KILLS} kills, {feed.stop_at:,} events: 0 lost, 0 twice")


def test_of_two_writers_the_latest_has_it(to, urls):
    with SSECapture(urls, to=to) as first:
        until(lambda: first.stats.open == STREAMS)
        flows(first)
        with SSECapture(urls, to=to) as second:
            until(lambda: not first.running, PATIENCE)
            assert "another stream writes" in first.trouble
            until(lambda: second.stats.open == STREAMS)
            flows(second)
        assert second.trouble == ""
    read = proven(to, "two writers")
    assert read.events == second.stats.written


def test_one_of_many_who_write_at_once_makes_a_part(to):
    writers = [Writer(Dataset(to)) for _ in range(6)]
    outcomes = []
    for writer in writers:
        writer.add("s", batch(0))

    async def write(writer):
        try:
            outcomes.append(await asyncio.to_thread(writer.commit))
        except CaptureTaken:
            outcomes.append("taken")

    async def all_of_them():
        await asyncio.gather(*map(write, writers))

    asyncio.run(all_of_them())
    assert sorted(map(str, outcomes)) == ["0", *["taken"] * 5]
    assert Dataset(to).dataset().count_rows() == 1


def troubled(capture, begin, end, what, to, seconds=0.0):
    """Something begins to go wrong, and is said; after it ends all is written."""
    until(lambda: capture.stats.open == STREAMS)
    flows(capture)
    begin()
    begun = time.monotonic()
    try:
        until(lambda: capture.trouble, PATIENCE)
        told = capture.trouble
        until(lambda: time.monotonic() - begun > seconds)
        assert capture.running
    finally:
        end()
    until(lambda: not capture.trouble, PATIENCE)
    flows(capture)
    capture.close()
    assert (capture.stats.pending, capture.trouble) == (0, "")
    read = proven(to, f"{what}, told as {told!r}")
    assert read.events == capture.stats.written
    return told


def test_a_store_that_is_away_for_a_while(server, to, urls):
    with SSECapture(urls, to=to) as capture:
        what = f"away for {OUTAGE:g} s"
        told = troubled(capture, server.door.shut, server.door.open, what, to, OUTAGE)
    assert "cannot be written" in told


def only_writes(server, answer):
    """The store answers so to all that is written; what is read it gives."""
    first = server.door.handle

    def handle(wanted, forward):
        is_write = wanted.method in ("PUT", "POST", "PATCH")
        return answer if is_write else first(wanted, forward)

    server.door.handle = handle


def test_a_store_that_has_too_much_to_do(server, to, urls):
    with SSECapture(urls, to=to) as capture:
        troubled(capture, lambda: only_writes(server, server.busy), server.calm, "throttled", to)


def test_a_store_that_answers_every_other_request(server, to, urls):
    """Some answers are lost although the file was made: it is known as our own."""
    first, n = server.door.handle, itertools.count()

    def handle(wanted, forward):
        answer = first(wanted, forward)
        is_write = wanted.method in ("PUT", "POST")
        return server.busy if is_write and next(n) % 2 else answer

    with SSECapture(urls, to=to) as capture:
        until(lambda: capture.stats.open == STREAMS)
        server.door.handle = handle
        flows(capture, 3)
        server.calm()
    assert (capture.stats.pending, capture.trouble) == (0, "")
    assert proven(to, "every other answer lost").events == capture.stats.written


def test_a_credential_that_is_over(server, to, urls):
    with SSECapture(urls, to=to) as capture:
        begin, end = lambda: only_writes(server, server.expired), server.calm
        if server.kind == "s3":  # it is a new one that helps, from the file where it stands
            begin, end = lambda: expires(server, "first"), lambda: renewed("second")
        told = troubled(capture, begin, end, "credential over", to)
    assert re.search("Expired|Auth|expired|Credential", told)


def expires(server, key):
    first = server.door.handle

    def handle(wanted, forward):
        refused = f"Credential={key}/" in wanted.headers.get("Authorization", "")
        return server.expired if refused else first(wanted, forward)

    server.door.handle = handle


def renewed(key):
    file = Path(os.environ[CREDENTIALS])
    file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = x\n")


# ---------------------------------------------------------------------- what is refused


@pytest.fixture(scope="module")
def on_s3(tmp_path_factory):
    with SERVERS["s3"](tmp_path_factory.mktemp("s3")) as server:
        import s3fs

        s3fs.S3FileSystem.clear_instance_cache()
        yield server
        server.door.shut()
        s3fs.S3FileSystem.clear_instance_cache()


def refused(to):
    with pytest.raises(CaptureError) as raised:
        Writer(Dataset(to)).claim("s")
    return f"{raised.value.message}. {raised.value.hint}"


def test_a_server_that_knows_no_conditions_is_refused(on_s3):
    def handle(wanted, forward):
        headers = {k: v for k, v in wanted.headers.items() if k.lower() != "if-none-match"}
        return forward(wanted._replace(headers=headers))

    on_s3.door.handle = handle
    told = refused(on_s3.url("unconditional"))
    assert "let a file be written twice" in told
    assert "If-None-Match" in told
    on_s3.calm()
    assert Dataset(on_s3.url("unconditional")).parts() == []


def test_a_listing_that_comes_later_is_refused(on_s3):
    """Names that were made a moment ago are not listed yet, as on servers that are consistent eventually."""

    def handle(wanted, forward):
        answer = forward(wanted)
        if wanted.method == "GET" and "list-type=2" in wanted.path:
            body = re.sub(rb"<Contents>.*?</Contents>", b"", answer.body, flags=re.DOTALL)
            return answer._replace(body=body)
        return answer

    on_s3.door.handle = handle
    told = refused(on_s3.url("later"))
    assert "does not list a file as soon as it is there" in told
    on_s3.calm()


def test_a_bucket_that_is_not_there_is_told_and_waited_for(on_s3, origin):
    stream = SSEStream(f"{origin}/count/{RATE}/x", capture="s3://no-such-bucket/c")
    try:
        until(lambda: stream.capture.state is CaptureState.WAITING)
        assert "bucket does not exist" in stream.capture.error.message
        import boto3

        boto3.client("s3").create_bucket(Bucket="no-such-bucket")
        until(lambda: stream.capture.state is CaptureState.WRITING)
    finally:
        stream.close()


def test_a_store_that_is_away_at_the_start_is_told(on_s3):
    on_s3.door.shut()
    try:
        with pytest.raises(CaptureError, match="cannot be read"):
            Writer(Dataset(on_s3.url("away")))
    finally:
        on_s3.door.open()
