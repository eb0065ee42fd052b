"""The text that is spread over many payloads: what a language model has said so far.

It reads payloads and knows nothing of streams.
"""

from __future__ import annotations

from collections.abc import Iterable

from .json_decode import read
from .json_path import reader_of

__all__ = ["JoinedText"]


class JoinedText:
    """The strings at one dotted path of many payloads, joined in the order they came.

    Grows: `add` reads each payload once, so that asking again costs only what is new.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.cursor = 0  # the number of the first event that was not read yet
        self._read = reader_of(path)
        self._parts: list[str] = []

    def add(self, data: Iterable[str], stop: int) -> None:
        """Read these payloads, the events numbered up to before `stop`."""
        for value in read([text.encode() for text in data]):
            part = self._read(value) if type(value) is dict else None
            if isinstance(part, str):
                self._parts.append(part)
        self.cursor = stop

    @property
    def text(self) -> str:
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""
