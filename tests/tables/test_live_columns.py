"""LiveColumns beside a window: aligned, typed, read once."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse_widget.events import EventBatch
from sse_widget.tables import live_columns
from sse_widget.tables.json_columns import expand
from sse_widget.tables.live_columns import LiveColumns
from sse_widget.tables.typed_column import ColumnChunk
from sse_widget.tables.window import RollingWindow

from ..helpers.of_pandas import TEXT

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def put(window: RollingWindow, *rows: object) -> None:
    data = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    n = len(data)
    window.append(EventBatch(["t"] * n, data, [""] * n, [False] * n, received_at=NOW))


def test_columns_follow_those_of_the_window():
    window = RollingWindow()
    put(window, {"price": 1.5, "user": {"name": "é"}}, "no json", {"price": 2.5})
    _, frame = LiveColumns(window, ["price", "user.name", "data", "none"]).read()
    assert list(frame.columns)[4:] == ["price", "user.name", "data.data", "none"]
    assert [str(t) for t in frame.dtypes[4:]] == ["float64", TEXT, "object", "object"]
    assert frame["price"].isna().tolist() == [False, True, False]
    assert frame.index.name == "seq"


@pytest.mark.parametrize("bad", [5, [1], [None]])
def test_paths_must_be_names(bad):
    with pytest.raises(TypeError, match="columns"):
        LiveColumns(RollingWindow(), bad)


def test_each_event_is_read_once(monkeypatch):
    read: list[int] = []
    real = live_columns.read_whole
    monkeypatch.setattr(
        live_columns, "read_whole", lambda texts: read.append(len(texts)) or real(texts)
    )
    window = RollingWindow()
    live = LiveColumns(window, ["a"])
    for i in range(20):
        put(window, *({"a": i} for _ in range(700)))
        live.read()
        live.read()
    assert sum(read) == 20 * 700


def test_dtypes_are_those_of_the_rows_held():
    window = RollingWindow(max_events=3)
    live = LiveColumns(window, ["a"])
    dtypes = []
    for value in (1, "x", 2, None, 3, 4, 5):
        put(window, {"a": value})
        dtypes.append(str(live.read()[1]["a"].dtype))
    assert dtypes == ["int64", "object", "object", "object", "Int64", "Int64", "int64"]


def test_a_frame_does_not_change_afterwards():
    window = RollingWindow(max_events=2)
    live = LiveColumns(window, ["a"])
    put(window, {"a": 1}, {"a": 2})
    frame = live.read()[1]
    frame.loc[0, "a"] = 9
    put(window, {"a": 3})
    assert frame["a"].tolist() == [9, 2]
    assert live.read()[1]["a"].tolist() == [2, 3]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 1500), st.sampled_from([1, 1.5, "x", None, True, {}])),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 9000),
    st.booleans(),
)
def test_they_are_what_expanding_everything_gives(steps, max_events, ask):
    window = RollingWindow(max_events)
    live = LiveColumns(window, ["a", "b.c"])
    for count, value in steps:
        put(window, *({"a": value, "b": {"c": i}} for i in range(count)))
        if ask:
            live.read()
    snapshot, frame = live.read()
    expected = expand(snapshot.frame(), ["a", "b.c"])
    pd.testing.assert_frame_equal(frame, expected)
    start = snapshot.first + snapshot.table.num_rows // 2
    later, part = live.read(start)
    assert later.first == part.index[0] == start
    expected = expand(snapshot.frame().loc[start:], ["a", "b.c"])
    pd.testing.assert_frame_equal(part, expected)


def test_clearing_the_window_clears_them():
    window = RollingWindow()
    live = LiveColumns(window, ["a"])
    put(window, {"a": 1})
    live.read()
    window.clear()
    assert len(live.read()[1]) == 0
    put(window, {"a": "x"})
    assert live.read()[1]["a"].tolist() == ["x"]


async def idle(live: LiveColumns) -> None:
    """Nothing is left that would be read by itself."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20):
        while (due := live.due) is not None:
            reached = loop.create_future()
            loop.call_at(due, reached.set_result, None)
            await reached


def test_events_held_are_read_in_the_background():
    window = RollingWindow(max_events=5000)
    put(window, *({"a": i} for i in range(8000)))
    live = LiveColumns(window, ["a"])

    async def work() -> None:
        live.note()
        live.note()
        await idle(live)
        assert live.cursor == 8000
        put(window, {"a": 1})
        live.note()
        await idle(live)
        assert live.cursor == 8001

    asyncio.run(work())
    assert live.read()[1]["a"].tolist() == [*range(3001, 8000), 1]


def test_closed_columns_stop_reading():
    window = RollingWindow()
    live = LiveColumns(window, ["a"])
    put(window, {"a": 1})

    async def work() -> None:
        live.note()
        live.close()
        live.note()
        await idle(live)

    asyncio.run(work())
    assert live.cursor == 0


def test_asking_while_another_thread_writes():
    window = RollingWindow(max_events=6000)
    live = LiveColumns(window, ["a"])
    done = threading.Event()

    def write() -> None:
        for i in range(0, 40_000, 50):
            put(window, *({"a": n} for n in range(i, i + 50)))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        snapshot, frame = live.read()
        assert frame["a"].tolist() == list(range(snapshot.first, snapshot.stop))
    writer.join()


@pytest.mark.parametrize(
    "value", [1.5, "some text of some length", {"nested": [1, 2, {"deep": "x"}]}, None, 2**70]
)
@pytest.mark.parametrize("max_bytes", [2_000, 500_000])
def test_they_count_toward_the_bound_in_bytes(value, max_bytes):
    window = RollingWindow(max_bytes=max_bytes)
    live = LiveColumns(window, ["a", "b"])
    for i in range(20):
        put(window, *({"a": value, "b": i} for _ in range(700)))
        live.read()
        # With the next event they are within it; how much is held is known to a few values.
        put(window, {"a": value, "b": i})
        assert 0 < window.nbytes + live.nbytes < 1.1 * max_bytes
    alone = RollingWindow(max_bytes=max_bytes)
    put(alone, *({"a": value, "b": i} for i in range(14_020)))
    assert alone.counts.held * 0.1 < window.counts.held < alone.counts.held
    live.close()
    for _ in range(20):
        put(window, *({"a": value, "b": i} for i in range(700)))
    assert window.nbytes > 0.9 * max_bytes


def test_columns_of_a_window_at_rest_make_room_for_themselves():
    window = RollingWindow(max_bytes=2_000_000)
    put(window, *({"a": "x" * 100} for _ in range(30_000)))
    put(window, {"a": "x"})  # seals
    live = LiveColumns(window, ["a"])
    live.read()
    assert window.nbytes + live.nbytes < 2_100_000
    live.read()  # what was let go for them takes some of theirs along
    assert len(live.read()[1]) == window.counts.held


def test_what_is_handed_out_is_the_callers():
    window = RollingWindow()
    put(window, *({"a": {"n": i}} for i in range(5000)))
    live = LiveColumns(window, ["a"])
    for row in (0, 4999):  # of what is sealed, and of what is not yet
        live.read()[1]["a"].iloc[row]["n"] = "mine"
        assert live.read()[1]["a"].iloc[row] == {"n": row}


@pytest.mark.parametrize("depth", [10, 900])
def test_objects_are_packed_and_those_nested_too_deep_are_kept(depth):
    values = [json.loads("[" * depth + "]" * depth), 1, None, "\ud800", 2**70, {"a": 1.5}]
    piece = ColumnChunk(values).packed()
    assert repr(piece.to_list()) == repr(values)
    assert piece.to_list()[5] is not values[5] or depth == 900
    assert piece.nbytes > 0
