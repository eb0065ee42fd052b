"""Values as they were written: letter for letter, for files that others read.

A number keeps its digits (`1.50` is no `1.5`), an object its spaces; the page does the same in its `Payload`, so
that both write the same bytes. A text is what it means, without quotes and escapes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from .decode import read_whole
from .path import reader_of, steps_of


class Written(NamedTuple):
    """A value: a string as it is meant, anything else as it was written."""

    text: str
    is_string: bool


_value_from = json.JSONDecoder().raw_decode
_space: Callable[[str, int], Any] = re.compile(r"[ \t\r\n]*").match


def written_values(texts: Sequence[bytes], paths: Iterable[str]) -> list[list[Written | None]]:
    """For each path the values in these texts (UTF-8); None where a text has none, or null."""
    rows = [value if type(value) is dict else {} for value in read_whole(texts)]
    spans = [_Spans(text) for text in texts]
    columns = []
    for path in paths:
        reader = reader_of(path)
        columns.append(
            [_written(reader(row), of, path) for row, of in zip(rows, spans, strict=True)]
        )
    return columns


def _written(value: Any, spans: _Spans, path: str) -> Written | None:
    if value is None:
        return None
    if type(value) is str:
        return Written(value, True)
    # One spelling is all that these have.
    if type(value) is bool:
        return Written("true" if value else "false", False)
    if type(value) is int and value:
        return Written(str(value), False)
    text = spans.at(path)
    return None if text is None else Written(text, False)


class _Spans:
    """Where the values of one payload, which is a JSON object, stand in its text."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._text: str | None = None
        self._children: dict[int, dict[str, tuple[int, int]]] = {}

    def at(self, path: str) -> str | None:
        """The text of the value at a path that `reader_of` reads."""
        if self._text is None:
            self._text = self._payload.decode("utf-8", "surrogatepass")
        text = self._text
        top = _space(text, 0).end()
        try:
            span = self._inside(text, top).get(path)
            if span is None:
                span = top, len(text)
                for step in steps_of(path):
                    inside = self._inside(text, span[0])
                    key = step if text[span[0]] == "{" else str(int(step))
                    span = inside[key]
        except (KeyError, ValueError, RecursionError):  # nested deeper than Python reads by itself
            return None
        return text[span[0] : span[1]]

    def _inside(self, text: str, start: int) -> dict[str, tuple[int, int]]:
        found = self._children.get(start)
        if found is None:
            found = self._children[start] = _children(text, start)
        return found


def _children(text: str, start: int) -> dict[str, tuple[int, int]]:
    """Key, or place, -> where its value begins and ends; of the same key the last one counts."""
    found: dict[str, tuple[int, int]] = {}
    named = text[start] == "{"
    if not named and text[start] != "[":
        return found
    at = _space(text, start + 1).end()
    while text[at] not in "}]":
        key = str(len(found))
        if named:
            key, at = _value_from(text, at)
            at = _space(text, _space(text, at).end() + 1).end()
        begin = at
        _, at = _value_from(text, begin)
        found[key] = begin, at
        at = _space(text, at).end()
        if text[at] == ",":
            at = _space(text, at + 1).end()
    return found
