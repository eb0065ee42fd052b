"""Kernel -> page: one numbered message a tick, as columns; back-pressure; answers to the page.

Everything here runs on the background loop. The channel is a cursor over the window: it holds no
event itself, sends what came since the last tick, and where the page is slower than the stream it
sends the newest and counts the rest as `not_sent`. How much may be on the way is decided by
`allowance`. It knows comms only as a `send` callable.

The messages (times in milliseconds since the epoch, `seq` the number of an event):

* `batch`: numbered `n` = 1, 2, 3, ..., so that the page sees a lost one; rows `first` to
  `first + count`, and the head: counters, status, changed type counts, new gaps. `polled` where a
  page had asked for it, because by itself nothing reached it; `unseen` where nobody looks, so that
  few rows wait for one another; `still` where it is no more than a sign of life.
* `rows`, `event`, `hello`: answers, to the one page that asked.

`wire` says how rows travel.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..events import Gap
from ..runtime import Timer, contention, pace
from ..tables import RollingWindow, Snapshot
from .allowance import Allowance
from .messages import Described, HeadMessage
from .wire import Message, encode, newest, packed

Send = Callable[[Message, list[Any]], None]

HEARTBEAT = 2.0
# Seconds between messages of few rows to pages on which nobody looks at the stream: each message costs the
# kernel and the page a millisecond, and a notebook has more streams than a screen.
_UNSEEN_S = 2.0
_FEW_ROWS = 20
# Requests for rows that are on disk, which may wait for one another.
_READS = 64
_NO_EVENT = {"type": "", "last_event_id": ""}


class Channel:
    """Sends one stream's events to all of its pages.

    Args:
        window: where the events are.
        send: puts one message on the wire; called on the loop thread.
        describe: the head of a message: counters and status as they are now.
        counts: event type -> number, as kept by the stream.
        gaps: all gaps so far that are still kept, oldest first.
        older: reads rows that the window does not hold any more; it blocks.
        oldest: the number of the oldest event that can be had so; None where there is nothing.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        window: RollingWindow,
        *,
        send: Send,
        describe: Callable[[], Described],
        counts: Mapping[str, int],
        gaps: Callable[[], list[Gap]],
        older: Callable[[int, int], Snapshot] | None = None,
        oldest: Callable[[], int | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window = window
        self._send_message = send
        self._packs = False
        self._describe = describe
        self._counts = counts
        self._gaps = gaps
        self._older = older
        self._oldest = oldest
        self._reading: set[asyncio.Task[None]] = set()
        self._disk = asyncio.Lock()
        self._clock = clock
        self._timer = Timer()
        self._due = 0.0  # when the timer was to fire, in the loop's time
        self._live = False
        self._news = False
        self._seen = True  # as the pages say
        # What is held already was before this began: a page asks for it as for any history.
        self._cursor = window.bounds[1]
        self._n = 0
        self._sent_at = 0.0
        self._rows_at = 0.0  # when the latest batch with rows was sent
        self._row_bytes = 0.0  # of the latest rows
        self._acknowledged = 0
        self._allowance = Allowance(clock)
        self._new_types: set[str] = set()
        self._new_gaps: list[Gap] = []
        self.not_sent = 0
        self.resting = False  # the stream has ended: nothing to say, so no heartbeat either

    # ------------------------------------------------------------------ each tick

    def open(self) -> None:
        """The stream is shown: begin to send."""
        if self._live:
            return
        self._live = True
        # A late page asks for history itself: what is older than a batch need not be pushed, and
        # was not held back from anybody.
        held = self._window.read(self._cursor)
        self._cursor = newest(held, self._allowance.batch_bytes).first
        self._new_types.update(self._counts)
        self._new_gaps = self._gaps()
        self.note()

    def close(self) -> None:
        """Nothing is sent any more."""
        self._live = False
        self._timer.cancel()

    def note(self, types: set[str] | None = None, gap: Gap | None = None) -> None:
        """Something is new: events in the window, the status, a gap."""
        self._news = True
        if not self._live:
            return
        if types:
            self._new_types |= types
        if gap is not None:
            self._new_gaps.append(gap)
        self._go(read=True)

    def acknowledge(self, n: int) -> None:
        """A page has painted batch `n`. The quickest page decides: a slow one asks for what it
        missed."""
        if n > self._acknowledged:
            self._acknowledged = min(n, self._n)
            self._allowance.answered(self._n - self._acknowledged)
            if self._news and self._live:
                self._go()

    def _go(self, *, read: bool = False) -> None:
        """Sends what may go now (the first event after silence does), and comes back for the rest."""
        if self._pause(read=read) <= 0:
            self._push()
        if self.resting and not self._news:
            return
        wait = max(self._pause(), 0.001)
        at = asyncio.get_running_loop().time() + wait
        due = self._timer.due
        if due is None or due > at:
            self._due = at
            self._timer.set(wait, self._tick)

    def _tick(self) -> None:
        contention.note(asyncio.get_running_loop().time() - self._due)
        self._go()

    def _pause(self, *, read: bool = False) -> float:
        """Seconds until the next message may go."""
        now = self._clock()
        if not self._news:
            return HEARTBEAT - (now - self._sent_at)
        if not self._allowance.is_free:
            return self._allowance.pause
        # What a connection says of itself as it opens must not hold up its first event.
        rows = self._window.bounds[1] - self._cursor
        since = now - (self._rows_at if rows else self._sent_at)
        if not self._seen and 0 < rows <= _FEW_ROWS:
            return _UNSEEN_S - since
        return pace(rows, int(rows * self._row_bytes), read=read) - since

    def _push(self, *, polled: bool = False) -> None:
        self._timer.cancel()
        now = self._clock()
        snapshot = newest(self._window.read(self._cursor), self._allowance.batch_bytes)
        self.not_sent += max(snapshot.first - max(self._cursor, self._first_ever()), 0)
        self._cursor = snapshot.stop
        self._n += 1
        self._sent_at = now
        still = not self._news
        self._news = False
        rows, buffers = encode(snapshot)
        size = sum(len(buffer) for buffer in buffers)
        self._allowance.sent(size)
        if buffers:
            self._rows_at = now
            self._row_bytes = size / snapshot.table.num_rows
        new, self._new_types = self._new_types, set()
        # In the order they were first seen, which is the order of the chips.
        types = [t for t in self._counts if t in new] if len(new) > 1 else list(new)
        gaps, self._new_gaps = self._new_gaps, []
        message: Message = {"kind": "batch", "n": self._n, "allowed": self._allowance.bytes}
        if polled:
            message["polled"] = True
        elif still and not buffers:
            message["still"] = True
        if not self._seen:
            message["unseen"] = True
        self._send({**message, **self._head(types, gaps), **rows}, buffers)

    def _send(self, content: Message, buffers: list[Any]) -> None:
        if buffers and self._packs:
            content, buffers = {**content, "packed": packed(buffers)}, []
        self._send_message(content, buffers)

    def _first_ever(self) -> int:
        """Events cleared or evicted before they could be sent are counted there, not here."""
        return self._window.bounds[0]

    def _head(self, types: list[str], gaps: list[Gap]) -> HeadMessage:
        held_from, _, cleared_to = self._window.bounds
        oldest = self._oldest()
        return {
            "now": time.time() * 1000,
            "oldest": held_from if oldest is None else min(held_from, oldest),
            "cleared_to": cleared_to,
            **self._describe(),
            "counts": [(t, self._counts.get(t, 0)) for t in types],
            "gaps": [
                {"seq": g.seq, "at": g.at.timestamp() * 1000, "cause": g.cause, "text": g.text}
                for g in gaps
            ],
        }

    # ------------------------------------------------------------------ answers

    def answer(self, content: Mapping[str, Any]) -> bool:
        """Answer a request of a page; False where it is not for the channel."""
        match content:
            case {"kind": "hello", "page": str(page)}:
                self._packs = self._packs or content.get("packed") is True
                self.hello(page)
            case {"kind": "poll"}:
                self.poll()
            case {"kind": "sight", "seen": bool(seen)}:
                self.sight(seen)
            case {
                "kind": "rows",
                "page": str(page),
                "id": int(request),
                "first": int(first),
                "stop": int(stop),
            }:
                self.rows(page, request, first, stop)
            case {"kind": "event", "page": str(page), "id": int(request), "seq": int(seq)}:
                self.event(page, request, seq)
            case _:
                return False
        return True

    def hello(self, page: str) -> None:
        """A page has come (or come back): tell it where we are."""
        self.open()
        self._seen = True
        self._send(
            {
                "kind": "hello",
                "to": page,
                "n": self._n,
                **self._head(list(self._counts), self._gaps()),
            },
            [],
        )

    def sight(self, seen: bool) -> None:
        """A page has the stream on its screen, or no longer. Of several pages the one that is looked at
        contradicts: it hears from each batch what another one said."""
        self._seen = seen
        if seen and self._live:
            self._go()

    def poll(self) -> None:
        """A page hears nothing: what is new, at once. Some hosts pass on only what is sent while a
        message of the page is being answered."""
        self.open()
        self._push(polled=True)

    def rows(self, page: str, request: int, first: int, stop: int) -> None:
        """The newest part of a range that fits into one message."""
        answer = partial(self._answer_rows, page, request, (first, stop))
        if self._is_kept(stop - 1):
            self._read_older(first, stop, answer)
        else:
            answer(self._window.read(first, stop))

    def event(self, page: str, request: int, seq: int) -> None:
        """One whole event, however large."""
        answer = partial(self._answer_event, page, request, seq)
        if self._is_kept(seq):
            self._read_older(seq, seq + 1, answer)
        else:
            answer(self._window.read(seq, seq + 1))

    def _is_kept(self, seq: int) -> bool:
        """Out of the window, and may be had from elsewhere."""
        held_from, _, cleared_to = self._window.bounds
        oldest = self._oldest()
        return oldest is not None and max(oldest, cleared_to) <= seq < held_from

    def _read_older(self, first: int, stop: int, answer: Callable[[Snapshot], None]) -> None:
        # A page asks again for what was never answered.
        if len(self._reading) >= _READS:
            return

        async def read() -> None:
            assert self._older is not None
            # One at a time: each may unpack a whole part of a file.
            async with self._disk:
                answer(await asyncio.to_thread(self._older, first, stop))

        task = asyncio.get_running_loop().create_task(read())
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    def _answer_rows(
        self, page: str, request: int, asked: tuple[int, int], found: Snapshot
    ) -> None:
        # The page asks again for what is left.
        content, buffers = encode(newest(found, self._allowance.bytes // 2))
        self._send(
            {"kind": "rows", "to": page, "id": request, "asked": list(asked), **content}, buffers
        )

    def _answer_event(self, page: str, request: int, seq: int, snapshot: Snapshot) -> None:
        table = snapshot.table
        found = table.num_rows == 1
        # Not the whole row: its time would import pandas, while the loop waits.
        row = table.select(list(_NO_EVENT)).to_pylist()[0] if found else _NO_EVENT
        # As it lies there: a text of 64 MiB is not made anew while the loop waits.
        data: Any = table["data"][0].as_buffer() if found else b""
        self._send(
            {
                "kind": "event",
                "to": page,
                "id": request,
                "seq": seq,
                "found": found,
                "type": row["type"],
                "last_event_id": row["last_event_id"],
            },
            [memoryview(data)],
        )
