"""Dotted paths into JSON payloads: which ones are meant, what each reads, and how its column is called.

It knows nothing of texts, tables and events.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from ..checks import shown_value


def paths_of(name: str, paths: str | Iterable[str]) -> list[str]:
    """These paths, each once; one `str` is that one path.

    Raises:
        TypeError: they are no names; `name` says whose they are.
    """
    if not isinstance(paths, Iterable):
        wanted = 'a list of names: ["price", "user.name"]'
        raise TypeError(f"{name} must be {wanted}, not {shown_value(paths)}")
    listed = list(dict.fromkeys([paths] if isinstance(paths, str) else paths))
    for path in listed:
        if not isinstance(path, str):
            raise TypeError(f"{name} must be names, not {shown_value(path)}")
    return listed


def steps_of(path: str) -> list[str]:
    """The keys and places of a path, one after the other."""
    dotted = _PLACE.sub(r".\1", path)
    return dotted.removeprefix("." if path[:1] == "[" else "").split(".")


_PLACE = re.compile(r"\[([0-9]+)\]")


def reader_of(path: str) -> Callable[[dict[str, Any]], Any]:
    """A function that takes an object and gives its value at a dotted path; None where it has
    none.

    A key that has the dots or brackets itself goes first; a whole number is a place in a list:
    `choices.0.text` and `choices[0].text` are the same.
    """
    keys = steps_of(path)
    if keys == [path]:
        return lambda row: row.get(path)
    steps = [(key, _place_in_list(key)) for key in keys]

    def read(row: dict[str, Any]) -> Any:
        if path in row:
            return row[path]
        value: Any = row
        for key, place in steps:
            if type(value) is dict:
                value = value.get(key)
            elif type(value) is list and 0 <= place < len(value):
                value = value[place]
            else:
                return None
        return value

    return read


def holder_of(row: dict[str, Any], path: str) -> tuple[Any, Any] | None:
    """What holds the value that `reader_of` reads at this path, and its key or place there; None where the
    path meets nothing."""
    if path in row:
        return row, path
    inside: Any = None
    key: Any = None
    value: Any = row
    for step in steps_of(path):
        inside, key = value, step
        if type(value) is list:
            key = _place_in_list(step)
        if (type(value) is dict and key in value) or (
            type(value) is list and 0 <= key < len(value)
        ):
            value = value[key]
        else:
            return None
    return inside, key


def _place_in_list(step: str) -> int:
    """The place in a list that a step of a path means; -1 for none."""
    return int(step) if step.isdecimal() and len(step) <= 9 else -1


def free_name(path: str, taken: set[Any]) -> str:
    """The name of the column for `path`, which is taken then: with `data.` before what exists."""
    while path in taken:
        path = f"data.{path}"
    taken.add(path)
    return path
