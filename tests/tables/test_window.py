"""RollingWindow through its own names: bounds, accounts, snapshots."""

from __future__ import annotations

import sys
import threading
import tracemalloc
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sse_widget.events import EventBatch
from sse_widget.tables.window import SCHEMA, RollingWindow

from ..helpers.of_pandas import TEXT

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def batch(*data: str, type_: str = "t", id_: str = "") -> EventBatch:
    n = len(data)
    return EventBatch([type_] * n, list(data), [id_] * n, [bool(id_)] * n, received_at=NOW)


def test_frame_has_the_columns_of_the_contract():
    window = RollingWindow()
    window.append(batch("a", "é", type_="trade", id_="7"))
    frame = window.read().frame()
    assert list(frame.columns) == ["received_at", "type", "last_event_id", "data"]
    assert [str(t) for t in frame.dtypes] == ["datetime64[us, UTC]", TEXT, TEXT, TEXT]
    assert isinstance(frame.index, pd.RangeIndex)
    assert frame.index.name == "seq"
    assert frame.iloc[1].tolist() == [pd.Timestamp(NOW), "trade", "7", "é"]


def test_empty_frame_has_the_same_dtypes():
    frame = RollingWindow().read().frame()
    assert len(frame) == 0
    assert [str(t) for t in frame.dtypes] == ["datetime64[us, UTC]", TEXT, TEXT, TEXT]


def test_eviction_by_events_is_exact_and_visible_in_the_index():
    window = RollingWindow(max_events=10)
    for i in range(25):
        window.append(batch(str(i)))
        assert window.counts == (i + 1, min(i + 1, 10), max(i - 9, 0), 0)
    frame = window.read().frame()
    assert frame["data"].tolist() == [str(i) for i in range(15, 25)]
    assert frame.index.tolist() == list(range(15, 25))


def test_an_event_larger_than_the_window_is_evicted_at_once():
    window = RollingWindow(max_bytes=1000)
    window.append(batch("small"))
    window.append(batch("x" * 2000))
    assert window.counts == (2, 0, 2, 0)
    window.append(batch("next"))
    assert window.read().frame()["data"].tolist() == ["next"]


@pytest.mark.parametrize("data", [["a"], ["a", "b"], ["a" * 500, "\N{GRINNING FACE}"], ["é" * 9]])
@pytest.mark.parametrize("id_", ["", "7"])
def test_it_says_how_much_memory_the_newest_batch_takes(data, id_):
    window = RollingWindow()
    came = batch(*data, id_=id_)
    window.append(batch("x" * 5000))
    window.append(came)
    assert window.newest_nbytes == pytest.approx(came.nbytes, abs=400)
    assert window.newest_nbytes > sum(map(sys.getsizeof, data))


def test_clear_keeps_the_numbers_going():
    window = RollingWindow()
    window.append(batch("a", "b"))
    assert window.clear() == 2
    assert window.append(batch("c")) == 2
    assert window.counts == (3, 1, 0, 2)
    assert window.read().frame().index.tolist() == [2]


def test_read_of_a_range_over_sealed_batches_and_the_tail():
    window = RollingWindow()
    for k in range(3):
        window.append(batch(*(str(i) for i in range(k * 3000, (k + 1) * 3000))))
    for start, stop in [
        *[(0, 9000), (0, 6000), (5999, 6001), (6000, 9000), (6500, 6600), (8999, 9999)],
        *[(0, 0), (4000, 4000), (6000, 6000), (9000, 9000), (20_000, 30_000), (7, 3)],
    ]:
        snapshot = window.read(start, stop)
        expected = [str(i) for i in range(start, min(stop, 9000))]
        assert snapshot.table.column("data").to_pylist() == expected


def test_what_was_read_of_the_latest_is_the_same_when_it_is_sealed():
    window = RollingWindow()
    earlier = []
    for n in range(0, 20_000, 700):
        window.append(batch(*map(str, range(n, n + 700))))
        # From the first on, from where the last reader stopped, and from between.
        start = (0, n, n - 300)[n // 700 % 3]
        earlier.append((start, n + 700, window.read(start)))
    for start, stop, snapshot in earlier:
        start = max(start, 0)
        for read in (snapshot, window.read(start, stop)):
            assert read.first == start
            assert read.table["data"].to_pylist() == list(map(str, range(start, stop)))
    assert window.nbytes == sum(32 + 1 + len(str(n)) for n in range(window.counts.held))


def test_a_snapshot_does_not_change_afterwards():
    window = RollingWindow(max_events=5)
    window.append(batch(*"abc"))
    frame = window.read().frame()
    window.append(batch(*"defgh"))
    window.clear()
    assert frame["data"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("count", [1, 5000, 9000])
def test_a_frame_can_be_written_into_and_the_window_stays(count):
    window = RollingWindow()
    window.append(batch(*map(str, range(count))))
    frame = window.read().frame()
    frame.loc[0, ["received_at", "data"]] = [pd.Timestamp(0, tz="UTC"), "mine"]
    assert frame["received_at"].iloc[0] == pd.Timestamp(0, tz="UTC")
    again = window.read().frame()
    assert again["received_at"].iloc[0] == pd.Timestamp(NOW)
    assert again["data"].iloc[0] == "0"


def test_batches_of_several_times_keep_them():
    window = RollingWindow()
    later = NOW.replace(year=2027)
    for at, some in ((NOW, ("a", "b")), (later, ("c",)), (NOW, ("d",))):
        some_batch = batch(*some)
        some_batch.received_at = at
        window.append(some_batch)
    assert window.read().table["received_at"].to_pylist() == [NOW, NOW, later, NOW]
    assert window.read(1, 3).table["received_at"].to_pylist() == [NOW, later]


@pytest.mark.parametrize("type_", ["t", "long" * 100])
def test_what_events_have_in_common_is_theirs_all_the_same(type_):
    window = RollingWindow(max_events=5000)
    for _ in range(2):
        window.append(batch(*map(str, range(4100)), type_=type_, id_="7"))
    table = window.read().table
    assert set(table["type"].to_pylist()) == {type_}
    assert set(table["last_event_id"].to_pylist()) == {"7"}
    assert window.counts.held == len(table) == 5000


@given(st.lists(st.text(max_size=6) | st.sampled_from(["", "\0", "é" * 90, "a" * 200]), min_size=1))
@example(["\0", ""])
@example(["", ""])
def test_every_text_is_held_letter_for_letter(texts):
    window = RollingWindow()
    window.append(batch(*texts))
    assert window.read().table.column("data").to_pylist() == texts


@pytest.mark.parametrize("bad", [{"max_events": 0}, {"max_bytes": 0}, {"max_events": -1}])
def test_bounds_below_one_are_refused_by_name(bad):
    with pytest.raises(ValueError, match=f"{next(iter(bad))} must be at least 1"):
        RollingWindow(**bad)


@pytest.mark.parametrize("bad", [{"max_events": 1.5}, {"max_bytes": "1"}, {"max_events": True}])
def test_bounds_of_another_type_are_refused_by_name(bad):
    with pytest.raises(TypeError, match=next(iter(bad))):
        RollingWindow(**bad)


def latest(rows: list[str], max_events: int, max_bytes: int) -> list[str]:
    """As many of the latest rows as both bounds allow, by counting."""
    kept: list[str] = []
    size = 0
    for row in reversed(rows[-max_events:]):
        size += len(row.encode()) + 1 + 32
        if size > max_bytes:
            break
        kept.insert(0, row)
    return kept


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.lists(st.text(max_size=30), min_size=1, max_size=8),
            st.just("clear"),
            st.integers(1, 6000),
        ),
        max_size=30,
    ),
    st.integers(1, 5000),
    st.integers(1, 3000) | st.just(10**9),
    st.booleans(),
)
@example([2], 1, 34, False)
def test_accounts_and_bounds_hold_whatever_happens(steps, max_events, max_bytes, one_by_one):
    window = RollingWindow(max_events, max_bytes)
    everything: list[str] = []
    cleared_to = 0
    for step in steps:
        if step == "clear":
            window.clear()
            cleared_to = len(everything)
        else:
            new = [str(i) for i in range(step)] if isinstance(step, int) else step
            for some in [[row] for row in new] if one_by_one else [new]:
                assert window.append(batch(*some)) == len(everything)
                everything += some
        received, held, evicted, cleared = window.counts
        assert received == len(everything) == held + evicted + cleared
        snapshot = window.read()
        kept = snapshot.table.column("data").to_pylist()
        # Nothing beyond the bounds; and nothing let go that they allow.
        assert kept == latest(everything[cleared_to:], max_events, max_bytes)
        assert snapshot.first == received - held == received - len(kept)
        assert window.bounds == (snapshot.first, received, cleared_to)
        assert window.nbytes == sum(len(t.encode()) + 1 + 32 for t in kept) <= max_bytes


def test_snapshots_are_consistent_while_another_thread_appends():
    window = RollingWindow(max_events=20_000)
    done = threading.Event()

    def write():
        for i in range(0, 60_000, 7):
            window.append(batch(*(str(n) for n in range(i, i + 7))))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        snapshot = window.read()
        data = snapshot.table.column("data").to_pylist()
        assert data == [str(i) for i in range(snapshot.first, snapshot.first + len(data))]
    writer.join()


def test_clearing_from_another_thread_loses_and_doubles_nothing():
    window = RollingWindow(max_events=5000, max_bytes=200_000)
    done = threading.Event()

    def write():
        for i in range(40_000):
            window.append(batch(str(i)))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    cleared = 0
    while not done.is_set():
        cleared += window.clear()
        snapshot = window.read()
        data = snapshot.table.column("data").to_pylist()
        assert data == [str(i) for i in range(snapshot.first, snapshot.first + len(data))]
        assert window.nbytes <= 200_000
    writer.join()
    received, held, evicted, total_cleared = window.counts
    assert (received, total_cleared) == (40_000, cleared)
    assert received == held + evicted + cleared


@pytest.mark.parametrize("rows", [0, 1, 9000])
def test_a_window_goes_on_where_an_earlier_one_ended(rows):
    earlier = RollingWindow(max_events=8000)
    if rows:
        earlier.append(batch(*map(str, range(rows))))
    held = earlier.read()
    window = RollingWindow(max_events=5000, max_bytes=100_000)
    window.restore(held.stop, held.table)
    assert window.append(batch("next")) == rows
    kept = window.read().table["data"].to_pylist()
    assert kept == latest([*held.table["data"].to_pylist(), "next"], 5000, 100_000)
    received, held_, evicted, cleared = window.counts
    assert (received, held_, cleared) == (rows + 1, len(kept), 0)
    assert received == held_ + evicted
    assert window.nbytes <= 100_000


def test_what_others_hold_takes_room_and_gives_it_back():
    window = RollingWindow(max_bytes=34 * 100)
    other = window.budget.share("other")
    for i in range(10_000):
        window.append(batch(str(i % 10)))
    assert window.counts.held == 100
    other.hold(34 * 60)
    assert window.counts.held <= 100
    window.append(batch("x"))
    assert window.counts.held == 40
    other.hold(10**9)
    window.append(batch("x"))
    assert window.counts.held == 0
    other.hold(0)
    window.append(batch(*"abc"))
    assert window.counts.held == 3


def test_what_was_let_go_is_freed():
    before = pa.total_allocated_bytes()
    window = RollingWindow(max_events=10)
    for _ in range(100):
        window.append(batch("x" * 2**19))
        # Ten events are 5 MiB; besides these what is not sealed yet, and the batch that is left.
        assert pa.total_allocated_bytes() - before < 10 * 2**20
    window.clear()
    window.append(batch("x"))
    assert pa.total_allocated_bytes() - before < 2**20


def test_a_table_without_rows_has_columns_with_a_chunk():
    """Functions of pyarrow before 26.0.1 end the process where a column has none."""
    window = RollingWindow()
    tables = [window.read().table, window.read(5, 3).table]
    window.append(EventBatch(["t"], ["a"], [""], [False], received_at=datetime.now(UTC)))
    tables += [window.read(1).table, window.read(0, 0).table]
    window.clear()
    tables.append(window.read().table)
    for table in tables:
        assert table.schema == SCHEMA
        assert [table[name].num_chunks for name in SCHEMA.names] == [1] * len(SCHEMA)
        assert table.num_rows == 0


def test_a_window_of_few_events_keeps_no_thousands_of_what_it_let_go():
    window = RollingWindow(max_events=100)
    tracemalloc.start()
    try:
        for n in range(3_900):
            window.append(batch(f"{n:0200}"))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert window.counts.held == 100
    assert held < 400_000


@pytest.mark.parametrize(
    ("max_events", "max_bytes", "sizes", "many"),
    [
        (200, 2**28, [10], 1),
        (200, 2**28, [10], 9),
        (50_000, 2**28, [10], 9),
        (10**6, 2**20, [10], 9),
        (10**6, 2**20, [10, 15_000], 1),
    ],
)
def test_who_watches_is_told_before_what_it_has_not_read_is_let_go(
    max_events, max_bytes, sizes, many
):
    """Once an eighth of the window is left, or two batches."""
    told = cursor = 0

    def watch(stop: int, most: int, newest: int) -> int:
        nonlocal told
        latest = cursor + most - most // 8 - 2 * newest
        if stop >= latest:
            told = stop
            return stop + 1
        return latest

    window = RollingWindow(max_events, max_bytes)
    window.watch(watch)
    looks = 0
    for n in range(60_000 // many if len(sizes) == 1 else 2_000 // many):
        window.append(batch(*["x" * sizes[n // 10 % len(sizes)]] * many))
        assert window.bounds[0] <= cursor
        if told > cursor:
            cursor, looks = told, looks + 1
    assert looks > 0
    assert window.counts.evicted > 0


def test_who_has_seen_enough_is_not_told_any_more():
    told = []
    window = RollingWindow(max_events=10)
    window.watch(lambda *asked: told.append(asked) or (5 if len(told) < 3 else None))
    for _ in range(2_000):
        window.append(batch("a"))
    assert told[0] == (0, 10, 0)
    assert len(told) == 3
