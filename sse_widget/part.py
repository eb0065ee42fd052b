"""Part: the rows and the footer of one file of a capture, made of what was said since the last one.

Pure: it turns entries into columns, counts and positions, and those into the bytes of a file. When
that happens, and what becomes of the file, is `writer`'s business. Imports `dataset` and the floors
below it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .dataset import ROWS
from .events import EventBatch
from .footer import Footer, Position
from .window import Snapshot, strings, texts

__all__ = ["PARQUET", "Entry", "encode", "gather"]


class Entry(NamedTuple):
    """What one call of `add` or `skip` said."""

    stream: str
    batch: EventBatch | None
    skipped: int
    last_event_id: str | None
    reconnection_time: int | None
    stats: Mapping[str, int] | None


def encode(table: pa.Table, footer: Footer) -> Any:
    """The bytes of a part."""
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    with pyarrow.parquet.ParquetWriter(sink, ROWS, **PARQUET) as file:
        file.write_table(table)
        file.add_key_value_metadata(footer.encode())
    return sink.getvalue()


PARQUET: dict[str, Any] = {
    "compression": {
        name: "none" if name in ("seq", "received_at") else "zstd" for name in ROWS.names
    },
    "use_dictionary": ["stream", "type"],
    # Texts of a megabyte are no statistics.
    "write_statistics": ["stream", "seq", "received_at"],
    # Numbers that grow are next to nothing as differences: there is nothing left to compress.
    "column_encoding": {"seq": "DELTA_BINARY_PACKED", "received_at": "DELTA_BINARY_PACKED"},
    # In steps of 1024 a part of a second costs a twentieth more.
    "write_batch_size": 2**16,
}


def gather(
    entries: list[Entry],
    positions: Mapping[str, Position],
    now: datetime,
    held: Callable[[int, int], Snapshot] | None,
) -> tuple[pa.Table, dict[str, Position]]:
    """The rows of these entries, and how far each stream is after them."""
    reached: dict[str, _Reached] = {}
    batches: list[EventBatch] = []
    times: list[int] = []
    codes: list[int] = []
    counts: list[int] = []
    starts: list[int] = []
    for stream, batch, skipped, last_id, reconnection_time, stats in entries:
        now_at = reached.get(stream)
        if now_at is None:
            now_at = reached[stream] = _Reached(positions.get(stream, _NOWHERE), len(reached))
        now_at.seq += skipped
        if batch is not None and batch.types:
            assert batch.received_at is not None
            n = len(batch)
            batches.append(batch)
            times.append(_microseconds(batch.received_at))
            codes.append(now_at.code)
            counts.append(n)
            starts.append(now_at.seq)
            now_at.seq += n
            # Told by a count of what C compares: a Counter looks at each one.
            if batch.types.count(batch.types[0]) == n:
                now_at.types[batch.types[0]] += n
            else:
                now_at.types.update(batch.types)
            if last_id is None:
                last_id = batch.last_event_ids[-1]
        if last_id is not None:
            now_at.last_event_id = last_id
        if reconnection_time is not None:
            now_at.reconnection_time = reconnection_time
        if stats is not None:
            now_at.stats = stats
    streams = {**positions, **{name: at.position(now) for name, at in reached.items()}}
    each = np.array(counts, np.int64)
    before = np.cumsum(each) - each
    seq = np.arange(each.sum(), dtype=np.int64) + np.repeat(
        np.array(starts, np.int64) - before, each
    )
    if len(reached) == 1:
        names = pa.repeat(pa.scalar(*reached, pa.large_string()), len(seq))
    else:
        code = pa.array(np.repeat(np.array(codes, np.int64), each))
        names = pa.array(list(reached), pa.large_string()).take(code)
    has_id = list(chain.from_iterable(batch.has_id for batch in batches))
    shared = _shared(held, seq) if held is not None and len(reached) == 1 else None
    if shared is None:
        columns = _columns(batches, np.repeat(np.array(times, np.int64), each))
    else:
        columns = shared.columns
    return pa.Table.from_arrays(
        [names, pa.array(seq), *columns, _flags(has_id)], schema=ROWS
    ), streams


def _shared(held: Callable[[int, int], Snapshot], seq: Any) -> pa.Table | None:
    """The rows of these numbers, where all of them are held and none is left out."""
    if not len(seq) or seq[-1] - seq[0] != len(seq) - 1:
        return None
    first, stop = int(seq[0]), int(seq[-1]) + 1
    snapshot = held(first, stop)
    return snapshot.table if (snapshot.first, snapshot.stop) == (first, stop) else None


def _columns(batches: list[EventBatch], at: Any) -> list[pa.Array]:
    """`received_at`, `type`, `last_event_id` and `data` of all of these."""
    return [
        pa.array(at).view(ROWS.field("received_at").type),
        strings(list(chain.from_iterable(batch.types for batch in batches))),
        strings(list(chain.from_iterable(batch.last_event_ids for batch in batches))),
        texts(list(chain.from_iterable(batch.data for batch in batches))),
    ]


def _microseconds(at: datetime) -> int:
    delta = at - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _flags(values: list[bool]) -> pa.Array:
    """Mostly they are all the same."""
    if not values or values.count(values[0]) == len(values):
        return pa.repeat(pa.scalar(bool(values and values[0])), len(values))
    return pa.array(values, pa.bool_())


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Reached:
    """How far one stream is, while entries are gone through."""

    def __init__(self, position: Position, code: int) -> None:
        self.code = code
        self.seq = position.seq
        self.last_event_id = position.last_event_id
        self.types = Counter(position.types)
        self.stats = position.stats
        self.reconnection_time = position.reconnection_time

    def position(self, now: datetime) -> Position:
        return Position(
            self.seq, self.last_event_id, self.types, self.stats, self.reconnection_time, now
        )


_NOWHERE = Position()
