"""The page side of `SSECapture`: one row a stream, and the log of the selected one.

It tells the page what changed about once a second and answers the page's requests. It starts and stops
nothing of its own accord. The handlers of the page's messages run on whatever thread the kernel
answers them, and only post to the background loop.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any, ClassVar

import traitlets
from traitlets import Bunch, Dict

from .. import runtime
from ..fleet import CaptureStats, Engine, StreamTable, ignore
from ..notebook import (
    NOT_BUILT,
    SubshellSender,
    SyncedWidget,
    built,
    log_script,
    reruns_on_change,
)
from .stream_log import StreamLog

__all__ = ["Overview"]

# A page that does not answer (hidden, or gone) is told less often.
_UNSEEN = 5.0
# Seconds: whoever lets a capture go waits so long for the loop's turn.
_TURN_S = 1.0


class Overview(SyncedWidget):
    """What SSECapture is to the page; the capture has the engine and the person's side."""

    _esm: ClassVar[Any] = built("capture.js", NOT_BUILT)
    _css: ClassVar[Any] = built("widget.css", "")

    _from_page = SyncedWidget._from_page | {"_ack"}

    # The kernel's own, told to the page and never read back.
    _settings = Dict().tag(sync=True)
    _ack = Dict().tag(sync=True, echo_update=False)

    _engine: Engine | None
    running: Any  # SSECapture's, as are these
    trouble: Any
    workers: Any
    start: Callable[[], None]
    _halt: Callable[[], None]

    def _start_overview(self, roster: StreamTable, to: str) -> None:
        """Called before the widget itself is made: what the page needs to know travels in the
        message that opens the comm."""
        self._roster = roster
        self._sender = SubshellSender()
        self._tail: StreamLog | None = None
        self._selections = 0
        self._displayed = False
        self._n = 0
        self._sent_at = 0.0
        self._seen = 0
        self._told: list[Any] = []
        self._settings = {
            "to": to,
            "streams": len(roster.rows),
            "session": uuid.uuid4().hex,
            "ack": "message" if reruns_on_change() else "trait",
        }

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            runtime.call(self._open)
        return bundle

    def let_go(self) -> None:
        # Until it is shown again: what the loop would call keeps it.
        runtime.call_within(_TURN_S, self._rest)
        super().let_go()

    def _rest(self) -> None:
        self._deselect()
        self._displayed = False

    def _open(self) -> None:
        self._displayed = True
        self._push(whole=True)

    def _send_message(self, content: dict[str, Any], buffers: list[Any]) -> None:
        comm = self.comm
        if comm is not None:
            self._sender.send(comm, self.send, content, buffers)

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
        self._sender.note()
        self._post(content, self._sender.answering(self._answer))

    def _answer(self, content: dict[str, Any]) -> None:
        if content.get("kind") == "ack":
            self._acknowledged(content)
        elif "log" in content:
            if self._tail is not None and content["log"] == self._tail.number:
                self._answer_log(self._tail, content)
        else:
            self._answer_page(content)

    def _answer_page(self, content: dict[str, Any]) -> None:
        match content:
            case {"kind": "hello", "page": str(page)}:
                self._displayed = True
                self._push(whole=True, page=page)
            case {"kind": "script", "page": str(page)}:
                # What draws a log: only a page on which a stream was selected has a use for it.
                script = {"kind": "script", "to": page, "source": log_script()}
                self._send_message(script, [])
            case {"kind": "select", "name": str(name)} if name in self._roster.rows:
                self._select(name)
            case {"kind": "select"}:
                self._deselect()
                self._push()
            case {"kind": "start"} if not self._closed:
                self.start()
            case {"kind": "stop"}:
                self._halt()

    def _answer_log(self, tail: StreamLog, content: dict[str, Any]) -> None:
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
        self._tail = tail = StreamLog(
            self._selections,
            name,
            row.url,
            to=self._settings["to"],
            send=self._send_message,
            report=lambda: row.report,
        )
        # The page must know which log it is before the first message of it comes.
        self._push(whole=True)
        if self._engine is not None:
            self._engine.watch(name, tail.take)
        tail.open()

    def _deselect(self) -> None:
        if self._tail is None:
            return
        if self._engine is not None:
            self._engine.watch(None, ignore)
        self._tail.close()
        self._tail = None

    @traitlets.observe("_ack")
    def _on_ack(self, change: Bunch) -> None:
        runtime.call(self._acknowledged, change.new)

    def _acknowledged(self, ack: dict[str, Any]) -> None:
        n = ack.get("n")
        if not isinstance(n, int):
            return
        if "log" not in ack:
            self._seen = max(self._seen, min(n, self._n))
        elif self._tail is not None and ack["log"] == self._tail.number:
            self._tail.channel.acknowledge(n)
