"""The log of the selected stream of a capture, for the page.

A small rolling window is fed from the stream while it is selected, and has a channel of its own to the
page. Events have the numbers they have in the capture; older ones are read from its files. This module
opens no connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

from ..errors import CaptureError
from ..events import EventBatch, Gap, Reason
from ..fleet import StreamReport
from ..notebook import Buffer, Channel, Described, Message
from ..storage import NOWHERE, earlier_rows
from ..tables import SCHEMA, GapLog, RollingWindow, Snapshot, Tally
from .files import CaptureFiles

MAX_EVENTS = 20_000
MAX_BYTES = 32 * 2**20
_TYPES_KEPT = 1_000
_GAPS_KEPT = 200
# Seconds: what came before the selection may wait so long for the next write.
_WRITTEN_S, _LOOK_S = 10.0, 0.2


class StreamLog:
    """What the page sees of the selected stream.

    Args:
        number: which selection of the capture this is; messages of earlier ones are ignored.
        name, url: of the stream.
        files: what is on disk of the capture.
        send: puts a message on the wire.
        report: the stream as it is now.
    """

    def __init__(
        self,
        number: int,
        name: str,
        url: str,
        *,
        files: CaptureFiles,
        send: Callable[[Message, Sequence[Buffer]], None],
        report: Callable[[], StreamReport],
    ) -> None:
        self.number = number
        self.name = name
        self.settings = {
            "url": url,
            "session": f"{name}/{number}",
        }
        self._report = report
        self._files = files
        # Before the files were looked at: a page may ask, and is told what there is.
        self._oldest: int | None = 0
        self._reading: asyncio.Task[None] | None = None
        self._window = RollingWindow(MAX_EVENTS, MAX_BYTES)
        self._counts = Tally(types=_TYPES_KEPT)
        self._gaps = GapLog(most=_GAPS_KEPT)
        self._state = ""
        self.channel = Channel(
            self._window,
            send=lambda content, buffers: send({**content, "log": number}, buffers),
            describe=self._describe,
            counts=self._counts,
            gaps=lambda: list(self._gaps),
            older=self._read_files,
            oldest=lambda: self._oldest,
        )

    def open(self) -> None:
        """Begin to send, and look how far back the files go."""
        self.channel.open()
        self._reading = asyncio.get_running_loop().create_task(self._look_back())

    def close(self) -> None:
        self.channel.close()
        if self._reading is not None:
            self._reading.cancel()

    def receive(self, batch: EventBatch | None, gap: Gap | None, seq: int) -> None:
        """Something came of the stream: events from number `seq` on, or a gap before it."""
        if gap is not None:
            self._gaps.add(gap)
            self.channel.note(gap=gap)
        if batch is not None and batch.types:
            if seq != self._window.bounds[1]:
                # The first, or some were passed over on the way from a worker: the files have them.
                self._window.clear()
                self._window.restore(seq, SCHEMA.empty_table())
            self._window.append(batch)
            self.channel.note(self._counts.add(batch.types))

    async def _look_back(self) -> None:
        with contextlib.suppress(OSError, CaptureError):
            dataset = self._files.dataset
            self._oldest = await asyncio.to_thread(dataset.oldest, self.name)
            # Else what is between the files and the log would be counted nowhere.
            await asyncio.to_thread(self._wait_until_written, self._window.bounds[0])
            before = (await asyncio.to_thread(dataset.streams)).get(self.name, NOWHERE)
            if self._window.bounds[1] == 0:
                # Nothing came since it was selected: the log is what the files have.
                self._window.restore(before.seq, SCHEMA.empty_table())
            # Of each type: those on disk, and those here that came after them.
            counts = Tally(before.types, types=_TYPES_KEPT)
            counts.add(self._window.read(before.seq).table["type"].to_pylist())
            self._counts.clear()
            self._counts.update(counts)
        self.channel.note(set(self._counts))

    def _read_files(self, first: int, stop: int) -> Snapshot:
        """Some rows that end before `stop`, the newest first. It blocks."""
        self._wait_until_written(stop)
        return earlier_rows(self._files.dataset, self.name, first, stop)

    def _wait_until_written(self, stop: int) -> None:
        """Until the events up to this number are on disk, as far as there are any. It blocks."""
        deadline = time.monotonic() + _WRITTEN_S
        while time.monotonic() < deadline:
            report = self._report()
            # Of a capture that is stopped nothing more will be written.
            if report.written >= min(stop, report.received):
                break
            time.sleep(_LOOK_S)

    def look(self) -> None:
        """The state may have changed."""
        report = self._report()
        state = f"{report.state} {report.attempt} {report.error} {report.text}"
        if state != self._state:
            self._state = state
            self.channel.note()

    def clear(self) -> None:
        self._window.clear()
        self.channel.note()

    def _describe(self) -> Described:
        report = self._report()
        received, held, evicted, cleared = self._window.counts
        now = time.time()
        return {
            "stats": {
                "received": received,
                "held": held,
                "evicted": evicted,
                "cleared": cleared,
                "duplicates": report.duplicates,
                "oversize": report.oversize,
                "comments": 0,
                "ignored": 0,
                "bytes": report.bytes,
                "connects": report.connects,
                "not_sent": self.channel.not_sent,
            },
            "status": {
                "state": report.state,
                "attempt": report.attempt,
                "retry_in": max(report.retry_at - now, 0.0) if report.retry_at else None,
                "since": now * 1000,
                "error": report.error or None,
                "hint": report.hint or None,
                "note": report.note or None,
                "reason": Reason(report.reason).sentence if report.reason else None,
                "warns": bool(report.reason) and Reason(report.reason).warns,
            },
            "last_event_id": report.last_event_id,
            "reconnection_time": None,
            "capture": {
                "to": self._files.to,
                "state": "writing",
                "written": report.written,
                "waiting": max(received - report.written, 0),
                "not_kept": 0,
                "error": None,
                "hint": None,
                "notes": [],
            },
        }
