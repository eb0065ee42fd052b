"""Callbacks as cursors over the window: in order, apart from the loop, never lossy
without saying so."""

from __future__ import annotations

import contextvars
import io
import math
import queue
import sys
import threading
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from sse_widget.events import Event, EventBatch
from sse_widget.stream.callbacks import Callbacks
from sse_widget.tables.durations import seconds_of
from sse_widget.tables.window import RollingWindow

from ..helpers.clients import join

NOW = datetime(2026, 1, 2, tzinfo=UTC)
WHERE = contextvars.ContextVar("WHERE", default="nowhere")


class Rig:
    """A window with callbacks, fed by hand."""

    def __init__(self, **bounds: int) -> None:
        self.window = RollingWindow(**bounds)
        self.cursors = Callbacks(self.window, origin=lambda: "http://here")
        self.got: queue.Queue[object] = queue.Queue()

    def put(self, *data: str, type: str = "t") -> None:
        n = len(data)
        batch = EventBatch([type] * n, list(data), ["i"] * n, [True] * n, received_at=NOW)
        self.window.append(batch)
        self.cursors.note()

    def take(self, count: int) -> list[object]:
        return [self.got.get(timeout=60) for _ in range(count)]

    def settled(self) -> None:
        """All that is held has been handed to a callback that was registered last."""
        done = threading.Event()
        stop = self.window.bounds[1]

        def see(event: Event) -> None:
            if event.seq == stop - 1:
                done.set()

        self.cursors.on(None)(see)
        assert done.wait(60)
        self.cursors.off(see)


@pytest.fixture
def rig():
    made: list[Rig] = []

    def make(**bounds: int) -> Rig:
        made.append(Rig(**bounds))
        return made[-1]

    yield make
    for one in made:
        one.cursors.close()
        assert join("sse-widget callbacks")


def test_events_of_a_type_in_order_held_ones_first(rig):
    r = rig()
    r.put("a", "b")
    r.put("x", type="other")

    @r.cursors.on("t")
    def see(event: Event) -> None:
        r.got.put(event)

    assert callable(see)
    r.put("c")
    events = r.take(3)
    assert [(e.seq, e.data) for e in events] == [(0, "a"), (1, "b"), (3, "c")]
    assert events[0] == Event("t", "a", "i", "http://here", NOW, 0)
    r.settled()
    assert r.got.empty()
    (told,) = r.cursors.callbacks
    assert (told.on, told.calls, told.missed, told.errors) == ("t", 3, 0, 0)
    assert told.name.endswith("see")


def test_several_types_in_one_list(rig):
    r = rig()
    r.put("a")
    r.put("b", type="u")
    r.put("c", type="v")
    r.put("d")
    r.cursors.on(["t", "u", "t"])(r.got.put)
    assert [(e.type, e.data) for e in r.take(3)] == [("t", "a"), ("u", "b"), ("t", "d")]
    (told,) = r.cursors.callbacks
    assert told.on == "t, u"


@pytest.mark.parametrize("wrong", [5, b"t", ["t", 5], [], {}])
def test_what_is_no_type_is_refused_at_once(rig, wrong):
    with pytest.raises((TypeError, ValueError), match="type"):
        rig().cursors.on(wrong)


def test_a_type_of_which_nothing_came_yet(rig):
    """Columns without rows ended the process in pyarrow before 26.0.1."""
    r = rig()
    looked = threading.Event()
    r.cursors = Callbacks(r.window, origin=lambda: looked.set() or "http://here")
    r.cursors.on("t")(r.got.put)
    assert looked.wait(60)
    r.put("other", type="u")
    r.put("a")
    assert r.take(1)[0].data == "a"


def test_only_those_to_come(rig):
    r = rig()
    r.put("old")
    r.cursors.on(None, held=False)(lambda e: r.got.put(e.data))
    r.put("new")
    assert r.take(1) == ["new"]


def test_one_thread_that_is_not_the_writers_in_the_context_of_registering(rig):
    r = rig()

    def see(event: Event) -> None:
        r.got.put((threading.current_thread(), WHERE.get()))

    token = WHERE.set("cell 1")
    r.cursors.on("t")(see)
    WHERE.reset(token)
    r.cursors.every(0.01)(lambda rows: r.got.put((threading.current_thread(), WHERE.get())))
    r.put("a")
    seen = r.take(2)
    assert {where for _, where in seen} == {"cell 1", "nowhere"}
    assert len({thread for thread, _ in seen}) == 1
    assert seen[0][0] is not threading.current_thread()


def test_an_exception_is_shown_once_counted_and_stops_nothing(rig, capsys):
    r = rig()

    def bad(event: Event) -> None:
        raise RuntimeError(f"no {event.data}")

    r.cursors.on("t")(bad)
    r.cursors.on("t")(lambda e: r.got.put(e.data))
    r.put("a")
    r.put("b", "c")
    assert r.take(3) == ["a", "b", "c"]
    r.settled()
    told = r.cursors.callbacks[0]
    assert (told.calls, told.errors, str(told.error)) == (3, 3, "no c")
    shown = capsys.readouterr().err
    assert shown.count("RuntimeError: no") == 1
    assert "no a" in shown


def test_exit_in_a_callback_and_an_output_that_is_closed_stop_nothing(rig, monkeypatch):
    r = rig()
    closed = io.StringIO()
    closed.close()

    def leave(event: Event) -> None:
        raise SystemExit

    monkeypatch.setattr(sys, "stderr", closed)
    r.cursors.on("t")(leave)
    r.cursors.on("t")(lambda e: r.got.put(e.data))
    r.put("a", "b")
    assert r.take(2) == ["a", "b"]
    r.settled()  # its turn may come after that of the other one
    assert r.cursors.callbacks[0].errors == 2


def test_a_cursor_overtaken_by_eviction_counts_what_it_missed(rig):
    r = rig(max_events=10)
    go, came = threading.Event(), threading.Event()

    def slow(event: Event) -> None:
        came.set()
        assert go.wait(60)
        r.got.put(event.seq)

    r.put("first")
    r.cursors.on("t")(slow)
    assert came.wait(60)
    r.put(*map(str, range(1, 31)))
    go.set()
    assert r.take(11) == [0, *range(21, 31)]
    assert r.cursors.callbacks[0].missed == 20


def test_what_was_cleared_was_not_missed(rig):
    r = rig()
    go, came = threading.Event(), threading.Event()

    def slow(event: Event) -> None:
        came.set()
        assert go.wait(60)
        r.got.put(event.seq)

    r.put("first")
    r.cursors.on("t")(slow)
    assert came.wait(60)
    r.put("a", "b")
    r.window.clear()
    r.put("c")
    go.set()
    assert r.take(2) == [0, 3]
    assert r.cursors.callbacks[0].missed == 0


def test_new_rows_as_a_frame_each_interval(rig):
    r = rig()
    r.put("a", "b")
    r.cursors.every("20ms")(r.got.put)
    (first,) = r.take(1)
    assert isinstance(first, pd.DataFrame)
    assert (first["data"].tolist(), first.index.tolist()) == (["a", "b"], [0, 1])
    r.put("c")
    (second,) = r.take(1)
    assert second.index.tolist() == [2]
    assert r.cursors.callbacks[0].calls == 2


def test_the_end_of_the_stream_hands_over_the_rest_at_once(rig):
    r = rig()
    r.cursors.every("2h")(r.got.put)
    r.put("a")
    r.cursors.note(over=True)
    (frame,) = r.take(1)
    assert frame["data"].tolist() == ["a"]


def test_a_timer_counts_what_it_missed(rig):
    r = rig(max_events=2)
    r.cursors.every("2h")(r.got.put)
    r.put("a")
    r.put("b", "c", "d", "e")
    r.cursors.note(over=True)
    (frame,) = r.take(1)
    assert frame.index.tolist() == [3, 4]
    assert r.cursors.callbacks[0].missed == 3


def test_off(rig):
    r = rig()

    def see(event: Event) -> None:
        r.got.put(event.data)
        if event.data == "b":
            r.cursors.off(see)

    r.cursors.on("t")(see)
    r.cursors.off(print)
    r.put("a", "b", "c")
    r.settled()
    assert r.take(2) == ["a", "b"]
    assert r.got.empty()
    assert r.cursors.callbacks == []


def test_registering_again_is_once(rig):
    r = rig()

    def see(event: Event) -> None:
        r.got.put(event.data)

    r.cursors.on("t", held=False)(see)
    r.cursors.on("t", held=False)(see)
    r.put("a")
    r.settled()
    assert r.take(1) == ["a"]
    assert r.got.empty()


def test_a_cell_that_runs_again_replaces_its_function(rig):
    r = rig()
    cell = "def see(event):\n    got.put((event.data, n))\n"
    for n in (1, 2):
        names = {"__name__": "__main__", "got": r.got, "n": n}
        exec(cell, names)
        r.cursors.on("t", held=False)(names["see"])
    r.put("a")
    r.settled()
    assert r.take(1) == [("a", 2)]
    assert r.got.empty()


def test_closing_from_a_callback(rig):
    r = rig()

    def see(event: Event) -> None:
        r.cursors.close()
        r.got.put(event.data)

    r.cursors.on("t")(see)
    r.put("a", "b")
    assert r.take(1) == ["a"]
    assert join("sse-widget callbacks")
    assert r.got.empty()


async def coroutine(event: Event) -> None:
    pass


@pytest.mark.parametrize("bad", [coroutine, "f", None])
def test_only_plain_functions(bad):
    cursors = Callbacks(RollingWindow())
    with pytest.raises(TypeError, match="plain function"):
        cursors.on("t")(bad)
    assert not cursors.callbacks


def test_used_without_a_type():
    with pytest.raises(TypeError, match=r'@stream\.on\("trade"\)'):
        Callbacks(RollingWindow()).on(print)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("interval", "seconds"),
    [
        *[
            ("5s", 5),
            ("500ms", 0.5),
            ("1.5 min", 90),
            ("2h", 7200),
            (" 5 seconds ", 5),
            ("5m", 300),
        ],
        *[("1h30min", 5400), ("00:05:00", 300), (3, 3), (0.5, 0.5), (timedelta(seconds=4), 4)],
    ],
)
def test_intervals(interval, seconds):
    assert seconds_of(interval) == seconds


@pytest.mark.parametrize(
    "bad",
    [
        "5",
        "s",
        "five s",
        "5 parsecs",
        "-1s",
        0,
        -1,
        "0s",
        "",
        "NaT",
        "inf",
        "5M",
        math.inf,
        math.nan,
    ],
)
def test_no_interval(bad):
    with pytest.raises(ValueError, match="5s"):
        seconds_of(bad)


@pytest.mark.parametrize("bad", [None, True, []])
def test_an_interval_of_another_type(bad):
    with pytest.raises(TypeError, match="5s"):
        seconds_of(bad)
