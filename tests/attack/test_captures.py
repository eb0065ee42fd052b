"""Captures that somebody else had a hand in: names, footers, rows, and files that are none."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import shutil
import subprocess
import sys
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sse_widget import Capture, SSECapture, SSEStream
from sse_widget.errors import CaptureDamaged, CaptureTooNew
from sse_widget.events import Cause, Gap
from sse_widget.storage.dataset import Dataset
from sse_widget.storage.footer import KEY, MAX_BYTES, Footer, Position
from sse_widget.storage.part_schema import ROWS

from ..helpers.pages import overview
from ..helpers.scripted import Server, sends
from ..storage.test_dataset import AT, write


def numbers(table):
    return table["seq"].to_pylist()


@pytest.fixture
def to(tmp_path):
    return tmp_path / "trades"


@pytest.fixture
def streams():
    made: list = []

    def make(*args, **options):
        made.append(SSEStream(*args, **options))
        return made[-1]

    yield make
    for stream in made:
        stream.close()


# ---------------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["\ud800", "a\udfffb", "x" * 20_000])
def test_a_name_that_no_file_can_hold_is_a_row_that_says_why(to, name):
    with Server(sends("data: x\n\n", then="hold")) as server:
        capture = SSECapture({"good": server.url, name: f"{server.origin}/2"}, to=to)
        try:
            (bad,) = [n for n in capture if n != "good"]
            assert capture.streams.loc[bad, "state"] == "failed"
            assert "name" in capture.streams.loc[bad, "error"]
            json.dumps(overview(capture)).encode()
            capture.streams.to_string().encode()
            asyncio.run(capture.until(lambda stats: stats.written, timeout=30))
        finally:
            capture.close()
    assert numbers(Dataset(to).read("good")) == [0]


def test_a_name_of_a_stream_is_checked_where_it_is_given(to):
    with pytest.raises(ValueError, match="half a character"):
        Capture(to, stream="\ud800")
    with pytest.raises(ValueError, match="at most"):
        Capture(to, stream="x" * 20_000)


# ---------------------------------------------------------------------- footers


def sound(**changes):
    said = {
        "version": 1,
        "part": 3,
        "closes": False,
        "at": AT.isoformat(),
        "begun": AT.isoformat(),
        "writer": "w",
        "streams": {"s": {"seq": 3, "last_event_id": "3", "types": {"tick": 3}, "stats": {}}},
        "gaps": [],
    }
    return json.dumps({**said, **changes}).encode()


def position(**changes):
    said = {"seq": 3, "last_event_id": "3", "types": {"tick": 3}, "stats": {}}
    return sound(streams={"s": {**said, **changes}})


def gap(**changes):
    said = {
        "stream": "s",
        "seq": 1,
        "at": AT.isoformat(),
        "cause": "disk",
        "text": "",
        "missing": 1,
    }
    said |= {"resumed_from": "", "replayed": None, "duration": 1.0, "repeated": 0}
    return sound(gaps=[{**said, **changes}])


def zipped(text: bytes) -> bytes:
    return b"zlib:" + base64.b64encode(zlib.compress(text, 1))


BOMB = zipped(b'{"version":1,"x":"' + b" " * 70_000_000 + b'"}')
HOSTILE = {
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b'"\xff"',
    "an infinite version": b'{"version":Infinity}',
    "no version": b"{}",
    "version true": sound(version=True),
    "version 1.0": sound(version=1.0),
    "a version of 5,000 digits": b'{"version":' + b"9" * 5_000 + b"}",
    "depth": b"[" * 100_000,
    "depth of objects": b'{"a":' * 100_000,
    "many objects": b"[" + b"[]," * 1_000_000 + b"[]]",
    "a list": b"[]",
    "null": b"null",
    "a bomb": BOMB,
    "half a bomb": BOMB[:-100],
    "no zlib": b"zlib:" + base64.b64encode(b"no"),
    "no base64": b"zlib:\xff",
    "another part": sound(part=4),
    "a negative part": sound(part=-1),
    "a part of 2**70": sound(part=2**70),
    "closes 1": sound(closes=1),
    "the year 1": sound(at="0001-01-01T00:00:00+23:59"),
    "the year 9999": sound(at="9999-12-31T23:59:59-23:59"),
    "no time": sound(begun="yesterday"),
    "a time that is a number": sound(at=5),
    "a writer that is none": sound(writer=None),
    "streams as a list": sound(streams=[]),
    "half a character in a name": sound(streams={"\ud800": {}}),
    "a position that is none": sound(streams={"s": None}),
    "a position of no number": sound(
        streams={"s": {"last_event_id": "", "types": {}, "stats": {}}}
    ),
    "a position with no counts": sound(
        streams={"s": {"seq": 3, "last_event_id": "3", "stats": {}}}
    ),
    "a position in another time": position(at="in a while"),
    "an id that ends a line": position(last_event_id="3\n"),
    "a negative seq": position(seq=-1),
    "a seq that is infinite": position(seq=float("inf")),
    "a seq of 2**63": position(seq=2**63),
    "a seq that is text": position(seq="3"),
    "an id with a line end": position(last_event_id="1\r\nX-Evil: 1"),
    "an id with half a character": position(last_event_id="\udc00"),
    "an id that is none": position(last_event_id=None),
    "counts below nothing": position(types={"tick": -1}),
    "counts that are no numbers": position(types={"tick": []}),
    "stats that are a list": position(stats=[1]),
    "a wait for ever": position(reconnection_time=float("inf")),
    "a gap that is none": sound(gaps=[None]),
    "gaps as an object": sound(gaps={}),
    "a gap of another cause": gap(cause="evil"),
    "a gap that lasts for ever": gap(duration=float("inf")),
    "a gap of nobody knows": gap(duration=float("nan")),
    "a gap at no time": gap(at="0001-01-01T00:00:00"),
    "a gap with half of it missing": gap(missing=0.5),
    "a pace of no time": sound(pace={"start": 0, "step": 0, "rows": [1]}),
    "a pace of half a row": sound(pace={"start": 0, "step": 1, "rows": [0.5]}),
    "a pace with no end": sound(pace={"start": 0, "step": 1, "rows": [1] * 100_000}),
    "a clock that is none": sound(clock=[1]),
    "a gap that is replayed perhaps": gap(replayed="yes"),
}


def put(to: Path, n: int, metadata: dict[bytes, bytes], table: pa.Table | None = None) -> Path:
    path = to / "00000000" / f"part-{n:08}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = ROWS.empty_table() if table is None else table
    pq.write_table(table.replace_schema_metadata(metadata), path, compression="zstd")
    return path


@pytest.mark.parametrize("footer", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_footer_is_a_note(to, footer):
    write(to, [0], [1], [2])
    put(to, 3, {KEY: footer})
    dataset = Dataset(to)
    (damaged,) = dataset.damaged()
    assert "part-00000003.parquet" in damaged.message
    assert dataset.checkpoint().part == 4  # its number stays taken
    assert dataset.streams()["s"].seq == 3
    assert numbers(dataset.read()) == [0, 1, 2]
    assert dataset.gaps() == []


@pytest.mark.parametrize("footer", [sound(), position(), gap(), zipped(sound())])
def test_a_sound_one_is_read(to, footer):
    write(to, [0], [1], [2])
    put(to, 3, {KEY: footer})
    assert Dataset(to).damaged() == []


def test_a_newer_version_is_still_refused_whatever_it_says(to):
    put(to, 0, {KEY: sound(version=2, part=-1, streams=None)})
    with pytest.raises(CaptureTooNew):
        Dataset(to).checkpoint()


def test_a_stream_goes_on_beside_hostile_files(to, streams):
    write(to, [0], [1], [2])
    for n, footer in enumerate(list(HOSTILE.values())[:12], 3):
        put(to, n, {KEY: footer})
    with Server(sends("data: x\n\n", then="hold")) as server:
        stream = streams(server.url, capture=Capture(to, stream="s"))
        asyncio.run(stream.until(where=lambda event: event.seq == 3, timeout=30))
        stream.stop()
    assert stream.capture.error is None
    assert len([note for note in stream.capture.notes if "footer" in note]) == 12
    assert numbers(Dataset(to).read("s")) == [0, 1, 2, 3]


_GROWTH = """
import resource, sys
from sse_widget.storage.dataset import Dataset
import pyarrow.parquet
def most(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = most()
for to in sys.argv[1:]:
    dataset = Dataset(to)
    assert len(dataset.damaged()) == 1, dataset.damaged()
print((most() - before) // 1024)
"""


def test_what_hostile_files_say_of_themselves_takes_little_memory(tmp_path):
    """Bombs, a footer that claims to have gigabytes, and metadata as large as they can be."""
    texts = [BOMB, zipped(b'{"version":1,"x":"' + b'","' * 25_000_000), b'["",' * 1_000_000]
    for n, footer in enumerate(texts):
        put(tmp_path / f"c{n}", 0, {KEY: footer})
    claims = put(tmp_path / "claims", 0, {KEY: sound(part=0)})
    claims.write_bytes(claims.read_bytes()[:-8] + b"\xff\xff\xff\x7fPAR1")
    other = put(tmp_path / "other", 0, {b"x": b"y" * 30_000_000})
    folders = [path for path in tmp_path.iterdir() if path.is_dir()]
    run = subprocess.run(
        [sys.executable, "-c", _GROWTH, *folders], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 64, other


def test_what_we_write_we_can_read():
    """Many types, long ids and many gaps are left out before a footer becomes too long to read."""
    types = {f"a type with a name of its own {n}": n + 1 for n in range(2_000)}
    ids = ["7", "x" * 20_000, "y" * 16_000, "\r\n"]
    streams = {
        f"stream {n}": Position(n, ids[n % 4], types, {"bytes": 1}, 10**19 - 1) for n in range(150)
    }
    gaps = tuple(
        ("s", Gap(n, AT, Cause.DISK, "x" * 300, "y" * 10_000, duration=float("inf")))
        for n in range(12_000)
    )
    told = Footer(1, False, AT, AT, "w", streams, gaps).encode()
    read = Footer.decode(told, "x")
    assert len(json.dumps({n: dict(p.types) for n, p in read.streams.items()})) < MAX_BYTES
    assert {n: p.seq for n, p in read.streams.items()} == {n: p.seq for n, p in streams.items()}
    assert sum(read.streams["stream 1"].types.values()) == sum(types.values())
    assert read.streams["stream 0"].last_event_id == "7"
    assert read.gaps[-1][1].seq == 11_999


# ---------------------------------------------------------------------- rows, and files that are none


def rows(**columns) -> pa.Table:
    values = {"stream": "s", "seq": 3, "received_at": AT, "type": "t", "last_event_id": ""}
    values |= {"data": "d", "has_id": False} | columns
    return pa.Table.from_arrays(
        [
            v if isinstance(v, pa.Array) else pa.array([v], f.type)
            for v, f in zip(values.values(), ROWS, strict=True)
        ],
        schema=pa.schema([field.with_nullable(True) for field in ROWS]),
    )


def no_text() -> pa.Array:
    offsets = pa.py_buffer(b"\0" * 8 + b"\2" + b"\0" * 7)
    return pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(b"\xff\xfe")])


FAR = pa.array([2**62], ROWS.field("received_at").type)


@pytest.mark.parametrize(
    "table",
    [
        rows(data=no_text()),
        rows(type=no_text()),
        rows(received_at=FAR),
        rows(received_at=datetime(1900, 1, 1, tzinfo=UTC)),
        rows(seq=-1),
        rows(seq=2**62),
    ],
    ids=["data", "type", "a far time", "an early time", "below nothing", "beyond counting"],
)
def test_rows_that_cannot_be_are_left_out_and_named(to, table):
    write(to, [0], [1], [2])
    put(to, 3, {KEY: sound()}, table.cast(ROWS))
    dataset = Dataset(to)
    assert numbers(dataset.read()) == [0, 1, 2]
    assert numbers(dataset.read("s", last=5)) == [0, 1, 2]
    assert dataset.oldest("s") == 0
    assert [e.message.partition(" ")[0] for e in dataset.damaged()] == [
        "00000000/part-00000003.parquet"
    ]


def test_other_columns_are_none_of_a_capture(to):
    write(to, [0], [1], [2])
    put(to, 3, {KEY: sound()}, pa.table({"x": [1]}))
    assert "columns" in Dataset(to).damaged()[0].message


def test_bytes_that_were_flipped_harm_no_other_part(to):
    write(to, [0], [1], [2])
    path = to / "00000000" / "part-00000001.parquet"
    content = bytearray(path.read_bytes())
    for at in range(4, 200):
        content[at] ^= 0x55
    path.write_bytes(content)
    assert numbers(Dataset(to).read()) == [0, 2]


@pytest.mark.parametrize("number", ["9" * 200, "\u0661" * 8, "\u00b2" * 8, "9" * 16])
def test_numbers_beyond_counting_are_none(to, number):
    write(to, [0])
    (to / number).mkdir()
    shutil.copy(
        to / "00000000" / "part-00000000.parquet", to / "00000000" / f"part-{number}.parquet"
    )
    assert Dataset(to).checkpoint().part == 1
    assert len(Dataset(to).foreign_files()) == 1


def test_the_last_number_there_is_is_refused_clearly(to):
    write(to, [0])
    (to / "00000000" / f"part-{'9' * 15}.parquet").write_bytes(b"")
    with pytest.raises(CaptureDamaged, match="no part has such a number"):
        Dataset(to).checkpoint()


def parquet(**columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        parquet(data=["x"], received_at=FAR),
        parquet(data=["x"], received_at=pa.array([-(2**62)], FAR.type)),
        parquet(data=no_text()),
        parquet(data=["x"], type=no_text()),
        b'{"data": "x", "more": ' + b"[" * 100_000,
        b'{"data": "x", "more": ' + b"9" * 5_000 + b"}",
        b'{"data": "x", "received_at": "9999-12-31T23:59:59-23:59"}',
    ],
)
def test_a_recording_that_makes_no_sense_is_told_where_it_is_given(content):
    with pytest.raises(ValueError, match="bytes"):
        SSEStream.replay(content)
