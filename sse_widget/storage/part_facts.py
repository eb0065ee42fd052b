"""What the footer of a captured file tells of its rows, in little memory: how many, when they came, and how far
each stream is.

A question about a whole capture (which parts matter, how many events came in each minute) is answered from
these facts; no row is read for it. A file may be anybody's: a statistic that makes no sense counts as none,
and then the rows themselves decide. Nothing here opens a file.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .arrival_counts import Pace
from .boot_clock import Reading
from .footer import MAX_NUMBER, Footer
from .part_schema import FIRST_TIME, LAST_TIME

# Microseconds since 1970.
_LAST_TIME = (LAST_TIME - FIRST_TIME) // timedelta(microseconds=1)
# Of a file with more row groups than we ever write only the sum is kept.
_GROUPS_KEPT = 4_096
_GROUP_BYTES = 160


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: of one stream or of all, of which numbers, and of which time.

    Attributes:
        stream: of this one; None for all.
        start, stop: from this number to before that one.
        since, until: that came from this time to before that one, in microseconds since 1970.
    """

    stream: str | None = None
    start: int = 0
    stop: int | None = None
    since: int | None = None
    until: int | None = None

    @property
    def has_times(self) -> bool:
        return self.since is not None or self.until is not None

    @property
    def columns(self) -> set[str]:
        """What must be read to know."""
        found = set()
        if self.stream is not None:
            found.add("stream")
        if self.start > 0 or self.stop is not None:
            found.add("seq")
        if self.has_times:
            found.add("received_at")
        return found

    def expression(self) -> Any:
        """As pyarrow filters a dataset; None for all rows."""
        import pyarrow.compute as pc

        return self._all(pc.field, operator.and_)

    def of(self, table: pa.Table) -> pa.Table:
        """These of a table."""
        import pyarrow.compute as pc

        mask = self._all(table.column, pc.and_)
        if mask is None or pc.all(mask).as_py():
            return table
        return table.filter(mask)

    def _all(self, column: Callable[[str], Any], both: Callable[[Any, Any], Any]) -> Any:
        import pyarrow.compute as pc

        found = []
        if self.stream is not None:
            found.append(pc.equal(column("stream"), pa.scalar(self.stream, pa.large_string())))
        if self.start > 0:
            found.append(pc.greater_equal(column("seq"), pa.scalar(self.start)))
        if self.stop is not None:
            found.append(pc.less(column("seq"), pa.scalar(self.stop)))
        if self.since is not None:
            since = pa.scalar(self.since, _KINDS["received_at"])
            found.append(pc.greater_equal(column("received_at"), since))
        if self.until is not None:
            until = pa.scalar(self.until, _KINDS["received_at"])
            found.append(pc.less(column("received_at"), until))
        return functools.reduce(both, found) if found else None


class StreamNames:
    """The names of the streams of some parts, which share one of these.

    Attributes:
        names: in the order of the footer.
    """

    __slots__ = ("names", "places")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.places = {name: i for i, name in enumerate(names)}


class RowGroup(NamedTuple):
    """What the statistics of one row group say; None for what they do not.

    Attributes:
        rows: how many it has.
        nbytes: as it lies there, packed.
        first, last: of `received_at`, in microseconds since 1970.
        first_seq, last_seq: of the numbers.
        first_stream, last_stream: of the names, in the order of their bytes.
    """

    rows: int
    nbytes: int
    first: int | None = None
    last: int | None = None
    first_seq: int | None = None
    last_seq: int | None = None
    first_stream: str | None = None
    last_stream: str | None = None

    def may_hold(self, wanted: Wanted) -> bool:
        """Whether such rows can be among its rows."""
        return (
            self.rows > 0
            # Parquet compares texts by their bytes.
            and _meet(
                (_encoded(self.first_stream), _encoded(self.last_stream)),
                (_encoded(wanted.stream), _encoded(wanted.stream)),
            )
            and _meet((self.first_seq, self.last_seq), (wanted.start, _before(wanted.stop)))
            and _meet((self.first, self.last), (wanted.since, _before(wanted.until)))
        )


@dataclass(frozen=True, slots=True)
class PartFacts:
    """Of one part.

    Attributes:
        writer, at, clock, begun, closes: as in its `Footer`.
        groups: its row groups, in the order of their rows.
        streams: the names of all streams of the sequence; `seqs` the number that each one's next event has.
        pace: of a merged part how its rows came; None where it does not tell.
    """

    writer: str
    at: datetime
    clock: Reading | None
    begun: datetime
    closes: bool
    groups: tuple[RowGroup, ...]
    streams: StreamNames
    seqs: Any
    pace: Pace | None

    @property
    def rows(self) -> int:
        return sum(group.rows for group in self.groups)

    @property
    def span(self) -> tuple[int, int] | None:
        """When its first and its last row came, in microseconds; None where it is not known."""
        first = _least([group.first for group in self.groups if group.rows])
        last = _least([_minus(group.last) for group in self.groups if group.rows])
        return None if first is None or last is None else (first, -last)

    @property
    def nbytes(self) -> int:
        """About how many bytes this takes in memory, without the names, which parts share."""
        pace = 0 if self.pace is None else 40 * len(self.pace.rows)
        return 1_000 + _GROUP_BYTES * len(self.groups) + 8 * len(self.seqs) + pace

    def seq(self, stream: str) -> int:
        """The number of the next event of a stream; 0 for one that is not told of."""
        place = self.streams.places.get(stream)
        return 0 if place is None else int(self.seqs[place])

    def rows_by_stream(self, before: PartFacts | None) -> dict[str, int] | None:
        """How many rows it has of each stream, by how far each one went since the part before; None where
        that does not add up to its rows: numbers were left out, or streams came from another sequence."""
        news = self.seqs.copy()
        if before is not None and before.streams is self.streams:
            news -= before.seqs
        elif before is not None:
            news -= [before.seq(name) for name in self.streams.names]
        if (news < 0).any() or int(news.sum()) != self.rows:
            return None
        return dict(zip(self.streams.names, news.tolist(), strict=True))

    def may_hold(self, wanted: Wanted) -> bool:
        """Whether such rows can be among its rows."""
        return any(group.may_hold(wanted) for group in self.groups)

    def promise(self) -> Any:
        """What is true of each row, as an expression of pyarrow; None where nothing is known."""
        import pyarrow.compute as pc

        groups = [group for group in self.groups if group.rows]
        found = None
        for column, least, most in (
            ("received_at", [g.first for g in groups], [g.last for g in groups]),
            ("seq", [g.first_seq for g in groups], [g.last_seq for g in groups]),
            ("stream", [g.first_stream for g in groups], [g.last_stream for g in groups]),
        ):
            low = [value for value in least if value is not None]
            high = [value for value in most if value is not None]
            if not low or len(low) < len(groups) or len(high) < len(groups):
                continue
            kind = _KINDS[column]
            field = pc.field(column)
            between = (field >= pa.scalar(_smallest(low), kind)) & (
                field <= pa.scalar(_largest(high), kind)
            )
            found = between if found is None else found & between
        return found


_KINDS = {
    "received_at": pa.timestamp("us", "UTC"),
    "seq": pa.int64(),
    "stream": pa.large_string(),
}


def _meet(known: tuple[Any, Any], wanted: tuple[Any, Any]) -> bool:
    """Whether two ranges, with their ends, have something in common; None is no bound."""
    (low, high), (least, most) = known, wanted
    return not (
        (high is not None and least is not None and high < least)
        or (low is not None and most is not None and low > most)
    )


def _before(stop: int | None) -> int | None:
    return None if stop is None else stop - 1


def _encoded(name: str | None) -> bytes | None:
    return None if name is None else name.encode("utf-8", "replace")


def _by_bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _smallest(values: list[Any]) -> Any:
    return min(values, key=_by_bytes)


def _largest(values: list[Any]) -> Any:
    return max(values, key=_by_bytes)


def _least(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return min(known) if known and len(known) == len(values) else None


def _minus(value: int | None) -> int | None:
    return None if value is None else -value


def microseconds_of(at: datetime | None) -> int | None:
    """Since 1970, of an aware time; None of none."""
    return None if at is None else (at - FIRST_TIME) // timedelta(microseconds=1)


def facts_of(footer: Footer, groups: tuple[RowGroup, ...], names: StreamNames) -> PartFacts:
    """The facts of a part with this footer; `names` are those of its streams."""
    seqs = np.fromiter((position.seq for position in footer.streams.values()), np.int64)
    return PartFacts(
        footer.writer,
        footer.at,
        footer.clock,
        footer.begun,
        footer.closes,
        groups,
        names,
        seqs,
        footer.pace,
    )


def row_groups(metadata: Any) -> tuple[RowGroup, ...]:
    """What a `pyarrow.parquet.FileMetaData` says of each row group."""
    count = metadata.num_row_groups
    if not count:
        return ()
    if count > _GROUPS_KEPT:
        return (RowGroup(metadata.num_rows, 0),)
    at = {name: i for i, name in enumerate(column_paths(metadata))}
    return tuple(_group(metadata.row_group(i), at) for i in range(count))


def column_paths(metadata: Any) -> list[str]:
    """The columns of a file by its `pyarrow.parquet.FileMetaData`; none where it has no row group.

    Not by its `schema`: that and the metadata hold one another until the collector looks at everything there is,
    which is hours in a process of many streams, and a capture looks at hundreds of files an hour.
    """
    if not metadata.num_row_groups:
        return []
    group = metadata.row_group(0)
    return [group.column(i).path_in_schema for i in range(metadata.num_columns)]


def _group(group: Any, at: dict[str, int]) -> RowGroup:
    nbytes = sum(group.column(i).total_compressed_size for i in at.values())
    first, last = _bounds(group, at, "received_at", _LAST_TIME)
    first_seq, last_seq = _bounds(group, at, "seq", MAX_NUMBER)
    first_stream, last_stream = _texts(group, at, "stream")
    return RowGroup(
        group.num_rows, nbytes, first, last, first_seq, last_seq, first_stream, last_stream
    )


def _statistics(group: Any, at: dict[str, int], name: str) -> Any:
    if name not in at:
        return None
    statistics = group.column(at[name]).statistics
    return statistics if statistics is not None and statistics.has_min_max else None


def _bounds(
    group: Any, at: dict[str, int], name: str, top: int
) -> tuple[int, int] | tuple[None, None]:
    statistics = _statistics(group, at, name)
    if statistics is None:
        return None, None
    low, high = statistics.min_raw, statistics.max_raw
    if not (isinstance(low, int) and isinstance(high, int) and 0 <= low <= high <= top):
        return None, None
    return low, high


def _texts(group: Any, at: dict[str, int], name: str) -> tuple[str, str] | tuple[None, None]:
    try:
        statistics = _statistics(group, at, name)
        if statistics is None:
            return None, None
        low, high = statistics.min, statistics.max
    except UnicodeDecodeError:
        return None, None
    if not (isinstance(low, str) and isinstance(high, str)):
        return None, None
    return (low, high) if low.encode() <= high.encode() else (None, None)
