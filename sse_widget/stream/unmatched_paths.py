"""Warns of column paths that no event held has, and names the fields that there are.

A mistyped path gives a column of missing values, which looks like a stream without such values. This module
warns once for each path, and changes nothing.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Iterable

from ..payload import payloads, read, reader_of
from ..tables import RollingWindow
from ..visible import quoted

# What is looked at of a stream: its latest events. Of one that runs fewer say nothing yet.
_LOOK, _ENOUGH = 500, 10
_NAMED = 12


class UnmetPaths:
    """Which paths were met, and which were told.

    Args:
        window: where the events are.
        over: whether no more will come.
    """

    def __init__(self, window: RollingWindow, over: Callable[[], bool]) -> None:
        self._window = window
        self._over = over
        self._settled: set[str] = set()

    def check(self, paths: Iterable[str]) -> None:
        """Warn of those of these paths that none of the latest events has; call it on the thread of
        the user who asks. Each path is looked at until it was met or told.
        """
        new = [path for path in paths if path not in self._settled]
        if not new:
            return
        _, stop, _ = self._window.bounds
        held = self._window.read(stop - _LOOK).table
        rows = [row for row in read(payloads(held.column("data"))) if type(row) is dict]
        if not held.num_rows or (len(rows) < _ENOUGH and not self._over()):
            return
        for path in new:
            reader = reader_of(path)
            self._settled.add(path)
            if not any(reader(row) is not None for row in rows):
                warnings.warn(_sentence(path, rows), UserWarning, stacklevel=4)


def _sentence(path: str, rows: list[dict[str, object]]) -> str:
    if not rows:
        return f"{quoted(path)} meets nothing: none of the latest events is a JSON object"
    fields = list(dict.fromkeys(name for row in rows for name in row))
    near = difflib.get_close_matches(path, fields, 1)
    meant = f"did you mean {quoted(near[0])}? " if near else ""
    listed = ", ".join(quoted(name) for name in fields[:_NAMED])
    more = " and others" if len(fields) > _NAMED else ""
    return (
        f"{quoted(path)} meets nothing in the latest {len(rows):,} events that are JSON objects: "
        f"{meant}their fields are {listed}{more}"
    )
