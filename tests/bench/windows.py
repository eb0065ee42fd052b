"""Libraries that keep the latest rows of a stream, each fed the same batches in its natural way.

`last` feeds all batches, asks for the frame after each of them as a live view does, and gives the
data that the last one held. A peer that is not installed is left out.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sse_widget.events import EventBatch
from sse_widget.tables.window import RollingWindow

__all__ = ["OURS", "PEERS", "Keeper", "agree", "installed"]

_DTYPES = {
    "received_at": "datetime64[us, UTC]",
    "type": "str",
    "last_event_id": "str",
    "data": "str",
}


@dataclass(frozen=True)
class Keeper:
    """One library.

    Attributes:
        name: of its distribution.
        last: feeds these batches to a window of so many rows; the data it holds at the end.
    """

    name: str
    last: Callable[[list[EventBatch], int], list[str]]


def _columns(batch: EventBatch) -> dict[str, Any]:
    return {
        "received_at": [batch.received_at] * len(batch),
        "type": batch.types,
        "last_event_id": batch.last_event_ids,
        "data": batch.data,
    }


def _frame(batch: EventBatch) -> pd.DataFrame:
    return pd.DataFrame(_columns(batch)).astype(_DTYPES)


def _ours(batches: list[EventBatch], rows: int) -> list[str]:
    window = RollingWindow(rows)
    frame = window.read().frame()
    for batch in batches:
        window.append(batch)
        frame = window.read().frame()
    held: list[str] = frame["data"].tolist()
    return held


OURS = Keeper("sse-widget", _ours)


def _pandas() -> Keeper:
    def last(batches: list[EventBatch], rows: int) -> list[str]:
        frame = pd.DataFrame(columns=list(_DTYPES)).astype(_DTYPES)
        for batch in batches:
            frame = pd.concat([frame, _frame(batch)]).iloc[-rows:]
        held: list[str] = frame["data"].tolist()
        return held

    return Keeper("pandas", last)


def _polars() -> Keeper:
    polars = importlib.import_module("polars")

    def last(batches: list[EventBatch], rows: int) -> list[str]:
        frame = None
        for batch in batches:
            new = polars.DataFrame(_columns(batch))
            frame = new if frame is None else polars.concat([frame, new]).tail(rows)
        held: list[str] = [] if frame is None else frame["data"].to_list()
        return held

    return Keeper("polars", last)


def _holoviews() -> Keeper:
    streams = importlib.import_module("holoviews.streams")

    def last(batches: list[EventBatch], rows: int) -> list[str]:
        example = pd.DataFrame(columns=list(_DTYPES)).astype(_DTYPES)
        buffer = streams.Buffer(example, length=rows, index=False)
        for batch in batches:
            buffer.send(_frame(batch))
        held: list[str] = buffer.data["data"].tolist()
        return held

    return Keeper("holoviews", last)


def _streamz() -> Keeper:
    core = importlib.import_module("streamz")
    frames = importlib.import_module("streamz.dataframe")

    def last(batches: list[EventBatch], rows: int) -> list[str]:
        example = pd.DataFrame(columns=list(_DTYPES)).astype(_DTYPES)
        source = core.Stream()
        kept = example
        window = frames.DataFrame(source, example=example).window(n=rows).full()

        def keep(frame: pd.DataFrame) -> None:
            nonlocal kept
            kept = frame

        window.stream.sink(keep)
        for batch in batches:
            source.emit(_frame(batch))
        held: list[str] = kept["data"].tolist()
        return held

    return Keeper("streamz", last)


_PEERS = (_pandas, _polars, _holoviews, _streamz)
PEERS = len(_PEERS)


def installed() -> list[Keeper]:
    """Ours, and all peers that can be imported here."""
    found = [OURS]
    for make in _PEERS:
        try:
            found.append(make())
        except ImportError:
            continue
    return found


def agree(keepers: list[Keeper], batches: list[EventBatch], rows: int) -> None:
    """Each must hold the same at the end, or their times mean nothing."""
    expected = [text for batch in batches for text in batch.data][-rows:]
    for keeper in keepers:
        assert keeper.last(batches, rows) == expected, f"{keeper.name} holds something else"
