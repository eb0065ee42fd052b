"""What an SSEStream holds as DataFrames, files, Arrow, live columns, text and callbacks.

Each method is one call of the module that knows how. Nothing here connects or sends.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar, overload

from .. import runtime
from ..events import Event
from ..filters import EventFilter
from ..payload import bounded_slices, payloads
from ..recordings import arrow_table, save
from ..tables import JoinedText, LiveColumns, RollingWindow, Snapshot, to_dataframe
from .callbacks import Callback, Callbacks
from .positions import at_position

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Analysis"]

_F = TypeVar("_F", bound=Callable[..., object])


class Analysis:
    """Mixed into SSEStream, which has the window and the filter."""

    filter: Any  # SSEStream's trait: an EventFilter
    _columns_set: Callable[[], None]  # Showing's: the page hears of it

    def _start_analysis(self, window: RollingWindow, origin: Callable[[], str]) -> None:
        self._window = window
        self._origin = origin
        self._live: LiveColumns | None = None
        self._cursors = Callbacks(window, frame=self._rows, origin=origin)
        self._texts: dict[str, JoinedText] = {}
        self._text_lock = threading.Lock()

    def _note_analysis(self, *, over: bool) -> None:
        """There are new events, or no more will come. Cheap where nobody asked for anything."""
        if self._live is not None and not over:
            self._live.note()
        self._cursors.note(over=over)

    def _end_analysis(self) -> None:
        self._cursors.close()
        if self._live is not None:
            self._live.close()

    @property
    def df(self) -> pd.DataFrame:
        """Everything held: index `seq`, columns received_at, type, last_event_id, data."""
        return self._rows()[2]

    @property
    def view_df(self) -> pd.DataFrame:
        """What `filter` lets through; the same rows as the page shows."""
        return to_dataframe(*self._held(), filter=self.filter)

    @property
    def columns(self) -> list[str]:
        """Keys and dotted paths of the JSON payloads that are columns of `df`: settable.

        `stream.columns = ["price", "user.name"]`: each event is read once, when it comes; those
        already held are read in the background, or when `df` is asked for. A path with the name
        of one of our columns, or `seq`, becomes `data.<path>`. They count toward `max_bytes`. The log on the
        page has the same columns, and sets them too.

        Raises:
            TypeError: (on setting) it is no name and no list of names.
        """
        return [] if self._live is None else list(self._live.paths)

    @columns.setter
    def columns(self, paths: str | Iterable[str] | None) -> None:
        self._use_columns(paths)
        self._columns_set()

    def _use_columns(self, paths: str | Iterable[str] | None) -> None:
        live = LiveColumns(self._window, () if paths is None else paths)
        old, self._live = self._live, live if live.paths else None
        if old is not None:
            old.close()
        if live.paths:
            runtime.call(live.note)

    def to_dataframe(
        self,
        *,
        since: date | str | None = None,
        until: date | str | None = None,
        last: int | str | timedelta | None = None,
        types: str | Iterable[str] | None = None,
        filter: EventFilter | Iterable[str] | None = None,
        columns: str | Iterable[str] | None = None,
        json: bool = False,
        times: str | Iterable[str] = (),
    ) -> pd.DataFrame:
        """Events as a DataFrame, with the fields of their JSON payloads as typed columns.

        Args:
            since, until: since <= received_at < until; datetimes, dates or ISO 8601 text; without
                a time zone they are local time.
            types: only events of these types; one name, or several.
            filter: only what this filter lets through, or these event types; `stream.filter` for
                what the page shows.
            last: of all these only the latest so many; or an interval ("30s", "5min"): only those
                received within it before the latest of them.
            columns: keys or dotted paths ("user.name", "items.0.price") of the payloads; each
                becomes a column, of missing values where no event has such a path.
            json: every top-level key becomes a column, unless `columns` says which. Where
                rows are no JSON they stay, and a last column `is_json` is False for them.
            times: keys or dotted paths whose ISO 8601 text becomes timestamps, time zone kept.

        Returns:
            The columns of `df`, then one a key; a key with the name of one of ours becomes
            `data.<key>`. A column has a dtype where that holds every value exactly as `json.loads`
            gives it; else it keeps the objects. Without `columns`, `json` and `times`, rows of
            `df`, live columns included.

        Raises:
            TypeError: an argument of the wrong type, by name.
            ValueError: a negative `last`; a time that is none; more keys than columns can be.
        """
        if json or times or columns is not None:
            held: Any = (self._window.read(),)
        else:
            held = self._held()
        return to_dataframe(
            *held,
            since=since,
            until=until,
            last=last,
            types=types,
            filter=filter,
            columns=columns,
            json=json,
            times=times,
        )

    def __len__(self) -> int:
        """How many events are held."""
        first, stop, _ = self._window.bounds
        return stop - first

    def __bool__(self) -> bool:
        return True  # a stream of which nothing came yet is a stream

    @overload
    def __getitem__(self, place: SupportsIndex) -> Event: ...
    @overload
    def __getitem__(self, place: slice) -> list[Event]: ...
    def __getitem__(self, place: SupportsIndex | slice) -> Event | list[Event]:
        """The event at a position among those held: `stream[0]` is the oldest, `stream[-1]` the
        newest, `stream[-10:]` a list of the latest ten. `stream.df.loc[seq]` goes by number.

        Raises:
            IndexError: there is no such position.
        """
        return at_position(self._window, place, self._origin())

    def __reversed__(self) -> Iterator[Event]:
        return iter(self[::-1])

    def head(self, n: int = 5) -> pd.DataFrame:
        """The oldest rows of `df`, as `DataFrame.head`."""
        return self.df.head(n)

    def tail(self, n: int = 5) -> pd.DataFrame:
        """The newest rows of `df`, as `DataFrame.tail`."""
        return self.df.tail(n)

    def save(
        self,
        path: str | os.PathLike[str],
        filter: EventFilter | Iterable[str] | None = None,
        *,
        csv_formulas: bool = False,
    ) -> Path:
        """Write the events held to a file: `.csv`, `.ndjson`, `.parquet` or `.sse`, by suffix.

        The file is there whole or not at all; one that exists is replaced. `.sse` is an event
        stream that parses back identically, with the times in comments; `SSEStream.replay` reads
        all but `.csv`.

        Args:
            filter: only what this filter lets through; `stream.filter` for what the page shows.
            csv_formulas: a `.csv` has every text as it came. Else one that a spreadsheet would run
                as a formula (it begins with =, +, -, @, a tab or a line end) begins with an
                apostrophe, as OWASP advises against CSV injection.

        Returns:
            The absolute path of the file.

        Raises:
            ValueError: another suffix; `csv_formulas` with another one than `.csv`; for `.sse`, an event no event stream can carry.
            OSError: it cannot be written; what was there before is there still.
        """
        return save(self._window.read(), path, filter, csv_formulas=csv_formulas)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The Arrow PyCapsule interface: what is held now, columns seq, received_at, type,
        last_event_id, data. Each time it is asked it is a new snapshot: for a join or a query that
        asks twice, `snapshot = pa.table(stream)` first."""
        return arrow_table(self._window.read()).__arrow_c_stream__(requested_schema)

    @overload
    def on(
        self, type: str | Iterable[str] | EventFilter | None = None, *, held: bool = True
    ) -> Callable[[_F], _F]: ...
    @overload
    def on(
        self, type: str | Iterable[str] | EventFilter | None, fn: _F, *, held: bool = True
    ) -> _F: ...
    @overload
    def on(self, type: _F) -> _F: ...
    def on(self, type: Any = None, fn: Any = None, *, held: bool = True) -> Any:
        """Call a function with each `Event` of this type, or of these: `@stream.on("trade")`,
        `@stream.on(["trade", "quote"])`, `stream.on("trade", fn)`; of any type where none is given
        (`@stream.on()`), or with those that a filter lets through: `@stream.on(EventFilter(...))`.

        Callbacks run in order in one thread of this stream's own; what they print lands under the
        cell that registered them. What one raises is shown once, counted in `callbacks`, and stops
        nothing. A callback slower than the stream skips what is evicted, and counts it as missed.

        Args:
            type: an event type, several, or an `EventFilter`.
            fn: the function; without it, what is returned takes one, as a decorator does.
            held: begin with the events already held; else only those to come.

        Returns:
            The function.

        Raises:
            TypeError: `type` names no events, or the function is none, or an async one.
        """
        if fn is None and callable(type):  # @stream.on, without parentheses
            type, fn = None, type
        register = self._cursors.on(type, held=held)
        return register if fn is None else register(fn)

    @overload
    def every(
        self, interval: str | float | timedelta, *, held: bool = True
    ) -> Callable[[_F], _F]: ...
    @overload
    def every(self, interval: str | float | timedelta, fn: _F, *, held: bool = True) -> _F: ...
    def every(self, interval: str | float | timedelta, fn: Any = None, *, held: bool = True) -> Any:
        """Call a function each `interval` ("5s", "500ms", "1min", seconds) with the new rows as a
        DataFrame: `@stream.every("5s")`, `stream.every(5, fn)`. Not called where nothing came.
        Else like `on`.

        Raises:
            TypeError: the function is none, or an async one.
            ValueError: no such interval.
        """
        register = self._cursors.every(interval, held=held)
        return register if fn is None else register(fn)

    def off(self, fn: Callable[..., object]) -> None:
        """A function that `on` or `every` registered is not called any more."""
        self._cursors.off(fn)

    @property
    def callbacks(self) -> list[Callback]:
        """What is known of each callback: name, calls, missed, errors, the last error."""
        return self._cursors.callbacks

    def _held(self) -> tuple[Snapshot, pd.DataFrame]:
        """The events held, and the same as a DataFrame with its live columns."""
        if self._live is not None:
            return self._live.read()
        snapshot = self._window.read()
        return snapshot, snapshot.frame()

    def _rows(self, start: int = 0) -> tuple[int, int, pd.DataFrame]:
        """The events from a number on: the number of the first one, that after the last one."""
        if self._live is not None:
            snapshot, frame = self._live.read(start)
        else:
            snapshot = self._window.read(start)
            frame = snapshot.frame()
        return snapshot.first, snapshot.stop, frame

    def text(self, path: str) -> str:
        """The strings at a dotted path of the JSON payloads, joined: the text so far.

        `stream.text("choices.0.delta.content")` is what a language model has said. Events without
        that path add nothing; what has been read stays part of the text when its event is
        evicted. A text that takes more than a quarter of `max_bytes` loses its beginning. Asking
        changes nothing on the page, whose Text panel has a list of paths of its own.
        """
        with self._text_lock:
            joined = self._texts.get(path)
            if joined is None:
                joined = self._texts[path] = JoinedText(path)
            share = self._window.budget.share("text", part=0.25)
            snapshot = self._window.read(joined.cursor)
            stop = snapshot.first
            for some in bounded_slices(snapshot.table.select(["data"])):
                stop += some.num_rows
                joined.add(payloads(some.column("data")), stop)
                others = sum(text.nbytes for text in self._texts.values() if text is not joined)
                joined.trim(max(share.limit - others, 0))
                share.hold(others + joined.nbytes)
            return joined.text
