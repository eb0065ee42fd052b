"""The events held as a sequence: `len(stream)`, `stream[-1]`, `stream[10:20]`.

A position counts from the oldest event held, so it moves as events come and go; the number of an event
(`seq`) never does. Each look is at one moment. It reads the window and changes nothing.
"""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import SupportsIndex

import pyarrow as pa

from ..events import Event
from ..tables import RollingWindow, Snapshot


def at_position(
    window: RollingWindow, place: SupportsIndex | slice, origin: str
) -> Event | list[Event]:
    """The event at a position, from the end where it is negative; of a slice, a list of them.

    Raises:
        IndexError: there is no such position.
        TypeError: it is no whole number and no slice.
    """
    if isinstance(place, slice):
        return _slice(window.read(), place, origin)
    try:
        at = operator.index(place)
    except TypeError:
        raise TypeError(_not_a_position(place)) from None
    while True:
        first, stop, _ = window.bounds
        seq = at + (first if at >= 0 else stop)
        if not first <= seq < stop:
            raise IndexError(_no_position(at, first, stop))
        found = window.read(seq, seq + 1)
        if found.first == seq:  # else it was evicted just now, and the positions moved
            return next(found.events(origin))


def _slice(held: Snapshot, place: slice, origin: str) -> list[Event]:
    rows = range(held.table.num_rows)[place]
    if rows.step == 1:
        part = held.table.slice(rows.start, len(rows))
        return list(Snapshot(held.first + rows.start, part).events(origin))
    # Only those that are asked for are made.
    some = held.table.take(pa.array(rows, pa.int64()))
    events = Snapshot(0, some).events(origin)
    return [replace(event, seq=held.first + row) for event, row in zip(events, rows, strict=True)]


def _not_a_position(place: object) -> str:
    if isinstance(place, str):
        return (
            f"stream[...] takes the position of an event, not {place!r}: a field of the payloads is "
            f"stream.to_dataframe(columns=[{place!r}]), or a column of stream.df once "
            f"stream.columns names it"
        )
    return f"stream[...] takes the position of an event, or a slice, not {type(place).__name__}"


def _no_position(at: int, first: int, stop: int) -> str:
    if first == stop:
        return f"stream[{at}]: no event is held"
    held = f"{stop - first:,} {'event is' if stop - first == 1 else 'events are'} held"
    if first <= at < stop:
        return f"stream[{at}]: {held}; the event with the number {at} is stream.df.loc[{at}]"
    return f"stream[{at}]: {held}"
