"""A snapshot of the window as a DataFrame: which rows, and with which columns.

Pure functions. `filters` says which rows pass and `json_columns` what payloads mean; this module puts the
two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..checks import shown_value, whole_number
from ..filters import EventFilter, filter_of
from ..payload import paths_of
from .durations import seconds_of
from .json_columns import expand
from .window import Snapshot

if TYPE_CHECKING:
    import pandas as pd


def to_dataframe(
    snapshot: Snapshot,
    frame: pd.DataFrame | None = None,
    *,
    since: date | str | None = None,
    until: date | str | None = None,
    last: int | str | timedelta | None = None,
    types: str | Iterable[str] | None = None,
    filter: EventFilter | Iterable[str] | None = None,
    columns: str | Iterable[str] | None = None,
    json: bool = False,
    times: str | Iterable[str] | Mapping[str, str] = (),
    explode: str | bool = False,
    nested_json: str | Iterable[str] = (),
) -> pd.DataFrame:
    """Events as a DataFrame, with what is in their JSON payloads as typed columns.

    Args:
        snapshot: the events.
        frame: the same events as a DataFrame, where there is one; used where no columns are asked
            for.
        since, until: since <= received_at < until; datetimes or ISO 8601 text, as `EventFilter`.
        types: only events of these types.
        filter: only what this filter lets through.
        last: of all these only the latest so many; or an interval ("30s", "5min"): only those
            received within it before the latest of them.
        columns: keys or dotted paths of the payloads; each becomes a column.
        json: every top-level key becomes a column (where `columns` does not say which); where
            some rows are no JSON, a last column `is_json` is False for those.
        times: keys or dotted paths whose ISO 8601 text becomes timestamps, time zone kept; or a
                mapping that says the unit of numbers since 1970: `{"ts": "ms"}` (s, ms, us, ns, iso).
        explode, nested_json: as `json_columns.expand` has them; without `columns` they mean `json`.

    Returns:
        Index `seq`; columns received_at, type, last_event_id, data, then those asked for. A key
        with the name of one of ours (`seq` too) becomes `data.<key>`. A column has a dtype where that holds
        every value exactly as `json.loads` gives it, else it keeps the objects. Rows without such
        a value stay, with a missing one.

    Raises:
        TypeError: an argument of the wrong type, by name.
        ValueError: a negative `last`; a time that is none; more keys than columns can be.
    """
    json = _all_keys(json, columns, bool(explode) or bool(nested_json))
    expanding = json or columns is not None or bool(paths_of("times", times))
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
    return expand(out, columns, times=times, mark=json, explode=explode, nested_json=nested_json)


def as_event_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows, as a frame that says how a field of the payloads becomes a column."""
    from .event_frame import EventFrame  # imports pandas

    return EventFrame(frame)


def _all_keys(json: bool, columns: object, unpacks: bool) -> bool:
    """Whether every key becomes a column."""
    if not isinstance(json, bool):
        raise TypeError(
            f'json is True or False, not {shown_value(json)}; for some keys: columns=["price"]'
        )
    return json or (unpacks and columns is None)


def rows_of(
    snapshot: Snapshot,
    *,
    since: date | str | None = None,
    until: date | str | None = None,
    last: int | str | timedelta | None = None,
    types: str | Iterable[str] | None = None,
    filter: EventFilter | Iterable[str] | None = None,
) -> Any:
    """The places of these rows in the snapshot, as a numpy array; None for all of them."""
    count, seconds = _last(last)
    mask = EventFilter(types=types, since=since, until=until).mask(snapshot.table)
    more = filter_of("filter", filter).mask(snapshot.table)
    if more is not None:
        mask = more if mask is None else pc.and_(mask, more)
    held = int(snapshot.table.num_rows)
    if mask is None and seconds is None:
        return None if count is None or count >= held else np.arange(held - count, held)
    rows = np.arange(held) if mask is None else np.flatnonzero(mask.to_numpy())
    if seconds is not None and len(rows):
        at = snapshot.table["received_at"].to_numpy()[rows]
        rows = rows[at > at.max() - np.timedelta64(round(seconds * 1e6), "us")]
    return rows if count is None else rows[max(len(rows) - count, 0) :]


def _last(last: int | str | timedelta | None) -> tuple[int | None, float | None]:
    """So many rows, or the rows of so many seconds."""
    if isinstance(last, (str, timedelta)):
        return None, seconds_of(last)
    if last is None:
        return None, None
    count = whole_number("last", last, 'a whole number, or an interval like "5min"')
    if count < 0:
        raise ValueError(f"last must not be negative: {last}")
    return count, None


def _numbers(seq: Any) -> Any:
    import pandas as pd

    count = len(seq)
    # As on `df`, wherever no row is left out.
    if count and int(seq[-1]) - int(seq[0]) == count - 1:
        return pd.RangeIndex(int(seq[0]), int(seq[-1]) + 1, name="seq")
    return pd.Index(seq, dtype="int64", name="seq")
