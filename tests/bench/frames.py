"""From events to analysis: the rolling window beside deques, payloads beside `pd.json_normalize`.

The peers are the loops that people write: an event at a time into deques with a `maxlen`, and a
DataFrame made of them when one is wanted; `json.loads` a row and `pd.json_normalize` of all. Ours
holds the bounds in bytes too, which theirs does not. Libraries that keep the latest rows of a
stream are in `windows`.
"""

from __future__ import annotations

import json
import sys
import tracemalloc
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

import pandas as pd
import pyarrow as pa

from sse_widget import EventStreamParser
from sse_widget.demo.feeds import TICKS, WIKI
from sse_widget.events import EventBatch
from sse_widget.payload import decode as json_rows
from sse_widget.tables.json_columns import expand
from sse_widget.tables.window import RollingWindow

from . import windows
from .measure import Report, Times, Verdict, compare, table, verdict
from .workloads import deltas

__all__ = [
    "SHAPES",
    "batches",
    "fill_deques",
    "fill_window",
    "normalize",
    "payload_frame",
    "report",
]

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_EVENTS = 1_000_000
_TOGETHER = 100  # events of a batch: what a busy stream gives a read
_BYTES = 46
# Events of a batch -> events in all: one at a time is how most streams come.
_APPENDS = {1: 200_000, 5: 200_000, 100: _EVENTS}
# The window that libraries keep, and how many events pass through it.
_KEPT, _THROUGH = 20_000, 40_000

Judged = tuple[list[list[str]], list[Verdict]]

TARGETS = {"append": 1.2, "df": 120.0, "flat": 2.0, "bytes": 85, "json": 3.0}


def batches(n: int, together: int = _TOGETHER) -> list[EventBatch]:
    """`n` events with 46 bytes of data, as the parser gives them."""
    out = []
    for start in range(0, n, together):
        numbers = range(start, min(start + together, n))
        data = [f'{{"symbol":"BTC","price":{i % 99_999 + 0.25},"n":{i}}}' for i in numbers]
        count = len(data)
        padded = [text[:_BYTES].ljust(_BYTES) for text in data]
        at = _NOW + timedelta(microseconds=50 * start)
        out.append(
            EventBatch(["trade"] * count, padded, [""] * count, [False] * count, received_at=at)
        )
    return out


def fill_window(events: list[EventBatch], max_events: int) -> RollingWindow:
    window = RollingWindow(max_events, 2**40)
    for batch in events:
        window.append(batch)
    return window


def fill_deques(events: list[EventBatch], max_events: int) -> dict[str, deque[Any]]:
    names = ("received_at", "type", "last_event_id", "data")
    columns: dict[str, deque[Any]] = {name: deque(maxlen=max_events) for name in names}
    at, types, ids, data = columns.values()
    for batch in events:
        now = batch.received_at
        for type_, id_, text in zip(batch.types, batch.last_event_ids, batch.data, strict=True):
            at.append(now)
            types.append(type_)
            ids.append(id_)
            data.append(text)
    return columns


def _snapshot(window: RollingWindow) -> pd.DataFrame:
    return window.read().frame()


def normalize(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.json_normalize([json.loads(text) for text in frame["data"]])


def _feed(feed: Any, n: int) -> list[bytes]:
    return [feed.encoded(i, 1.8e9 + i / 20) for i in range(n)]


# name -> (events as a server sends them, how many)
SHAPES: dict[str, tuple[Callable[[int], list[bytes]], int]] = {
    "ticks": (lambda n: _feed(TICKS, n), 20_000),
    "wiki objects, 1.5 KB": (lambda n: _feed(WIKI, n), 6_000),
    "token deltas, 340 B": (deltas, 20_000),
}


def payload_frame(name: str, n: int | None = None) -> pd.DataFrame:
    """The `df` of a stream of this shape."""
    make, usual = SHAPES[name]
    batch = EventStreamParser().feed(b"".join(make(n or usual)))
    batch.received_at = _NOW
    return fill_window([batch], len(batch)).read().frame()


def _held_bytes(events: list[EventBatch]) -> tuple[float, float]:
    """Bytes an event that the window and the deques hold: Arrow's, and Python's."""
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    window = fill_window(events, _EVENTS)
    python = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    ours = pa.total_allocated_bytes() - before + python
    columns = fill_deques(events, _EVENTS)
    # A str for the data and four places in deques; types, ids and times are shared here.
    theirs = sum(map(sys.getsizeof, columns["data"])) + 4 * 8 * len(columns["data"])
    return ours / window.counts.held, theirs / window.counts.held


def _row(what: str, times: Times, ours: str, theirs: str, count: int, unit: float) -> list[str]:
    scale = unit / count
    return [what, f"{times.median(ours) * scale:.3g}", f"{times.median(theirs) * scale:.3g}"]


def _append_rows() -> Judged:
    rows, verdicts = [], []
    for together, count in _APPENDS.items():
        events = batches(count, together)
        for bound, name in ((count, "filling up"), (count // 2, "evicting")):
            times = compare(
                {
                    "ours": partial(fill_window, events, bound),
                    "deques": partial(fill_deques, events, bound),
                },
                rounds=5,
            )
            what, ratio = f"append {together} at a time, {name}", times.ratio("deques", "ours")
            verdicts.append(verdict(f"{what}: times deques", ratio, "≤", TARGETS["append"]))
            rows.append(
                [
                    *_row(what, times, "ours", "deques", count, 1e6),
                    f"{ratio:.2f} times",
                    f"at most {TARGETS['append']:g}",
                ]
            )
    return rows, verdicts


def _frame_rows() -> Judged:
    events = batches(_EVENTS)
    rows, verdicts = [], []
    sizes = (_EVENTS // 10, _EVENTS)
    held = {count: events[: count // _TOGETHER] for count in sizes}
    windows_ = {count: fill_window(some, count) for count, some in held.items()}
    for count, some in held.items():
        columns = fill_deques(some, count)
        times = compare(
            {
                "ours": partial(_snapshot, windows_[count]),
                "deques": partial(pd.DataFrame, columns),
            },
            rounds=9,
        )
        faster = times.ratio("ours", "deques")
        if count == _EVENTS:
            name = f"df of {count:,} events: times faster than a DataFrame of deques"
            verdicts.append(verdict(name, faster, "≥", TARGETS["df"], digits=0))
        rows.append(
            [
                *_row(f"df of {count:,} events, ms", times, "ours", "deques", 1, 1e3),
                f"{faster:.0f} times faster",
                f"at least {TARGETS['df']:g}" if count == _EVENTS else "",
            ]
        )
    # Flat: a window ten times as large costs less than twice as much.
    flat = compare(
        {f"{count}": partial(_snapshot, window) for count, window in windows_.items()}, rounds=31
    )
    ratio = flat.ratio(*map(str, sizes))
    rows.append(
        [
            "df, ten times the events",
            f"{flat.median(str(sizes[1])) * 1e3:.3g}",
            "",
            f"{ratio:.1f} times the time",
            f"at most {TARGETS['flat']:g}",
        ]
    )
    ours, theirs = _held_bytes(events)
    held_bytes = f"held, bytes an event of {_BYTES}"
    rows.append([held_bytes, f"{ours:.0f}", f"{theirs:.0f}", "", f"at most {TARGETS['bytes']}"])
    verdicts += [
        verdict("df, ten times the events: times the time", ratio, "≤", TARGETS["flat"], digits=1),
        verdict(held_bytes, ours, "≤", TARGETS["bytes"], digits=0),
    ]
    return rows, verdicts


def _peer_rows() -> Judged:
    """A frame of the latest events after each batch, which is what these libraries are for."""
    events = batches(_THROUGH)
    keepers = windows.installed()
    windows.agree(keepers, events[:30], 1000)
    times = compare(
        {keeper.name: partial(keeper.last, events, _KEPT) for keeper in keepers}, rounds=5
    )
    rows = [
        [
            keeper.name,
            f"{times.median(keeper.name) / _THROUGH * 1e6:.3g}",
            f"{times.ratio(windows.OURS.name, keeper.name):.1f} times ours",
        ]
        for keeper in keepers
    ]
    return rows, [
        verdict("libraries that hold the same", len(keepers) - 1, "≥", windows.PEERS, digits=0)
    ]


def _json_rows() -> Judged:
    rows, verdicts = [], []
    for name in SHAPES:
        frame = payload_frame(name)
        times = compare(
            {"ours": partial(expand, frame), "peer": partial(normalize, frame)}, rounds=7
        )
        faster = times.ratio("ours", "peer")
        what = f"JSON to columns, {name}: times faster than json_normalize"
        verdicts.append(verdict(what, faster, "≥", TARGETS["json"], digits=1))
        rows.append(
            [
                *_row(name, times, "ours", "peer", len(frame), 1e6),
                f"{faster:.1f} times faster",
                f"at least {TARGETS['json']:g}",
            ]
        )
    return rows, verdicts


def report() -> Report:
    """The tables, and what they should say."""
    parts = [_append_rows(), _frame_rows(), _peer_rows(), _json_rows()]
    (appends, held, peers, payloads), verdicts = zip(*parts, strict=True)
    reader = "orjson" if json_rows.orjson is not None else "the standard library (no orjson)"
    text = "\n\n".join(
        [
            "## Window: append, µs of CPU an event of 46 bytes",
            table(["", "ours", "deques", "", "aim"], appends),
            f"## Window: what it gives, {_EVENTS:,} events",
            table(["", "ours", "deques", "", "aim"], held),
            f"## A frame of the latest {_KEPT:,} events after every {_TOGETHER}, µs an event",
            table(["", "CPU", ""], peers),
            f"## JSON to columns, µs of CPU an event; ours reads with {reader}",
            table(["", "to_dataframe(json=True)", "json + json_normalize", "", "aim"], payloads),
        ]
    )
    return Report(text, list(chain.from_iterable(verdicts)))


if __name__ == "__main__":
    print(report().text)
