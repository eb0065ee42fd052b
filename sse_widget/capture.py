"""SSECapture: many streams into one folder, as a widget with one row a stream.

It owns one engine (a shard in this process, or the shards of a cluster), one roster and the tail of
the selected stream, and ties them to the page; it reads no socket and writes no file itself. Like in
`stream`, two threads meet here: the person's and the background loop's.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import math
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import anywidget
import traitlets
from traitlets import Bunch, Dict

from . import background
from .dataset import Dataset
from .errors import InvalidURL, SSEError, mask_url
from .events import State
from .filters import EventFilter
from .fleet import Watcher
from .notebook import CellRuns, SideDoor
from .recorder import Capture, capture_of
from .request import check_url
from .roster import CaptureStats, Roster, Row
from .shard import Shard, reached
from .showing import NOT_BUILT, built
from .source import EventSource
from .stream import split_traits
from .tail import Tail

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SSECapture"]

_BEAT = 1.0
_LOOK = 0.1
# A page that does not answer (hidden, or gone) is told less often.
_UNSEEN = 5.0
_STOP_SECONDS = 15.0

_cells = CellRuns()


class Engine(Protocol):
    """What runs the streams: a shard in this process, or the shards of a cluster. On the loop."""

    async def run(self) -> None:
        """Until stopped, or until every stream has ended by itself; then all is on disk."""

    def stop(self) -> None: ...

    def report_to(self, roster: Roster) -> None:
        """Tell the roster how all streams are now."""

    def watch(self, name: str | None, watcher: Watcher) -> None:
        """Call `watcher` with what comes of this stream, and of no other any more."""

    def command(self, name: str, kind: str) -> None: ...

    def workers(self) -> list[dict[str, Any]]:
        """Where it runs, where that is not here."""

    def trouble(self) -> str:
        """What a person should know: a full disk, a lost cluster; "" for nothing."""


class Here:
    """The engine of one process: one shard, after taking over what a cluster wrote before."""

    def __init__(self, urls: Mapping[str, str], to: Capture, options: Mapping[str, Any]) -> None:
        self._urls, self._options = urls, options
        self._to = to
        self._shard: Shard | None = None
        self._watch: tuple[str | None, Watcher] = (None, _nobody)
        self._stopped = False

    async def run(self) -> None:
        begin = await asyncio.to_thread(lambda: reached(Dataset(self._to.to), [""]))
        if self._stopped:
            return
        self._shard = shard = Shard(self._urls, self._to, self._options, begin=begin)
        shard.watch(*self._watch)
        await shard.run()

    def stop(self) -> None:
        self._stopped = True
        if self._shard is not None:
            self._shard.stop()

    def report_to(self, roster: Roster) -> None:
        if self._shard is not None:
            roster.take(self._shard.reports())

    def watch(self, name: str | None, watcher: Watcher) -> None:
        self._watch = (name, watcher)
        if self._shard is not None:
            self._shard.watch(name, watcher)

    def command(self, name: str, kind: str) -> None:
        if self._shard is not None:
            self._shard.command(name, kind)

    def workers(self) -> list[dict[str, Any]]:
        return []

    def trouble(self) -> str:
        return "" if self._shard is None else self._shard.trouble()


class SSECapture(anywidget.AnyWidget):
    """Many event streams, captured into one folder.

    Connects at once, on the one background thread; shown as the last line of a cell it is a table
    with one row a stream, and the log of the one that is selected. Works the same without a
    notebook. Made again on the same folder it goes on where the files end.

    Args:
        urls: absolute http or https URLs; or a mapping of names to URLs. A stream without a name
            has its URL (without secrets) for a name. One that cannot be used is a row that says
            why, and harms no other.
        to: the folder of the capture, made where there is none; or a `Capture`, which also says for
            how long it is kept.
        cluster: a `dask.distributed.Client`: the streams run on its workers. "local": on worker
            processes of this machine, which are started and ended for you.
        filter: which events are captured; the others are dropped as they come.
        **options: all options of `EventSource`, the same for every stream; also `layout=` and the
            other traits of an ipywidgets.DOMWidget.

    Raises:
        TypeError: an unknown option; the message names it.
        ValueError: no URLs at all, or an option out of its range.
    """

    _esm: ClassVar[Any] = built("capture.js", NOT_BUILT)
    _css: ClassVar[Any] = built("widget.css", "")

    _settings = Dict().tag(sync=True)
    _ack = Dict().tag(sync=True, echo_update=False)

    def __init__(
        self,
        urls: Mapping[str, str] | Iterable[str],
        *,
        to: str | os.PathLike[str] | Capture,
        cluster: Any = None,
        filter: EventFilter | None = None,
        **options: Any,
    ) -> None:
        if cluster is not None:
            from .cluster import check

            check(cluster)
        traits = split_traits(options, type(self).__name__, "to", "cluster", "filter")
        capture = capture_of(to)
        if filter is not None and not isinstance(filter, EventFilter):
            raise TypeError(f"filter must be an EventFilter, not {type(filter).__name__}")
        named = _named(urls)
        self._good, bad = _sorted_out(named, options, unnamed=not isinstance(urls, Mapping))
        self._capture = capture
        self._to = os.fspath(capture.to)
        self._cluster_option = cluster
        self._options = options if filter is None else {**options, "filter": filter}
        self._roster = Roster({name: _shown(url, options) for name, url in named.items()})
        for name, error in bad.items():
            self._roster.fail(name, error.message, error.hint)
        self._engine: Engine | None = None
        self._task: Future[None] | None = None
        self._failure = ""
        self._door = SideDoor()
        self._tail: Tail | None = None
        self._selections = 0
        self._displayed = False
        self._n = 0
        self._sent_at = 0.0
        self._seen = 0
        self._told: list[Any] = []
        self._settings = {
            "to": self._to,
            "streams": len(named),
            "session": uuid.uuid4().hex,
        }
        super().__init__(**traits)
        self.on_msg(self._on_message)
        _cells.adopt(self)
        self.start()

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
        from .cluster import dask_dataframe

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
        return getattr(self._engine, "client", None)

    @property
    def trouble(self) -> str:
        """What keeps the capture as a whole from its work, such as a full disk; "" for nothing."""
        return self._failure or (self._engine.trouble() if self._engine is not None else "")

    def __getitem__(self, stream: str) -> CapturedStream:
        """One stream, by its name or its URL.

        Raises:
            KeyError: there is none.
        """
        if stream not in self._roster.rows:
            named = [name for name, url in self._good.items() if url == stream]
            if not named:
                raise KeyError(f"no stream {mask_url(stream)!r} in this capture")
            stream = named[0]
        return CapturedStream(self, stream)

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
        """Connect; after `stop()`, go on where each stream was left. Does nothing while running."""
        if self._task is not None and not self._task.done():
            return
        self._failure = ""
        self._task = background.run(self._run())

    def stop(self) -> None:
        """End all connections; what came is on disk when this returns, and `start()` resumes."""
        background.call(self._halt)
        if self._task is not None and not background.is_loop_thread():
            concurrent.futures.wait([self._task], _STOP_SECONDS)

    def close(self) -> None:
        """`stop()`, and the view goes; the folder stays."""
        # ipywidgets calls this from __del__ too, on objects whose __init__ did not get far.
        if self.__dict__.get("_task") is not None:
            self.stop()
            background.call(self._deselect)
        if getattr(self, "comm", None) is not None:
            super().close()

    def __repr__(self) -> str:
        s = self.stats
        return (
            f"<SSECapture {self._to}: {s.open:,} of {s.streams:,} streams open, "
            f"{s.received:,} received, {s.written:,} on disk>"
        )

    # ------------------------------------------------------------------ the loop's side

    async def _run(self) -> None:
        try:
            self._engine = engine = self._make_engine()
            beat = asyncio.get_running_loop().create_task(self._beat())
            try:
                await engine.run()
            finally:
                beat.cancel()
        except Exception as e:  # shown, never printed into a cell
            self._failure = e.message if isinstance(e, SSEError) else f"{type(e).__name__}: {e}"
        finally:
            if self._engine is not None:
                self._engine.report_to(self._roster)
            self._push()

    def _make_engine(self) -> Engine:
        if self._cluster_option is not None:
            from .cluster import Cluster

            return Cluster(self._good, self._capture, self._options, self._cluster_option)
        return Here(self._good, self._capture, self._options)

    def _halt(self) -> None:
        if self._engine is not None:
            self._engine.stop()

    def _look(self) -> None:
        """The roster as it is now, not as of the latest beat."""
        if self._engine is not None and not background.is_loop_thread():
            with contextlib.suppress(concurrent.futures.TimeoutError):
                background.run(self._report()).result(2.0)

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

    # ------------------------------------------------------------------ the page's side

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        background.call(self._open)
        return super()._repr_mimebundle_(**kwargs)

    def _open(self) -> None:
        self._displayed = True
        self._push(whole=True)

    def _send_message(self, content: dict[str, Any], buffers: list[Any]) -> None:
        comm = self.comm
        if comm is not None:
            self._door.send(comm, self.send, content, buffers)

    def _push(self, whole: bool = False, page: str | None = None) -> None:
        """All rows that changed since the page was told last, and the totals."""
        if not self._displayed:
            return
        now = time.monotonic()
        if not whole and self._n - self._seen >= 2 and now - self._sent_at < _UNSEEN:
            return
        self._sent_at = now
        self._n += 1
        rows = self._roster.wire()
        known = [] if whole else self._told
        self._told = rows
        stats = self._roster.stats
        message: dict[str, Any] = {
            "kind": "overview",
            "n": self._n,
            "now": time.time() * 1000,
            "running": self.running,
            "trouble": self.trouble,
            "stats": {name: getattr(stats, name) for name in CaptureStats.__slots__},
            "rows": [[i, *row] for i, row in enumerate(rows) if i >= len(known) or known[i] != row],
            "workers": self.workers,
            "log": None
            if self._tail is None
            else [self._tail.number, self._tail.name, self._tail.settings],
        }
        if whole:
            message["names"] = [[row.name, row.url] for row in self._roster.rows.values()]
        if page is not None:
            message["to"] = page
        self._send_message(message, [])

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        """A request of the page; on whatever thread the kernel answers messages."""
        self._door.note()
        if isinstance(content, dict):
            background.call(self._answer, content)

    def _answer(self, content: dict[str, Any]) -> None:
        if "log" in content:
            if self._tail is not None and content["log"] == self._tail.number:
                self._answer_log(self._tail, content)
            return
        match content:
            case {"kind": "hello", "page": str(page)}:
                self._displayed = True
                self._push(whole=True, page=page)
            case {"kind": "select", "name": str(name)} if name in self._roster.rows:
                self._select(name)
            case {"kind": "select"}:
                self._deselect()
                self._push()
            case {"kind": "start"}:
                self.start()
            case {"kind": "stop"}:
                self._halt()

    def _answer_log(self, tail: Tail, content: dict[str, Any]) -> None:
        if tail.channel.answer(content):
            return
        match content:
            case {"kind": "clear"}:
                tail.clear()
            case {"kind": "start" | "stop" | "retry" as kind} if self._engine is not None:
                self._engine.command(tail.name, kind)

    def _select(self, name: str) -> None:
        self._deselect()
        self._selections += 1
        row = self._roster.rows[name]
        self._tail = tail = Tail(
            self._selections,
            name,
            row.url,
            send=self._send_message,
            report=lambda: row.report,
        )
        # The page must know which log it is before the first message of it comes.
        self._push(whole=True)
        tail.channel.open()
        if self._engine is not None:
            self._engine.watch(name, tail.take)

    def _deselect(self) -> None:
        if self._tail is None:
            return
        if self._engine is not None:
            self._engine.watch(None, _nobody)
        self._tail.channel.close()
        self._tail = None

    @traitlets.observe("_ack")
    def _on_ack(self, change: Bunch) -> None:
        background.call(self._acknowledged, change.new)

    def _acknowledged(self, ack: dict[str, Any]) -> None:
        n = ack.get("n")
        if not isinstance(n, int):
            return
        if "log" not in ack:
            self._seen = max(self._seen, min(n, self._n))
        elif self._tail is not None and ack["log"] == self._tail.number:
            self._tail.channel.acknowledge(n)


class CapturedStream:
    """One stream of a capture."""

    def __init__(self, capture: SSECapture, name: str) -> None:
        self._capture = capture
        self.name = name

    @property
    def _row(self) -> Row:
        self._capture._look()
        return self._capture._roster.rows[self.name]

    @property
    def url(self) -> str:
        """The URL, masked: safe to show."""
        return self._capture._roster.rows[self.name].url

    @property
    def state(self) -> State:
        """What it is doing now."""
        return State(self._row.report.state)

    @property
    def error(self) -> str:
        """Why it is in trouble, and what to change; "" while all is well."""
        report = self._row.report
        return f"{report.error}\n{report.hint}" if report.hint else report.error

    @property
    def received(self) -> int:
        """Events since the stream began, those of earlier runs in this folder too."""
        return self._row.report.received

    @property
    def written(self) -> int:
        """How many of them are on disk."""
        return self._row.report.written

    @property
    def last_event_id(self) -> str:
        """The id it would resume after."""
        return self._row.report.last_event_id

    @property
    def history(self) -> Any:
        """What is on disk of this stream, as a `pyarrow.dataset.Dataset`."""
        return Dataset(self._capture._to).dataset(self.name)

    @property
    def df(self) -> pd.DataFrame:
        """What is on disk of this stream, by the number of the event."""
        frame: pd.DataFrame = Dataset(self._capture._to).read(self.name).to_pandas()
        # A stream that moved between shards is in several sequences.
        return frame.drop(columns=["stream", "has_id"]).set_index("seq").sort_index()

    def start(self) -> None:
        """Connect again, where it was stopped or failed."""
        self._command("start")

    def stop(self) -> None:
        """End this stream alone."""
        self._command("stop")

    def retry_now(self) -> None:
        """Where an attempt is being waited for, make it now."""
        self._command("retry")

    def _command(self, kind: str) -> None:
        engine = self._capture._engine
        if engine is not None:
            background.call(engine.command, self.name, kind)

    def __repr__(self) -> str:
        report = self._row.report
        why = f" ({report.error})" if report.error else ""
        return f"<stream {self.name!r} {report.state}{why}: {report.received:,} received>"


# ---------------------------------------------------------------------- which streams


def _named(urls: Any) -> dict[str, Any]:
    """Name -> URL, in the order they were given; nothing is checked yet but names."""
    if isinstance(urls, str):
        urls = [urls]
    if isinstance(urls, Mapping):
        for name in urls:
            if not isinstance(name, str) or not name:
                raise TypeError(f"a stream's name must be a text, not {name!r}")
        named = dict(urls)
    else:
        named = {}
        for url in urls:
            name = base = mask_url(url) if isinstance(url, str) else repr(url)
            n = 1
            while name in named:
                n += 1
                name = f"{base} ({n})"
            named[name] = url
    if not named:
        raise ValueError("no streams: give a list of URLs, or a mapping of names to URLs")
    return named


def _sorted_out(
    named: Mapping[str, Any], options: Mapping[str, Any], *, unnamed: bool
) -> tuple[dict[str, str], dict[str, SSEError]]:
    """The streams that can be begun, and the others with the reason. Raises for an option that no
    stream could have."""
    EventSource("http://localhost/", **options)
    good: dict[str, str] = {}
    bad: dict[str, SSEError] = {}
    taken: dict[Any, str] = {}
    masked: dict[str, str] = {}
    for name, url in named.items():
        try:
            address = check_url(url, options.get("params"))
        except InvalidURL as error:
            bad[name] = error
            continue
        same = (str(address.url), address.auth)
        if same in taken:
            bad[name] = InvalidURL(
                f"the same URL as {taken[same]!r}: it is captured once", url=address.masked
            )
        elif unnamed and address.masked in masked:
            # Its name would depend on the order of the list, and with it the place it resumes at.
            bad[name] = InvalidURL(
                f"differs from {masked[address.masked]!r} in a secret alone",
                url=address.masked,
                hint='Give both a name: SSECapture({"first": url, "second": url}, to=...).',
            )
        else:
            good[name] = str(url).strip()
            taken[same] = masked[address.masked] = name
    return good, bad


def _shown(url: Any, options: Mapping[str, Any]) -> str:
    try:
        return check_url(url, options.get("params")).masked
    except InvalidURL as error:
        return error.url or repr(url)


def _nobody(*_: object) -> None:
    pass
