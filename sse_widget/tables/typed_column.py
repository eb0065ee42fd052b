"""Values as columns: a dtype only where it holds every value exactly, else the objects themselves.

A column is made of chunks, each typed once when it is made; joining chunks looks at no value again. It knows
Arrow and pandas and nothing of JSON, events or windows.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_NONE: Any = type(None)
# Whole numbers up to here are float64s too.
_EXACT = 2**53
_ARROW = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "str": pa.large_string()}


class ColumnChunk:
    """Some values of a column, held as compactly as their types allow.

    Attributes:
        kind: "null" (nothing but missing values), "bool", "int" (of 64 bits), "float", "number"
            (floats, and whole numbers that are floats too), "str" or "object".
    """

    __slots__ = ("_nbytes", "_values", "_whole", "kind", "size")

    def __init__(self, values: Sequence[Any]) -> None:
        """`values`: what a column holds; None where a value is missing."""
        self.size = len(values)
        self._nbytes: int | None = None  # of objects, once it was asked for
        self._whole: Any = None  # of a "number": which of them are whole
        self.kind, self._values = self._typed(values)

    def _typed(self, values: Sequence[Any]) -> tuple[str, Any]:
        # Most columns are text, and Arrow refuses any other type among it.
        if values and type(values[0]) is str:
            try:
                return "str", pa.array(values, pa.large_string())
            except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeError):
                pass
        kinds = set(map(type, values)) - {_NONE}
        try:
            if not kinds:
                return "null", None
            if kinds == {str}:
                return "str", pa.array(values, pa.large_string())
            if kinds == {bool}:
                return "bool", pa.array(values, pa.bool_())
            if kinds == {int}:
                return "int", pa.array(values, pa.int64())
            if kinds == {float}:
                return "float", pa.array(values, pa.float64(), from_pandas=False)
            if kinds == {int, float}:
                # Arrow refuses the whole numbers that no float64 is.
                floats = pa.array(values, pa.float64(), from_pandas=False)
                self._whole = np.fromiter(map(isinstance, values, repeat(int)), bool, self.size)
                return "number", floats
        except (pa.ArrowInvalid, OverflowError, UnicodeError):
            # More than 64 bits; or half a character, which has no UTF-8.
            pass
        return "object", list(values)

    @classmethod
    def nothing(cls, size: int) -> ColumnChunk:
        """So many missing values."""
        piece = cls(())
        piece.size = size
        return piece

    def packed(self) -> ColumnChunk:
        """The same, holding objects as bytes: compact, of a known size, and so that nobody who is
        handed one can change it here."""
        if self.kind == "object":
            self._values = pack(self._values)
        return self

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        if self.kind == "null":
            return 0
        if self.kind != "object":
            whole = 0 if self._whole is None else self._whole.nbytes
            return int(self._values.nbytes + whole)
        if self._nbytes is None:
            self._nbytes = sum(map(size_of, self._values))
        return self._nbytes

    def slice(self, start: int, stop: int) -> ColumnChunk:
        """The values from `start` to before `stop`, typed as if they had been alone."""
        return ColumnChunk(self.to_list()[start:stop])

    def to_list(self) -> list[Any]:
        """The values as they came."""
        if self.kind == "null":
            return [None] * self.size
        if self.kind == "object":
            return [v.value() if type(v) is _Packed else v for v in self._values]
        values: list[Any] = self._values.to_pylist()
        if self._whole is not None:
            for i in np.flatnonzero(self._whole):
                values[i] = int(values[i])
        return values

    def fits_float(self) -> bool:
        """Whether float64 holds all of it exactly."""
        if self.kind == "int":
            ends = pc.min_max(self._values).as_py()
            return bool(ends["min"] >= -_EXACT and ends["max"] <= _EXACT)
        return self.kind in ("null", "float", "number")

    def arrow(self, kind: str) -> pa.Array:
        """The values as an Arrow array of another kind that holds them too."""
        wanted = _ARROW[kind]
        if self.kind == "null":
            return pa.nulls(self.size, wanted)
        return self._values if self._values.type == wanted else self._values.cast(wanted)


class _Packed:
    """A list or a dict as bytes: a list takes 56 bytes, and its JSON takes two."""

    __slots__ = ("blob",)

    def __init__(self, blob: bytes) -> None:
        self.blob = blob

    def value(self) -> Any:
        return pickle.loads(self.blob)


def pack(values: Sequence[Any]) -> list[Any]:
    """The values, each list and dict among them as bytes."""
    return [_packed(v) if type(v) is list or type(v) is dict else v for v in values]


def _packed(value: Any) -> Any:
    try:
        return _Packed(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
    except RecursionError:  # nested beyond what can be packed: kept as it is
        return value


def size_of(value: Any) -> int:
    """Bytes of a value, and of its place in a list; of all that is in it, as deep as it goes."""
    if type(value) is _Packed:
        return sys.getsizeof(value.blob) + 56
    size, waiting = 8, [value]
    while waiting:
        one = waiting.pop()
        size += sys.getsizeof(one)
        if type(one) is list:
            waiting += one
        elif type(one) is dict:
            waiting += one.keys()
            waiting += one.values()
    return size


def join(pieces: Sequence[ColumnChunk]) -> Any:
    """The narrowest exact pandas array of all their values: bool, int64, float64, str (objects
    before pandas 3), or the kinds of these that have missing values (boolean, Int64); else an
    object array.

    Whole numbers and floats together are float64 where that holds each of them.
    """
    import pandas as pd

    kinds = {piece.kind for piece in pieces} - {"null"}
    if len(kinds) == 1 and kinds <= {"bool", "int", "str"}:
        kind = kinds.pop()
    elif kinds and kinds <= {"int", "float", "number"} and all(p.fits_float() for p in pieces):
        kind = "float"
    else:
        everything = chain.from_iterable(piece.to_list() for piece in pieces)
        return np.fromiter(everything, object, sum(piece.size for piece in pieces))
    whole = pa.chunked_array([piece.arrow(kind) for piece in pieces], _ARROW[kind])
    if kind == "str":
        # What this pandas has text as, which is what `df` has: `str`, before pandas 3 objects.
        return whole.to_pandas().values
    if kind == "float" or not whole.null_count:
        return _numpy(whole)
    dtype: Any = pd.BooleanDtype() if kind == "bool" else pd.Int64Dtype()
    return dtype.__from_arrow__(whole)


def _numpy(whole: pa.ChunkedArray) -> Any:
    """A numpy array of its own: the caller may write into it."""
    values = whole.to_numpy()
    return values if values.flags.writeable else values.copy()
