"""From events to analysis, through the stream itself: frames, live columns, files, replays,
callbacks."""

from __future__ import annotations

import asyncio
import json
import math
import queue
import threading
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sse_widget import EventFilter, SSEStream

from ..conftest import captures
from ..helpers import literal
from ..helpers.clients import AT_ONCE, over
from ..helpers.of_pandas import PARSED, from_arrow
from ..helpers.scripted import Server, answers

OVER = answers("204 No Content")
TIMED = b""": received_at=2026-01-02T03:00:00Z
event: trade
data: {"price": 1.5, "user": {"name": "a"}, "at": "2026-01-02T03:00:00+01:00"}

: received_at=2026-01-02T03:01:00Z
event: quote
data: {"price": 2, "n": 9007199254740993}

event: trade
data: no json

: received_at=2026-01-02T03:02:00Z
id: 7
event: trade
data: {"price": 3.5}

"""


@pytest.fixture
def replay():
    """Plays bytes or files, at once unless told otherwise, and closes the streams."""
    made = []

    def make(content=TIMED, **options):
        options.setdefault("speed", math.inf)
        made.append(SSEStream.replay(content, **options))
        return made[-1]

    yield make
    for stream in made:
        stream.close()


def test_reading_a_text_changes_nothing_on_the_page(replay):
    stream = replay()
    over(stream)
    sent = []
    stream.send = lambda *message, **more: sent.append(message)
    before = stream.get_state()
    assert stream.text("user.name") == "a"
    with pytest.warns(UserWarning, match="meets nothing"):
        assert stream.text("user.nmae") == ""
    assert stream.get_state() == before
    assert sent == []


@pytest.fixture
def live():
    """A stream from a real server."""
    made = []

    def make(server, **options):
        made.append(SSEStream(server.url, retry=AT_ONCE, **options))
        return made[-1]

    yield make
    for stream in made:
        stream.close()


# ---------------------------------------------------------------------- frames


@pytest.mark.parametrize(
    ("asked", "seqs"),
    [
        ({}, [0, 1, 2, 3]),
        ({"types": {"trade"}}, [0, 2, 3]),
        ({"types": "quote"}, [1]),
        ({"types": {"trade"}, "last": 2}, [2, 3]),
        ({"last": 0}, []),
        ({"last": 9}, [0, 1, 2, 3]),
        ({"since": "2026-01-02T03:01:00+00:00"}, [1, 2, 3]),
        ({"until": datetime(2026, 1, 2, 3, 1, tzinfo=UTC)}, [0]),
        ({"since": "2026-01-02T03:01:00Z", "until": "2026-01-02T03:02:00Z"}, [1, 2]),
        ({"filter": EventFilter(text="price"), "types": {"trade"}}, [0, 3]),
        ({"types": {"none"}}, []),
        ({"types": {"none"}, "last": "1h"}, []),
        ({"last": np.int64(1)}, [3]),
        ({"last": "1min"}, [3]),
        ({"last": timedelta(minutes=1, microseconds=1)}, [1, 2, 3]),
        ({"last": "1min", "until": "2026-01-02T03:02:00Z"}, [1, 2]),
        ({"since": date(2026, 1, 1)}, [0, 1, 2, 3]),
        ({"until": date(2026, 1, 1)}, []),
    ],
)
@pytest.mark.parametrize("more", [{}, {"json": True}, {"columns": ["price"]}])
def test_which_rows(replay, asked, seqs, more):
    frame = replay().to_dataframe(**asked, **more)
    assert frame.index.tolist() == seqs
    assert frame.index.name == "seq"
    assert list(frame.columns[:4]) == ["received_at", "type", "last_event_id", "data"]


def test_every_key_with_its_own_values(replay):
    frame = replay().to_dataframe(json=True, times=["at"])
    assert list(frame.columns)[4:] == ["price", "user", "at", "n", "is_json"]
    assert [str(t) for t in frame.dtypes[4:]] == [
        "float64",
        "object",
        f"datetime64[{PARSED}, UTC+01:00]",
        "Int64",
        "bool",
    ]
    assert frame["n"].iloc[1] == 9007199254740993
    assert frame["is_json"].tolist() == [True, True, False, True]
    assert frame["user"].iloc[0] == {"name": "a"}


def test_times_alone(replay):
    frame = replay().to_dataframe(times=["at"], types={"trade"})
    assert list(frame.columns)[4:] == ["at"]
    assert frame["at"].iloc[0] == pd.Timestamp("2026-01-02T02:00:00Z")


@pytest.mark.parametrize(
    ("asked", "error", "what"),
    [
        ({"last": -1}, ValueError, "last must not be negative"),
        ({"last": 1.5}, TypeError, "last must be a whole number, or an interval"),
        ({"last": True}, TypeError, "last must be a whole number, or an interval"),
        ({"last": "soon"}, ValueError, 'an interval is like "500ms"'),
        ({"columns": 5}, TypeError, "columns must be a list of names: .*, not 5"),
        ({"columns": ["price", 1]}, TypeError, "columns must be names, not 1"),
        ({"times": True}, TypeError, "times must be a list of names: .*, not True"),
        ({"json": ["price"]}, TypeError, r"json is True or False.*columns="),
        ({"since": "soon"}, ValueError, "since"),
        ({"types": 3}, TypeError, "types"),
        ({"filter": "trade"}, TypeError, "filter must be an EventFilter"),
    ],
)
def test_bad_arguments_are_named(replay, asked, error, what):
    with pytest.raises(error, match=what):
        replay().to_dataframe(**asked)


def test_view_df_has_the_live_columns_too(replay):
    stream = replay()
    stream.columns = ["price"]
    stream.filter = EventFilter(types={"quote"})
    assert stream.view_df["price"].tolist() == [2.0]
    assert stream.view_df.index.tolist() == [1]


# ---------------------------------------------------------------------- live columns


@pytest.mark.filterwarnings("ignore:'type' meets nothing")
def test_live_columns_of_events_held_and_to_come(live):
    gate = threading.Event()

    def speak(peer):
        peer.stream('data: {"price": 1}\n\n')
        gate.wait(60)
        peer.send('data: {"price": 2, "user": {"name": "b"}}\n\ndata: x\n\n')

    with Server(speak, OVER) as server:
        stream = live(server)
        asyncio.run(stream.until(timeout=60))
        assert stream.columns == []
        stream.columns = ["price", "user.name", "type"]
        assert stream.columns == ["price", "user.name", "type"]
        assert stream.df["price"].tolist() == [1]
        gate.set()
        over(stream)
    df = stream.df
    assert list(df.columns)[4:] == ["price", "user.name", "data.type"]
    assert (str(df["price"].dtype), df["price"].tolist()) == ("Int64", [1, 2, pd.NA])
    assert df["user.name"].tolist()[1] == "b"
    assert list(stream.to_dataframe(last=1).columns) == list(df.columns)
    stream.columns = []
    assert list(stream.df.columns) == ["received_at", "type", "last_event_id", "data"]


def test_one_name_is_a_list_of_one(replay):
    stream = replay()
    assert list(stream.to_dataframe(columns="price", times="at").columns)[4:] == ["price", "at"]
    stream.columns = "price"
    assert stream.columns == ["price"]
    assert stream.df["price"].tolist()[:2] == [1.5, 2.0]
    with pytest.raises(TypeError, match="columns"):
        stream.columns = ["price", 1]
    assert stream.columns == ["price"]
    stream.columns = None
    assert stream.columns == []


# ---------------------------------------------------------------------- ways out, ways in


@pytest.mark.parametrize("suffix", [".sse", ".ndjson", ".parquet"])
def test_saved_and_replayed_is_the_same(replay, tmp_path, suffix):
    stream = replay()
    path = stream.save(tmp_path / f"x{suffix}")
    again = replay(path)
    pd.testing.assert_frame_equal(again.df, stream.df)
    assert again.last_event_id == stream.last_event_id == "7"
    assert again.event_types == {"trade": 3, "quote": 1}
    assert again.stats.received == 4
    assert again.status.state == "closed"
    assert again.url == f"replay:x{suffix}"


def test_save_what_the_filter_lets_through(replay, tmp_path):
    stream = replay()
    stream.filter = EventFilter(types={"quote"})
    assert replay(stream.save(tmp_path / "x.sse", stream.filter)).df["type"].tolist() == ["quote"]
    with pytest.raises(ValueError, match=r"\.txt"):
        stream.save(tmp_path / "x.txt")


def test_arrow_reads_the_stream_a_snapshot_each_time(replay):
    stream = replay()
    table = pa.table(stream)
    assert table.column_names == ["seq", "received_at", "type", "last_event_id", "data"]
    assert table["seq"].to_pylist() == [0, 1, 2, 3]
    frame = from_arrow(stream)
    assert frame["data"].tolist() == stream.df["data"].tolist()
    stream.clear()
    assert pa.table(stream).num_rows == 0
    assert table.num_rows == 4


def test_a_replay_has_its_own_options(replay):
    stream = replay(max_events=2)
    assert stream.df.index.tolist() == [2, 3]
    with pytest.raises(TypeError, match="no option 'headers'"):
        replay(headers={})
    with pytest.raises(TypeError, match="no option 'max_event'"):
        replay(max_event=1)
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        replay("x.csv")


def test_a_replay_is_stopped_and_goes_on(replay):
    stream = replay(speed=1e-6)
    asyncio.run(stream.until(type="trade", timeout=60))
    stream.stop()
    assert len(stream.df) == 1
    assert stream.status.state == "closed"
    stream.start()
    asyncio.run(stream.until(where=lambda event: event.seq == 2, timeout=60))
    assert stream.df.index.tolist() == [0, 1, 2]
    assert stream.gaps == []


def test_async_for_over_a_replay(replay):
    async def read():
        return [(e.seq, e.data) async for e in replay()]

    assert [seq for seq, _ in asyncio.run(read())] == [0, 1, 2, 3]


if (FOLDER := captures()) is not None:

    @pytest.mark.parametrize("path", sorted(FOLDER.glob("*.sse")), ids=lambda p: p.name)
    def test_recorded_streams_saved_and_parsed_again(replay, path, tmp_path):
        stream = replay(path)
        saved = stream.save(tmp_path / "x.sse").read_bytes()
        assert literal.read(saved).events == literal.read(path.read_bytes()).events
        frame = stream.to_dataframe(json=True)
        assert len(frame) == len(stream.df)
        marks = frame["is_json"] if "is_json" in frame else [True] * len(frame)
        for text, is_json in zip(frame["data"], marks, strict=True):
            try:
                json.loads(text)
            except ValueError:
                assert not is_json
            else:
                assert is_json


# ---------------------------------------------------------------------- reacting


def test_callbacks_hear_held_events_and_new_ones(live):
    got: queue.Queue[tuple[int, float]] = queue.Queue()
    gate = threading.Event()

    def speak(peer):
        peer.stream('event: trade\ndata: {"p": 1}\n\nevent: quote\ndata: 0\n\n')
        gate.wait(60)
        peer.send('event: trade\ndata: {"p": 2}\n\n')

    with Server(speak, OVER) as server:
        stream = live(server)

        @stream.on("trade")
        def trade(event):
            got.put((event.seq, event.json()["p"]))

        assert got.get(timeout=60) == (0, 1)
        gate.set()
        assert got.get(timeout=60) == (2, 2)
    (told,) = stream.callbacks
    assert (told.calls, told.missed, told.errors) == (2, 0, 0)
    stream.off(trade)
    assert stream.callbacks == []


def test_new_rows_at_the_end_of_the_stream(replay):
    frames: queue.Queue[pd.DataFrame] = queue.Queue()
    stream = replay()
    stream.columns = ["price"]
    stream.every("2h")(frames.put)
    frame = frames.get(timeout=60)
    assert frame.index.tolist() == [0, 1, 2, 3]
    assert frame["price"].tolist()[:2] == [1.5, 2.0]


def test_a_callback_may_end_its_stream(replay):
    done = threading.Event()
    stream = replay(speed=1e-6)

    @stream.on()
    def end(event):
        stream.stop()
        stream.close()
        done.set()

    assert done.wait(60)
    assert stream.status.state == "closed"
    assert [c.errors for c in stream.callbacks] == [0]
