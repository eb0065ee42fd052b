"""The rows of a recorded file: how a table is written some rows at a time, and filled from what is read.

All formats share these; none is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import pyarrow as pa

from ..payload import SLICE_BYTES, bounded_slices
from ..tables import SCHEMA, datetimes, utc_time

TABLE_SCHEMA = pa.schema([pa.field("seq", pa.int64(), nullable=False), *SCHEMA])
"""The columns of `.csv` and `.parquet` files, and of the Arrow stream."""
EVENT_SCHEMA = pa.schema([pa.field("received_at", SCHEMA.field(0).type), *list(SCHEMA)[1:]])
"""What is read of a recording, which may say no times."""

# Rows that are made at a time.
ROWS = 4096

# Told how many rows are written.
Reached = Callable[[int], None]


def slices(
    table: pa.Table, rows: int, reached: Reached, nbytes: int = SLICE_BYTES
) -> Iterator[pa.Table]:
    """Not by rows alone: written as text, an event may take six times its size."""
    written = 0
    for some in bounded_slices(table, rows=rows, nbytes=nbytes):
        yield some
        written += some.num_rows
        reached(written)


def iso_times(table: pa.Table) -> list[str]:
    """When these events were received, as ISO 8601 with microseconds, UTC."""
    return [at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for at in datetimes(table["received_at"])]


class EventColumns:
    """Events on their way into a table."""

    def __init__(self) -> None:
        self._done: list[pa.RecordBatch] = []
        self._new()

    def _new(self) -> None:
        self.at: list[datetime | None] = []
        self.types: list[str] = []
        self.ids: list[str] = []
        self.data: list[str] = []

    def seal(self, at_least: int = ROWS) -> None:
        if len(self.at) >= at_least:
            columns = (self.at, self.types, self.ids, self.data)
            arrays = [pa.array(c, f.type) for c, f in zip(columns, EVENT_SCHEMA, strict=True)]
            self._done.append(pa.RecordBatch.from_arrays(arrays, schema=EVENT_SCHEMA))
            self._new()

    def table(self) -> pa.Table:
        self.seal(1)
        # Not without a chunk, which functions of pyarrow before 26.0.1 do not survive.
        return pa.Table.from_batches(self._done) if self._done else EVENT_SCHEMA.empty_table()


def time_of(text: str, where: str) -> datetime:
    """A time as a file says it.

    Raises:
        ValueError: it is none; the message says where.
    """
    try:
        return utc_time(text)
    except ValueError:
        raise ValueError(f"{where}: received_at is no ISO 8601 time: {text!r}") from None
