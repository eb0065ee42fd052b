"""Payloads whose arrays become rows, and whose texts that hold JSON are read: what is done to a payload
before its fields become columns.

A payload without such an array stays one row, so no event is lost. It makes no columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..checks import shown_value
from ..payload import NOT_JSON, holder_of, paths_of, read_whole, steps_of


class Unpacker:
    """What was asked for of payloads, done some at a time.

    Args:
        explode: the path of an array whose elements become rows; True for payloads that are arrays.
        nested_json: the paths of texts that are JSON themselves.

    Attributes:
        counts: how many rows each payload has become, where `explode` was given.

    Raises:
        TypeError: they are no paths.
    """

    def __init__(self, explode: str | bool, nested_json: str | Iterable[str]) -> None:
        if not isinstance(explode, (str, bool)):
            raise TypeError(
                f'explode is the path of one array, such as "items", or True, not {shown_value(explode)}'
            )
        self._nested = paths_of("nested_json", nested_json)
        self._array = explode if isinstance(explode, str) else None
        self.explodes = explode is not False
        self.counts: list[int] = []

    def rows(self, values: list[Any]) -> tuple[list[Any], list[dict[str, Any]]]:
        """The payload of each row, and the row."""
        for path in self._nested:
            read_inside([value for value in values if type(value) is dict], path)
        if not self.explodes:
            return values, [value if type(value) is dict else {} for value in values]
        many = [elements_of(value, self._array) for value in values]
        self.counts += map(len, many)
        whole = [value for value, some in zip(values, many, strict=True) for _ in some]
        return whole, [row for some in many for row in some]

    def fields(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows, with the fields of an element as fields of their own."""
        return rows if self._array is None else [flattened(row, self._array) for row in rows]


def read_inside(rows: list[dict[str, Any]], path: str) -> None:
    """In each of these rows: the text at this path becomes the value it is as JSON; what is no text, or
    no JSON, stays."""
    found: list[tuple[Any, Any]] = []
    for row in rows:
        place = holder_of(row, path)
        if place is not None and type(place[0][place[1]]) is str:
            found.append(place)
    texts = [inside[key].encode("utf-8", "surrogatepass") for inside, key in found]
    for (inside, key), value in zip(found, read_whole(texts), strict=True):
        if value is not NOT_JSON:
            inside[key] = value


def elements_of(value: Any, path: str | None) -> list[dict[str, Any]]:
    """The rows of one payload: one for each element of its array; one where it has none.

    Args:
        value: the payload.
        path: where the array is; None for the payload itself.

    Returns:
        Objects: the payload with the element in the array's place; for None the element itself, or
        `{"value": element}` where it is no object.
    """
    if path is None:
        if type(value) is list:
            return [one if type(one) is dict else {"value": one} for one in value] or [{}]
        return [value if type(value) is dict else {}]
    if type(value) is not dict:
        return [{}]
    place = holder_of(value, path)
    if place is None or type(place[0][place[1]]) is not list:
        return [value]
    keys: list[Any] = [path] if path in value else steps_of(path)
    return [_with(value, keys, one) for one in place[0][place[1]] or [None]]


def _with(value: Any, keys: list[Any], element: Any) -> Any:
    """A copy of `value` with this element at these keys; what is beside them is shared."""
    if not keys:
        return element
    copy = value.copy()
    key = int(keys[0]) if type(copy) is list else keys[0]
    copy[key] = _with(copy[key], keys[1:], element)
    return copy


def flattened(row: dict[str, Any], path: str) -> dict[str, Any]:
    """`row` with the fields of the object at this path as fields `<path>.<name>` of its own."""
    place = holder_of(row, path)
    if place is None:
        return row
    inside, key = place
    element = inside[key]
    named = (
        {f"{path}.{name}": one for name, one in element.items()}
        if type(element) is dict
        else {path: element}
    )
    others = {k: v for k, v in row.items() if k != key} if inside is row else row
    return {**others, **named}
