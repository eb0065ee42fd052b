"""Dotted paths into JSON payloads: which ones are meant, what each reads, and how its column is called.

It knows nothing of texts, tables and events.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from ..checks import told

__all__ = ["free_name", "paths_of", "reader_of", "steps_of"]


def paths_of(name: str, paths: str | Iterable[str]) -> list[str]:
    """These paths, each once; one `str` is that one path.

    Raises:
        TypeError: they are no names; `name` says whose they are.
    """
    if not isinstance(paths, Iterable):
        wanted = 'a list of names: ["price", "user.name"]'
        raise TypeError(f"{name} must be {wanted}, not {told(paths)}")
    listed = list(dict.fromkeys([paths] if isinstance(paths, str) else paths))
    for path in listed:
        if not isinstance(path, str):
            raise TypeError(f"{name} must be names, not {told(path)}")
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
    places = [int(key) if key.isdecimal() and len(key) <= 9 else -1 for key in keys]
    steps = list(zip(keys, places, strict=True))

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


def free_name(path: str, taken: set[Any]) -> str:
    """The name of the column for `path`, which is taken then: with `data.` before what exists."""
    while path in taken:
        path = f"data.{path}"
    taken.add(path)
    return path
