"""HistoryAnswers: answers what the page asks about the files of a capture: how many events came in each step of time,
which event was the first after a moment, and which events hold a text.

A search reads on only while its page asks for more: each request is answered with what a fraction of a second
finds, and with how far the search is. It ends when the page goes or stops asking. Files are read on threads;
the loop only sends what they found.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import CaptureError, InvalidFilter
from ..filters import EventFilter
from ..notebook import Buffer, Message
from ..storage import Search, SearchProgress, arrivals, first_after
from .files import STEPS, CaptureFiles
from .messages import FoundMessage, PastMessage, SeekMessage, TimelineMessage

# One answer of a search: so many seconds of reading, or so many matches.
_SLICE_S = 0.4
_SLICE_ROWS = 50
# Characters: of each match a page shows so much, and asks for the rest with the log.
_TEXT_CHARS = 300
# Requests that are being answered, and searches that may be gone on with: a page asks again.
_READS = 8
_SEARCHES = 16


@dataclass(slots=True)
class _Running:
    """A search of a page."""

    search: Search
    rows: Iterator[list[object]]
    # One thread at a time may take of it.
    lock: threading.Lock = field(default_factory=threading.Lock)


class HistoryAnswers:
    """Answers the pages of one capture.

    Args:
        files: what is on disk.
        send: puts a message on the wire.
    """

    def __init__(
        self, files: CaptureFiles, send: Callable[[Message, Sequence[Buffer]], None]
    ) -> None:
        self._files = files
        self._send = send
        self._reading: set[asyncio.Task[None]] = set()
        self._searches: OrderedDict[tuple[str, int], _Running] = OrderedDict()

    def answer(self, content: Message) -> bool:
        """Answer a request about the files; False where it is about something else."""
        match content:
            case {"kind": "timeline", "page": str(page), "id": int(request)}:
                name = _name(content)
                self._read(page, request, lambda: self._timeline(name))
            case {
                "kind": "seek",
                "page": str(page),
                "id": int(request),
                "at": int() | float() as at,
            }:
                name = _name(content)
                self._read(page, request, lambda: self._seek(name, at))
            case {"kind": "find", "page": str(page), "id": int(request), "text": str(text)}:
                self._find(page, request, text, content)
            case {"kind": "find-end", "page": str(page), "id": int(request)}:
                self._end(page, request)
            case _:
                return False
        return True

    def close(self) -> None:
        """Answer nothing any more."""
        for running in self._searches.values():
            running.search.cancel()
        self._searches.clear()
        for task in self._reading:
            task.cancel()

    def _read(self, page: str, request: int, read: Callable[[], PastMessage]) -> None:
        if len(self._reading) >= _READS:
            return

        async def answer() -> None:
            found: PastMessage
            try:
                found = await asyncio.to_thread(read)
            except (OSError, CaptureError) as error:
                found = {"kind": "past-failed", "error": str(error)}
            self._send({**found, "to": page, "id": request}, [])

        task = asyncio.get_running_loop().create_task(answer())
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    # ------------------------------------------------------------------ on a thread

    def _timeline(self, name: str | None) -> TimelineMessage:
        counts = arrivals(self._files.dataset, name, steps=STEPS)
        if counts is None:
            return {"kind": "timeline", "start": 0, "step": 1, "rows": []}
        return {
            "kind": "timeline",
            "start": counts.start,
            "step": counts.step,
            "rows": counts.rows.tolist(),
        }

    def _seek(self, name: str | None, at: float) -> SeekMessage:
        # A time that no event can have is before all, or after all.
        moment = 0 if math.isnan(at) else int(min(max(at, 0.0), 2.0**52) * 1000)
        found = first_after(self._files.dataset, name, moment)
        stream, seq = (name, None) if found is None else found
        return {"kind": "seek", "name": stream, "seq": seq}

    # ------------------------------------------------------------------ a search

    def _find(self, page: str, request: int, text: str, content: Message) -> None:
        key = page, request
        running = self._searches.get(key)
        if running is None:
            for other in [known for known in self._searches if known[0] == page]:
                self._end(*other)  # a page has one search
            try:
                wanted = EventFilter(text=text, regex=content.get("regex") is True)
                search = Search(self._files.dataset, wanted, _name(content))
            except (InvalidFilter, CaptureError) as error:
                self._send(
                    {"kind": "past-failed", "error": str(error), "to": page, "id": request}, []
                )
                return
            running = self._searches[key] = _Running(search, _rows(search))
            while len(self._searches) > _SEARCHES:
                self._searches.popitem(last=False)[1].search.cancel()
        self._read(page, request, lambda: _slice(running))

    def _end(self, page: str, request: int) -> None:
        running = self._searches.pop((page, request), None)
        if running is not None:
            running.search.cancel()


def _slice(running: _Running) -> FoundMessage:
    """What the next part of a second finds."""
    end = time.monotonic() + _SLICE_S
    found: list[list[object]] = []
    with running.lock:
        for row in running.rows:
            if row:
                found.append(row)
            if len(found) >= _SLICE_ROWS or time.monotonic() > end:
                break
    at: SearchProgress = running.search.progress
    return {
        "kind": "found",
        "rows": found,
        "searched": at.searched,
        "events": at.events,
        "since": None if at.since is None else at.since / 1000,
        "done": at.done,
    }


def _rows(search: Search) -> Iterator[list[object]]:
    """What a page shows of each match, the newest first; an empty list now and then, as the search has
    empty tables."""
    for table in search:
        yield []
        for start in range(table.num_rows, 0, -_SLICE_ROWS):
            some = table.slice(max(start - _SLICE_ROWS, 0), min(start, _SLICE_ROWS))
            yield from reversed(_shown(some))


def _shown(table: pa.Table) -> list[list[object]]:
    columns = (
        table["stream"].to_pylist(),
        table["seq"].to_pylist(),
        (pc.divide(table["received_at"].cast(pa.int64()).cast(pa.float64()), 1000.0)).to_pylist(),
        pc.utf8_slice_codeunits(table["type"], 0, _TEXT_CHARS).to_pylist(),
        pc.utf8_slice_codeunits(table["data"], 0, _TEXT_CHARS).to_pylist(),
    )
    return [list(row) for row in zip(*columns, strict=True)]


def _name(content: Message) -> str | None:
    name = content.get("name")
    return name if isinstance(name, str) else None
