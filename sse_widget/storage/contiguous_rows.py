"""Rows of a capture as a page asks for them: those before a number, without a hole among them.

A page is answered with one run of rows, for it places them by the number of the first. What cannot be
read is an empty answer: the page says that these rows are not held any more.
"""

from __future__ import annotations

from typing import Any

from ..errors import CaptureError
from ..tables import SCHEMA, Snapshot
from .dataset import Dataset

# Older rows are read so many at a time: of each the page gets 64 KiB, and a mebibyte of all.
_ROWS, _BYTES = 5_000, 4 * 2**20


def unbroken(table: Any, stop: int) -> Any:
    """The last rows of a table whose numbers have no hole and end before `stop`."""
    import numpy as np

    seq = table["seq"].to_numpy()
    wanted = np.arange(stop - len(seq), stop)
    holes = np.flatnonzero(seq != wanted)
    return table.slice(int(holes[-1]) + 1) if len(holes) else table


def earlier_rows(dataset: Dataset, name: str, first: int, stop: int) -> Snapshot:
    """Some rows of a stream from `first` on that end before `stop`, the newest first. Where there are none, those
    before `first`: a page takes an empty answer for the beginning of all. It blocks."""
    try:
        table = dataset.read(name, first, stop, last=_ROWS, nbytes=_BYTES)
        if not table.num_rows and first > 0:
            table = dataset.read(name, 0, first, last=_ROWS, nbytes=_BYTES)
    except (OSError, CaptureError):
        table = SCHEMA.empty_table()
    if not table.num_rows:
        return Snapshot(stop, SCHEMA.empty_table())
    end = table["seq"][-1].as_py() + 1
    table = unbroken(table, end)
    return Snapshot(end - table.num_rows, table.select(SCHEMA.names))
