"""SnapshotWriter: decides when the snapshot of a stream is written into the notebook, and on which thread.

A snapshot is an output of its own beside the live log. It is made as the cell ends, empty where nothing
came yet, and written when a stream ends, after a cell has run, and now and then while the stream is live,
because no message tells a kernel that the notebook is being saved. It is never written on the background
loop, which only keeps its timer.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Hashable
from functools import partial

from .. import runtime
from ..runtime import Timer
from .display_handle import Output
from .host import on_cell_end

# Seconds between two snapshots: few in the first minute, when a user tries a stream out and saves; later once
# a minute is enough.
_FIRST = 5.0
_SLOWEST = 60.0
# Seconds to wait after a cell, in which the page draws the output of that cell.
_AFTER_CELL = 1.0


class SnapshotWriter:
    """Keeps one stream's snapshot.

    Args:
        make: the snapshot as HTML; called on any thread but the loop's.
        stamp: changes when the snapshot would; cheap. None: there is nothing worth keeping yet.
        hears: whether the page is one that hears at any time, and not only while a cell runs, of what is
            written.
    """

    def __init__(
        self,
        make: Callable[[], str],
        stamp: Callable[[], Hashable | None],
        hears: Callable[[], bool],
    ) -> None:
        self._make = make
        self._stamp = stamp
        self._hears = hears
        self._output: Output | None = None
        self._placed = False  # the output has a cell, and is not there yet
        self._lock = threading.Lock()
        self._written: Hashable | None = None
        self._aside = False  # it was last written where no cell may run
        self._written_at = 0.0
        self._timer = Timer()
        self._wait = _FIRST
        self._live = True
        self._forget: Callable[[], None] = lambda: None

    def show(self) -> bool:
        """The stream is about to be shown in the cell that runs: there will be an output, where
        outputs can be rewritten. On the user's thread.

        Not at once: what it costs the page would hold up the live log.
        """
        if not Output.possible():
            return False
        with self._lock:
            if self._output is None:
                self._output = Output()
                self._written_at = time.monotonic()
                self._forget = on_cell_end(self._cell_ended)
            self._output.place()
            self._placed = True
        runtime.call(self._tick)
        return True

    def save(self) -> None:
        """Bring the output up to date: before this returns, but for the loop, which never waits."""
        if runtime.is_loop_thread():
            self._write_aside()
        else:
            self._write()

    def _write(self, *, empty: bool = False, aside: bool = False) -> None:
        with self._lock:
            stamp = self._stamp()
            if self._output is None or (stamp is None and not (self._placed and empty)):
                return
            if self._placed:
                self._output.show("" if stamp is None else self._make())
                self._placed = False
            # What runs a notebook from the outside hears of nothing but what its cell says: what was
            # written aside may have been said to nobody.
            elif stamp != self._written or (self._aside and not aside):
                self._output.update(self._make())
            else:
                return
            self._written, self._written_at, self._aside = stamp, time.monotonic(), aside

    def close(self) -> None:
        """Nothing is written any more, until it is shown again."""
        self._forget()
        self._live = False
        with self._lock:
            self._output = None

    def _cell_ended(self) -> None:
        late = time.monotonic() - self._written_at > _FIRST
        if self._placed:
            self._write(empty=True)
        elif self._live and self._hears():
            # Not while it draws what this cell shows: typesetting an output takes it milliseconds. What is said
            # last, of a stream that is over, is said here once more.
            if late:
                runtime.call(self._soon)
        elif self._written is None or self._aside or late:
            self._write()

    # ------------------------------------------------------------------ the loop's side

    def begin(self) -> None:
        """The stream is live (again)."""
        self._live = True
        self._tick()

    def over(self) -> None:
        """The stream has ended."""
        self._live = False
        self._timer.cancel()
        self._write_aside()

    def _tick(self) -> None:
        if self._timer.due is None and self._live and self._output is not None:
            self._timer.set(self._wait, self._due)

    def _soon(self) -> None:
        if not self._live:
            return
        due = self._timer.due
        if due is None or due > asyncio.get_running_loop().time() + _AFTER_CELL:
            self._timer.set(_AFTER_CELL, self._write_on)

    def _due(self) -> None:
        self._wait = min(2 * self._wait, _SLOWEST)
        self._write_on()

    def _write_on(self) -> None:
        self._write_aside()
        self._tick()

    def _write_aside(self) -> None:
        if self._output is None:
            return
        # No thread starts while the interpreter is on its way out: no page listens then either.
        with contextlib.suppress(RuntimeError):
            # It takes milliseconds: the process waits for it, and need not ask.
            write = partial(self._write, aside=True)
            runtime.quiet_thread(write, "sse-widget snapshot", end=lambda: None).start()
