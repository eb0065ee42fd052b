"""When the events of a capture came, over all of its history: how many in each step of time, and which event
was the first after a moment.

Both are answered by what the footers of the files say. A row is read only to find the event itself, and where
the footers cannot tell one stream from the others: in the oldest file that is left, and where a stream moved
between workers.
"""

from __future__ import annotations

import contextlib

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import CaptureDamaged
from .arrival_counts import Counts
from .dataset import Dataset
from .part_facts import PartFacts, Wanted
from .part_schema import Part


def arrivals(
    dataset: Dataset,
    stream: str | None = None,
    since: int | None = None,
    until: int | None = None,
    steps: int = 300,
) -> Counts | None:
    """How many events came in each step of time; None where none is known to have come then.

    Args:
        stream: of this one; None for all.
        since, until: from this time to before that one, in microseconds since 1970; None for the first,
            and the last, of the capture.
        steps: at most so many. They are round: of 1, 2, 5, 10, 15, 30 seconds, and so on. The first and
            the last may begin before `since` and end after `until`.

    Where a file says less than a step needs (a merged one of version 0.2.0 says when its row groups
    begin and end), its events are spread evenly over that time.
    """
    return dataset.again(lambda: _arrivals(dataset, stream, since, until, steps))


def _arrivals(
    dataset: Dataset, stream: str | None, since: int | None, until: int | None, steps: int
) -> Counts | None:
    found = _spread_out(dataset, stream)
    spans = [span for _, facts in found if (span := facts.span) is not None]
    if not spans:
        return None
    first = min(begin for begin, _ in spans) if since is None else since
    last = max(end for _, end in spans) if until is None else until - 1
    if last < first:
        return None
    counts = Counts.over(first, last, steps)
    for rows, facts in found:
        if facts.span is None:
            continue
        if facts.pace is not None or stream is not None:
            counts.spread(rows, *facts.span, facts.pace)
            continue
        for group in facts.groups:
            assert group.first is not None  # or it had no span
            assert group.last is not None
            counts.spread(group.rows, group.first, group.last)
    return counts


def _spread_out(dataset: Dataset, stream: str | None) -> list[tuple[int, PartFacts]]:
    """How many rows each file has of a stream, or of all, and what its end says."""
    parts = dataset.sound(dataset.parts())
    if stream is None:
        return [(facts.rows, facts) for _, facts in parts]
    found = []
    before: dict[str, PartFacts] = {}
    for part, facts in parts:
        rows = _rows_of(dataset, stream, part, facts, before.get(part.shard))
        before[part.shard] = facts
        if rows:
            found.append((rows, facts))
    return found


def _rows_of(
    dataset: Dataset, stream: str, part: Part, facts: PartFacts, before: PartFacts | None
) -> int:
    """How many rows a file has of one stream."""
    seq = facts.seq(stream)
    if not facts.rows or seq == 0:
        return 0
    if before is not None and seq == before.seq(stream):
        return 0
    known = facts.rows_by_stream(before)
    if known is not None and (before is not None or part.first == 0):
        return known.get(stream, 0)
    rows = 0
    with contextlib.suppress(CaptureDamaged):
        for table in dataset.tables_of(part, Wanted(stream), ["seq"]):
            rows += table.num_rows
    return rows


def first_after(dataset: Dataset, stream: str | None, at: int) -> tuple[str, int] | None:
    """The stream and the number of the first event, of this stream or of all, that came at this time, in
    microseconds since 1970, or later; None where none did."""
    return dataset.again(lambda: _first_after(dataset, stream, at))


def _first_after(dataset: Dataset, stream: str | None, at: int) -> tuple[str, int] | None:
    wanted = Wanted(stream, since=at)
    found: tuple[int, int, str] | None = None
    for begins, part in _by_time(dataset, wanted):
        # Files of several sequences are of the same time; one that begins later has nothing earlier.
        if found is not None and begins >= found[0]:
            break
        first = _first_of(dataset, part, wanted)
        if first is not None and (found is None or first < found):
            found = first
    return None if found is None else (found[2], found[1])


def _first_of(dataset: Dataset, part: Part, wanted: Wanted) -> tuple[int, int, str] | None:
    """Of one file the first of such rows: when it came, its number and its stream."""
    found: tuple[int, int, str] | None = None
    with contextlib.suppress(CaptureDamaged):
        for table in dataset.tables_of(part, wanted, ["received_at", "seq", "stream"]):
            times = table["received_at"].cast(pa.int64())
            first = pc.min(times)
            (row,) = table.filter(pc.equal(times, first)).slice(0, 1).to_pylist()
            one = (int(first.as_py()), row["seq"], row["stream"])
            found = one if found is None else min(found, one)
    return found


def _by_time(dataset: Dataset, wanted: Wanted) -> list[tuple[int, Part]]:
    """The files that may hold such rows, in the order of their first row."""
    found = [
        (0 if facts.span is None else facts.span[0], part)
        for part, facts in dataset.advancing(wanted.stream, dataset.parts())
        if facts.may_hold(wanted)
    ]
    return sorted(found)
