"""Rows from files that others may have written, checked before anything is made of them.

Arrow reads a column as it is: text that is no UTF-8, or a time that no datetime can be, is an error only
where it is looked at, perhaps an hour later. It knows no file.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

# What datetime can tell in every time zone.
_FIRST, _LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


def believed(
    table: pa.Table,
    *,
    first: datetime = _FIRST,
    last: datetime = _LAST,
    top: int = 2**62,
    nullable: Collection[str] = (),
) -> pa.Table:
    """These rows, if they are what events can be.

    Args:
        first, last: times are from the one to before the other.
        top: whole numbers are from 0 to before this.
        nullable: columns in which values may be missing.

    Raises:
        pa.ArrowInvalid: text that is no UTF-8, a missing value, a number or a time out of range.
    """
    table.validate(full=True)
    for name, column in zip(table.schema.names, table.columns, strict=True):
        if column.null_count and name not in nullable:
            raise pa.ArrowInvalid(f"a value of {name} is missing")
        low, high = _limits(column.type, first, last, top)
        if low is None or column.null_count == len(column):
            continue
        ends = pc.min_max(column)
        if not (pc.less_equal(low, ends["min"]).as_py() and pc.less(ends["max"], high).as_py()):
            raise pa.ArrowInvalid(f"a value of {name} is out of range")
    return table


def _limits(kind: pa.DataType, first: datetime, last: datetime, top: int) -> tuple[Any, Any]:
    if pa.types.is_timestamp(kind):
        return pa.scalar(first, kind), pa.scalar(last, kind)
    if pa.types.is_int64(kind):
        return pa.scalar(0, kind), pa.scalar(top, kind)
    return None, None
