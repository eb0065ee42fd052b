"""`stream.latest(by=...)`: the tables of the newest state that are kept for a stream, one for each `by`.

`tables.latest` keeps a table up to date; here it begins when it is first asked for. The page has a view of its own,
of the events that it holds, which works while a cell runs and asks the kernel for nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .. import runtime
from ..checks import whole_number
from ..payload import paths_of
from ..tables import LatestRows, RollingWindow
from ..visible import quoted

if TYPE_CHECKING:
    import pandas as pd

MAX_KEYS = 10_000
# Each reads every event; where more are asked for, the one asked for longest ago is dropped.
_MOST_STATES = 4


class LatestStates:
    """The states of one stream, each by other keys.

    Args:
        window: where its events are.
    """

    def __init__(self, window: RollingWindow) -> None:
        self._window = window
        self._states: dict[tuple[str, ...], LatestRows] = {}
        self._told: set[tuple[str, ...]] = set()

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

    def _state(self, paths: tuple[str, ...]) -> LatestRows:
        state = self._states.pop(paths, None)
        if state is None:
            state = LatestRows(self._window, paths, MAX_KEYS)
            runtime.call(state.follow)
        # The latest that was asked for comes last; an iteration that is under way has the old dict.
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
