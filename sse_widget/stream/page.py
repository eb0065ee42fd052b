"""The page side of SSEStream: synced traits, messages, and the filter in both directions.

`notebook.channel` decides what is sent and when; this module ties it to the comm and answers the page's
requests. The handlers of the page's messages run on whatever thread the kernel answers them, and only post
to the background loop.
"""

from __future__ import annotations

import contextlib
import math
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

import traitlets
from traitlets import Bunch, Dict, Instance

from .. import runtime
from ..checks import told
from ..client import Source
from ..errors import InvalidFilter, hint_of, message_of
from ..events import Gap, State, Stats, Status
from ..filters import EventFilter, filter_of
from ..notebook import (
    CUT_BYTES,
    NOT_BUILT,
    Channel,
    SnapshotWriter,
    SubshellSender,
    SyncedWidget,
    built,
    render,
    reruns_on_change,
    session_liveness,
)
from ..tables import RollingWindow, Snapshot

__all__ = ["Showing"]

_EVERYTHING = EventFilter()
# Seconds: whoever lets a stream go waits so long for the loop's turn.
_TURN_S = 1.0
# Beside a snapshot the live log has nothing to add where it cannot live.
_NO_FALLBACK = "<!-- the live log; what was saved of it is in the output beside this one -->"


class _Filter(Instance):  # type: ignore[type-arg]
    """An EventFilter; a set or list of texts is its types, and None lets everything through."""

    def validate(self, obj: Any, value: Any) -> Any:
        try:
            return super().validate(obj, filter_of("filter", value))
        except TypeError as e:
            raise traitlets.TraitError(str(e)) from None


class _FilterWire(Dict):
    """A filter as it travels, with its revision and who wrote it: nothing else reaches other pages."""

    def validate(self, obj: Any, value: Any) -> Any:
        value = super().validate(obj, value)
        try:
            EventFilter.from_wire(_without_revision(value))
        except (InvalidFilter, TypeError, ValueError, OverflowError, RecursionError) as e:
            raise traitlets.TraitError(message_of(e)) from None
        if not isinstance(value.get("rev"), int) or not isinstance(value.get("by"), str):
            raise traitlets.TraitError("a filter has a revision and an author")
        return value


class Showing(SyncedWidget):
    """What SSEStream is to the page; the stream has the window, the source and the counters."""

    _esm: ClassVar[Any] = built("widget.js", NOT_BUILT)
    _css: ClassVar[Any] = built("widget.css", "")

    _from_page = SyncedWidget._from_page | {"_filter", "_columns", "_ack"}

    # The kernel's own, told to the page and never read back.
    _settings = Dict().tag(sync=True)
    _filter = _FilterWire({**_EVERYTHING.to_wire(), "rev": 0, "by": ""}).tag(sync=True)
    # The paths that are columns of the log and of df; a write of the page is answered with what
    # holds then, and `heard` says which write that was.
    _columns = Dict({"paths": [], "rev": 0, "by": ""}).tag(sync=True, echo_update=False)
    # What `plot` asked for last, numbered: asking for the same again opens it again.
    _plot: Any = Dict({"path": "", "by": "", "rev": 0}).tag(sync=True)
    # The page's own; echoing it back would only double the traffic.
    _ack = Dict().tag(sync=True, echo_update=False)

    filter = _Filter(
        EventFilter, (), help="What the log and view_df let through; the page's chips move it too."
    )
    stats: Any  # SSEStream's: a Stats
    columns: Any  # Analysis's: the paths that are columns
    _use_columns: Callable[[list[str]], None]
    start: Callable[[], None]
    stop: Callable[[], None]
    clear: Callable[[], None]
    _source: Source
    status: Any  # SSEStream's: a Status
    _describe_capture: Callable[[], dict[str, Any] | None]
    _read_kept: Callable[[int, int], Snapshot]
    _oldest_kept: Callable[[], int | None]

    def _start_showing(
        self,
        window: RollingWindow,
        counts: Mapping[str, int],
        gaps: Callable[[], list[Gap]],
        url: str,
        save_events: int,
        request: dict[str, Any],
    ) -> None:
        """Called before the widget itself is made: what the page needs to know of the stream
        travels in the message that opens the comm."""
        self._revision = self._columns_revision = self._plots = 0
        self._told_filter = EventFilter().to_wire()
        self._sender = SubshellSender()
        self._session_is_alive = session_liveness()
        self._channel = Channel(
            window,
            send=self._send_message,
            describe=self._describe,
            counts=counts,
            gaps=gaps,
            older=self._read_kept,
            oldest=self._oldest_kept,
        )
        self._address, self._session = url, uuid.uuid4().hex
        self._window, self._save_events, self._gaps_so_far = window, save_events, gaps
        self._snapshot_writer = SnapshotWriter(self._snapshot, self._snapshot_stamp)
        self._settings = {
            "url": url,
            "session": self._session,
            "request": request,
            "ack": "message" if reruns_on_change() else "trait",
        }

    def let_go(self) -> None:
        # Until it is shown again: what the loop and the notebook would call keeps it.
        runtime.call_within(_TURN_S, self._channel.close)
        self._snapshot_writer.close()
        super().let_go()

    def _end_showing(self) -> None:
        runtime.call(self._channel.close)
        self._snapshot_writer.close()

    # ------------------------------------------------------------------ to the page, and from it

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        runtime.call(self._channel.open)
        kept = self._save_events > 0 and self._snapshot_writer.show()
        if kept and isinstance(bundle, tuple):
            bundle[0].setdefault("text/html", _NO_FALLBACK)
        return bundle

    def _send_message(self, content: dict[str, Any], buffers: list[Any]) -> None:
        if not self._session_is_alive():
            self.stop()
            return
        # A comm that was closed meanwhile, by the person or a kernel going down: nobody listens. And
        # a message that cannot be sent ends no stream: the page finds the hole in the numbers.
        comm = self.comm
        if comm is not None:
            with contextlib.suppress(Exception):
                self._sender.send(comm, self.send, content, buffers)

    def _describe(self) -> dict[str, Any]:
        source, stats, status = self._source, self.stats, self.status
        error, hide = status.error, source.secrets.hide
        return {
            "stats": {name: getattr(stats, name) for name in Stats.__slots__},
            "status": {
                "state": status.state,
                "attempt": status.attempt,
                "retry_in": self._retry_in(status),
                "since": status.since.timestamp() * 1000,
                "sent_at": None if status.sent_at is None else status.sent_at.timestamp() * 1000,
                "error": None if error is None else hide(message_of(error)),
                "hint": None if error is None else hide(hint_of(error)) or None,
                "note": status.note or None,
                "reason": None if status.reason is None else status.reason.sentence,
                "warns": status.reason is not None and status.reason.warns,
            },
            # Where it is asked for on every attempt, or has parameters that are.
            "url": None if source.url == self._address else source.url,
            "last_event_id": hide(source.last_event_id[:CUT_BYTES]),
            "reconnection_time": source.reconnection_time,
            "capture": self._describe_capture(),
        }

    @staticmethod
    def _retry_in(status: Status) -> float | None:
        if status.retry_in is None or math.isinf(status.retry_in):
            return None
        gone = (datetime.now().astimezone() - status.since).total_seconds()
        return max(status.retry_in - gone, 0.0)

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        """A request of the page; on whatever thread the kernel answers messages."""
        self._sender.note()
        self._post(content, self._sender.answering(self._answer))

    def _answer(self, content: dict[str, Any]) -> None:
        if self._channel.answer(content):
            return
        match content:
            case {"kind": "ack", "n": int(n)}:
                self._channel.acknowledge(n)
            case {"kind": "start"} if not self._closed:
                self.start()
            case {"kind": "stop"}:
                self.stop()
            case {"kind": "clear"}:
                self.clear()
            case {"kind": "retry"}:
                self._source.retry_now()

    @traitlets.observe("_ack")
    def _on_ack(self, change: Bunch) -> None:
        n = change.new.get("n")
        if isinstance(n, int):
            runtime.call(self._channel.acknowledge, n)

    # ------------------------------------------------------------------ the saved notebook

    def _snapshot(self) -> str:
        stop = self._window.counts.received
        held = self._window.read(stop - self._save_events)
        return render(
            self._describe(),
            self._source.url,
            held,
            self._gaps_so_far(),
            self._session,
            self._source.secrets,
        )

    def _snapshot_stamp(self) -> Any:
        counts, state = self._window.counts, self._describe()["status"]["state"]
        trouble = None if state in (State.CONNECTING, State.OPEN, State.QUIET) else state
        if counts.received == 0 and trouble is None:
            return None  # an output that is empty takes no room
        return counts.received, counts.cleared, trouble, self._save_events

    # ------------------------------------------------------------------ the filter, both ways

    @traitlets.observe("filter")
    def _filter_set(self, change: Bunch) -> None:
        wire = change.new.to_wire()
        if self._told_filter == wire:
            return  # the page's own write, being taken over
        self._told_filter = wire
        self._revision += 1
        self._filter = {**wire, "rev": self._revision, "by": ""}

    @traitlets.observe("_filter")
    def _filter_moved(self, change: Bunch) -> None:
        wire = change.new
        if not wire.get("by"):
            return
        try:
            # Written before the page saw what Python wrote since: Python's write stands.
            if wire.get("rev") != self._revision:
                raise InvalidFilter("out of date")
            told = EventFilter.from_wire(_without_revision(wire))
            # A key that the page left out has its default.
            if told.to_wire() == {**_EVERYTHING.to_wire(), **_without_revision(wire)}:
                self._told_filter = told.to_wire()
            self.filter = told
        except (InvalidFilter, TypeError, ValueError, KeyError):
            self._told_filter = self.filter.to_wire()
            self._filter = {**self.filter.to_wire(), "rev": self._revision, "by": ""}

    # ------------------------------------------------------------------ columns and charts

    def _columns_set(self) -> None:
        """Python wrote `columns`: the page's write before it no longer counts."""
        self._columns_revision += 1
        self._columns = {"paths": self.columns, "rev": self._columns_revision, "by": ""}

    @traitlets.observe("_columns")
    def _columns_moved(self, change: Bunch) -> None:
        wire = change.new
        page = wire.get("by")
        if not page:
            return
        try:
            if wire.get("rev") == self._columns_revision:
                self._use_columns(wire["paths"])
        except (TypeError, ValueError, KeyError):
            pass  # no list of names: what holds stays, and the page is told
        self._columns = {
            "paths": self.columns,
            "rev": self._columns_revision,
            "by": "",
            "heard": [page, wire.get("n")],
        }

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
        for name, value in (("path", path), ("by", by)):
            if value is not None and not isinstance(value, str):
                raise TypeError(f"{name} must be a key or dotted path, not {told(value)}")
            if value == "":
                raise ValueError(f'{name} must be a key or dotted path such as "price", not ""')
        self._plots += 1
        self._plot = {"path": path or "", "by": by or "", "rev": self._plots}
        return self


def _without_revision(wire: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in wire.items() if k not in ("rev", "by")}
