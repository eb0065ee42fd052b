"""The rows and the footer of one file of a capture, made of what was added since the last one.

Pure: it turns entries into columns, counts and positions, and those into the bytes of a file. `writer`
decides when that happens and what becomes of the file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ..events import EventBatch
from ..tables import Snapshot, Tally, microseconds, numbers, repeated, strings, texts
from .footer import NOWHERE, Footer, Position
from .part_schema import ROWS

# django-eventstream answers an id it does not know with an event of this id: resumed after that,
# every process to come would be told the same.
_NO_ID = "error"


# As many as a footer says of a stream; of their names so many characters, for each commit writes them.
_TYPES_KEPT = 1_000
_TYPES_CHARS = 2**16
# Characters: types that are longer, on average, are no words that rows share.
_TYPE_CHARS = 250
_OFFSET_BYTES = 8  # of each text in an Arrow array
# A page of a file is made in memory, and read into it, as a whole: of so many bytes, or one row.
_PAGE_BYTES = 2**20
_PAGE_ROWS = 2**16
_PIECE_BYTES = 4 * 2**20


class Append(NamedTuple):
    """What one call of `add`, `claim` or `drop_oldest` said."""

    stream: str
    batch: EventBatch | None
    skipped: int
    last_event_id: str | None
    reconnection_time: int | None
    stats: Mapping[str, int] | None
    nbytes: int = 0  # of the batch, in memory


def encode(table: pa.Table, footer: Footer) -> Any:
    """The bytes of a part."""
    sink = pa.BufferOutputStream(pa.system_memory_pool())
    with part_writer(sink, footer, table) as file:
        file.write_table(table)
    return sink.getvalue()


def decode(content: Any) -> pa.Table:
    """The rows of a part."""
    import pyarrow.parquet

    return pyarrow.parquet.read_table(pa.BufferReader(content)).cast(ROWS)


@contextlib.contextmanager
def part_writer(sink: Any, footer: Footer, first: pa.Table) -> Iterator[Any]:
    """A `pyarrow.parquet.ParquetWriter` of a part with this footer: of one file, from one source of
    settings, so that a merged part is written as the small ones were.

    Args:
        first: the first rows, or all of them; the others are like them.
    """
    import pyarrow.parquet

    metadata = footer.encode()
    # Before pyarrow 17 metadata can only be told with the schema, which is then written a second
    # time, as part of Arrow's own: a reader finds the same, in a larger file.
    young = hasattr(pyarrow.parquet.ParquetWriter, "add_key_value_metadata")
    schema = ROWS if young else ROWS.with_metadata(metadata)
    with pyarrow.parquet.ParquetWriter(
        sink, schema, memory_pool=pa.system_memory_pool(), **_settings(first), **_PARQUET
    ) as writer:
        yield writer
        if young:
            writer.add_key_value_metadata(metadata)


_PARQUET: dict[str, Any] = {
    # What is next to nothing as codes and differences is not worth a compressor of its own.
    "compression": {
        name: "zstd" if name in ("last_event_id", "data") else "none" for name in ROWS.names
    },
    # Texts of a megabyte are no statistics.
    "write_statistics": ["stream", "seq", "received_at"],
    "column_encoding": {"seq": "DELTA_BINARY_PACKED", "received_at": "DELTA_BINARY_PACKED"},
}


def _settings(table: pa.Table) -> dict[str, Any]:
    """What depends on the rows."""
    rows = max(table.num_rows, 1)
    each = table.nbytes // rows or 1
    types = (table.column("type").nbytes - _OFFSET_BYTES * rows) // rows
    return {
        # So many rows until it is asked whether a page is full; in steps of 1024 a part of a second
        # costs a twentieth more.
        "write_batch_size": min(max(_PAGE_BYTES // each, 1), _PAGE_ROWS),
        "data_page_size": _PAGE_BYTES,
        # A dictionary holds each different value; it is made in memory, and read as a whole.
        "use_dictionary": ["stream", "type"] if types <= _TYPE_CHARS else ["stream"],
    }


def gather(
    entries: list[Append],
    positions: Mapping[str, Position],
    now: datetime,
    held: Callable[[int, int], Snapshot] | None,
) -> tuple[pa.Table, dict[str, Position]]:
    """The rows of these entries, and how far each stream is after them."""
    reached: dict[str, _Reached] = {}
    batches: list[EventBatch] = []
    runs: list[_Run] = []
    with_id = size = 0
    for stream, batch, skipped, last_id, reconnection_time, stats, nbytes in entries:
        now_at = reached.get(stream)
        if now_at is None:
            now_at = reached[stream] = _Reached(positions.get(stream, NOWHERE), len(reached))
        now_at.seq += skipped
        if batch is not None and batch.types:
            n = len(batch)
            batches.append(batch)
            size += nbytes
            with_id += batch.has_id.count(True)
            run = runs[-1] if runs else None
            if run is None or run.code != now_at.code or run.start + run.count != now_at.seq:
                run = _Run(now_at.code, now_at.seq)
                runs.append(run)
            run.count += n
            now_at.seq += n
            now_at.types.add(batch.types)
            if last_id is None:
                last_id = batch.last_event_ids[-1]
        now_at.learn(last_id, reconnection_time, stats)
    streams = {**positions, **{name: at.position(now) for name, at in reached.items()}}
    names, seq = _numbers(list(reached), runs)
    columns = None
    if held is not None and len(runs) == 1:
        columns = _shared(held, runs[0])
    has_id = _flags(batches, with_id, len(seq))
    return pa.Table.from_arrays(
        [names, seq, *(columns or _columns(batches, size)), has_id], schema=ROWS
    ), streams


@dataclass(slots=True)
class _Run:
    """Events of one stream that came one after the other, with none between them left out."""

    code: int
    start: int
    count: int = 0


def _numbers(names: list[str], runs: list[_Run]) -> tuple[pa.ChunkedArray | pa.Array, pa.Array]:
    """`stream` and `seq`."""
    if len(runs) == 1:
        (run,) = runs
        seq = np.arange(run.start, run.start + run.count)
        return repeated(names[run.code], run.count), numbers(seq, pa.int64())
    counts = np.array([run.count for run in runs], np.int64)
    # What to add to the place of a row to have its number.
    first = np.array([run.start for run in runs], np.int64) - (np.cumsum(counts) - counts)
    seq = np.repeat(first, counts) + np.arange(counts.sum())
    codes = np.repeat(np.array([run.code for run in runs], np.int64), counts)
    return texts(names).take(numbers(codes, pa.int64())), numbers(seq, pa.int64())


def _shared(held: Callable[[int, int], Snapshot], run: _Run) -> list[pa.ChunkedArray] | None:
    """`received_at` to `data`, where all of these are held."""
    snapshot = held(run.start, run.start + run.count)
    whole = snapshot.first == run.start and snapshot.table.num_rows == run.count
    return snapshot.table.columns if whole else None


def _columns(batches: list[EventBatch], size: int) -> list[pa.ChunkedArray]:
    """`received_at`, `type`, `last_event_id` and `data` of all of these, so many bytes: in pieces, for to make
    one array of many texts takes their bytes three times."""
    each = max(len(batches) * _PIECE_BYTES // max(size, 1), 1)
    pieces = [batches[i : i + each] for i in range(0, max(len(batches), 1), each)]
    return [pa.chunked_array(column) for column in zip(*map(_piece, pieces), strict=True)]


def _piece(batches: list[EventBatch]) -> list[pa.Array]:
    times = microseconds(batch.received_at for batch in batches if batch.received_at is not None)
    at = np.repeat(times, [len(batch) for batch in batches])
    return [
        numbers(at, ROWS.field("received_at").type),
        strings(list(chain.from_iterable(batch.types for batch in batches))),
        strings(list(chain.from_iterable(batch.last_event_ids for batch in batches))),
        texts(list(chain.from_iterable(batch.data for batch in batches))),
    ]


def _flags(batches: list[EventBatch], with_id: int, rows: int) -> pa.Array:
    """`has_id`: mostly they are all the same."""
    if with_id in (0, rows):
        return pa.Array.from_buffers(
            pa.bool_(),
            rows,
            [None, pa.py_buffer((b"\xff" if with_id else b"\0") * (rows // 8 + 1))],
        )
    return pa.array(list(chain.from_iterable(batch.has_id for batch in batches)), pa.bool_())


class _Reached:
    """How far one stream is, while entries are gone through."""

    def __init__(self, position: Position, code: int) -> None:
        self.code = code
        self.seq = position.seq
        self.last_event_id = position.last_event_id
        self.types = Tally(position.types, types=_TYPES_KEPT, chars=_TYPES_CHARS)
        self.stats = position.stats
        self.reconnection_time = position.reconnection_time

    def learn(
        self,
        last_event_id: str | None,
        reconnection_time: int | None,
        stats: Mapping[str, int] | None,
    ) -> None:
        """What an entry says beside its events; None where it says nothing."""
        if last_event_id not in (None, _NO_ID):
            self.last_event_id = last_event_id
        if reconnection_time is not None:
            self.reconnection_time = reconnection_time
        if stats is not None:
            self.stats = stats

    def position(self, now: datetime) -> Position:
        return Position(
            self.seq, self.last_event_id, self.types, self.stats, self.reconnection_time, now
        )
