"""JSON payloads -> typed DataFrame columns. Every value stays what `json.loads` gives.

A column gets a dtype only where all of its values have one type that the dtype holds exactly;
otherwise it keeps the Python objects. It knows pandas and nothing of streams. Imports nothing of
ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Joined", "expand"]

_MISSING: Any = object()
_INT64 = range(-(2**63), 2**63)


def expand(frame: pd.DataFrame, columns: Iterable[str] | None = None) -> pd.DataFrame:
    """`frame` with the keys of its JSON objects in `data` as further columns.

    Args:
        frame: has a column `data`.
        columns: keys or dotted paths; None for every top-level key, in order of appearance.

    Returns:
        A new frame. A key that `frame` has as a column becomes `data.<key>`. Rows that are no
        JSON object, or lack a key, have a missing value there.
    """
    import pandas as pd

    rows = [_object(text) for text in frame["data"]]
    if columns is None:
        names = list(dict.fromkeys(key for row in rows if row for key in row))
        values = {
            name: [row.get(name, _MISSING) if row else _MISSING for row in rows] for name in names
        }
    else:
        if isinstance(columns, str):
            raise TypeError(f"columns must be a list of names: [{columns!r}]")
        values = {path: [_at(row, path) for row in rows] for path in columns}
    taken = set(frame.columns)
    added = {
        f"data.{name}" if name in taken else name: _column(column)
        for name, column in values.items()
    }
    extra = pd.DataFrame(added, index=frame.index, copy=False)
    return pd.concat([frame, extra], axis=1)


class Joined:
    """The strings at one dotted path of many payloads, joined in the order they came.

    Grows: `add` reads each payload once, so that asking again costs only what is new.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.cursor = 0  # the number of the first event that was not read yet
        self._parts: list[str] = []

    def add(self, data: Iterable[str], stop: int) -> None:
        """Read these payloads, the events numbered up to before `stop`."""
        for text in data:
            value = _at(_object(text), self.path)
            if isinstance(value, str):
                self._parts.append(value)
        self.cursor = stop

    @property
    def text(self) -> str:
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""


def _object(text: str) -> dict[str, Any] | None:
    # Most payloads are objects; a stream of plain text should not cost an exception a row.
    if "{" not in text[:64]:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _at(row: dict[str, Any] | None, path: str) -> Any:
    """The value at a dotted path; a key that has the dots itself goes first."""
    if row is None:
        return _MISSING
    if path in row:
        return row[path]
    value: Any = row
    for key in path.split("."):
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return _MISSING
    return value


def _column(values: list[Any]) -> Any:
    """The narrowest exact pandas array: bool, int64, float64, str (or their missing-value
    kinds), else objects."""
    import numpy as np
    import pandas as pd

    kinds = {type(v) for v in values}
    missing = bool(kinds & {type(_MISSING), type(None)})
    kinds -= {type(_MISSING), type(None)}
    filled = [None if v is _MISSING else v for v in values]
    if kinds == {bool}:
        return pd.array(filled, dtype="boolean" if missing else "bool")
    if kinds == {int} and all(v is None or v in _INT64 for v in filled):
        return pd.array(filled, dtype="Int64" if missing else "int64")
    if kinds == {float} or (kinds == {int, float} and all(map(_exact, filled))):
        return np.array([np.nan if v is None else v for v in filled], dtype="float64")
    if kinds == {str}:
        try:
            return pd.array(filled, dtype="str")
        except (UnicodeError, ValueError):  # a lone surrogate has no UTF-8
            pass
    out = np.empty(len(filled), dtype=object)
    out[:] = filled
    return out


def _exact(value: Any) -> bool:
    """Whether float64 holds this number exactly: whole numbers to 2**53."""
    return not isinstance(value, int) or abs(value) <= 2**53
