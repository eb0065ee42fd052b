"""`SSEStream`: the widget of one stream.

It has the traits and the docstrings, and hands each call to the object that answers it: a feed (source, window,
counts, disk), a page, an analysis of the events held, or readers. Nothing is decided here. The thread of the
user's cell calls it, except where a docstring says otherwise.
"""

from __future__ import annotations

import math
import os
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Never,
    Self,
    SupportsIndex,
    TypeVar,
    Unpack,
    overload,
)

import traitlets
from traitlets import Bunch, Dict

from .. import recordings
from ..basics import Memory, NamedAttributes, NotPickled
from ..checks import truth, whole_number
from ..client import (
    ResponseHeaders,
    SourceKeywords,
    SourceOptions,
    Url,
    load_our_client,
    signature_of,
)
from ..errors import SSEError
from ..events import Event, Gap, Stats, Status, TypeCounts
from ..filters import EventFilter, filter_of
from ..notebook import CELLS, SyncedWidget, after_this_cell
from ..tables import RollingWindow, as_event_frame, columns_of, to_dataframe
from .analysis import Analysis
from .arguments import (
    check_named,
    check_replay,
    outline,
    plotted,
    shown_url,
    split_traits,
)
from .callbacks import Callback
from .feed import StreamFeed
from .history import History, RestoredState
from .indexing import at_position
from .iteration import Readers
from .latest import MAX_KEYS, LatestStates
from .page import StreamPage
from .synced import SyncedColumns, SyncedFilter
from .trait_observers import LiveObservers
from .traits import FilterTrait, FilterWireTrait, LiveTrait, PinsTrait

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.dataset

    from ..storage import Capture, CaptureStatus

_F = TypeVar("_F", bound=Callable[..., object])

_EVERYTHING = EventFilter()


class SSEStream(NamedAttributes, NotPickled, SyncedWidget):
    """A live event stream: a log on the page, a rolling DataFrame in the kernel.

    Connects at once, on the thread that reads all streams; shown as the last line of a cell it is the log.
    Works the same without a notebook. As a context manager it is closed at the end.

    Args:
        url: absolute http or https URL; or a callable without arguments, sync or async, that is
            asked for it on every attempt.
        max_events: the most events held; older ones are evicted and counted.
        max_bytes: the most bytes held, by the events and by all that is kept beside them: live
            columns, events remembered to recognise repeats, events that wait for the disk. The
            property `memory` says how much each holds.
        save_events: the latest events that stay in the saved notebook as text (256 KiB at most),
            for readers who have no kernel; 0 keeps nothing.
        capture: a folder where all events are kept, as Parquet files; it is made where there is
            none, and a capture in it is continued. Or a `Capture`, which has more options. `dedupe`
            is True then, unless you give another.
        columns: keys or dotted paths of the JSON payloads that are columns of `df` and of the log, as
            `stream.columns`.
        filter: what the log and `view_df` let through, as `stream.filter`: an `EventFilter`, or a
            set of event types.
        exact_times: read each chunk of a flood as it arrives, so that `received_at` is the time of
            its read. Otherwise a stream of more than 200 events a second is read every 30 ms (every
            350 ms beside a cell that computes), and events that are read together have one time.
            It slows a cell that computes down.
        **options: all options of `EventSource`; also `layout=` and the other traits of an
            ipywidgets.DOMWidget.

    Raises:
        InvalidURL: the URL is none.
        TypeError: an unknown option; the message names it.
        ValueError: an option out of its range.
        CaptureError: the capture cannot be continued, such as one of a newer version.
    """

    _given_once = frozenset([*SourceKeywords.__annotations__, "url", "exact_times"])
    _instead: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("on_message", "onmessage"), '@stream.on("message") registers a function'),
        **dict.fromkeys(
            ("on_open", "onopen", "on_error", "onerror"),
            'stream.observe(fn, "status") calls a function when the state changes',
        ),
    }

    _also_listed = frozenset({"layout", "unobserve"})
    _pickle_instead = (
        'what it holds: stream.df, or the file of stream.save("events.parquet"), which '
        "SSEStream.replay reads"
    )

    _from_page = frozenset({"_filter", "_columns", "_pins", "_ack"})

    _filter = FilterWireTrait({**_EVERYTHING.to_wire(), "rev": 0, "by": ""}).tag(sync=True)
    # The paths that are columns of the log and of df.
    _columns = Dict({"paths": [], "rev": 0, "by": ""}).tag(sync=True, echo_update=False)
    # The rows that are pinned on the pages, kept here for a page that is loaded anew.
    _pins = PinsTrait({"rows": [], "by": ""}).tag(sync=True)
    # What `plot` asked for last, numbered: asking for the same again opens it again.
    _plot = Dict({"path": "", "by": "", "rev": 0}).tag(sync=True)

    filter = FilterTrait(
        EventFilter, (), help="What the log and view_df let through; the page's chips move it too."
    )
    status = LiveTrait(lambda self: self._feed.status, "What the stream is doing now: a Status.")
    event_types = LiveTrait(
        lambda self: TypeCounts(self._feed.counts),
        "Event type -> how many came since the stream began.",
    )
    last_event_id = LiveTrait(
        lambda self: self._feed.source.last_event_id, "The id the stream would resume after."
    )
    _plots = 0  # how often
    # traitlets calls `observe` before there is anything to start.
    _observers: LiveObservers | None = None

    def __init__(
        self,
        url: Url,
        *,
        max_events: int = 100_000,
        max_bytes: int = 256 * 2**20,
        save_events: int = 500,
        capture: str | os.PathLike[str] | Capture | None = None,
        columns: str | Iterable[str] | None = None,
        filter: EventFilter | Iterable[str] | None = None,
        exact_times: bool = False,
        **options: Unpack[SourceKeywords],
    ) -> None:
        own = ("max_events", "max_bytes", "save_events", "capture", "columns", "filter")
        traits = split_traits(options, "SSEStream", *own, "exact_times")
        # Before anything is built: what is refused leaves nothing behind.
        paced = not truth("exact_times", exact_times)
        if isinstance(url, recordings.Recording):
            check_replay(options, capture, paced=paced)
        told = SourceOptions.of("SSEStream", options)
        window = RollingWindow(max_events, max_bytes)
        passing = None if filter is None else filter_of("filter", filter)
        paths = columns_of(columns)
        save_events = whole_number("save_events", save_events, at_least=0)
        if callable(url) and capture is not None:
            check_named(capture)
        name = "" if capture is None else shown_url(url, told)
        past = RestoredState(capture, name, window)
        if past.recorder is not None:
            told = past.options(told, options)
        self._feed = feed = StreamFeed(url, told, window, past, paced=paced)
        self._history = history = History(feed.recorder, window)
        self._latest = LatestStates(window)
        self._page = page = StreamPage(
            self, feed, history, save_events=save_events, request=outline(url, told)
        )
        self._observers = LiveObservers(feed, partial(getattr, self), self._tell_observers)
        self._analysis = Analysis(feed)
        self._readers = Readers(feed)
        self._sync()
        for listener in (page, self._observers, self._analysis, self._readers):
            feed.add_listener(listener)
        feed.record()
        self._settings = page.settings
        super().__init__(script="widget.js", rest=page.rest, end=self._end, **traits)
        if passing is not None:
            self.filter = passing
        if paths:
            self.columns = paths
        self.on_msg(page.link.on_message)
        CELLS.adopt(self)
        feed.start()

    __signature__ = signature_of(__init__)

    def _sync(self) -> None:
        """What Python and the pages both write."""
        self._synced_filter = SyncedFilter(
            partial(getattr, self, "filter"),
            partial(setattr, self, "filter"),
            partial(setattr, self, "_filter"),
        )
        self._synced_columns = SyncedColumns(
            partial(getattr, self, "columns"),
            self._analysis.use_columns,
            partial(setattr, self, "_columns"),
        )

    # ------------------------------------------------------------------ to its end

    @classmethod
    def replay(
        cls,
        recording: str | os.PathLike[str] | bytes,
        *,
        speed: float = 1.0,
        stream: str | None = None,
        **options: Any,
    ) -> SSEStream:
        """A stream that plays a file which `save` wrote, or a capture, with the times it was
        recorded with. It connects to nothing.

        Args:
            recording: the path of a file, or the bytes of one: an event stream, NDJSON or Parquet,
                packed by gzip or not; a name other than `.sse`, `.ndjson` and `.parquet` says
                nothing, what is in it does. Events of a file that says no times come at once. Or
                the folder of a capture.
            speed: 2 is twice as fast; `math.inf` is at once: all events are held when this
                returns.
            stream: which one of a capture that has several.
            **options: max_events, max_bytes, save_events, columns, filter, and the traits of an
                ipywidgets.DOMWidget.

        Raises:
            ValueError: no such format; content that is not what it says; speed not above 0.
            TypeError: neither a path nor bytes; a speed that is no number.
            OSError: the file cannot be read.
        """
        played = recordings.Recording(recording, speed, stream)
        playing = cls(played, **options)  # type: ignore[arg-type]
        if math.isinf(speed):
            playing._feed.play_out()
        return playing

    def start(self) -> None:
        """Connect; after `stop()`, resume from the last event ID. Does nothing while running.

        Raises:
            RuntimeError: after `close()`, which is for good.
        """
        self._feed.start()

    def stop(self) -> None:
        """End the connection; what was received stays, and `start()` resumes."""
        self._feed.stop()

    async def wait_closed(self) -> Status:
        """Wait, on any event loop, until the stream is over: ended by the server or `stop_when=`,
        stopped, or failed. All that came is held then, and `start()` connects again.

        It ends nothing and raises nothing of the stream's own: the status says why it is over, by
        its `reason` and, where it failed, its `error`.
        """
        await self._feed.ended.wait()
        return self._feed.status

    def clear(self) -> None:
        """Drop the events held, here and on the page; the stream and its numbers go on."""
        self._feed.clear()

    def close(self) -> None:
        """`stop()`, and the view goes; `df` stays readable."""
        super().close()

    def _end(self) -> None:
        self._feed.close()
        self._analysis.close()
        self._latest.close()
        if self._observers is not None:
            self._observers.close()
        if self._feed.begun:
            self._page.close()

    def __repr__(self) -> str:
        s, status = self.stats, self.status
        text = f"; {status.text}" if status.text else ""
        return (
            f"<SSEStream {self.url} {status.state}: {s.received:,} received, {s.held:,} held{text}>"
        )

    # ------------------------------------------------------------------ what is known of it

    @property
    def url(self) -> str:
        """The URL, masked: safe to show."""
        return self._feed.source.url

    @property
    def response_headers(self) -> ResponseHeaders:
        """The headers of the answer that is the stream, as `EventSource.response_headers`."""
        return self._feed.source.response_headers

    @property
    def stats(self) -> Stats:
        """Counters since the stream began; `received == held + evicted + cleared`."""
        return self._page.stats

    @property
    def gaps(self) -> list[Gap]:
        """The places where events may be missing, oldest first; the latest 1,000 are kept."""
        return list(self._feed.gaps)

    @property
    def errors(self) -> list[SSEError]:
        """The latest errors of the connection, final or not."""
        return list(self._feed.source.errors)

    @property
    def capture(self) -> CaptureStatus | None:
        """How the capture goes; None where there is none."""
        return self._history.status

    @property
    def history(self) -> pyarrow.dataset.Dataset:
        """Everything captured of this stream, as a `pyarrow.dataset.Dataset`, up to now; without
        a capture what is held.

            stream.history.to_table(filter=pc.field("type") == "trade")
            stream.history.head(1000).to_pandas()

        Raises:
            CaptureError: a file was written by a newer version.
        """
        return self._history.dataset()

    @property
    def max_events(self) -> int:
        """The most events held; settable at any time. What was evicted does not come back.

        Raises:
            TypeError, ValueError: (on setting) it is no whole number above 0.
        """
        return self._feed.window.max_events

    @max_events.setter
    def max_events(self, max_events: int) -> None:
        self._feed.bound(max_events=whole_number("max_events", max_events, at_least=1))

    @property
    def max_bytes(self) -> int:
        """The most bytes held, as `max_events`; settable at any time."""
        return self._feed.window.max_bytes

    @max_bytes.setter
    def max_bytes(self, max_bytes: int) -> None:
        self._feed.bound(max_bytes=whole_number("max_bytes", max_bytes, at_least=1))

    @property
    def memory(self) -> Memory:
        """What this stream holds now, in bytes: `memory.limit` is `max_bytes`, `memory.used` the sum, and
        `memory.parts` says which part holds how much."""
        self._analysis.settle()
        return self._feed.window.budget.memory

    @property
    def save_events(self) -> int:
        """How many of the latest events stay in the saved notebook; settable at any time. Where it
        was 0 when the log was shown, show it again.

        Raises:
            TypeError, ValueError: (on setting) it is no whole number of 0 or more.
        """
        return self._page.save_events

    @save_events.setter
    def save_events(self, save_events: int) -> None:
        self._page.save_events = whole_number("save_events", save_events, at_least=0)
        self._page.save()

    # ------------------------------------------------------------------ what it holds

    @property
    def df(self) -> pd.DataFrame:
        """Everything held: index `seq`, columns received_at, type, last_event_id, data, then those of
        `columns`. Asked for a field of the payloads that is no column, it says how to get it."""
        self._analysis.expect(self.columns)
        return self._analysis.rows()[2]

    @property
    def view_df(self) -> pd.DataFrame:
        """What `filter` lets through; the same rows as the page shows."""
        return as_event_frame(to_dataframe(*self._analysis.held(), filter=self.filter))

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
        return self._analysis.columns

    @columns.setter
    def columns(self, paths: str | Iterable[str] | None) -> None:
        self._analysis.use_columns(paths)
        self._synced_columns.written()

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
        times: str | Iterable[str] | Mapping[str, str] = (),
        explode: str | bool = False,
        nested_json: str | Iterable[str] = (),
    ) -> pd.DataFrame:
        """Events as a DataFrame, with the fields of their JSON payloads as typed columns.

        Args:
            since, until: since <= received_at < until; datetimes, dates or ISO 8601 text, local time
                where they name no zone.
            types: only events of these types; one name, or several.
            filter: only what this filter lets through; `stream.filter` for what the page shows.
            last: of all these only the latest so many; or an interval ("30s", "5min"): only those
                received within it before the latest of them.
            columns: keys or dotted paths ("user.name", "items.0.price") of the payloads, a column each.
            json: every top-level key becomes a column, unless `columns` says which. Where
                rows are no JSON they stay, and a last column `is_json` is False for them.
            times: keys or dotted paths whose ISO 8601 text becomes timestamps, time zone kept; or a
                mapping that says the unit of numbers since 1970: `{"ts": "ms"}` (s, ms, us, ns, iso).
            explode: the path of an array: a row for each element, in the array's place, under the number
                of its event ("items.price" is a column then); True where payloads are arrays. An event
                without elements stays one row. `data` is left out: each row would repeat it.
            nested_json: the paths of texts that hold JSON, which are read, so that paths lead into them.

        Returns:
            The columns of `df`, then one a key; a key with the name of one of ours becomes
            `data.<key>`. A column has a dtype where that holds every value exactly as `json.loads`
            gives it; else it keeps the objects. Without `columns`, `json` and `times`, rows of
            `df`, live columns included.

        Raises:
            TypeError: an argument of the wrong type, by name.
            ValueError: a negative `last`; a time that is none; more keys than columns can be.
        """
        reads = json or times or explode or nested_json or columns is not None
        held = (self._feed.window.read(), None) if reads else self._analysis.held()
        found = to_dataframe(
            *held,
            since=since,
            until=until,
            last=last,
            types=types,
            filter=filter,
            columns=columns,
            json=json,
            times=times,
            explode=explode,
            nested_json=nested_json,
        )
        self._analysis.expect(columns, explode, nested_json, times)
        return as_event_frame(found)

    def __len__(self) -> int:
        """How many events are held."""
        first, stop, _ = self._feed.window.bounds
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
        return at_position(self._feed.window, place, self._feed.source.origin)

    def __reversed__(self) -> Iterator[Event]:
        return iter(self[::-1])

    def head(self, n: int = 5) -> pd.DataFrame:
        """The oldest rows of `df`, as `DataFrame.head`."""
        return as_event_frame(self.df.head(n))

    def tail(self, n: int = 5) -> pd.DataFrame:
        """The newest rows of `df`, as `DataFrame.tail`."""
        return as_event_frame(self.df.tail(n))

    def save(
        self,
        path: str | os.PathLike[str],
        filter: EventFilter | Iterable[str] | None = None,
        *,
        columns: str | Iterable[str] | None = None,
        csv_formulas: bool = False,
    ) -> Path:
        """Write the events held to a file: `.csv`, `.ndjson`, `.parquet` or `.sse`, by suffix.

        The file is there whole or not at all; one that exists is replaced. `.sse` is an event
        stream that parses back identically, with the times in comments; `SSEStream.replay` reads
        all but `.csv`. A `.csv` has the same bytes as the page's "Save shown".

        Args:
            filter: only what this filter lets through; `stream.filter` for what the page shows.
            columns: keys or dotted paths of the JSON payloads that are columns of the file, beside
                `data`; None for `stream.columns`. In a `.parquet` they are typed as in `df`, and what
                no type holds is JSON text; in a `.csv` they are as they were written.
            csv_formulas: a `.csv` has every text as it came. Else one that a spreadsheet would run
                as a formula (it begins with =, +, -, @, a tab or a line end) begins with an
                apostrophe, as OWASP advises against CSV injection.

        Returns:
            The absolute path of the file.

        Raises:
            TypeError: `filter` is none, or `columns` are no names.
            ValueError: another suffix; `csv_formulas` with another one than `.csv`; for `.sse`, an event no event stream can carry.
            OSError: it cannot be written; what was there before is there still.
        """
        paths = self.columns if columns is None else columns_of(columns)
        held = self._feed.window.read()
        saved = recordings.save(held, path, filter, columns=paths, csv_formulas=csv_formulas)
        self._analysis.expect(paths)
        return saved

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The Arrow PyCapsule interface: what is held now, columns seq, received_at, type,
        last_event_id, data, then `stream.columns`, typed. Each time it is asked it is a new snapshot:
        for a join or a query that asks twice, `snapshot = pa.table(stream)` first."""
        return self._analysis.arrow().__arrow_c_stream__(requested_schema)

    def latest(
        self,
        by: str | Iterable[str] | None = None,
        *,
        columns: str | Iterable[str] | None = None,
        max_keys: int = MAX_KEYS,
    ) -> pd.DataFrame:
        """The state, not the log: one row a key, with the newest value of each of its fields.

        `stream.latest(by="symbol")` is a row a symbol. It is kept from the first call on, as events
        come, and read from what is held before; so asking again takes as long as its rows do, and
        a key stays when its events are evicted. An event that says only some fields leaves the
        others as they were, whatever its type; a null is a newest value too.

        Args:
            by: the key or dotted path whose values are the keys; several for keys of several
                parts; None for the event type. Events without such a value are passed over.
            columns: keys or dotted paths of the payloads; None for all top-level keys.
            max_keys: the most keys that are held; beyond them, or beyond a quarter of `max_bytes`, those
                that were silent longest are let go of, which is said once and counted in
                `attrs["let_go"]`.

        Returns:
            Index: the key. Columns: seq, received_at and type of the newest event of the key, then
            the fields, typed as in `to_dataframe`; a field with one of these names is
            `data.<field>`. Rows are in the order in which the keys first came.

        Raises:
            TypeError: `by` or `columns` are no names.
            ValueError: an empty name; more different fields than a table has columns.
        """
        frame = self._latest.frame(by, columns, max_keys)
        self._analysis.expect(by)
        self._analysis.expect(columns)
        return frame

    def text(self, path: str) -> str:
        """The strings at a dotted path of the JSON payloads, joined: the text so far.

        `stream.text("choices.0.delta.content")` is what a language model has said. Events without
        that path add nothing; what has been read stays part of the text when its event is
        evicted. A text that takes more than a quarter of `max_bytes` loses its beginning. Asking
        changes nothing on the page, whose Text panel has a list of paths of its own.
        """
        text = self._analysis.text(path)
        if not text:
            self._analysis.expect(path)
        return text

    # ------------------------------------------------------------------ what comes

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
        register = self._analysis.callbacks.on(type, held=held)
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
        register = self._analysis.callbacks.every(interval, held=held)
        return register if fn is None else register(fn)

    def off(self, fn: Callable[..., object]) -> None:
        """A function that `on` or `every` registered is not called any more."""
        self._analysis.callbacks.off(fn)

    @property
    def callbacks(self) -> list[Callback]:
        """What is known of each callback: name, calls, missed, errors, the last error."""
        return self._analysis.callbacks.callbacks

    def __aiter__(self) -> AsyncGenerator[Event, None]:
        """Every event: those held first, then each one as it comes, until the stream is over.

        A cursor over the window: a reader slower than the stream skips what was evicted before
        it came to it.
        """
        return self._readers.events()

    def __iter__(self) -> Never:
        # A plain loop over a live stream would hold its cell for ever, and so would list() and
        # pd.DataFrame(), which are tried first: all of them are told what to write instead.
        raise TypeError(
            "events come while you do something else: `async for event in stream` reads them in a "
            "cell, `@stream.on()` calls a function with each, `stream.df` is what came so far; "
            "in a script `for event in EventSource(url)` waits for each"
        )

    async def until(
        self,
        type: str | Iterable[str] | EventFilter | None = None,
        *,
        where: Callable[[Event], object] | None = None,
        timeout: float | None = None,
    ) -> Event:
        """The first event of this type for which `where` is true: held ones first, then waiting.

        Args:
            type: an event type, several, or an `EventFilter`; None for any.
            where: called with an Event; its truth decides.
            timeout: seconds; None to wait until the stream is over, 0 to look at what is held.

        Raises:
            TimeoutError: no such event came; says what came instead.
            SSEError: the stream failed before one came.
            TypeError: `type` names no events, or `where` cannot be called.
            ValueError: an empty list of types, or a negative timeout.
        """
        return await self._readers.until(type, where=where, timeout=timeout)

    def observe(self, handler: Any, names: Any = traitlets.All, type: Any = "change") -> None:
        """As of any widget; `status`, `event_types` and `last_event_id` are told on a thread of
        their own, never on the one that serves the streams."""
        super().observe(handler, names, type)
        if self._observers is not None:
            self._observers.observed(names)

    def _tell_observers(self, name: str, old: object, new: object) -> None:
        self.notify_change(Bunch(name=name, old=old, new=new, owner=self, type="change"))

    # ------------------------------------------------------------------ the page

    def plot(self, path: str | None, by: str | None = None) -> Self:
        """Draw the numbers at a dotted path of the JSON payloads over time, on the page, live.

        `stream.plot("price", by="symbol")` is a line a symbol in every log of this stream; the
        page draws it from the events it holds, also while a cell runs. As the last line of a cell
        it shows such a log. Numbers in quotes count; events without a number there are passed over.

        Args:
            path: a key or dotted path; None takes the chart away.
            by: what makes the lines: another path, or None for the type of the event. Lines beyond
                the eight most frequent are drawn together as "others".

        Returns:
            The stream itself.

        Raises:
            TypeError: `path` or `by` is no text.
            ValueError: `path` or `by` is empty.
        """
        paths = plotted(path, by)
        self._plots += 1
        self._plot = {**paths, "rev": self._plots}
        return self

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self._page.shown(super()._repr_mimebundle_(**kwargs))

    @traitlets.observe("_ack")
    def _on_ack(self, change: Bunch) -> None:
        self._page.acknowledged(change.new)

    @traitlets.observe("filter")
    def _filter_set(self, change: Bunch) -> None:
        self._synced_filter.written(change.new)

    @traitlets.observe("_filter")
    def _filter_moved(self, change: Bunch) -> None:
        self._synced_filter.page_wrote(change.new)

    @traitlets.observe("_columns")
    def _columns_moved(self, change: Bunch) -> None:
        self._synced_columns.page_wrote(change.new)


# A notebook imports this in one cell and makes its first stream in another: between them there is time for the
# HTTP client, for which the first row would wait.
after_this_cell(load_our_client)
