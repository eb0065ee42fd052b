"""GapLog: the latest gaps of one or several streams, each once.

A gap is known by its stream, its moment and its cause: a later report of the same gap replaces it. The log
counts nothing and decides nothing about what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from ..events import Cause, Gap


class GapLog:
    """Gaps in the order in which they were noticed. Any thread may read it while another one adds.

    Args:
        gaps: to begin with, of one stream without a name.
        most: so many are kept, the latest; None for all.
    """

    def __init__(self, gaps: Iterable[Gap] = (), *, most: int | None = None) -> None:
        self.most = most
        self._found: dict[tuple[str, datetime, Cause], Gap] = {}
        for gap in gaps:
            self.add(gap)

    def add(self, gap: Gap, stream: str = "") -> bool:
        """A gap, or more is known of one; whether it is new."""
        key = (stream, gap.at, gap.cause)
        new = key not in self._found
        self._found[key] = gap
        while self.most is not None and len(self._found) > self.most:
            del self._found[next(iter(self._found))]
        return new

    def known(self, gap: Gap, stream: str = "") -> Gap | None:
        """What is known so far of this gap; None where it is new."""
        return self._found.get((stream, gap.at, gap.cause))

    def by_stream(self) -> list[tuple[str, Gap]]:
        """All of them as (stream, gap)."""
        return [(key[0], gap) for key, gap in list(self._found.items())]

    def __iter__(self) -> Iterator[Gap]:
        return iter(list(self._found.values()))

    def __len__(self) -> int:
        return len(self._found)
