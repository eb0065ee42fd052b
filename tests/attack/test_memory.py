"""Memory is what `max_bytes` says, whatever a server sends and whatever a page or a reader asks for.

Each shape is tried in a process of its own, which reports the memory it grew by at its peak: under
`max_bytes` and 64 MiB, from the moment when all modules were loaded and the first event had come.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from sse_widget import SSEStream
from sse_widget.tables import LiveColumns, RollingWindow

from ..helpers.clients import collect
from ..helpers.scripted import Server, answers, sends

pytestmark = pytest.mark.anyio

MIB = 2**20
SLACK = 64
LIMIT = 16  # MiB, unless a shape says otherwise

# What a program begins with: the peak from there on, and a stream that has had its first event.
BEGIN = """
import errno, json, math, os, sys, tempfile, threading, time
from pathlib import Path
import pandas, pyarrow.compute, pyarrow.parquet, pyarrow.dataset
import sse_widget
from sse_widget import Capture, RetryPolicy, SSECapture, SSEStream

MIB = 2**20
url, folder, limit = sys.argv[1], sys.argv[2], int(sys.argv[3]) * MIB
at_once = RetryPolicy(initial=0, minimum=0, jitter=0, maximum=0)

def status(name):
    return int(Path("/proc/self/status").read_text().partition(name + ":")[2].split()[0]) * 1024

def eventually(condition):
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        threading.Event().wait(0.01)

class Peak:
    def __init__(self):
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self.start = status("VmRSS")
    def report(self, stream=None, **more):
        parts = {} if stream is None else dict(stream.memory.parts)
        print(json.dumps({"grown": (status("VmHWM") - self.start) / MIB, "parts": parts, **more}))
        sys.stdout.flush()
        os._exit(0)

def warm(**options):
    # All that is imported late is there before anything is measured.
    stream = SSEStream(url, retry=at_once, **options)
    eventually(lambda: stream.stats.received >= 1)
    stream.df, stream.to_dataframe(json=True), stream._repr_mimebundle_()
    return stream
"""


OVER = answers("204 No Content")


def grown(script, program, tmp_path, *, limit=LIMIT, then=OVER):
    """What a program says of itself, which reads this server; later connections are served by `then`,
    None for the same script."""
    with Server(script, *([] if then is None else [then])) as server:
        done = subprocess.run(
            [sys.executable, "-c", BEGIN + program, server.url, str(tmp_path / "c"), str(limit)],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        server.failures.clear()  # it leaves without a goodbye
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    print("GROWN", said["grown"])
    assert said["grown"] < limit + SLACK, said
    assert sum(said["parts"].values()) <= (limit + 1) * MIB, said
    return said


def sending(*pieces, first=b"data: first\n\n"):
    """A script: a first event, and when the other side asks for nothing else, all of these."""

    def script(peer):
        peer.stream(first)
        for piece in pieces:
            for block in piece:
                peer.send(block)
        peer.hold()

    return script


READ = """
stream = warm(max_bytes=limit, **{options})
peak = Peak()
eventually(lambda: stream.stats.received > {n})
peak.report(stream, held=stream.stats.held)
"""


@pytest.mark.parametrize("options", ["{}", "{'capture': folder}"])
@pytest.mark.parametrize("field", [b"id", b"event"])
def test_ids_and_types_of_a_mebibyte(field, options, tmp_path):
    pieces = (b"%b: %d-" % (field, i) + b"i" * MIB + b"\ndata: x\n\n" for i in range(120))
    said = grown(sending(pieces), READ.format(options=options, n=120), tmp_path)
    assert said["held"] >= 1
    assert said["parts"]["remembered"] < 3 * MIB


def test_a_full_disk(tmp_path):
    """What waits for it is bounded, and what is let go is a gap like any other."""
    program = """
def full(*args, **more):
    raise OSError(errno.ENOSPC, "No space left on device")

stream = warm(max_bytes=limit, capture=Capture(folder, every=0.1), dedupe=False)
os.link = full
peak = Peak()
eventually(lambda: stream.stats.received > 480)
eventually(lambda: stream.capture.not_kept > 300)
held = stream.memory.parts["waiting"]
eventually(lambda: any(g.cause == "disk" for g in stream.gaps))
peak.report(stream, waiting=stream.capture.waiting, lost=stream.capture.not_kept)
"""
    pieces = (b"id: %d-" % i + b"i" * 2**18 + b"\ndata: x\n\n" for i in range(480))
    said = grown(sending(pieces), program, tmp_path)
    assert said["parts"]["waiting"] <= 9 * MIB
    assert said["waiting"] + said["lost"] <= 481


def test_a_type_an_event_in_a_capture(tmp_path):
    def types():
        for i in range(0, 100_000, 500):
            some = (f"event: {i + k}{'y' * 900}\ndata: x\n\n" for k in range(500))
            yield "".join(some).encode()

    options = "{'capture': folder, 'max_events': 1000}"
    said = grown(sending(types()), READ.format(options=options, n=100_000), tmp_path)
    assert 0 < said["parts"]["types"] < 4 * MIB


LARGE = [b"id: %d\ndata: " % i + b"x" * 200_000 + b"\n\n" for i in range(600)]


def test_scrolling_back_through_large_events(tmp_path):
    program = """
stream = warm(max_bytes=limit, capture=folder)
eventually(lambda: stream.stats.received > 600)
stream.history
sent = []
stream.send = lambda content, buffers: sent.append((content["kind"], sum(map(len, buffers))))
peak = Peak()
for n in range(20):  # each is one page; all of them ask at once
    stream._handle_custom_msg({"kind": "rows", "page": f"p{n}", "id": 1, "first": 0, "stop": 400}, [])
eventually(lambda: sum(kind == "rows" for kind, _ in sent) >= 1)
peak.report(stream, sent=max(size for _, size in sent))
"""
    assert grown(sending(LARGE), program, tmp_path)["sent"] <= 2 * MIB


def test_opening_again_what_unpacks_to_much(tmp_path):
    program = """
stream = warm(max_bytes=limit, capture=folder)
eventually(lambda: stream.stats.received > 600)
stream.close()
peak = Peak()
again = SSEStream(url, max_bytes=limit, capture=folder, last_event_id="600")
eventually(lambda: again.stats.connects)
peak.report(again, held=again.stats.held, first=int(again.df.index[0]))
"""
    said = grown(sending(LARGE), program, tmp_path)
    assert said["held"] > 40
    assert said["first"] > 400


@pytest.mark.parametrize("suffix", ["ndjson", "csv", "sse"])
def test_saving_what_grows_as_text(suffix, tmp_path):
    """In JSON a control character takes six bytes."""
    program = f"""
stream = warm(max_bytes=limit)
eventually(lambda: stream.stats.received > 600)
stream.save(Path(folder).with_suffix(".sse"))
peak = Peak()
stream.save(Path(folder).with_suffix(".{suffix}"))
peak.report(stream)
"""
    data = b'"\x01' * 50_000
    grown(sending(b"data: " + data + b"\n\n" for _ in range(600)), program, tmp_path, limit=32)


NESTED = {
    "wide": b'data: {"a":[' + b",".join([b"[]"] * 5400) + b"]}\n\n",
    "deep": b'data: {"a":' + b"[" * 400 + b"]" * 400 + b"}\n\n",
}


@pytest.mark.parametrize("shape", NESTED)
def test_nested_values_in_live_columns(shape, tmp_path):
    n = {"wide": 600, "deep": 8000}[shape]
    program = f"""
stream = warm(max_bytes=limit)
stream.columns = ["a"]
peak = Peak()
eventually(lambda: stream.stats.received > {n})
eventually(lambda: stream.memory.parts["columns"] > 2**18)
peak.report(stream)
"""
    block = NESTED[shape] * 10
    grown(sending(block for _ in range(n // 10)), program, tmp_path)


def test_an_event_of_very_many_keys(tmp_path):
    """A table has a limit on keys alone, and says what to do; a live column is found among them."""
    keys = ",".join(f'"key number {n}":1' for n in range(700_000))
    program = """
stream = warm(max_bytes=limit)
stream.columns = ["a"]
eventually(lambda: stream.stats.received > 1)
peak = Peak()
try:
    stream.to_dataframe(json=True)
except ValueError as e:
    peak.report(stream, said=str(e))
"""
    said = grown(sending([f"data: {{{keys}}}\n\n".encode()]), program, tmp_path, limit=32)
    assert "different keys or more" in said["said"]
    assert "at most 10,000" in said["said"]
    assert 'columns=["..."]' in said["said"]


WIDE = "data: " + "x" * 200_000 + "\U0001f600\n\n"  # four bytes a character, once it is text


def test_readers_of_wide_characters(tmp_path):
    program = """
import asyncio
stream = warm(max_bytes=limit)
eventually(lambda: stream.stats.received > 300)
peak = Peak()
seen = []
stream.on()(lambda event: seen.append(len(event.data)))

async def read():
    return [len(event.data) async for event in stream]

eventually(lambda: len(seen) >= stream.stats.held)
stream.stop()
assert len(asyncio.run(read())) == stream.stats.held > 200
peak.report(stream)
"""
    grown(sending(WIDE.encode() for _ in range(300)), program, tmp_path, limit=48)


def test_a_text_that_never_ends(tmp_path):
    program = """
stream = warm(max_bytes=limit)
peak = Peak()
while stream.stats.received <= 1200:
    length = len(stream.text("a"))
peak.report(stream, length=len(stream.text("a")))
"""
    block = b'data: {"a":"' + b"x" * 100_000 + b'"}\n\n'
    said = grown(sending(block for _ in range(1200)), program, tmp_path)
    assert said["length"] > 3_000_000
    assert said["parts"]["text"] <= 4 * MIB + 200_000


def test_many_streams_of_large_events(tmp_path):
    """What is remembered of each for who selects it, and to tell repeats, is bounded in bytes."""

    def script(peer):
        peer.stream()
        for n in range(30):
            peer.send(b"id: %d\ndata: " % n + b"x" * MIB + b"\n\n")
        peer.hold()

    program = """
urls = {str(n): f"{url}?{n}" for n in range(6)}
SSEStream(url).close()
capture = SSECapture(urls, to=folder)
peak = Peak()
eventually(lambda: capture.stats.written >= 6 * 30)
peak.report()
"""
    grown(script, program, tmp_path, limit=96, then=None)


def test_slow_readers_of_a_replay(tmp_path):
    program = """
import socket
from urllib.parse import urlsplit
from sse_widget.recordings import CaptureServer
from sse_widget.storage import Dataset
stream = warm(max_bytes=limit, capture=folder)
eventually(lambda: stream.stats.received > 600)
stream.close()
server = CaptureServer(Dataset(folder), speed=math.inf)
peak = Peak()
readers = []
for _ in range(6):  # asks, reads the head, and nothing more
    reader = socket.create_connection(("127.0.0.1", urlsplit(server.url).port))
    reader.sendall(b"GET /events HTTP/1.1\\r\\nHost: 127.0.0.1:1\\r\\n\\r\\n")
    assert b"200" in reader.recv(64)
    readers.append(reader)
threading.Event().wait(1)  # what is not to happen takes some time
peak.report()
"""
    grown(sending(LARGE), program, tmp_path)


def test_one_long_type_of_all_events(tmp_path):
    """It is stored once in a captured file, and unpacks to as much as there are rows."""
    block = b"event: " + b"t" * 500_000 + b"\ndata: x\n\n"
    program = """
stream = warm(max_bytes=limit, capture=folder)
eventually(lambda: stream.stats.received > 300)
stream.close()
peak = Peak()
again = SSEStream(url, max_bytes=limit, capture=folder)
eventually(lambda: again.stats.connects)
peak.report(again, held=again.stats.held)
"""
    assert grown(sending(block for _ in range(300)), program, tmp_path)["held"] > 10


def test_a_saved_copy_of_large_events(tmp_path):
    block = b"data: " + b"<" * 400_000 + b"\n\n"
    program = """
stream = warm(max_bytes=limit, save_events=500)
eventually(lambda: stream.stats.received > 200)
peak = Peak()
html = stream._page._snapshot()
peak.report(stream, html=len(html))
"""
    said = grown(sending(block for _ in range(200)), program, tmp_path, limit=32)
    assert said["html"] <= 256 * 1024


def test_an_event_that_comes_in_small_pieces(tmp_path):
    def pieces():
        yield b"data: "
        for _ in range(15 * 2**10):
            yield b"x" * 1024

    program = """
stream = warm(max_bytes=limit)
peak = Peak()
eventually(lambda: stream.memory.parts["unfinished"] >= 15 * MIB)
peak.report(stream)
"""
    grown(sending(pieces()), program, tmp_path)


# ---------------------------------------------------------------------- without measuring


async def test_what_is_kept_of_long_ids_in_gaps():
    """Each reconnect is a gap, and a thousand gaps are kept: of an id as much as a person reads."""
    body = b"retry: 0\nid: " + b"i" * 60_000 + b"\ndata: x\n\n"
    with Server(sends(body), sends(body), sends(body), OVER) as server:
        source, events = await collect(server.url)
    assert len(events) == 3
    assert len(source.gaps) == 2
    assert all(len(repr(gap)) < 5_000 for gap in source.gaps)
    # As much as a server takes of a header goes back to it, and no more.
    assert server.requests[1].headers["last-event-id"] == "i" * 60_000


async def test_an_id_that_no_server_takes_back_is_not_sent():
    body = b"retry: 0\nid: " + b"i" * 70_000 + b"\ndata: x\n\n"
    with Server(sends(body), sends("data: y\n\n"), OVER) as server:
        source, _ = await collect(server.url)
    assert "last-event-id" not in server.requests[1].headers
    assert source.last_event_id == "i" * 70_000
    assert "no id to resume after" in source.gaps[0].text


def test_the_parts_of_what_a_stream_holds():
    with Server(sends('id: 1\ndata: {"a": [1]}\n\n', then="hold")) as server:
        stream = SSEStream(server.url, max_bytes=2**20, dedupe=True)
        stream.columns = ["a"]
        asyncio.run(stream.until(timeout=30))
        memory = stream.memory
        assert memory.limit == stream.max_bytes == 2**20
        assert {"events", "types", "remembered", "unfinished", "columns"} <= set(memory.parts)
        assert memory.used == sum(memory.parts.values()) > memory.parts["events"] > 0
        assert str(memory).startswith("0.0 of 1.0 MiB: ")
        stream.max_bytes = 2**21
        assert stream.memory.limit == 2**21
        stream.close()


def test_too_many_columns_are_refused():
    window = RollingWindow()
    with pytest.raises(ValueError, match="columns has 300 names, of at most 256"):
        LiveColumns(window, [str(n) for n in range(300)])
