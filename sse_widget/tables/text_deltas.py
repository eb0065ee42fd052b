"""The text that is spread over many payloads: what a language model has said so far.

It reads payloads and knows nothing of streams.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence

from ..basics import whole
from ..payload import read, reader_of


class JoinedText:
    """The strings at one dotted path of many payloads, joined in the order they came.

    Grows: `add` reads each payload once, so that asking again costs only what is new. What it holds
    is bounded by calls of `trim`, which drops the beginning.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.cursor = 0  # the number of the first event that was not read yet
        self._read = reader_of(path)
        self._parts: deque[str] = deque()
        self._sizes: deque[int] = deque()
        self.nbytes = 0

    def add(self, data: Sequence[bytes], stop: int) -> None:
        """Read these payloads (UTF-8), the events numbered up to before `stop`."""
        values = (v for v in read(data) if type(v) is dict)
        text = "".join(part for part in map(self._read, values) if isinstance(part, str))
        self.cursor = stop
        if text:
            self._parts.append(text)
            self._sizes.append(sys.getsizeof(text))
            self.nbytes += self._sizes[-1]

    def trim(self, nbytes: int) -> None:
        """Let go of the oldest parts until at most so many bytes are held."""
        while self.nbytes > nbytes and self._parts:
            self._parts.popleft()
            self.nbytes -= self._sizes.popleft()

    @property
    def text(self) -> str:
        """All that is held of it. Two halves of a character that came in two events are one; a half
        without the other is U+FFFD."""
        return whole("".join(self._parts))
