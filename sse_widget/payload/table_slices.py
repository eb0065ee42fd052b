"""A table in slices that are small in rows and in bytes: what is made into Python objects at once.

A thousand rows may be a thousand words or a gigabyte. Code that turns rows into objects takes them in these
slices, so that what exists twice at a moment is a mebibyte and not the whole window. It decodes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

SLICE_ROWS = 4096
SLICE_BYTES = 2**20


def bounded_slices(
    table: pa.Table, *, rows: int = SLICE_ROWS, nbytes: int = SLICE_BYTES
) -> Iterator[pa.Table]:
    """Slices of a table, one after the other: each of at most so many rows, whose texts are at most so
    many bytes together; at least one row."""
    start = 0
    while start < table.num_rows:
        some = table.slice(start, rows)
        count = within(text_sizes(some), nbytes)
        yield some if count == some.num_rows else some.slice(0, count)
        start += count


def payloads(data: pa.ChunkedArray) -> list[bytes]:
    """A column of text as UTF-8."""
    # Not as str: text beyond ASCII would be decoded here and encoded again by its reader.
    texts: list[bytes] = data.cast(pa.large_binary()).to_pylist()
    return [b"" if text is None else text for text in texts] if data.null_count else texts


def within(sizes: np.ndarray, nbytes: int) -> int:
    """How many of the first rows take at most so many bytes; at least one."""
    return max(int(np.searchsorted(np.cumsum(sizes), nbytes, side="right")), 1)


def text_sizes(table: pa.Table) -> np.ndarray:
    """Bytes of the texts of each row."""
    sizes = np.zeros(table.num_rows, np.int64)
    for column in table.columns:
        if column.type in (pa.large_string(), pa.large_binary()):
            sizes += np.concatenate([_lengths(chunk) for chunk in column.chunks] or [sizes[:0]])
    return sizes


def _lengths(chunk: pa.Array) -> np.ndarray:
    # From the buffer: a function of Arrow's would let go of the interpreter, and a busy cell keeps it.
    offsets = np.frombuffer(chunk.buffers()[1], np.int64)
    return np.diff(offsets[chunk.offset : chunk.offset + len(chunk) + 1])
