"""`stream.latest(by=...)` and the page's view of it: which states are kept of a stream, and how they travel.

`tables.latest` keeps them; here a state begins when somebody asks for it. A page gets the rows that are newer
than the number it says, as a message; the view works while a cell runs wherever messages are answered then.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .. import runtime
from ..checks import whole_number
from ..notebook import Message
from ..payload import paths_of
from ..tables import LatestRow, LatestRows, RollingWindow
from ..visible import quoted
from .feed import FeedListener

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LatestStates"]

MAX_KEYS = 10_000
# Each reads every event; who asks for more of them is done with the first.
_MOST_STATES = 4
# Of one message to a page.
_PAGE_BYTES, _PAGE_CHARS = 2**19, 1_000
_EXACT = 2**53


class LatestStates(FeedListener):
    """The states of one stream, each by other keys.

    Args:
        window: where its events are.
    """

    def __init__(self, window: RollingWindow) -> None:
        self._window = window
        self._states: dict[tuple[str, ...], LatestRows] = {}
        self._told: set[tuple[str, ...]] = set()

    def came(self, new_types: set[str]) -> None:
        for state in self._states.values():
            state.note()

    def close(self) -> None:
        """Read no further by itself."""
        for state in self._states.values():
            state.close()

    def frame(
        self,
        by: str | Iterable[str] | None,
        columns: str | Iterable[str] | None,
        max_keys: int,
    ) -> pd.DataFrame:
        """As `SSEStream.latest`."""
        most = whole_number("max_keys", max_keys, at_least=1)
        paths = () if by is None else keys_of(by)
        wanted = None if columns is None else paths_of("columns", columns)
        state = self._state(paths)
        state.max_keys = most
        frame = state.frame(wanted)
        if state.let_go and paths not in self._told:
            self._told.add(paths)
            warnings.warn(
                f"there are more than {len(frame):,} keys by {', '.join(map(quoted, paths)) or 'type'}: "
                "those that were silent longest were let go of (max_keys=, and a quarter of max_bytes)",
                UserWarning,
                stacklevel=3,
            )
        return frame

    def answer(self, content: Message) -> Message | None:
        """The answer to a page that asks for what is new: `{"kind": "latest", "by": ["symbol"],
        "since": 0}`. None where it asks for nothing that there can be.

        `rows` are `[key, seq, milliseconds, type, fields]`, oldest first; where they do not fit into
        one message, `stop` is where to go on, and `more` is true. `let_go` counts the keys that are
        gone: where it has grown, a page begins anew.
        """
        try:
            paths = keys_of(content["by"]) if content.get("by") else ()
            since = whole_number("since", content.get("since", 0), at_least=0)
        except (KeyError, TypeError, ValueError):
            return None
        state = self._state(paths)
        rows, stop = state.read(since)
        rows.sort(key=lambda row: row.seq)
        size, count = 0, 0
        for row in rows:
            size += row.nbytes
            if size > _PAGE_BYTES and count:
                break
            count += 1
        more = count < len(rows)
        return {
            "kind": "latest",
            "by": list(paths),
            "keys": len(state),
            "let_go": state.let_go,
            "since": since,
            "stop": rows[count].seq if more else stop,
            "more": more,
            "rows": [_wire(row) for row in rows[:count]],
        }

    def _state(self, paths: tuple[str, ...]) -> LatestRows:
        state = self._states.pop(paths, None)
        if state is None:
            state = LatestRows(self._window, paths, MAX_KEYS)
            runtime.call(state.note)
        # The latest that was asked for comes last; whoever iterates meanwhile has the old one.
        states = {**self._states, paths: state}
        while len(states) > _MOST_STATES:
            states.pop(next(iter(states))).close()
        self._states = states
        return state


def keys_of(by: object) -> tuple[str, ...]:
    """The paths of a key.

    Raises:
        TypeError: they are no names.
        ValueError: there is none, or an empty one.
    """
    paths = tuple(paths_of("by", by))  # type: ignore[arg-type]
    if not paths or "" in paths:
        raise ValueError('by must be a key or dotted path such as "symbol", or several')
    return paths


def _wire(row: LatestRow) -> list[object]:
    key = [*map(_plain, row.key)] if isinstance(row.key, tuple) else _plain(row.key)
    fields = {name[:_PAGE_CHARS]: _plain(value) for name, value in row.values.items()}
    return [key, row.seq, row.at / 1000, row.type[:_PAGE_CHARS], fields]


def _plain(value: object) -> object:
    """A value as JSON and JavaScript can say it."""
    if type(value) is str:
        return value[:_PAGE_CHARS]
    if type(value) is float:
        return value if math.isfinite(value) else str(value)
    if type(value) is int:
        return value if -_EXACT <= value <= _EXACT else str(value)
    if type(value) is list:
        return [_plain(one) for one in value[:100]]
    if type(value) is dict:
        return {name[:_PAGE_CHARS]: _plain(one) for name, one in list(value.items())[:100]}
    return value
