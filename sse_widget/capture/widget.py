"""`SSECapture`: many streams into one folder, as a widget with one row a stream.

It owns one engine (a shard in this process, or the shards of a cluster) and one table of streams. It
reads no socket and writes no file itself. Two threads meet here: the one that runs the user's cell, and
the background loop's; each method says which of them calls it where that matters.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import math
import os
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Self, Unpack

from .. import runtime
from ..attributes import NamedAttributes
from ..checks import truth
from ..client import AsyncBody, SourceKeywords, SourceOptions, Url, signature_of
from ..errors import message_of
from ..events import State
from ..filters import EventFilter, filter_of
from ..fleet import (
    CaptureStats,
    Engine,
    LocalEngine,
    StreamRow,
    StreamTable,
    named,
    shown,
    sorted_out,
)
from ..masking import mask_url
from ..notebook import CELLS
from ..pickling import NotPickled
from ..runtime import LoopEnded
from ..storage import Capture, Dataset, capture_of
from ..stream import split_traits
from .captured_stream import CapturedStream
from .page import Overview

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SSECapture"]

_BEAT = 1.0
_LOOK = 0.1
_STOP_SECONDS = 15.0


class SSECapture(NamedAttributes, NotPickled, Overview):
    """Many event streams, captured into one folder.

    Connects at once, on the one background thread; shown as the last line of a cell it is a table
    with one row a stream, and the log of the one that is selected. Works the same without a
    notebook. Made again on the same folder it goes on where the files end. As a context manager it is
    closed at the end.

    Args:
        urls: absolute http or https URLs; or a mapping of names to URLs. A stream without a name
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
        **options: all options of `EventSource`, the same for every stream; also `layout=` and the
            other traits of an ipywidgets.DOMWidget.

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

    def __init__(
        self,
        urls: Mapping[str, Url] | Iterable[str],
        *,
        to: str | os.PathLike[str] | Capture,
        cluster: Any = None,
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
        streams = named(urls)
        self._good, bad = sorted_out(streams, given, unnamed=not isinstance(urls, Mapping))
        self._capture = capture
        self._to = os.fspath(capture.to)
        self._cluster_option = cluster
        self._options = given if filter is None else {**given, "filter": passing}
        if truth("exact_times", exact_times):
            self._options = {**self._options, "exact_times": True}
        roster = StreamTable({name: shown(url, given) for name, url in streams.items()})
        for name, error in bad.items():
            roster.fail(name, error.message, error.hint)
        self._engine: Engine | None = None
        self._task: Future[None] | None = None
        self._failure = ""
        self._start_overview(roster, self._to)
        super().__init__(**traits)
        self.on_msg(self._on_message)
        CELLS.adopt(self)
        self.start()

    __signature__ = signature_of(__init__)

    # ------------------------------------------------------------------ the person's side

    @property
    def stats(self) -> CaptureStats:
        """The sum over all streams; `received == written + pending`, always."""
        self._look()
        return self._roster.stats

    @property
    def streams(self) -> pd.DataFrame:
        """One row a stream, by name: state, rate, last event, gaps, lag, and why where it is in
        trouble."""
        self._look()
        return self._roster.frame()

    @property
    def history(self) -> Any:
        """All that is on disk, of all streams, as a `pyarrow.dataset.Dataset`: each event once.

        It is what is there when you ask; ask again for more.
        """
        return Dataset(self._to).dataset()

    def dask_dataframe(self) -> Any:
        """All that is on disk as a `dask.dataframe.DataFrame`: for more than fits into memory.

        Raises:
            ModuleNotFoundError: the extra `cluster` is not installed.
        """
        from ..cluster import dask_dataframe

        return dask_dataframe(Dataset(self._to))

    @property
    def gaps(self) -> pd.DataFrame:
        """The places where events may be missing, as far as they are on disk: one row a gap."""
        import pandas as pd

        found = Dataset(self._to).gaps()
        names = (
            "seq",
            "at",
            "cause",
            "text",
            "resumed_from",
            "replayed",
            "duration",
            "missing",
            "repeated",
        )
        columns = {n: [getattr(gap, n) for _, gap in found] for n in names}
        return pd.DataFrame({"stream": [stream for stream, _ in found], **columns})

    @property
    def running(self) -> bool:
        """Whether it captures; False once it was stopped, or every stream has ended."""
        return self._task is not None and not self._task.done()

    @property
    def to(self) -> str:
        """The folder."""
        return self._to

    @property
    def workers(self) -> list[dict[str, Any]]:
        """Where the streams of a cluster run: name, state, streams, rate; [] in one process."""
        return [] if self._engine is None else self._engine.workers()

    @property
    def client(self) -> Any:
        """The `distributed.Client` of a cluster; None in one process."""
        return None if self._engine is None else self._engine.client

    @property
    def trouble(self) -> str:
        """What keeps the capture as a whole from its work, such as a full disk; "" for nothing."""
        return self._failure or (self._engine.trouble() if self._engine is not None else "")

    def __getitem__(self, stream: str) -> CapturedStream:
        """One stream, by its name or its URL.

        Raises:
            KeyError: there is none.
        """
        if not isinstance(stream, str):
            raise KeyError(f"a stream is known by its name, not by {type(stream).__name__}")
        if stream not in self._roster.rows:
            found = [name for name, url in self._good.items() if url == stream]
            if not found:
                shown = mask_url(stream) if set(stream) & set(":@/") else stream
                raise KeyError(f"no stream {shown!r} in this capture")
            stream = found[0]
        return CapturedStream(
            stream, self._to, partial(self._row, stream), partial(self._command, stream)
        )

    def _row(self, stream: str) -> StreamRow:
        self._look()
        return self._roster.rows[stream]

    def _command(self, stream: str, kind: str) -> None:
        if self._engine is not None:
            runtime.call(self._engine.command, stream, kind)

    def __iter__(self) -> Iterator[str]:
        return iter(self._roster.rows)

    def __len__(self) -> int:
        return len(self._roster.rows)

    def __contains__(self, stream: object) -> bool:
        return stream in self._roster.rows or stream in self._good.values()

    async def until(
        self, condition: Callable[[CaptureStats], object], *, timeout: float | None = None
    ) -> CaptureStats:
        """Wait until `condition(stats)` is true, such as `lambda s: s.written > 1000`.

        Raises:
            TimeoutError: it is not, after `timeout` seconds or when the capture has ended; the
                message says how far it is.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        while not condition(stats := self.stats):
            if not self.running or time.monotonic() > end:
                why = f"within {timeout} s" if self.running else "before the capture ended"
                raise TimeoutError(f"not {why}: {self!r} {self.trouble}".rstrip())
            await asyncio.sleep(_LOOK)
        return stats

    def start(self) -> None:
        """Connect; after `stop()`, go on where each stream was left. Does nothing while running.

        Raises:
            RuntimeError: after `close()`, which is for good.
        """
        if self._closed:
            raise RuntimeError(
                "this capture was closed, which is for good: made again on the same folder it goes on; "
                "stop() is what start() can follow"
            )
        if self._task is not None and not self._task.done():
            return
        self._failure = ""
        self._engine = self._make_engine()
        self._task = runtime.run(self._run(self._engine))
        # Not earlier: it is still running as long as its task is not done. And this may not be missed.
        self._task.add_done_callback(self._ended_with)

    def _ended_with(self, task: Future[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, LoopEnded):
            # What the engine would say is what was true before.
            self._engine, self._failure = None, str(error)
            self._roster.mark(self._roster.rows, State.FAILED, str(error))
        runtime.call(self._push, True)

    def stop(self) -> None:
        """End all connections; what came is on disk when this returns, and `start()` resumes."""
        runtime.call(self._halt)
        if self._task is not None and not runtime.is_loop_thread():
            concurrent.futures.wait([self._task], _STOP_SECONDS)

    def close(self) -> None:
        """`stop()`, and the view goes; the folder stays."""
        # ipywidgets calls this from __del__ too, on objects whose __init__ did not get far.
        if self.__dict__.get("_task") is not None:
            self.stop()
            runtime.call(self._deselect)
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        # Until all is on disk: not on a loop that others wait for.
        await asyncio.to_thread(self.close)

    def __repr__(self) -> str:
        s = self.stats
        return (
            f"<SSECapture {self._to}: {s.open:,} of {s.streams:,} streams open, "
            f"{s.received:,} received, {s.written:,} on disk>"
        )

    # ------------------------------------------------------------------ the loop's side

    async def _run(self, engine: Engine) -> None:
        if self._tail is not None:  # a log that was open when it was stopped goes on
            engine.watch(self._tail.name, self._tail.take)
        try:
            interval = asyncio.get_running_loop().create_task(self._beat())
            try:
                await engine.run()
            finally:
                interval.cancel()
        except Exception as e:  # shown, never printed into a cell
            self._failure = message_of(e)
        finally:
            await self._report()

    def _make_engine(self) -> Engine:
        if self._cluster_option is not None:
            from ..cluster import ClusterEngine

            return ClusterEngine(self._good, self._capture, self._options, self._cluster_option)
        return LocalEngine(self._good, self._capture, self._options)

    def _halt(self) -> None:
        if self._engine is not None:
            self._engine.stop()

    def _look(self) -> None:
        """The roster as it is now, not as of the latest beat."""
        if self._engine is not None and not runtime.is_loop_thread():
            with contextlib.suppress(concurrent.futures.TimeoutError):
                runtime.run(self._report()).result(2.0)

    async def _report(self) -> None:
        if self._engine is not None:
            self._engine.report_to(self._roster)

    async def _beat(self) -> None:
        while True:
            await self._report()
            self._push()
            if self._tail is not None:
                self._tail.look()
            await asyncio.sleep(_BEAT)
