"""Conditions on the fields of JSON payloads: `("price", ">", 100)`.

A condition decides about one value, the one at its path. What has no such value (no JSON object, no such
path, null) and what JSON cannot say (NaN, numbers beyond a double) are the same to it: no value. It
knows no events. `js/src/filter/conditions.ts` is its mirror; both run the cases of
`tests/vectors/condition-cases.json`.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..basics import unchangeable
from ..checks import wrong_type
from ..errors import InvalidFilter
from ..payload import bounded_slices, payloads, read, read_object, reader_of, steps_of
from ..visible import quoted, quoted_repr
from .regex import refuse_half

Plain = str | float | int | bool | None
Value = Plain | tuple[Plain, ...]

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
OPERATORS = ("==", "!=", *_ORDERS, "in", "contains", "exists")
# What people write from the habit of another language.
_MEANT = {
    "=": "==",
    "===": "==",
    "<>": "!=",
    "!==": "!=",
    "=>": ">=",
    "=<": "<=",
    "has": "contains",
}
_WANTED = f'(path, operator, value), such as ("price", ">", 100); operators: {", ".join(OPERATORS)}'
# A number in quotes, as many services send them.
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_MANY = 1_000


@unchangeable
@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)
class Condition:
    """One condition: a path, an operator and a value, as they are written.

    Attributes:
        path: a key or dotted path of the payload.
        op: one of `OPERATORS`. "!=" is the opposite of "==", so that what has no value passes it.
            "<" and the others compare numbers, or texts by code points. "in": equals one of the
            values. "contains": a text has this text, a list this value, an object this key.
            "exists": has a value (True) or none (False).
        value: what JSON has: text, a finite number, True, False or None; for "in" several of them.
            With a number, a text that spells a number counts as that number.

    Raises:
        TypeError: an argument of the wrong type.
        InvalidFilter: no such operator; a value that it cannot work with.
    """

    path: str
    op: str
    value: Value

    def __init__(self, path: str, op: str, value: object = True) -> None:
        if not isinstance(path, str):
            raise wrong_type("the path of a condition", 'text such as "price"', path)
        refuse_half("where", path)
        put = object.__setattr__
        put(self, "path", path)
        put(self, "op", _operator(op))
        put(self, "value", _value(path, self.op, value))

    # In Python 1 == True, in JSON not.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"({quoted(self.path)}, {self.op!r}, {quoted_repr(_as_written(self.value))})"

    def test(self) -> Callable[[Any], bool]:
        """The condition as a function of the value at its path."""
        op, wanted = self.op, self.value
        if op == "exists":
            return lambda value: (_known(value) is not None) is wanted
        if op == "in":
            assert isinstance(wanted, tuple)
            tests = [_equals(one) for one in wanted]
            return lambda value: any(test(value) for test in tests)
        assert not isinstance(wanted, tuple)
        if op in _ORDERS:
            return _ordered(_ORDERS[op], wanted)
        if op == "contains":
            return _contains(wanted)
        equals = _equals(wanted)
        return equals if op == "==" else lambda value: not equals(value)

    @property
    def needs_value(self) -> bool:
        """Whether a payload without such a value fails it."""
        return not self.test()(None)

    def to_wire(self) -> list[Any]:
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return [self.path, self.op, value]

    @classmethod
    def of(cls, value: object) -> Self:
        """The condition that is meant by a sequence of two or three parts."""
        if isinstance(value, cls):
            return value
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise wrong_type("each condition of where", _WANTED, value)
        if len(value) == 2 and value[1] == "exists":
            return cls(value[0], value[1])
        if len(value) != 3:
            raise InvalidFilter(
                f"a condition has three parts, not {len(value)}", hint=f"{_WANTED}."
            )
        return cls(*value)


def conditions_of(value: object) -> tuple[Condition, ...]:
    """The conditions of `where=`: a list of them, or one alone; a mapping of paths to the value that each
    must have, or to a list of such values; None for none. Each once.

    Raises:
        TypeError, InvalidFilter: as of `Condition`.
    """
    if value is None:
        return ()
    if isinstance(value, Condition):
        return (value,)
    if isinstance(value, Mapping):
        several = (list, tuple, set, frozenset)
        value = [
            (path, "in" if isinstance(one, several) else "==", one) for path, one in value.items()
        ]
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise wrong_type("where", f"a list of {_WANTED}", value)
    listed = list(value)
    if len(listed) in (2, 3) and all(isinstance(part, str) for part in listed[:2]):
        return (Condition.of(listed),)  # one alone, without its list
    return tuple(dict.fromkeys(map(Condition.of, listed)))


def passes(conditions: Sequence[Condition], data: str) -> bool:
    """Whether a payload meets all of these conditions."""
    row = read_object(data)
    return all(test(reader(row)) for reader, test in _compiled(tuple(conditions)))


@lru_cache(maxsize=64)
def _compiled(
    conditions: tuple[Condition, ...],
) -> list[tuple[Callable[[dict[str, Any]], Any], Callable[[Any], bool]]]:
    return [(reader_of(one.path), one.test()) for one in conditions]


def mask_of(conditions: Sequence[Condition], data: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which rows of this column of text meet all of these conditions."""
    tests = _compiled(tuple(conditions))
    worth = _worth_reading(conditions, data)
    empty = all(test(None) for _, test in tests)
    hits = np.full(len(data), empty)
    at = None if worth is None else np.flatnonzero(worth.to_numpy())
    texts = pa.table({"data": data if worth is None else data.filter(worth)})
    start = 0
    for some in bounded_slices(texts):
        rows = [row if type(row) is dict else {} for row in read(payloads(some.column("data")))]
        found = [all(test(reader(row)) for reader, test in tests) for row in rows]
        stop = start + len(found)
        hits[slice(start, stop) if at is None else at[start:stop]] = found
        start = stop
    return pa.chunked_array([pa.array(hits)])


def _worth_reading(
    conditions: Sequence[Condition], data: pa.ChunkedArray
) -> pa.ChunkedArray | None:
    """The rows that have the keys which the conditions need: most events of a mixed stream have not."""
    worth = None
    for one in conditions:
        needle = _needle(one.path)
        if not needle or not one.needs_value:
            continue
        # Where letters are escaped, the key may be one of them.
        has = pc.or_(pc.match_substring(data, needle), pc.match_substring(data, "\\"))
        worth = has if worth is None else pc.and_(worth, has)
    return None if worth is None else pc.fill_null(worth, False)


def _needle(path: str) -> str:
    """What each payload with this path has in its text, where nothing there is escaped; "" for
    nothing."""
    key = steps_of(path)[-1]
    if not key or key.isdecimal() or len(json.dumps(key, ensure_ascii=False)) > len(key) + 2:
        return ""
    return f'{key}"'  # without its first quote: "a.b" may be one key too


# ---------------------------------------------------------------------- values


def _known(value: Any) -> Any:
    """A value as a condition sees it: numbers are doubles, as in JavaScript."""
    kind = type(value)
    if kind is float or kind is int:
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    return value


def _as_number(value: Any) -> float | None:
    """The number that this is, or that this text spells."""
    known = _known(value)
    if type(known) is float:
        return known
    if type(known) is str and _NUMBER.fullmatch(known):
        number = float(known)
        return number if math.isfinite(number) else None
    return None


def _equals(wanted: Plain) -> Callable[[Any], bool]:
    if type(wanted) is float:
        return lambda value: _as_number(value) == wanted
    if wanted is None:
        return lambda value: _known(value) is None
    kind = type(wanted)
    return lambda value: type(value) is kind and value == wanted


def _ordered(compare: Callable[[Any, Any], bool], wanted: Plain) -> Callable[[Any], bool]:
    if type(wanted) is float:

        def numbers(value: Any) -> bool:
            number = _as_number(value)
            return number is not None and compare(number, wanted)

        return numbers
    return lambda value: type(value) is str and compare(value, wanted)


def _contains(wanted: Plain) -> Callable[[Any], bool]:
    equals = _equals(wanted)

    def test(value: Any) -> bool:
        if type(value) is list:
            return any(map(equals, value))
        if type(wanted) is not str:
            return False
        return type(value) in (str, dict) and wanted in value

    return test


# ---------------------------------------------------------------------- what is given


def _operator(op: object) -> str:
    if not isinstance(op, str):
        raise wrong_type("the operator of a condition", f"one of {', '.join(OPERATORS)}", op)
    if op in OPERATORS:
        return op
    near = _MEANT.get(op) or (op.lower() if op.lower() in OPERATORS else None)
    hint = f"Write {near!r}." if near else f"There are {', '.join(OPERATORS)}."
    raise InvalidFilter(f"there is no operator {quoted(op)}", hint=hint)


def _value(path: str, op: str, value: object) -> Value:
    if op == "in":
        return _several(path, value)
    if op == "exists":
        if not isinstance(value, bool):
            raise wrong_type(
                f"the value of ({quoted(path)}, 'exists', ...)", "True or False", value
            )
        return value
    plain = _plain(path, value)
    if op in _ORDERS and (plain is None or isinstance(plain, bool)):
        raise InvalidFilter(
            f"{quoted(path)} {op} {plain!r}: only numbers and texts have an order",
            hint="Write == or !=.",
        )
    return plain


def _several(path: str, value: object) -> tuple[Plain, ...]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise wrong_type(
            f"the value of ({quoted(path)}, 'in', ...)", 'a list: ["BTC", "ETH"]', value
        )
    found = {(type(one).__name__, one): one for one in (_plain(path, one) for one in value)}
    if not found:
        raise InvalidFilter(f"{quoted(path)} in []: no value is in an empty list")
    if len(found) > _MANY:
        raise InvalidFilter(f"{quoted(path)} in a list of more than {_MANY:,} values")
    # In one order, whatever set they came from.
    return tuple(
        found[key] for key in sorted(found, key=lambda k: (k[0], "" if k[1] is None else k[1]))
    )


def _plain(path: str, value: object) -> Plain:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        refuse_half("where", value)
        return str(value)
    if type(value).__name__ == "bool_" or type(value).__name__ == "bool":
        return bool(value)
    if isinstance(value, int | float | np.number):
        try:
            number = float(value)
        except (OverflowError, TypeError):
            number = math.inf
        if not math.isfinite(number):
            raise InvalidFilter(f"the value for {quoted(path)} is no number that JSON can say")
        return number + 0.0  # -0.0 is 0.0
    raise wrong_type(f"the value for {quoted(path)}", "text, a number, True, False or None", value)


def _as_written(value: Value) -> object:
    """As JSON has it: whole numbers without a fraction."""
    if isinstance(value, tuple):
        return tuple(map(_as_written, value))
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return int(value) if whole else value  # type: ignore[arg-type]
