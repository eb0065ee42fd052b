"""The files of a capture, as the widget, its streams and its page ask about them.

One reader answers all questions and remembers the footers, so the footer of a file is read once. It writes
nothing. Its methods block: they must not be called on the loop.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from ..checks import texts, whole_number
from ..events import Event
from ..filters import EventFilter, filter_of
from ..storage import Dataset, Search, SearchProgress, arrivals, first_after, microseconds_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.dataset

_COLUMNS = ("stream", "seq", "received_at", "type", "last_event_id", "data")
# Bars of a chart; and the most that may be asked for.
STEPS, _MOST_STEPS = 300, 100_000


class Found(NamedTuple):
    """An event that a search found, and the name of its stream."""

    stream: str
    event: Event


class HistorySearch:
    """A search in the files of a capture. Iterating it reads the files, newest first, and gives each event
    that matches as a `Found`; `next()` and a plain `for` both do, and reading stops where the iteration does.

    Args:
        search: what reads.
    """

    def __init__(self, search: Search) -> None:
        self._search = search
        self._found = self._events()

    def __iter__(self) -> Iterator[Found]:
        return self._found

    def __next__(self) -> Found:
        return next(self._found)

    @property
    def progress(self) -> SearchProgress:
        """How far it is; any thread may look."""
        return self._search.progress

    def cancel(self) -> None:
        """End it; any thread may call this."""
        self._search.cancel()

    def _events(self) -> Iterator[Found]:
        for table in self._search:
            for row in reversed(table.to_pylist()):
                if self._search.cancelled:
                    return
                values = (row["type"], row["data"], row["last_event_id"], "", row["received_at"])
                yield Found(row["stream"], Event(*values, row["seq"]))

    def __repr__(self) -> str:
        at = self.progress
        state = "done" if at.done else f"{at.searched:,} of {at.events:,} events searched"
        return f"<search: {at.found:,} found, {state}>"


class CaptureFiles:
    """The files of one capture.

    Args:
        to: the folder.

    Attributes:
        to: the same.
    """

    def __init__(self, to: str) -> None:
        self.to = to
        self._lock = threading.Lock()
        self._dataset: Dataset | None = None

    @property
    def dataset(self) -> Dataset:
        """The reader.

        Raises:
            CaptureError: the folder is none.
        """
        with self._lock:
            if self._dataset is None:
                self._dataset = Dataset(self.to)
            return self._dataset

    def history(self, stream: str | None = None) -> pyarrow.dataset.Dataset:
        """All rows of all streams or of one, as they are now."""
        found: pyarrow.dataset.Dataset = self.dataset.dataset(stream)
        return found

    def read(
        self,
        stream: str | None,
        since: date | str | None,
        until: date | str | None,
        columns: str | Iterable[str] | None,
    ) -> pd.DataFrame:
        """The events of some time as a DataFrame."""
        names = _columns(columns)
        bounds = EventFilter(since=since, until=until)
        table = self.dataset.read(stream, since=bounds.since, until=bounds.until, columns=names)
        frame: pd.DataFrame = table.to_pandas()
        return frame

    def rates(
        self,
        stream: str | None,
        since: date | str | None,
        until: date | str | None,
        steps: int,
    ) -> pd.DataFrame:
        """How many events came in each step of time."""
        import pandas as pd

        steps = min(whole_number("steps", steps, at_least=1), _MOST_STEPS)
        bounds = EventFilter(since=since, until=until)
        since_us, until_us = microseconds_of(bounds.since), microseconds_of(bounds.until)
        counts = arrivals(self.dataset, stream, since_us, until_us, steps)
        starts, rows, step = [], [], 1
        if counts is not None:
            step = counts.step
            starts = [counts.start + i * step for i in range(len(counts.rows))]
            rows = counts.rows.tolist()
        index = pd.DatetimeIndex(
            pd.to_datetime(pd.Series(starts, dtype="int64"), unit="s", utc=True), name="start"
        ).as_unit("us")
        events = pd.Series(rows, index=index, dtype="int64")
        return pd.DataFrame({"events": events, "rate": events / step})

    def seek(self, stream: str, at: date | str) -> int | None:
        """The number of the first event of a stream at a time or later."""
        moment = microseconds_of(EventFilter(since=at).since)
        if moment is None:
            raise TypeError("at must be a datetime or ISO 8601 text, not None")
        found = first_after(self.dataset, stream, moment)
        return None if found is None else found[1]

    def search(self, filter: EventFilter, stream: str | None) -> HistorySearch:
        """Find events in the files."""
        return HistorySearch(Search(self.dataset, filter, stream))


def search_filter(
    text: str, filter: EventFilter | None, *, regex: bool = False, case: bool = False
) -> EventFilter:
    """What to search for: a text, or a filter.

    Raises:
        TypeError: both, or a wrong type.
        InvalidFilter: a pattern outside the shared syntax.
    """
    if filter is None:
        return EventFilter(text=text, regex=regex, case=case)
    if text or regex or case:
        raise TypeError("give a text, with regex= and case=, or filter=, not both")
    return filter_of("filter", filter)


def _columns(columns: str | Iterable[str] | None) -> list[str]:
    if columns is None:
        return list(_COLUMNS)
    names = texts("columns", columns)
    for name in names:
        if name not in _COLUMNS:
            raise ValueError(f"no column {name!r}: the columns are {', '.join(_COLUMNS)}")
    return names
