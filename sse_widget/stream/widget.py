"""`SSEStream`: the widget. It owns one client, one window and one channel, and ties them together.

What an answer means, what is held, what is sent and what a filter lets through is decided in the packages
below. Two threads meet here: the one that runs the user's cell, and the background loop's; each method says
which of them calls it where that matters.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import math
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, Unpack

import ipywidgets
import traitlets
from traitlets import Bunch

from .. import runtime
from ..attributes import NamedAttributes
from ..budget import Memory
from ..checks import truth, whole_number
from ..client import (
    HookedSource,
    Request,
    ResponseHeaders,
    ResumePoint,
    Source,
    SourceHooks,
    SourceKeywords,
    SourceOptions,
    Url,
    signature_of,
    unknown_option,
)
from ..errors import SSEError
from ..events import EventBatch, Gap, Reason, State, Stats, Status, TypeCounts
from ..notebook import CELLS, NAME_CHARS
from ..pickling import NotPickled
from ..recordings import Player, Recording
from ..runtime import LoopEnded, ObserverThread, SharedEvent
from ..storage import Capture, capture_of
from ..tables import GapLog, RollingWindow, Tally
from .analysis import Analysis
from .history import Capturing, RestoredState
from .iteration import Reading
from .page import Showing

__all__ = ["SSEStream"]

_GAPS_KEPT = 1000
_LIVE = ("status", "event_types", "last_event_id")

# Seconds: who stops a stream waits so long for the disk.
_FLUSH = 5.0
# Seconds: who sets a bound waits so long for the thread of all streams.
_RESIZE = 2.0

if TYPE_CHECKING:
    _Trait = traitlets.TraitType[Any, Any]
else:  # before traitlets 5.10 it takes no parameters when it runs
    _Trait = traitlets.TraitType


class _Live(_Trait):
    """A trait that is read where it lives, so that it is never late, and is observable: the
    stream notifies when it changed. It cannot be set."""

    def __init__(self, read: Callable[[Any], Any], help: str) -> None:
        super().__init__(help=help, read_only=True)
        self._read = read

    def get(self, obj: Any, cls: Any = None) -> Any:
        return self._read(obj)


class SSEStream(NamedAttributes, NotPickled, Analysis, Capturing, Reading, Showing):
    """A live event stream: a log on the page, a rolling DataFrame in the kernel.

    Connects at once, on a thread of its own; shown as the last line of a cell it is the log.
    Works the same without a notebook. As a context manager it is closed at the end.

    Args:
        url: absolute http or https URL; or a callable without arguments, sync or async, that is
            asked for it on every attempt.
        max_events: the most events held; older ones are evicted and counted.
        max_bytes: the most bytes held: by the events, and by all that is held beside them: live
            columns, what is remembered to tell repeats, what waits for the disk. `memory` tells.
        save_events: the latest events that stay in the saved notebook as text (256 KiB at most),
            for whoever reads it without its kernel; 0 keeps nothing.
        capture: a folder where all events are kept, as Parquet files: begun where there is none,
            gone on with where there is one. Or a `Capture`, which says more.
        exact_times: read a flood as it comes too, so that `received_at` is the time of each read:
            otherwise more than 200 events a second are read every 40 ms (every 350 ms beside a cell
            that computes), and what is read together has one time. It slows the cell down.
        **options: all options of `EventSource`; also `layout=` and the other traits of an
            ipywidgets.DOMWidget.

    Raises:
        InvalidURL: the URL is none.
        TypeError: an unknown option; the message names it.
        ValueError: an option out of its range.
        CaptureError: the capture cannot be gone on with, such as one of a newer version.
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

    status = _Live(lambda self: self._status_now(), "What the stream is doing now: a Status.")
    event_types = _Live(
        lambda self: TypeCounts(self._counts), "Event type -> how many came since the stream began."
    )
    last_event_id = _Live(
        lambda self: self._source.last_event_id, "The id the stream would resume after."
    )

    def __init__(
        self,
        url: Url,
        *,
        max_events: int = 100_000,
        max_bytes: int = 256 * 2**20,
        save_events: int = 500,
        capture: str | os.PathLike[str] | Capture | None = None,
        exact_times: bool = False,
        **options: Unpack[SourceKeywords],
    ) -> None:
        own = ("max_events", "max_bytes", "save_events", "capture", "exact_times")
        traits = split_traits(options, "SSEStream", *own)
        # Before anything is built: what is refused leaves nothing behind.
        if isinstance(url, Recording) and options:
            raise TypeError(f"a replay has no option {min(options)!r}: it asks no server")
        told = SourceOptions.of("SSEStream", options)
        self._paced = not truth("exact_times", exact_times)
        if isinstance(url, Recording) and not self._paced:
            raise TypeError("a replay has no option 'exact_times': its times are the recorded ones")
        shown = Player(url).url if isinstance(url, Recording) else Request.of(url, told).masked
        window = RollingWindow(max_events, max_bytes)
        save_events = whole_number("save_events", save_events, at_least=0)
        if capture is not None and isinstance(url, Recording):
            raise TypeError("a replay has no option 'capture': what it plays is kept already")
        if callable(url) and capture is not None and capture_of(capture).stream is None:
            raise ValueError(
                "capture= names a stream after its URL, and this one is asked for on every attempt: "
                'capture=Capture(folder, stream="a name")'
            )
        past = RestoredState(capture, shown, window)
        if past.recorder is not None:
            told = past.options(told, options)
        self._url, self._options = url, told
        self._start_analysis(window, lambda: self._source.origin)
        hooks = SourceHooks(self._on_change, self._on_gap)
        resume = past.resume_point(told)
        self._source = self._adopt(_source_of(url, told, hooks, resume, paced=self._paced))
        self._counts = Tally(past.counts, name_chars=NAME_CHARS)
        window.budget.share("types", read=lambda: self._counts.nbytes)
        self._all_gaps = GapLog(past.gaps, most=_GAPS_KEPT)
        self._earlier = _Earlier(past.received, past.stats)
        self._starting = threading.Lock()
        self._task: Future[None] | None = None
        self._ended = SharedEvent(is_set=True)  # nothing more will come, unless started again
        self._waiters: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._failure: Exception | None = None
        self._notices = ObserverThread(
            {name: partial(getattr, self, name) for name in _LIVE}, self._tell_observers
        )
        self._start_showing(
            window,
            self._counts,
            lambda: list(self._all_gaps),
            self._source.url,
            save_events,
            _outline(url, told),
        )
        self._start_capturing(past.recorder)
        super().__init__(**traits)
        self.on_msg(self._on_message)
        CELLS.adopt(self)
        self.start()

    __signature__ = signature_of(__init__)

    # ------------------------------------------------------------------ the person's side

    @property
    def url(self) -> str:
        """The URL, masked: safe to show."""
        return self._source.url

    @property
    def response_headers(self) -> ResponseHeaders:
        """The headers of the answer that is the stream, as `EventSource.response_headers`."""
        return self._source.response_headers

    @property
    def max_events(self) -> int:
        """The most events held; settable at any time. What was evicted does not come back.

        Raises:
            TypeError, ValueError: (on setting) it is no whole number above 0.
        """
        return self._window.max_events

    @max_events.setter
    def max_events(self, max_events: int) -> None:
        self._resize(whole_number("max_events", max_events, at_least=1), self._window.max_bytes)

    @property
    def max_bytes(self) -> int:
        """The most bytes held, as `max_events`; settable at any time."""
        return self._window.max_bytes

    @max_bytes.setter
    def max_bytes(self, max_bytes: int) -> None:
        self._resize(self._window.max_events, whole_number("max_bytes", max_bytes, at_least=1))

    def _resize(self, max_events: int, max_bytes: int) -> None:
        def resize() -> None:
            self._window.resize(max_events, max_bytes)
            self._channel.note()
            self._note_analysis(over=self._ended.is_set())

        # Only the thread that appends may let go of what came last.
        if runtime.is_loop_thread():
            resize()
        else:
            runtime.call_within(_RESIZE, resize)

    @property
    def memory(self) -> Memory:
        """What this stream holds now, in bytes: `memory.limit` is `max_bytes`, `memory.used` the sum, and
        `memory.parts` says which part holds how much."""
        if self._live is not None:
            self._live.settle()
        return self._window.budget.memory

    @property
    def save_events(self) -> int:
        """How many of the latest events stay in the saved notebook; settable at any time. Where it
        was 0 when the log was shown, show it again.

        Raises:
            TypeError, ValueError: (on setting) it is no whole number of 0 or more.
        """
        return self._save_events

    @save_events.setter
    def save_events(self, save_events: int) -> None:
        self._save_events = whole_number("save_events", save_events, at_least=0)
        self._snapshot_writer.keep()

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
            **options: max_events, max_bytes, save_events, and the traits of an ipywidgets.DOMWidget.

        Raises:
            ValueError: no such format; content that is not what it says; speed not above 0.
            OSError: the file cannot be read.
        """
        played: Any = Recording(recording, speed, stream)
        playing = cls(played, **options)
        if math.isinf(speed) and playing._task is not None and not runtime.is_loop_thread():
            runtime.wait_for(playing._task)
        return playing

    @property
    def stats(self) -> Stats:
        """Counters since the stream began; `received == held + evicted + cleared`."""
        received, held, evicted, cleared = self._window.counts
        return replace(
            self._earlier.stats + self._source.stats,
            received=received,
            held=held,
            evicted=evicted,
            cleared=cleared,
            not_sent=self._channel.not_sent,
        )

    @property
    def gaps(self) -> list[Gap]:
        """The places where events may be missing, oldest first; the latest 1,000 are kept."""
        return list(self._all_gaps)

    @property
    def errors(self) -> list[SSEError]:
        """The latest errors of the connection, final or not."""
        return list(self._source.errors)

    def start(self) -> None:
        """Connect; after `stop()`, resume from the last event ID. Does nothing while running.

        Raises:
            RuntimeError: after `close()`, which is for good.
        """
        if self._closed:
            raise RuntimeError(
                "this stream was closed, which is for good: make a new one; stop() is what start() "
                "can follow"
            )
        if self._recorder is not None and self._recorder.over:
            return  # what would come is not ours to keep any more: the status says why
        if self._source.closed:
            self._join()
        # The page and a cell may start at the same time.
        with self._starting:
            if self._task is not None:
                if not (self._task.done() or self._source.closed):
                    return
                self._renew()
            self._channel.resting = False
            self._ended.clear()
            self._notices.rest(False)
            source = self._source
            self._task = task = runtime.run(self._run(source))
        # Not within the lock: it is called at once where that ended already.
        task.add_done_callback(partial(self._ended_with, source))
        runtime.call(self._snapshot_writer.begin)

    def stop(self) -> None:
        """End the connection; what was received stays, and `start()` resumes."""
        self._source.close()
        self._join()
        if self._recorder is not None:
            self._recorder.flush(0.0 if runtime.is_loop_thread() else _FLUSH)
        self._snapshot_writer.keep()

    async def wait_closed(self) -> Status:
        """Wait, on any event loop, until the stream is over: ended by the server or `stop_when=`,
        stopped, or failed. All that came is held then, and `start()` connects again.

        It ends nothing and raises nothing of the stream's own: the status says why it is over, by
        its `reason` and, where it failed, its `error`.
        """
        await self._ended.wait()
        return self._status_now()

    def clear(self) -> None:
        """Let go of the events held, here and on the page; the stream and its numbers go on."""
        self._window.clear()
        runtime.call(self._channel.note)
        self._snapshot_writer.keep()

    def close(self) -> None:
        """`stop()`, and the view goes; `df` stays readable."""
        # ipywidgets calls this from __del__ too, on objects whose __init__ did not get far.
        if "_source" in self.__dict__:
            self._source.close()
            if self._task is not None and not runtime.is_loop_thread():
                self._join()
            if self._recorder is not None:
                self._recorder.close(0.0 if runtime.is_loop_thread() else _FLUSH)
            self._end_analysis()
            self._notices.close()
            if self._task is not None:
                self._snapshot_writer.keep()
                self._end_showing()
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        s, status = self.stats, self.status
        text = f"; {status.text}" if status.text else ""
        return (
            f"<SSEStream {self.url} {status.state}: {s.received:,} received, {s.held:,} held{text}>"
        )

    def _join(self) -> None:
        """Wait until the connection is gone, which takes milliseconds."""
        if self._task is None or runtime.is_loop_thread():
            return
        # A hung resolver cannot be cancelled: its task ends when it answers, not within this.
        concurrent.futures.wait([self._task], 2.0)

    def _renew(self) -> None:
        """A source is for one life: the next one goes on where it ended."""
        old = self._source
        self._earlier = _Earlier(
            self._window.counts.received,
            self._earlier.stats + old.stats,
        )
        self._failure = None
        hooks = SourceHooks(self._on_change, self._on_gap)
        resume = old.resume_point
        source = _source_of(self._url, self._options, hooks, resume, paced=self._paced)
        self._source = self._adopt(source)

    def _adopt(self, source: Source) -> Source:
        source.draw_from(self._window.budget)
        return source

    # ------------------------------------------------------------------ the loop's side

    async def _run(self, source: Source) -> None:
        try:
            async for batch in source.batches():
                self._take(batch)
                if self._recorder is not None:
                    self._recorder.take(batch, source.last_event_id)
                    await self._recorder.room()
        except SSEError:
            pass  # the source's status says it
        except Exception as e:  # a bug, or a person's callback: shown, never printed into a cell
            if source is self._source:
                self._failure = source.secrets.clean(e)
        finally:
            await source.aclose()
            if self._recorder is not None:
                self._recorder.flush_soon()
            with self._starting:
                # Not where it was started again before this end was reached, as the page's two
                # buttons can do.
                over = source is self._source
                if over:
                    self._channel.resting = True
                    self._ended.set()
            if over:
                self._on_change()
                self._snapshot_writer.over()
                self._note_analysis(over=True)
                self._notices.rest()
                self._wake()

    def _ended_with(self, source: Source, task: Future[None]) -> None:
        """The loop ended under the stream: on the thread of that loop, with the last it does."""
        error = None if task.cancelled() else task.exception()
        with self._starting:
            if not isinstance(error, LoopEnded) or source is not self._source:
                return
            self._failure = error
            self._channel.resting = True
            self._ended.set()
        # The loop ends its tasks next, and the source with them.
        if self._recorder is not None:
            self._recorder.flush_soon()
        self._on_change()
        runtime.call(self._snapshot_writer.over)
        self._note_analysis(over=True)
        self._notices.rest()
        self._wake()

    def _take(self, batch: EventBatch) -> None:
        self._window.append(batch)
        self._channel.note(self._counts.add(batch.types))
        self._notices.changed()
        self._note_analysis(over=False)
        self._wake()

    def _on_change(self) -> None:
        # A source that nobody reads yet is closed, and says so, on the thread of whoever closes it.
        if runtime.is_loop_thread():
            self._channel.note()
        else:
            runtime.call(self._channel.note)
        self._notices.changed(("status", self._status_now()))

    def _status_now(self) -> Status:
        status = self._source.status
        if self._failure is None:
            return status
        return replace(
            status,
            state=State.FAILED,
            retry_in=None,
            error=self._failure,
            reason=Reason.FAILED,
        )

    def observe(self, handler: Any, names: Any = traitlets.All, type: Any = "change") -> None:
        """As of any widget; `status`, `event_types` and `last_event_id` are told on a thread of
        their own, never on the one that serves the streams."""
        super().observe(handler, names, type)
        names = _LIVE if names is traitlets.All else names
        asked = {names} if isinstance(names, str) else set(names)
        # traitlets calls this too, for our own observers, before there is anything to start.
        if "_notices" in self.__dict__ and asked & set(_LIVE):
            self._notices.start()

    def _tell_observers(self, name: str, old: Any, new: Any) -> None:
        self.notify_change(Bunch(name=name, old=old, new=new, owner=self, type="change"))

    def _on_gap(self, gap: Gap) -> None:
        """A gap of the source, in the numbers of the stream; or more is known of the latest."""
        gap = replace(gap, seq=gap.seq + self._earlier.received)
        if self._recorder is not None:
            self._recorder.gap(gap)
        self._note_gap(gap)

    def _note_gap(self, gap: Gap) -> None:
        self._all_gaps.add(gap)
        self._channel.note(gap=gap)


class _Earlier(NamedTuple):
    """What the sources before a stop and start have received and counted."""

    received: int
    stats: Stats


def _outline(url: object, options: SourceOptions) -> dict[str, Any]:
    """What may be told of the request, for whoever wants to ask the same elsewhere."""
    outline = options.outline()
    if callable(url):
        outline["unknown"] = ["the function of url=", *outline["unknown"]]
    return outline


def _source_of(
    url: Any,
    options: SourceOptions,
    hooks: SourceHooks,
    resume: ResumePoint | None,
    *,
    paced: bool,
) -> Source:
    """Where the events come from: a server, or a recording in its place."""
    if isinstance(url, Recording):
        return Player(url, hooks, resume)
    return HookedSource(url, options, hooks, resume, paced=paced)


def split_traits(options: Any, owner: str, *own: str) -> dict[str, Any]:
    """Take the traits of a DOMWidget out of `options`; refuse what neither they nor `EventSource`
    nor the `owner` know, by name."""
    known = SourceKeywords.__annotations__
    dom = {n for n in ipywidgets.DOMWidget.class_trait_names() if not n.startswith("_")}
    dom -= {"comm", "keys", "log"}
    traits = {name: options.pop(name) for name in list(options) if name in dom}
    for name in options:
        if name not in known:
            raise unknown_option(owner, name, [*known, *dom, *own])
    return traits
