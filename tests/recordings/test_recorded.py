"""Recordings read and played: the same events in the same order, at their pace."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import io
import json
import lzma
import math
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sse_widget import SSEStream
from sse_widget.events import EventBatch
from sse_widget.recordings import player
from sse_widget.recordings.export import save
from sse_widget.recordings.player import Player
from sse_widget.recordings.recording import Recording
from sse_widget.tables.window import RollingWindow, Snapshot

from ..conftest import captures
from ..helpers import literal

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
STEP = timedelta(seconds=10)
ROWS = [
    (NOW, "message", "", "a"),
    (NOW, "t", "1", "b\nc"),
    (NOW + STEP, "t", "1", "é"),
    (NOW + STEP / 2, "t", "", "set back"),
    (NOW + 2 * STEP, "message", "2", ""),
]


def held(rows=ROWS) -> Snapshot:
    window = RollingWindow()
    for at, kind, id_, data in rows:
        window.append(EventBatch([kind], [data], [id_], [True], received_at=at))
    return window.read()


def rows_of(recording: Recording) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in recording.table.to_pylist()]


async def _play(recording: Recording, until: int | None = None) -> list[EventBatch]:
    batches = []
    async for batch in (source := Player(recording)).batches():
        batches.append(batch)
        if len(batches) == until:
            source.close()
    return batches


def play(recording: Recording, until: int | None = None) -> list[EventBatch]:
    return asyncio.run(_play(recording, until))


@pytest.fixture
def no_waiting(monkeypatch):
    """A clock that stands still; what is waited for is noted, and at once over."""
    now, waited = [0.0], []

    async def set_within(seconds, event):
        now[0] += seconds
        waited.append(now[0])
        return False

    monkeypatch.setattr(player.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(player, "set_within", set_within)
    return waited


# ---------------------------------------------------------------------- reading


@pytest.mark.parametrize("suffix", [".sse", ".ndjson", ".parquet"])
@pytest.mark.parametrize("how", ["path", "text", "bytes"])
def test_what_was_saved_is_read(tmp_path, suffix, how):
    path = save(held(), tmp_path / f"x{suffix}")
    content = {"path": path, "text": str(path), "bytes": path.read_bytes()}[how]
    recording = Recording(content)
    assert rows_of(recording) == ROWS
    assert recording.name == ("bytes" if how == "bytes" else path.name)


@pytest.mark.parametrize("suffix", [".sse", ".ndjson", ".parquet"])
def test_nothing(tmp_path, suffix):
    path = save(held([]), tmp_path / f"x{suffix}")
    assert rows_of(Recording(path)) == []
    assert play(Recording(path)) == []


def test_a_stream_from_elsewhere_has_no_times():
    recording = Recording(b"event: a\r\ndata: 1\r\n\r\n: received_at=nonsense\nid: 7\ndata: 2\n\n")
    assert rows_of(recording) == [(None, "a", "", "1"), (None, "message", "7", "2")]
    (batch,) = play(recording)
    assert batch.received_at is not None
    assert batch.has_id == [False, True]


@pytest.mark.parametrize(
    "end", ["", "\n", "\r\n", "\r", "\n\n", "\r\r", "\n: c", "\n: c\n", "\nfoo"]
)
def test_the_last_event_needs_no_blank_line(end):
    """The end of a file is no connection that broke."""
    content = f"id: 1\ndata: 1\n\n: received_at=2026-01-02T03:04:05Z\nid: 2\ndata: 2{end}".encode()
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    rows = [(None, "message", "1", "1"), (at, "message", "2", "2")]
    assert rows_of(Recording(content)) == rows
    assert [d for b in play(Recording(content, math.inf)) for d in b.data] == ["1", "2"]


def test_half_an_event_without_data_is_none():
    assert rows_of(Recording(b"data: 1\n\nid: 7\nevent: e\n")) == [(None, "message", "", "1")]


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b": c\n\n", b"retry: 5\n\n", b"id: 7", b"\xef\xbb\xbf:\n"]
)
def test_a_stream_without_events_is_a_recording(content):
    assert rows_of(Recording(content)) == []


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html>\n<html>...", "this is HTML"),
        (b"<html><body>504 Gateway Time-out</body></html>", "this is HTML"),
        (b"[1, 2]", "this is plain JSON"),
        ("data: a\n\n".encode("utf-16"), "UTF-16"),
        (b"Data: a\n\n", "'Data:' is no field"),
        (b"hello\nworld\n", "no line has a field name such as 'data:'; one begins 'hello'"),
        (bytes(range(1, 256)), "no line has a field name"),
        (b"\x28\xb5\x2f\xfd and more", "compressed by zstd"),
        (b"%PDF-1.7\n", "a PDF file"),
        (b"\x1f\x8bnonsense", "no gzip file that can be read"),
        (gzip.compress(b"<html>", mtime=0), "this is HTML"),
        (gzip.compress(b'{"a": 1}', mtime=0), 'an event is an object with text in "data"'),
    ],
)
@pytest.mark.parametrize("name", ["", "x.sse", "x.txt", "x.gz", "x"])
def test_what_is_no_recording_says_what_it_is(tmp_path, content, what, name):
    if name:
        (tmp_path / name).write_bytes(content)
        if name == "x.sse" and content.startswith(b"\x1f") and b"data" in what.encode():
            what = "this is plain JSON"  # its name says that it is no NDJSON
    with pytest.raises(ValueError, match=what):
        Recording(tmp_path / name if name else content)


def packed(content: bytes) -> dict[str, bytes]:
    return {
        "once": gzip.compress(content),
        "twice": gzip.compress(gzip.compress(content)),
        "in members": gzip.compress(content[:9]) + gzip.compress(content[9:]),
        "with zeros behind": gzip.compress(content) + bytes(512),
    }


@pytest.mark.parametrize("suffix", [".sse", ".ndjson", ".parquet"])
@pytest.mark.parametrize("name", ["x{}.gz", "x{}", "x.gz", "x.txt", "x"])
@pytest.mark.parametrize("how", packed(b""))
def test_what_is_packed_is_unpacked(tmp_path, suffix, name, how):
    content = save(held(), tmp_path / f"plain{suffix}").read_bytes()
    path = tmp_path / name.format(suffix)
    path.write_bytes(packed(content)[how])
    recording = Recording(path)
    assert rows_of(recording) == ROWS
    assert (recording.name, recording.size) == (path.name, path.stat().st_size)


CUTS = {
    "sse": (b"data: %d\n\n", 1000),
    "ndjson": (b'{"data": "%d"}\n', 1000),
}


@pytest.mark.parametrize("kind", CUTS)
def test_of_a_packed_file_that_is_cut_there_are_whole_events_and_a_gap(kind):
    line, n = CUTS[kind]
    packed = gzip.compress(b"".join(line % k for k in range(n)))
    recording = Recording(packed[: len(packed) * 3 // 4])
    assert recording.is_cut
    data = [row[3] for row in rows_of(recording)]
    assert data == [str(k) for k in range(len(data))]
    assert 500 < len(data) < n
    with SSEStream.replay(packed[: len(packed) * 3 // 4], speed=float("inf")) as stream:
        asyncio.run(stream.wait_closed())
        assert [(gap.cause, gap.seq) for gap in stream.gaps] == [("truncated", len(data))]
        assert "gzip" in stream.gaps[0].text


def test_what_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr("sse_widget.recordings.recording.UNPACKED_BYTES", 2**20)
    fits = gzip.compress(b"data: x\n\n" * 2**16)
    assert len(rows_of(Recording(fits))) == 2**16
    for bomb in (gzip.compress(b"data: x\n\n" * 2**18), gzip.compress(b":\n" * 2**18) * 4):
        with pytest.raises(ValueError, match="unpacks to more than"):
            Recording(bomb)


OTHERS = {
    "bzip2": bz2.compress(b"data: x\n\n"),
    "xz": lzma.compress(b"data: x\n\n"),
    "zstd": b"\x28\xb5\x2f\xfd\0\0\0\0\0",
    "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "SQLite": b"SQLite format 3\0\x10\0",
    "UTF-16": "data: x\n\n".encode("utf-16"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_bytes_of_another_format_are_named(what):
    with pytest.raises(ValueError, match=what):
        Recording(OTHERS[what])


@pytest.mark.parametrize("name", ["x.txt", "x.log", "x.jsonl", "x", "x.SSE"])
@pytest.mark.parametrize("suffix", [".sse", ".ndjson", ".parquet"])
def test_of_another_name_the_content_tells(tmp_path, name, suffix):
    path = tmp_path / name
    save(held(), tmp_path / f"plain{suffix}").rename(path)
    if name == "x.SSE" and suffix != ".sse":
        with pytest.raises(ValueError, match="holds no event stream"):
            Recording(path)
    else:
        assert rows_of(Recording(path)) == ROWS


def test_lines_from_elsewhere_need_data_alone():
    lines = [
        {"data": "x"},
        {"data": "\ud800", "type": None, "received_at": "2026-01-02T04:00:00+01:00"},
    ]
    content = "\n\n".join(map(json.dumps, lines)).encode()
    at = datetime(2026, 1, 2, 3, tzinfo=UTC)
    assert rows_of(Recording(content)) == [(None, "message", "", "x"), (at, "message", "", "�")]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b'{"data": "a"}\n{"data": "b"', "line 2: no JSON"),
        (b'{"a": 1}', 'line 1: an event is an object with text in "data"'),
        (b'{"data": {"price": 1}}', 'text in "data"'),
        (b'{"data": "a"}\n[1]', "line 2: an event is an object"),
        (b'{"data": "a", "type": 1}', "type must be text"),
        (b'{"data": "a", "received_at": 1700000000}', "received_at must be text"),
        (b'{"data": "a", "received_at": "soon"}', "no ISO 8601 time: 'soon'"),
        (b'{"data": "\xff"}', "line 1: no JSON"),
        (b'{"data": ' + b"[" * 100_000, "line 1: no JSON"),
        (b"PAR1 and no more", "no Parquet file that can be read"),
    ],
)
def test_what_is_no_recording_says_where(content, what):
    with pytest.raises(ValueError, match=what):
        Recording(content)


def parquet(**columns: object) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def test_parquet_from_elsewhere():
    table = {
        "data": pa.array(["a", None]).dictionary_encode(),
        "type": pa.array([None, "t"]),
        "received_at": pa.array([NOW.replace(tzinfo=None), None], pa.timestamp("ns")),
        "other": pa.array([1, 2]),
    }
    assert rows_of(Recording(parquet(**table))) == [(NOW, "message", "", "a"), (None, "t", "", "")]


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"payload": ["a"]}, r"no column 'data' \(it has payload\)"),
        ({"data": [b"\xff"]}, "data must be"),
        ({"data": [["a"]]}, "data must be"),
        ({"data": ["a"], "received_at": ["now"]}, "received_at must be a time"),
    ],
)
def test_parquet_that_is_none_of_ours_says_why(columns, what):
    with pytest.raises(ValueError, match=what):
        Recording(parquet(**columns))


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_csv_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"seq,data\n0,a\n")
    with pytest.raises(
        ValueError, match=r"\.csv file cannot be replayed.*\.sse, \.ndjson and \.parquet"
    ):
        Recording(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("nope/", "there is no such folder"),
        ("nope", "there is no such file or folder"),
        ("nope.sse", "there is no such file"),
        ("nope.csv", "there is no such file"),
        ("~/nope/nope.sse", "there is no such file"),
    ],
)
def test_what_is_not_there(tmp_path, monkeypatch, name, what):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"{what}: '{name}'"):
        Recording(name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_capture(tmp_path):
    with pytest.raises(ValueError, match="there is no capture in"):
        Recording(tmp_path)


@pytest.mark.parametrize("speed", [0, -1, math.nan])
def test_speeds_are_above_zero(speed):
    with pytest.raises(ValueError, match="speed must be a number above 0"):
        Recording(b"", speed)


@pytest.mark.parametrize("speed", [True, "fast", None])
def test_speeds_are_numbers(speed):
    with pytest.raises(TypeError, match="speed must be a number above 0"):
        Recording(b"", speed)


def test_neither_path_nor_bytes():
    with pytest.raises(TypeError, match="path or bytes"):
        Recording(7)  # type: ignore[arg-type]


# ---------------------------------------------------------------------- playing


def test_at_once_keeps_times_and_order(tmp_path):
    path = save(held(), tmp_path / "x.sse")
    runs = [play(Recording(path, math.inf)) for _ in range(2)]
    assert runs[0] == runs[1]
    played = [(b.received_at, e.type, e.last_event_id, e.data) for b in runs[0] for e in b]
    assert played == ROWS
    assert [len(b) for b in runs[0]] == [2, 1, 1, 1]
    assert [b.has_id for b in runs[0]] == [[False, True], [False], [True], [True]]


@pytest.mark.parametrize(("speed", "factor"), [(1.0, 1), (4, 4)])
def test_pace(no_waiting, tmp_path, speed, factor):
    play(Recording(save(held(), tmp_path / "x.sse"), speed))
    # A clock that was set back waits until it is where it was.
    assert no_waiting == [10 / factor, 20 / factor]


def test_closing_ends_the_waiting(tmp_path):
    path = save(held(), tmp_path / "x.sse")
    batches = play(Recording(path), until=1)
    assert [len(b) for b in batches] == [2]


def test_closing_from_another_task_ends_the_waiting(tmp_path):
    async def both() -> int:
        source = Player(Recording(save(held(), tmp_path / "x.sse")))
        reading = source.batches()
        count = len(await anext(reading))
        waiting = asyncio.ensure_future(anext(reading, None))
        await asyncio.sleep(0)
        source.close()
        async with asyncio.timeout(5):
            assert await waiting is None
        return count

    assert asyncio.run(both()) == 2


def test_it_goes_on_where_it_was_stopped(tmp_path):
    async def twice() -> list[str]:
        first = Player(Recording(save(held(), tmp_path / "x.sse"), math.inf))
        data = []
        async for batch in first.batches():
            data += batch.data
            first.close()
        second = Player(first.recording, resume=first.resume_point)
        async for batch in second.batches():
            data += batch.data
        assert (first.stats.received, second.stats.received) == (2, 3)
        assert first.stats.bytes + second.stats.bytes == pytest.approx(first.recording.size, abs=1)
        assert second.status.state == "closed"
        return data

    assert asyncio.run(twice()) == [row[3] for row in ROWS]


def test_many_events_of_one_moment_come_in_batches():
    content = b"".join(b"data: %d\n\n" % i for i in range(10_000))
    batches = play(Recording(content))
    assert max(map(len, batches)) <= 4096
    assert [d for b in batches for d in b.data] == [str(i) for i in range(10_000)]


if (FOLDER := captures()) is not None:

    @pytest.mark.parametrize("path", sorted(FOLDER.glob("*.sse")), ids=lambda p: p.name)
    def test_recorded_streams(path):
        events = [(e.type, e.data, e.last_event_id) for b in play(Recording(path)) for e in b]
        assert events == literal.read(path.read_bytes() + b"\n\n").events
