"""`SSECapture`: many streams into one folder, as a widget with one row a stream.

It has the traits and the docstrings, and hands each call to the object that answers it: a run (engine and
table), a page, or the files. The thread of the user's cell calls it.
"""

from __future__ import annotations

import asyncio
import math
import os
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Unpack

import traitlets
from traitlets import Bunch

from ..basics import NamedAttributes, NotPickled
from ..checks import truth
from ..client import AsyncBody, SourceKeywords, SourceOptions, signature_of
from ..events import Gap
from ..filters import EventFilter, filter_of
from ..fleet import (
    CaptureStats,
    Engine,
    LocalEngine,
    StreamTable,
    headers_by_name,
)
from ..masking import mask_url
from ..notebook import CELLS, SyncedWidget
from ..storage import Capture, capture_of
from ..stream import split_traits
from .captured_stream import CapturedStream
from .files import STEPS, CaptureFiles, HistorySearch, search_filter
from .page import CapturePage
from .run import CaptureRun
from .stream_set import Streams, StreamSet

if TYPE_CHECKING:
    import dask.dataframe
    import distributed
    import pandas as pd
    import pyarrow.dataset

# Seconds between two looks of `until`.
_LOOK_S = 0.1


class SSECapture(NamedAttributes, NotPickled, SyncedWidget):
    """Many event streams, captured into one folder.

    Connects at once, on the one background thread; shown as the last line of a cell it is a table
    with one row a stream, and the log of the one that is selected. Works the same without a
    notebook. Made again on the same folder it goes on where the files end. As a context manager it is
    closed at the end.

    Args:
        urls: absolute http or https URLs; or a mapping of names to URLs, or to mappings that say more
            of a stream, in the shape of an entry of an mcp.json: `{"name": {"url": ..., "headers":
            {...}}}`, with any option of `EventSource` but client, verify and proxy, for it alone. A stream without a name
            has its URL (without secrets) for a name. One that cannot be used is a row that says
            why, and harms no other.
        to: the folder of the capture, made where there is none; or a `Capture`, which also says for
            how long it is kept.
        cluster: a `dask.distributed.Client`: the streams run on its workers, so their URLs, headers
            and credentials go there; use one with TLS (`security=True`). "local": on worker
            processes of this machine, which are started and ended for you and speak TLS.
        filter: which events are captured, as an `EventFilter` or a set of event types; the others
            are dropped as they come.
        exact_times: read floods as they come too, as for `SSEStream`.
        **options: all options of `EventSource`, the same for every stream; `dedupe` is True unless you give
            another; `headers` may be a function of a stream's name, which is asked on every attempt;
            also `layout=` and the other traits of an ipywidgets.DOMWidget.

    Raises:
        TypeError: an unknown option; the message names it.
        ValueError: no URLs at all, or an option out of its range.
    """

    _given_once = frozenset(
        [*SourceKeywords.__annotations__, "urls", "cluster", "filter", "exact_times"]
    )
    _also_listed = frozenset({"layout", "observe", "unobserve"})
    _pickle_instead = (
        "capture.to, the folder: any process reads it with capture.history or SSEStream.replay"
    )

    _from_page = frozenset({"_ack"})

    def __init__(
        self,
        urls: Streams,
        *,
        to: str | os.PathLike[str] | Capture,
        cluster: distributed.Client | Literal["local"] | None = None,
        filter: EventFilter | Iterable[str] | None = None,
        exact_times: bool = False,
        **options: Unpack[SourceKeywords],
    ) -> None:
        if cluster is not None:
            from ..cluster import check

            check(cluster)
        traits = split_traits(
            options, type(self).__name__, "to", "cluster", "filter", "exact_times"
        )
        headers = self._headers_of = headers_by_name(options)
        if headers is not None:
            del options["headers"]
        # An iterator of headers is read once, for all streams.
        given = SourceOptions.of(type(self).__name__, options).keywords(options)
        if cluster is not None and isinstance(given.get("verify"), ssl.SSLContext):
            raise TypeError(
                "verify as an ssl.SSLContext cannot go to the workers of a cluster: give the path of "
                "the certificates, or client= a function that makes a client"
            )
        if cluster is not None and isinstance(given.get("content"), AsyncBody):
            raise TypeError("content cannot be awaited on the workers of a cluster: give its bytes")
        capture = capture_of(to)
        passing = filter_of("filter", filter)
        self._given = given
        self._streams = streams = self._sorted(urls)
        self._capture = capture
        self._to = os.fspath(capture.to)
        self._cluster_option = cluster
        self._options = given if filter is None else {**given, "filter": passing}
        if truth("exact_times", exact_times):
            self._options = {**self._options, "exact_times": True}
        table = StreamTable(streams.shown)
        streams.fill(table)
        self._run = CaptureRun(self._make_engine, table)
        self._files = CaptureFiles(self._to)
        self._page = page = CapturePage(self, self._run, self._files)
        self._run.add_listener(page)
        self._settings = page.settings
        super().__init__(script="capture.js", rest=page.rest, end=self._end, **traits)
        self.on_msg(page.link.on_message)
        CELLS.adopt(self)
        self._run.start()

    __signature__ = signature_of(__init__)

    # ------------------------------------------------------------------ the user's side

    @property
    def stats(self) -> CaptureStats:
        """The sum over all streams; `received == written + pending`, always."""
        return self._run.look().stats

    @property
    def streams(self) -> pd.DataFrame:
        """One row a stream, by name: state, rate, last event, gaps, lag, and why where it is in
        trouble."""
        return self._run.look().frame()

    @property
    def history(self) -> pyarrow.dataset.Dataset:
        """All that is on disk, of all streams, as a `pyarrow.dataset.Dataset`: each event once.

        It is what is there when you ask; ask again for more. A filter on `received_at`, `stream` or `seq`
        reads only the files that matter, and of those only the row groups that do:
        `capture.history.to_table(filter=pc.field("received_at") >= an_hour_ago)`.
        """
        return self._files.history()

    def read(
        self,
        stream: str | None = None,
        *,
        since: date | str | None = None,
        until: date | str | None = None,
        columns: str | Iterable[str] | None = None,
    ) -> pd.DataFrame:
        """The events on disk of some time, of one stream or of all: `capture.read("a", since=..., until=...)`. Of
        the files only what matters is read.

        Args:
            stream: its name or URL; None for all.
            since, until: since <= received_at < until: datetimes or ISO 8601 text, as `EventFilter` has them.
            columns: of stream, seq, received_at, type, last_event_id and data; None for all of these.

        Raises:
            KeyError: no such stream, in this capture or in its files.
            ValueError: no such column.
        """
        return self._files.read(self._known(stream), since, until, columns)

    def rates(
        self,
        stream: str | None = None,
        *,
        since: date | str | None = None,
        until: date | str | None = None,
        steps: int = STEPS,
    ) -> pd.DataFrame:
        """How many events came in each step of time, over the whole capture or from `since` to `until`. It is
        told by the ends of the files: no event is read.

        Args:
            stream: its name or URL; None for all.
            since, until: as `read` has them.
            steps: at most so many. They are round: of 1, 2, 5, 10, 15, 30 seconds, and so on.

        Returns:
            Index `start` (of each step, UTC); columns `events`, and `rate`, in events a second. Empty where
            nothing came.

        Files that say less than a step needs have their events spread evenly over their time: merged ones of
        earlier versions, and of one stream of several those of a merged file, at the pace of all.

        Raises:
            KeyError: no such stream.
            ValueError: fewer than one step.
        """
        return self._files.rates(self._known(stream), since, until, steps)

    def search(
        self,
        text: str = "",
        *,
        stream: str | None = None,
        filter: EventFilter | None = None,
        regex: bool = False,
        case: bool = False,
    ) -> HistorySearch:
        """Find events in the files, newest file first. Nothing is read before you take the first::

            search = capture.search("timeout", stream="a")
            for name, event in search:
                print(search.progress, name, event.data)
                break  # or search.cancel(), from any thread

        Args:
            text: in the data, as `EventFilter` has it.
            stream: of this one; None for all.
            filter: in place of a text, with types, times and conditions.
            regex, case: of the text.

        Raises:
            KeyError: no such stream.
            InvalidFilter: a pattern outside the shared syntax.
            TypeError: a text and a filter.
        """
        wanted = search_filter(text, filter, regex=regex, case=case)
        return self._files.search(wanted, self._known(stream))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The Arrow PyCapsule interface, `duckdb.sql("from capture")`: all that is on disk now, a batch at a
        time. `capture.history` lets a query read only the columns and files it needs."""
        return self.history.scanner().to_reader().__arrow_c_stream__(requested_schema)

    def dask_dataframe(self) -> dask.dataframe.DataFrame:
        """All that is on disk as a `dask.dataframe.DataFrame`: for more than fits into memory.

        Raises:
            ModuleNotFoundError: the extra `cluster` is not installed.
        """
        from ..cluster import dask_dataframe

        frame: dask.dataframe.DataFrame = dask_dataframe(self._files.dataset)
        return frame

    @property
    def gaps(self) -> pd.DataFrame:
        """The places where events may be missing, as far as they are on disk: one row a gap."""
        import pandas as pd

        found = self._files.dataset.gaps()
        columns = {f.name: [getattr(gap, f.name) for _, gap in found] for f in fields(Gap)}
        return pd.DataFrame({"stream": [stream for stream, _ in found], **columns})

    @property
    def running(self) -> bool:
        """Whether it captures; False once it was stopped, or every stream has ended."""
        return self._run.running

    @property
    def to(self) -> str:
        """The folder."""
        return self._to

    @property
    def workers(self) -> list[Mapping[str, object]]:
        """Where the streams of a cluster run: name, state, streams, rate; [] in one process."""
        return list(self._run.workers)

    @property
    def client(self) -> distributed.Client | None:
        """The `distributed.Client` of a cluster; None in one process."""
        return self._run.client

    @property
    def trouble(self) -> str:
        """What keeps the capture as a whole from its work, such as a full disk; "" for nothing."""
        return self._run.trouble

    def __getitem__(self, stream: str) -> CapturedStream:
        """One stream, by its name or its URL.

        Raises:
            KeyError: there is none.
        """
        stream = self._named(stream)
        return CapturedStream(
            stream,
            self._files,
            partial(self._run.row, stream),
            partial(self._run.post_command, stream),
            partial(self._show_stream, stream),
        )

    def _named(self, stream: str) -> str:
        """The name of a stream that is known by its name or its URL."""
        if not isinstance(stream, str):
            raise KeyError(f"a stream is known by its name, not by {type(stream).__name__}")
        if stream in self._run.table.rows:
            return stream
        found = [name for name, url in self._streams.good.items() if url == stream]
        if not found:
            shown = mask_url(stream) if set(stream) & set(":@/") else stream
            raise KeyError(f"no stream {shown!r} in this capture")
        return found[0]

    def _known(self, stream: str | None) -> str | None:
        """The same, of those too that earlier captures wrote into the folder."""
        if stream is None:
            return None
        try:
            return self._named(stream)
        except KeyError:
            if isinstance(stream, str) and stream in self._files.dataset.streams():
                return stream
            raise

    def __iter__(self) -> Iterator[str]:
        return iter(self._run.table.rows)

    def __len__(self) -> int:
        return len(self._run.table.rows)

    def __contains__(self, stream: object) -> bool:
        return stream in self._run.table.rows or stream in self._streams.good.values()

    async def until(
        self, condition: Callable[[CaptureStats], object], *, timeout: float | None = None
    ) -> CaptureStats:
        """Wait until `condition(stats)` is true, such as `lambda s: s.written > 1000`.

        Raises:
            TimeoutError: it is not, after `timeout` seconds or when the capture has ended; the
                message says how far it is.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            # Asked first: where it ends meanwhile, what came last is looked at too.
            running = self.running
            if condition(stats := self.stats):
                return stats
            if not running or time.monotonic() > end:
                why = f"within {timeout} s" if running else "before the capture ended"
                raise TimeoutError(f"not {why}: {self!r} {self.trouble}".rstrip())
            await asyncio.sleep(_LOOK_S)

    def set_streams(self, urls: Streams) -> None:
        """Capture these streams from here on, and no others; a stream is known by its name.

        New ones begin, or go on where they were left in this folder. One with another URL or other options
        of its own connects again and goes on. One that is not named ends, and its row goes once
        all that came of it is on disk. The others are not touched; on a cluster all connect
        again.

        Args:
            urls: as for the constructor. What holds for all streams stays as it is.

        Raises:
            TypeError, ValueError: as the constructor; nothing was changed then.
        """
        streams = self._sorted(urls)
        self._streams = streams
        self._run.follow(streams)

    def start(self) -> None:
        """Connect; after `stop()`, go on where each stream was left. Does nothing while running.

        Raises:
            RuntimeError: after `close()`, which is for good.
        """
        self._run.start()

    def stop(self) -> None:
        """End all connections; what came is on disk when this returns, and `start()` resumes."""
        self._run.stop()

    def close(self) -> None:
        """`stop()`, and the view goes; the folder stays."""
        super().close()

    def _end(self) -> None:
        self._run.close()
        self._page.close()

    async def __aexit__(self, *exc: object) -> None:
        # Until all is on disk: not on a loop that others wait for.
        await asyncio.to_thread(self.close)

    def __repr__(self) -> str:
        s = self.stats
        return (
            f"<SSECapture {self._to}: {s.open:,} of {s.streams:,} streams open, "
            f"{s.received:,} received, {s.written:,} on disk>"
        )

    def _make_engine(self) -> Engine:
        good, options = self._streams.good, {**self._options, "own": self._streams.own}
        if self._cluster_option is not None:
            from ..cluster import ClusterEngine

            return ClusterEngine(good, self._capture, options, self._cluster_option)
        return LocalEngine(good, self._capture, options)

    def _sorted(self, urls: Streams) -> StreamSet:
        return StreamSet.of(urls, self._given, self._headers_of)

    # ------------------------------------------------------------------ the page

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self._page.shown(super()._repr_mimebundle_(**kwargs))

    def _show_stream(self, name: str, **kwargs: object) -> object:
        """The view, with the log of this stream in it."""
        return self._page.shown(super()._repr_mimebundle_(**kwargs), name)

    @traitlets.observe("_ack")
    def _on_ack(self, change: Bunch) -> None:
        self._page.acknowledged(change.new)
