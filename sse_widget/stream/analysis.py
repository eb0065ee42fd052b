"""What is computed of the events an SSEStream holds: its live columns, its texts, its callbacks.

It reads the window. Nothing here connects or sends.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Never

from .. import recordings, runtime
from ..payload import bounded_slices, paths_of, payloads, steps_of
from ..tables import JoinedText, LiveColumns, Snapshot, as_event_frame
from .callbacks import Callbacks
from .feed import FeedListener, StreamFeed
from .unmatched_paths import UnmetPaths

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# The texts that were asked for take this part of `max_bytes` at most.
_TEXT_PART = 0.25


class Analysis(FeedListener):
    """What is computed of one stream.

    Args:
        feed: the stream.

    Attributes:
        callbacks: the functions that are called with what comes.
    """

    def __init__(self, feed: StreamFeed) -> None:
        self._feed = feed
        self._window = feed.window
        self._live: LiveColumns | None = None
        self._texts: dict[str, JoinedText] = {}
        self._text_lock = threading.Lock()
        self._unmet = UnmetPaths(feed.window, feed.ended.is_set)
        self.callbacks = Callbacks(
            feed.window, frame=self.rows, origin=lambda: self._feed.source.origin
        )

    # ------------------------------------------------------------------ what happens to the stream

    def came(self, new_types: set[str]) -> None:
        if self._live is not None:
            self._live.note()
        self.callbacks.note()

    def resized(self) -> None:
        if self._feed.ended.is_set():
            self.callbacks.note(over=True)
        else:
            self.came(set())

    def ended(self) -> None:
        self.callbacks.note(over=True)

    def close(self) -> None:
        """Nothing is called, and no column is kept up to date any more."""
        self.callbacks.close()
        if self._live is not None:
            self._live.close()

    # ------------------------------------------------------------------ rows and columns

    @property
    def columns(self) -> list[str]:
        """The paths that are live columns."""
        return ColumnNames(() if self._live is None else self._live.paths)

    def use_columns(self, paths: str | Iterable[str] | None) -> None:
        """Make these the live columns.

        Raises:
            TypeError: it is no name and no list of names.
        """
        live = LiveColumns(self._window, () if paths is None else paths)
        old, self._live = self._live, live if live.paths else None
        if old is not None:
            old.close()
        if live.paths:
            runtime.call(live.note)

    def settle(self) -> None:
        """Read what the live columns have not read yet."""
        if self._live is not None:
            self._live.settle()

    def held(self) -> tuple[Snapshot, pd.DataFrame]:
        """The events held, and the same as a DataFrame with its live columns."""
        if self._live is not None:
            return self._live.read()
        snapshot = self._window.read()
        return snapshot, snapshot.frame()

    def arrow(self) -> pa.Table:
        """The events held as an Arrow table, with the live columns, typed."""
        live = self._live
        if live is None:
            return recordings.arrow_table(self._window.read())
        snapshot, frame = live.read()
        return recordings.arrow_table(snapshot, live.paths, frame)

    def rows(self, start: int = 0) -> tuple[int, int, pd.DataFrame]:
        """The events from a number on: the number of the first one, that after the last one."""
        if self._live is not None:
            snapshot, frame = self._live.read(start)
        else:
            snapshot = self._window.read(start)
            frame = snapshot.frame()
        return snapshot.first, snapshot.stop, as_event_frame(frame)

    # ------------------------------------------------------------------ texts

    def text(self, path: str) -> str:
        """The strings at a path of the payloads, joined, up to now.

        Raises:
            TypeError, ValueError: it is no path.
        """
        with self._text_lock:
            joined = self._texts.get(path)
            if joined is None:
                joined = self._texts[path] = JoinedText(path)
            share = self._window.budget.share("text", part=_TEXT_PART)
            snapshot = self._window.read(joined.cursor)
            stop = snapshot.first
            for some in bounded_slices(snapshot.table.select(["data"])):
                stop += some.num_rows
                joined.add(payloads(some.column("data")), stop)
                others = sum(text.nbytes for text in self._texts.values() if text is not joined)
                joined.trim(max(share.limit - others, 0))
                share.hold(others + joined.nbytes)
            return joined.text

    # ------------------------------------------------------------------ paths

    def expect(
        self,
        paths: str | Iterable[str] | None,
        explode: str | bool = False,
        nested_json: str | Iterable[str] = (),
        times: str | Iterable[str] = (),
    ) -> None:
        """Warn once of each of these paths that meets nothing; called by a member that the user
        calls. Payloads as they came say nothing of what is in an array that became rows, or in a text
        that was read as JSON."""
        nested = paths_of("nested_json", nested_json)
        array = [explode] if isinstance(explode, str) else []
        fields = paths_of("columns", () if paths is None else paths) + paths_of("times", times)
        self._unmet.check(
            [
                *nested,
                *_outside(array, nested),
                # Where payloads are arrays, the fields are those of their elements.
                *([] if explode is True else _outside(fields, [*nested, *array])),
            ]
        )


class ColumnNames(list[str]):
    """The names of the live columns: a list that says how they are changed, for a change of the list itself
    would change no column."""

    def _refuse(self, *args: object, **kwargs: object) -> Never:
        raise TypeError(
            "the columns of a stream are set as a whole: "
            'stream.columns = [*stream.columns, "price"], or stream.columns += ["price"]'
        )

    append = extend = insert = remove = pop = clear = sort = reverse = _refuse
    __setitem__ = __delitem__ = _refuse

    def __reduce__(self) -> tuple[type, tuple[list[str]]]:
        return list, ([*self],)  # a copy is a list of its own

    def __iadd__(self, more: Iterable[str]) -> list[str]:  # type: ignore[override, misc]
        return [*self, *([more] if isinstance(more, str) else more)]


def _outside(paths: list[str], inside: list[str]) -> list[str]:
    """Those of these paths that lead into none of the others."""
    into = [steps_of(one) for one in inside]
    return [
        path
        for path in paths
        if not any(steps_of(path)[: len(steps)] == steps for steps in into if path not in inside)
    ]
