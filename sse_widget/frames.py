"""A snapshot of the window -> the DataFrame somebody asks for: which rows, and with which columns.

Pure functions. Which rows pass is said by `filters`, what payloads mean by `payload`; this module
puts the two together. It imports these and `window`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .filters import EventFilter
from .payload import expand
from .window import Snapshot

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["rows_of", "to_dataframe"]


def to_dataframe(
    snapshot: Snapshot,
    frame: pd.DataFrame | None = None,
    *,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    last: int | None = None,
    types: Iterable[str] | None = None,
    filter: EventFilter | None = None,
    columns: Iterable[str] | None = None,
    json: bool = False,
    times: Iterable[str] = (),
) -> pd.DataFrame:
    """Events as a DataFrame, with what is in their JSON payloads as typed columns.

    Args:
        snapshot: the events.
        frame: the same events as a DataFrame, where there is one; used where no columns are asked
            for.
        since, until: since <= received_at < until; datetimes or ISO 8601 text, as `EventFilter`.
        types: only events of these types.
        filter: only what this filter lets through.
        last: of all these only the latest so many.
        columns: keys or dotted paths of the payloads; each becomes a column.
        json: every top-level key becomes a column (where `columns` does not say which); where
            some rows are no JSON, a last column `is_json` is False for those.
        times: keys or dotted paths whose ISO 8601 text becomes timestamps, time zone kept.

    Returns:
        Index `seq`; columns received_at, type, last_event_id, data, then those asked for. A key
        with the name of one of ours becomes `data.<key>`. A column has a dtype where that holds
        every value exactly as `json.loads` gives it, else it keeps the objects. Rows without such
        a value stay, with a missing one.

    Raises:
        TypeError: an argument of the wrong type, by name.
        ValueError: a negative `last`; a time that is none; more keys than columns can be.
    """
    times = list(times) if not isinstance(times, str) else times
    expanding = bool(json or columns is not None or times)
    rows = rows_of(snapshot, since=since, until=until, last=last, types=types, filter=filter)
    if expanding or frame is None:
        table = snapshot.table if rows is None else snapshot.table.take(pa.array(rows))
        out = Snapshot(snapshot.first, table).frame()
    else:
        out = frame if rows is None else frame.iloc[rows]
    if rows is not None:
        out.index = _numbers(snapshot.first + rows)
    if not expanding:
        return out
    if columns is None and not json:
        columns = ()
    return expand(out, columns, times=times, mark=bool(json))


def rows_of(
    snapshot: Snapshot,
    *,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    last: int | None = None,
    types: Iterable[str] | None = None,
    filter: EventFilter | None = None,
) -> Any:
    """The places of these rows in the snapshot, as a numpy array; None for all of them."""
    if last is not None:
        if isinstance(last, bool) or not isinstance(last, int):
            raise TypeError(f"last must be a whole number, not {last!r}")
        if last < 0:
            raise ValueError(f"last must not be negative: {last}")
    if filter is not None and not isinstance(filter, EventFilter):
        raise TypeError(f"filter must be an EventFilter, not {type(filter).__name__}")
    mask = EventFilter(types=types, since=since, until=until).mask(snapshot.table)
    more = None if filter is None else filter.mask(snapshot.table)
    if more is not None:
        mask = more if mask is None else pc.and_(mask, more)
    count = int(snapshot.table.num_rows)
    if mask is None:
        if last is None or last >= count:
            return None
        return np.arange(count - last, count)
    rows = np.flatnonzero(mask.to_numpy())
    return rows if last is None else rows[max(len(rows) - last, 0) :]


def _numbers(seq: Any) -> Any:
    import pandas as pd

    count = len(seq)
    # As on `df`, wherever no row is left out.
    if count and int(seq[-1]) - int(seq[0]) == count - 1:
        return pd.RangeIndex(int(seq[0]), int(seq[-1]) + 1, name="seq")
    return pd.Index(seq, dtype="int64", name="seq")
