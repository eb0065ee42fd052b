"""Recordings read and played: the same events in the same order, at their pace."""

from __future__ import annotations

import asyncio
import io
import json
import math
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

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

    async def sleep_until(self, due):
        waited.append(due)
        now[0] = due

    monkeypatch.setattr(player.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(Player, "_sleep_until", sleep_until)
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


def test_an_unfinished_event_is_none():
    assert rows_of(Recording(b"data: 1\n\ndata: 2\n")) == [(None, "message", "", "1")]


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


@pytest.mark.parametrize("name", ["x.csv", "x", "x.txt"])
def test_other_suffixes_are_refused(name):
    with pytest.raises(ValueError, match=r"\.sse, \.ndjson, \.parquet"):
        Recording(name)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        Recording(tmp_path / "x.sse")


@pytest.mark.parametrize("speed", [0, -1, math.nan, True, "fast", None])
def test_speeds_are_above_zero(speed):
    with pytest.raises(ValueError, match="speed must be a number above 0"):
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
        second = Player(first.recording)
        second._take_over(first)
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
        assert events == literal.read(path.read_bytes()).events
