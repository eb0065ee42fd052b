"""The fields of JSON payloads as further columns of a table: typed, where a type holds each value exactly.

What no type holds is its JSON, as it was written. Who calls `save` says which fields become columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..payload import bounded_slices, payloads, written_values
from ..tables import SCHEMA

if TYPE_CHECKING:
    import pandas as pd


def with_fields(table: pa.Table, paths: Sequence[str], frame: pd.DataFrame) -> pa.Table:
    """The table of some rows with a column for each of these paths.

    Args:
        table: the rows, with their `data`.
        paths: keys or dotted paths of their payloads.
        frame: the same rows as a DataFrame, which has a column for each path after ours.
    """
    for n, path in enumerate(paths, len(SCHEMA)):
        values = frame.iloc[:, n]
        table = table.append_column(str(frame.columns[n]), _typed(values, table, path))
    return table


def _typed(values: Any, table: pa.Table, path: str) -> pa.Array | pa.ChunkedArray:
    if values.dtype != object:
        return pa.array(values, from_pandas=True)
    listed = list(values)
    present = [value for value in listed if value is not None]
    kinds = set(map(type, present))
    if kinds == {list}:
        inner = {type(one) for value in present for one in value if one is not None}
        if len(inner) == 1 and inner <= {str, bool, int, float}:
            try:
                return pa.array(listed)
            except (pa.ArrowInvalid, OverflowError):  # more than 64 bits
                pass
    elif kinds <= {str}:  # before pandas 3 text is objects; and nothing but missing values is too
        return pa.array(listed, pa.large_string())
    texts: list[str | None] = []
    for some in bounded_slices(table.select(["data"])):
        (column,) = written_values(payloads(some["data"]), [path])
        texts += [None if value is None else value.text for value in column]
    return pa.array(texts, pa.large_string())
