"""JSON payloads as typed DataFrame columns.

Every value stays what `json.loads` gives, but for half characters, with which no frame can be printed.
`payload` says which text is JSON and what a path means, `typed_column` which dtype a column has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..payload import (
    NOT_JSON,
    bounded_slices,
    free_name,
    has_more_keys,
    no_collection,
    paths_of,
    payloads,
    read_whole,
    reader_of,
)
from .typed_column import ColumnChunk, join
from .unpacked import Unpacker

if TYPE_CHECKING:
    import pandas as pd

MARK = "is_json"
# Payloads that are read and typed together: so few that their objects are gone again before they
# leave the processor's cache, which is half of the time where payloads are large.
_SLICE_BYTES, _SLICE_ROWS = 2**18, 2048
# A server that makes up keys: so many columns are fine, and beyond them so many cells.
# So many different keys are no table, however few the events.
MAX_KEYS = 10_000
_MANY_COLUMNS = 1_000
MANY_CELLS = 50_000_000


def expand(
    frame: pd.DataFrame,
    columns: str | Iterable[str] | None = None,
    *,
    times: str | Iterable[str] | Mapping[str, str] = (),
    mark: bool = False,
    explode: str | bool = False,
    nested_json: str | Iterable[str] = (),
) -> pd.DataFrame:
    """`frame` with the keys of its JSON objects in `data` as further columns.

    Args:
        frame: has a column `data`.
        columns: keys or dotted paths; None for every top-level key, in order of appearance.
        times: keys or dotted paths whose values are ISO 8601 text: they become timestamps with the
            time zone they name. A path that is no column yet becomes one. Where zones differ, or a
            value is no such text, the column keeps objects: datetimes, and the others as they came.
            A column of numbers, such as seconds since 1970, keeps its dtype, unless a mapping says
            its unit: `{"ts": "ms"}`, of "s", "ms", "us", "ns", or "iso" for text.
        mark: where some rows are no JSON at all, add a last column `is_json`: False for those.
        explode: key or dotted path of an array: a row for each of its elements, under the number of
            the event; True for payloads that are arrays. An event without one, or with an empty one,
            stays one row. There is no `data` then: each row would repeat the whole text.
        nested_json: keys or dotted paths of texts that are JSON themselves, and are read as such.

    Returns:
        A new frame. A key that `frame` has as a column or index becomes `data.<key>`. Rows that are no
        JSON object, or lack a key, have a missing value there, like a JSON null.

    Raises:
        TypeError: `columns` or `times` are no names.
        ValueError: more different keys than a frame can hold; no such unit of time.
    """

    paths = [] if columns is None else paths_of("columns", columns)
    dates = _units_of(times)
    unpacker = Unpacker(explode, nested_json)
    readers = {path: reader_of(path) for path in (*paths, *dates)}
    asked: dict[str, list[ColumnChunk]] = {path: [] for path in readers}
    keys = _Keys(len(frame))
    is_json: list[bool] = []
    with no_collection():
        for texts in _slices(frame["data"]):
            if columns is None:
                keys.check_large(texts)
            values = read_whole(texts)
            whole, rows = unpacker.rows(values)
            keys.expect_more(len(rows) - len(values))
            if mark:
                is_json += [value is not NOT_JSON for value in whole]
            if columns is None:
                keys.add(unpacker.fields(rows))
            for path, reader in readers.items():
                asked[path].append(ColumnChunk([reader(row) for row in rows]))
    # A stream of nothing but JSON has its own keys as columns, and no other.
    marks = is_json if mark and not all(is_json) else None
    # A key has the same name with `explode` and without it.
    added = _joined(frame, keys.pieces() | asked, dates, marks)
    return beside(_spread(frame, unpacker), added)


def _spread(frame: pd.DataFrame, unpacker: Unpacker) -> pd.DataFrame:
    """`frame` with a row for each element, where that was asked for."""
    if not unpacker.explodes:
        return frame
    places = np.repeat(np.arange(len(frame)), unpacker.counts)
    return frame.drop(columns="data").iloc[places]


def _joined(
    frame: pd.DataFrame,
    pieces: Mapping[str, list[ColumnChunk]],
    dates: Mapping[str, str],
    is_json: list[bool] | None,
) -> dict[str, Any]:
    """The further columns, each under a name that `frame` has not."""
    taken = taken_names(frame)
    added: dict[str, Any] = {}
    for path, some in pieces.items():
        column = join(some)
        added[free_name(path, taken)] = (
            _timestamps(column, dates[path]) if path in dates else column
        )
    if is_json is not None:
        added[free_name(MARK, taken)] = np.array(is_json, bool)
    return added


def taken_names(frame: pd.DataFrame) -> set[Any]:
    """Names that no further column can have: that of the index too, or pandas would not know which
    is meant where one groups, sorts or merges by it."""
    return {*frame.columns, *frame.index.names}


def beside(frame: pd.DataFrame, columns: dict[str, Any]) -> pd.DataFrame:
    """`frame` with further columns, each of the dtype it has."""
    import pandas as pd

    # As Series, which say their dtype: pandas would look into object arrays and guess again. The
    # names come last, or it would look into those.
    series = {
        n: pd.Series(values, frame.index, values.dtype, copy=False)
        for n, values in enumerate(columns.values())
    }
    both = pd.concat([frame, pd.DataFrame(series, frame.index, copy=False)], axis=1)
    both.columns = pd.Index([*frame.columns, *columns])
    return both


class _Keys:
    """The top-level keys met so far, and the pieces of their columns."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._rows = 0
        self._pieces: dict[str, list[ColumnChunk]] = {}
        self._filled: dict[str, int] = {}

    def expect_more(self, rows: int) -> None:
        """The table has so many rows more than there are events."""
        self._total += rows

    def check_large(self, texts: list[bytes]) -> None:
        """Refuse what has too many keys before it is read, where reading it would take much memory. What
        is so large is a slice by itself."""
        if len(texts) == 1 and len(texts[0]) > _SLICE_BYTES and has_more_keys(texts[0], MAX_KEYS):
            self._check(MAX_KEYS + 1)

    def add(self, rows: list[dict[str, Any]]) -> None:
        sizes = set(map(len, rows))
        self._check(max(sizes, default=0))
        # Most streams send the same keys each time: then no row is asked key by key.
        columns = _alike(rows) if len(sizes) == 1 else None
        if columns is None:
            if sum(map(len, rows)) > MAX_KEYS:
                self._check(len(self._pieces.keys() | set(chain.from_iterable(rows))))
            columns = _transposed(rows)
        for key, values in columns:
            filled = self._filled.get(key, 0)
            pieces = self._pieces.setdefault(key, [])
            if filled < self._rows:
                pieces.append(ColumnChunk.nothing(self._rows - filled))
            pieces.append(ColumnChunk(values))
            self._filled[key] = self._rows + len(rows)
        self._rows += len(rows)
        self._check(len(self._pieces))

    def _check(self, keys: int) -> None:
        wanted = 'name the ones you want: columns=["..."]'
        if keys > MAX_KEYS:
            raise ValueError(
                f"the payloads have {keys:,} different keys or more, and a table takes at most "
                f"{MAX_KEYS:,}; {wanted}"
            )
        if keys > _MANY_COLUMNS and keys * self._total > MANY_CELLS:
            raise ValueError(
                f"more than {keys:,} different keys in {self._total:,} events: too many columns; "
                f"{wanted}, or ask for fewer events: last=..."
            )

    def pieces(self) -> dict[str, list[ColumnChunk]]:
        for key, pieces in self._pieces.items():
            if self._filled[key] < self._rows:
                pieces.append(ColumnChunk.nothing(self._rows - self._filled[key]))
        return self._pieces


def _alike(rows: list[dict[str, Any]]) -> Iterable[tuple[str, Sequence[Any]]] | None:
    """As `_transposed`, of rows with as many keys each; None where their keys are not the same ones."""
    first = rows[0]
    if len(first) < 2:  # one alone is no tuple
        return None
    try:
        return zip(first, zip(*map(itemgetter(*first), rows), strict=True), strict=True)
    except KeyError:  # zip takes all rows first
        return None


def _transposed(rows: list[dict[str, Any]]) -> Iterator[tuple[str, Sequence[Any]]]:
    """Every key of these rows with its values, in order of appearance; None where it lacks."""
    first = rows[0] if rows else {}
    shapes = dict.fromkeys(map(tuple, rows))
    columns: dict[str, Sequence[Any]] = {}
    common = set(first).intersection(*shapes)
    if len(common) > 1:
        values = zip(*map(itemgetter(*common), rows), strict=True)
        columns = dict(zip(common, values, strict=True))
    for key in dict.fromkeys(chain.from_iterable(shapes)):
        yield key, columns.get(key) or list(map(dict.get, rows, repeat(key)))


def _slices(data: Any) -> Iterator[list[bytes]]:
    """The texts of a column as UTF-8, some at a time."""
    if data.dtype == object:
        texts = [str(text).encode("utf-8", "surrogatepass") for text in data]
        column = pa.chunked_array([pa.array(texts, pa.large_binary())])
    else:
        column = pa.chunked_array(pa.array(data.array))
    # However large they are: objects take many times the bytes of the text they are read from.
    texts_alone = pa.table({"data": column.cast(pa.large_binary())})
    for some in bounded_slices(texts_alone, rows=_SLICE_ROWS, nbytes=_SLICE_BYTES):
        yield payloads(some.column("data"))


_UNITS = ("s", "ms", "us", "ns", "iso")


def _units_of(times: str | Iterable[str] | Mapping[str, str]) -> dict[str, str]:
    """Path -> the unit of its numbers; "" for text."""
    paths = paths_of("times", times)
    if not isinstance(times, Mapping):
        return dict.fromkeys(paths, "")
    for path, unit in times.items():
        if unit not in _UNITS:
            raise ValueError(f"times: the unit of {path!r} must be one of {', '.join(_UNITS)}")
    return {path: "" if unit == "iso" else unit for path, unit in times.items()}


def _timestamps(column: Any, unit: str) -> Any:
    """The column as timestamps, where all it has is ISO 8601 text in one time zone, or numbers of this
    unit since 1970, in UTC; else as it is."""
    import pandas as pd

    if unit:
        try:
            numbers = pd.to_numeric(pd.Series(column, dtype=column.dtype, copy=False))
            of: Any = unit  # one of those that pandas knows, as was checked
            return pd.to_datetime(numbers, unit=of, utc=True).array
        except (ValueError, TypeError, OverflowError):  # other things than numbers, or no such time
            return column

    text = pd.Series(column, dtype=column.dtype, copy=False)
    if text.dtype != "str" and text.dtype != object:
        return column  # numbers: no text, and so no times
    present = text.notna()
    if not present.any():
        return column
    # pandas before 3 has text as objects, and parses several zones too, with a warning, row by row.
    if text.dtype == "str" or (pd.api.types.infer_dtype(text) == "string" and _one_zone(column)):
        try:
            return pd.to_datetime(text, format="ISO8601").array
        except (ValueError, OverflowError):  # no such text, or several zones
            pass
    return np.fromiter(map(_moment, text), object, len(text))


def _one_zone(texts: Any) -> bool:
    """Whether these times name one time zone, or none of them names any."""
    try:
        column = pa.array(texts, pa.large_string(), from_pandas=True)
    except UnicodeError:  # half a character is no time
        return False
    named = pc.replace_substring_regex(column, r"^.{8,}?(Z|[+-]\d\d(?::?\d\d)?)?$", r"\1")
    zones = pc.unique(named.drop_null()).to_pylist()
    return len({"+0000" if zone == "Z" else f"{zone.replace(':', ''):0<5}" for zone in zones}) < 2


def _moment(value: Any) -> Any:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value
