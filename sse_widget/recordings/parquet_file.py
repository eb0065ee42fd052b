"""Events as a Parquet file, written and read: `.parquet`, also one from elsewhere. It opens no file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import IO

import pyarrow as pa

from ..tables import Snapshot, believed, to_dataframe
from ..visible import visible, visible_name
from .json_fields import with_fields
from .rows import EVENT_SCHEMA, Reached, slices

_GROUP = 2**17  # rows of a row group: those of Parquet are meant to be large
_GROUP_BYTES = 64 * 2**20


def write_parquet(
    table: pa.Table, file: IO[bytes], reached: Reached, *, paths: Sequence[str] = ()
) -> None:
    import pyarrow.parquet

    if paths:
        rows = Snapshot(0, table.drop_columns("seq"))
        table = with_fields(table, paths, to_dataframe(rows, columns=paths))
    with pyarrow.parquet.ParquetWriter(file, table.schema, compression="zstd") as writer:
        for some in slices(table, _GROUP, reached, _GROUP_BYTES):
            writer.write_table(some)


def read_parquet(content: bytes, name: str) -> pa.Table:
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
        there = file.schema_arrow.names
        if "data" not in there:
            raise ValueError(
                f"{name} has no column 'data' (it has {', '.join(map(visible_name, there)) or 'none'}): "
                "the files that save() writes can be replayed"
            )
        names = [f.name for f in EVENT_SCHEMA if f.name in there]
        # pyarrow 18 cannot read what has no rows at all.
        empty = pa.schema([file.schema_arrow.field(name) for name in names]).empty_table()
        table = file.read(names) if file.num_row_groups else empty
    except (pa.ArrowException, OSError) as error:
        raise ValueError(
            f"{name} is no Parquet file that can be read: {visible(str(error))}"
        ) from None
    arrays = []
    for field in EVENT_SCHEMA:
        default = "message" if field.name == "type" else ""
        if field.name not in there:
            null = pa.nulls(table.num_rows, field.type)
            arrays.append(null if field.name == "received_at" else null.fill_null(default))
            continue
        column = table[field.name]
        column = _cast(column, field, name)
        arrays.append(column if field.name == "received_at" else column.fill_null(default))
    try:
        return believed(pa.table(arrays, schema=EVENT_SCHEMA), nullable=["received_at"])
    except pa.ArrowException as error:
        raise ValueError(f"{name}: {visible(str(error))}") from None


def _cast(column: pa.ChunkedArray, field: pa.Field, name: str) -> pa.ChunkedArray:
    """A column of a file as ours is.

    Raises:
        ValueError: it holds something else.
    """
    if field.name == "received_at" and not pa.types.is_timestamp(column.type):
        raise ValueError(f"{name}: received_at must be a time, not {visible(str(column.type))}")
    try:
        # A time without a zone is UTC, which is what a cast makes of it.
        return column.cast(field.type, safe=field.name != "received_at")
    except pa.ArrowException as error:
        raise ValueError(
            f"{name}: {field.name} must be {field.type}: {visible(str(error))}"
        ) from None
