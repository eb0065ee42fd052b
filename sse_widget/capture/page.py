"""CapturePage: what an SSECapture is to its pages: one row a stream, and the log of the selected one.

It tells the page what changed about once a second and answers the page's requests. It starts and stops
nothing of its own accord, and runs on the background loop.
"""

from __future__ import annotations

import time
from typing import cast

from .. import runtime
from ..fleet import Engine, ignore
from ..notebook import Message, PageLink, SyncedWidget, log_script
from .files import CaptureFiles
from .history import HistoryAnswers
from .messages import OverviewMessage, ScriptMessage, TotalsMessage
from .run import CaptureRun
from .stream_log import StreamLog

# Seconds: a page that does not answer (hidden, or gone) is told less often.
_UNSEEN_S = 5.0
# Seconds: `rest` waits at most so long for the loop.
_TURN_S = 1.0


class CapturePage:
    """The pages of one capture.

    Args:
        widget: whose pages they are.
        run: the capture.
        files: what is on disk of it.

    Attributes:
        link: the way to them.
        settings: what a page knows from the start.
    """

    def __init__(self, widget: SyncedWidget, run: CaptureRun, files: CaptureFiles) -> None:
        self._run = run
        self._files = files
        self._log: StreamLog | None = None
        self._selections = 0
        self._displayed = False
        self._n = 0
        self._sent_at = 0.0
        self._seen = 0
        self._told: list[list[object]] = []
        self._rows = run.table.rows
        self.link = PageLink(widget, self._answer)
        self._history = HistoryAnswers(files, self.link.send)
        self.settings = {
            "to": files.to,
            "streams": len(run.table.rows),
            "session": self.link.session,
            "ack": self.link.ack,
        }

    def shown(self, bundle: object, name: str | None = None) -> object:
        """The widget is shown by the cell that runs, as this bundle of MIME types; with the log of the
        stream of this name, or of the one that was selected."""
        if bundle is not None:
            runtime.call(self._open, name)
        return bundle

    def rest(self) -> None:
        """Until it is shown again: what the loop would call keeps the widget."""
        runtime.call_within(_TURN_S, self._rest)

    def close(self) -> None:
        """The view goes."""
        runtime.call(self._history.close)
        runtime.call(self._deselect)

    def _open(self, name: str | None) -> None:
        self._displayed = True
        if name is None or (self._log is not None and self._log.name == name):
            self._push(whole=True)
        else:
            self._select(name)

    def _rest(self) -> None:
        self._history.close()
        self._deselect()
        self._displayed = False

    # ------------------------------------------------------------------ what happens to the capture

    def began(self, engine: Engine) -> None:
        if self._log is not None:  # a log that was open when it was stopped goes on
            engine.watch(self._log.name, self._log.receive)

    def reported(self) -> None:
        if self._log is not None and self._log.name not in self._run.table.rows:
            self._deselect()
        self._push()
        if self._log is not None:
            self._log.look()

    def ended(self) -> None:
        runtime.call(self._push, True)

    # ------------------------------------------------------------------ to the page

    def _push(self, whole: bool = False, page: str | None = None) -> None:
        """All rows that changed since the page was told last, and the totals."""
        if not self._displayed:
            return
        now = time.monotonic()
        if not whole and self._n - self._seen >= 2 and now - self._sent_at < _UNSEEN_S:
            return
        self._sent_at = now
        self._n += 1
        run, table = self._run, self._run.table
        rows = table.wire()
        whole = whole or table.rows is not self._rows  # other streams: the old rows say nothing
        self._rows = table.rows
        known = [] if whole else self._told
        self._told = rows
        stats = table.stats
        log = self._log
        message: OverviewMessage = {
            "kind": "overview",
            "n": self._n,
            "now": time.time() * 1000,
            "running": run.running,
            "trouble": run.trouble,
            "stats": cast(
                TotalsMessage, {n: getattr(stats, n) for n in TotalsMessage.__annotations__}
            ),
            "rows": [[i, *row] for i, row in enumerate(rows) if i >= len(known) or known[i] != row],
            "workers": run.workers,
            "log": None if log is None else [log.number, log.name, log.settings],
        }
        if whole:
            message["names"] = [[row.name, row.url] for row in table.rows.values()]
        if page is not None:
            message["to"] = page
        self.link.send({**message}, [])

    # ------------------------------------------------------------------ from the page

    def _answer(self, content: Message) -> None:
        if content.get("kind") == "ack":
            self._acknowledged(content)
        elif "log" in content:
            if self._log is not None and content["log"] == self._log.number:
                self._answer_log(self._log, content)
        else:
            self._answer_page(content)

    def _answer_page(self, content: Message) -> None:
        if self._history.answer(content):
            return
        match content:
            case {"kind": "hello", "page": str(page)}:
                self._displayed = True
                self._push(whole=True, page=page)
            case {"kind": "script", "page": str(page)}:
                # What draws a log: only a page on which a stream was selected has a use for it.
                script: ScriptMessage = {"kind": "script", "to": page, "source": log_script()}
                self.link.send({**script}, [])
            case {"kind": "select", "name": str(name)} if name in self._run.table.rows:
                self._select(name)
            case {"kind": "select"}:
                self._deselect()
                self._push()
            case {"kind": "start"} if not self._run.closed:
                self._run.start()
            case {"kind": "stop"}:
                self._run.halt()

    def _answer_log(self, log: StreamLog, content: Message) -> None:
        if log.channel.answer(content):
            return
        match content:
            case {"kind": "clear"}:
                log.clear()
            case {"kind": "start" | "stop" | "retry" as kind}:
                self._run.command(log.name, kind)

    def _select(self, name: str) -> None:
        self._deselect()
        self._selections += 1
        row = self._run.table.rows[name]
        self._log = log = StreamLog(
            self._selections,
            name,
            row.url,
            files=self._files,
            send=self.link.send,
            report=lambda: row.report,
        )
        # The page must know which log it is before the first message of it comes.
        self._push(whole=True)
        self._run.watch(name, log.receive)
        log.open()

    def _deselect(self) -> None:
        if self._log is None:
            return
        self._run.watch(None, ignore)
        self._log.close()
        self._log = None

    def acknowledged(self, ack: Message) -> None:
        """A page has painted what it wrote into the trait."""
        self.link.acknowledged()
        runtime.call(self._acknowledged, ack)

    def _acknowledged(self, ack: Message) -> None:
        n = ack.get("n")
        if not isinstance(n, int):
            return
        if "log" not in ack:
            self._seen = max(self._seen, min(n, self._n))
        elif self._log is not None and ack["log"] == self._log.number:
            self._log.channel.acknowledge(n)
