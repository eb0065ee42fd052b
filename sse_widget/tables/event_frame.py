"""`EventFrame`: a DataFrame of events that says how a field of the payloads becomes one of its columns, and takes
a boolean mask that was made of an earlier or later `df`.

`frame.price`, where price is a field of the JSON and no column, is an AttributeError as in any DataFrame, and names
what to ask for. What is made of it (a part, a copy, a pickle) is a plain DataFrame. Importing this imports pandas.
"""

from __future__ import annotations

import copy
from typing import Any

import pandas as pd

from ..payload import read, reader_of
from ..visible import quoted

# Of the newest rows: whether a name is a field is said by what comes now.
_LOOK = 100


class _LikeDataFrame(type(pd.DataFrame)):  # type: ignore[misc]
    """Any DataFrame counts as one: what compares two frames asks whether they are of one class."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, pd.DataFrame)


class EventFrame(pd.DataFrame, metaclass=_LikeDataFrame):
    """The rows of a stream."""

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame

    def __reduce_ex__(self, protocol: Any) -> Any:
        # Who reads a pickle may have no sse_widget.
        return copy.copy, (pd.DataFrame(self),)

    def __getattr__(self, name: str) -> Any:  # type: ignore[misc]
        try:
            return super().__getattr__(name)
        except AttributeError as error:
            if not name.startswith("_") and (how := self._how(name)):
                error.args = (f"'DataFrame' object has no attribute {name!r}: {how}",)
            raise

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, pd.Series):
            key = self._of_these_rows(key)
        try:
            return super().__getitem__(key)
        except KeyError as error:
            wanted = key if isinstance(key, list) else [key]
            for one in wanted:
                if isinstance(one, str) and one not in self.columns and (how := self._how(one)):
                    error.add_note(how)
            raise

    def _of_these_rows(self, key: pd.Series) -> pd.Series:
        """A condition on a `df` of another moment, as in `stream.df[stream.df["type"] == "trade"]`, for these
        rows: a stream goes on between the two. Rows that only one of them has are left out."""
        rows = self.index
        if key.dtype != bool or key.index.name != rows.name or key.index.equals(rows):
            return key
        return key.reindex(rows, fill_value=False)

    def _how(self, name: str) -> str:
        """How to get this field of the payloads; "" where they have none of that name."""
        if "data" not in self.columns:
            return ""
        newest: Any = pd.DataFrame.__getitem__(self, "data").iloc[-_LOOK:]
        reader = reader_of(name)
        rows = read([str(text).encode("utf-8", "replace") for text in newest])
        # Before anything came it may be one.
        if rows and not any(type(row) is dict and reader(row) is not None for row in rows):
            return ""
        return (
            "a field of the JSON payloads becomes a column where it is asked for: "
            f"stream.columns = [{quoted(name)}], or stream.to_dataframe(columns=[{quoted(name)}])"
        )
