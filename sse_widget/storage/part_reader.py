"""The rows of one captured file, in tables that are small in memory however much the file unpacks to.

A file of 400 KB may hold a gigabyte of the same letter, and one long event type is stored once for all rows
that have it. So a file is read in steps whose size is known before they are made. It judges no row: `dataset`
does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..payload import SLICE_BYTES, SLICE_ROWS, bounded_slices, text_sizes
from .part_facts import Wanted, column_paths, row_groups

# received_at, seq and three offsets.
_ROW_BYTES = 40
_TEXTS = ("type", "last_event_id", "data")


class Newest:
    """Gathers the newest rows, going backwards, up to so many of them and so many bytes.

    Args:
        rows: the most rows.
        nbytes: the most bytes; one row may have more.
    """

    def __init__(self, rows: int, nbytes: float) -> None:
        self.tables: deque[pa.Table] = deque()  # in order
        self.is_full = rows <= 0
        self._rows = rows
        self._bytes = nbytes

    def copy(self) -> Newest:
        """The same, to go back to."""
        other = Newest(self._rows, self._bytes)
        other.tables, other.is_full = self.tables.copy(), self.is_full
        return other

    def put_before(self, tables: Iterator[pa.Table]) -> None:
        """These rows come before those that are here; of them only the last ones are kept."""
        held: deque[tuple[pa.Table, int]] = deque()
        rows = size = 0
        for table in tables:
            taken = int(text_sizes(table).sum()) + _ROW_BYTES * table.num_rows
            held.append((table, taken))
            rows += table.num_rows
            size += taken
            # As long as what is left without the oldest is enough.
            while len(held) > 1:
                first, of_first = held[0]
                if rows - first.num_rows < self._rows and size - of_first < self._bytes:
                    break
                held.popleft()
                rows -= first.num_rows
                size -= of_first
                self.is_full = True
        for table, _ in reversed(held):
            self._put(table)

    def _put(self, table: pa.Table) -> None:
        if not table.num_rows or self._rows <= 0:
            self.is_full = self.is_full or self._rows <= 0
            return
        sizes = np.cumsum((text_sizes(table) + _ROW_BYTES)[::-1])
        fit = int(np.searchsorted(sizes, self._bytes, side="right"))
        fit = max(fit, 0 if self.tables else 1)
        keep = min(fit, self._rows)
        if keep:
            self.tables.appendleft(table.slice(table.num_rows - keep))
        self._rows -= keep
        self._bytes -= int(sizes[keep - 1]) if keep else 0
        if keep < table.num_rows or self._rows <= 0 or self._bytes <= 0:
            self.is_full = True
            self._rows = 0  # nothing older comes before a hole


class PartReader:
    """One file that is open.

    Args:
        file: as `open_input_file` of a pyarrow filesystem gives it; who opened it closes it.
        schema: what the columns are to be.

    Attributes:
        groups: how many row groups the file has; they are in the order of their rows.
    """

    def __init__(self, file: Any, schema: pa.Schema) -> None:
        import pyarrow.parquet

        self._schema = schema
        metadata = pyarrow.parquet.read_metadata(file)
        self.groups = int(metadata.num_row_groups)
        self._known = row_groups(metadata)
        file.seek(0)
        # Read as codes: how long each text is, is known before it is written out.
        paths = column_paths(metadata)
        coded = [name for name in _TEXTS if paths and _is_coded(metadata, paths.index(name))]
        self._file = pyarrow.parquet.ParquetFile(
            file, metadata=metadata, read_dictionary=coded, buffer_size=SLICE_BYTES
        )

    def tables(
        self, group: int, wanted: Wanted, columns: list[str] | None = None
    ) -> Iterator[pa.Table]:
        """The wanted rows of one group, in order, about a mebibyte at a time; all columns, or these."""
        if len(self._known) == self.groups and not self._known[group].may_hold(wanted):
            return
        fields = [f for f in self._schema if columns is None or f.name in columns]
        schema = pa.schema(fields)
        needed = {*schema.names, *wanted.columns}
        metadata = self._file.metadata.row_group(group)
        each = metadata.total_byte_size // max(metadata.num_rows, 1) or 1
        rows = min(max(SLICE_BYTES // each, 1), SLICE_ROWS)
        for batch in self._file.iter_batches(
            rows, row_groups=[group], columns=sorted(needed), use_threads=False
        ):
            table = wanted.of(pa.Table.from_batches([batch]))
            for some in _decoded(table):
                yield some.select(schema.names).cast(schema)


def _is_coded(metadata: Any, at: int) -> bool:
    columns = (metadata.row_group(i).column(at) for i in range(metadata.num_row_groups))
    return any("DICTIONARY" in encoding for column in columns for encoding in column.encodings)


def _decoded(table: pa.Table) -> Iterator[pa.Table]:
    """The same with texts instead of codes, in slices that are small with them."""
    coded = [f.name for f in table.schema if pa.types.is_dictionary(f.type)]
    if not coded or not table.num_rows:
        yield from bounded_slices(table)
        return
    # The codes' lengths, as if they were texts of their own.
    lengths: Sequence[Any] = [_lengths(table[name]) for name in coded]
    whole = pc.add_checked(lengths[0], 0)
    for more in lengths[1:]:
        whole = pc.add(whole, more)
    ends = pc.cumulative_sum(whole).to_numpy()
    start = 0
    while start < table.num_rows:
        before = int(ends[start - 1]) if start else 0
        stop = max(int(ends.searchsorted(before + SLICE_BYTES, side="right")), start + 1)
        some = table.slice(start, stop - start)
        for name in coded:
            at = some.schema.get_field_index(name)
            some = some.set_column(at, name, some[name].cast(pa.large_string()))
        yield from bounded_slices(some)
        start = stop


def _lengths(column: pa.ChunkedArray) -> pa.Array:
    """Bytes of the text of each row, by its code."""
    found = [
        pc.binary_length(chunk.dictionary).cast(pa.int64()).take(chunk.indices)
        for chunk in column.chunks
    ]
    return pa.concat_arrays(found)
