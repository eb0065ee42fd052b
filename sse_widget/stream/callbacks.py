"""Callbacks: each is a cursor over the window, called in one thread of its stream's own.

There is no queue: a callback that is slower than its stream finds the events that are still held, and
counts the others as `missed`. Callbacks never run on the loop's thread. They run in the context they were
registered in, so that what they print lands under that cell. What they raise is shown once and counted, and
stops nothing.
"""

from __future__ import annotations

import contextlib
import contextvars
import inspect
import math
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..checks import texts
from ..filters import EventFilter
from ..runtime import quiet_thread
from ..tables import RollingWindow, seconds_of
from ..visible import visible

if TYPE_CHECKING:
    import pandas as pd

F = TypeVar("F", bound=Callable[..., object])

# So many events are looked at for one callback before it is another's turn.
_SLICE = 1024


@dataclass(frozen=True, slots=True)
class Callback:
    """What is known of one callback.

    Attributes:
        name: of the function.
        on: the event type or filter it is called for ("*" for any), or how often ("every 5 s").
        calls: how often it was called.
        missed: events that were evicted before it came to them, of whatever type.
        errors: how often it raised.
        error: what it raised last, None where it never did.
    """

    name: str
    on: str
    calls: int
    missed: int
    errors: int
    error: BaseException | None


class Callbacks:
    """The callbacks of one stream.

    Args:
        window: where the events are.
        frame: gives the events held from a number on, as the number of the first one, that after
            the last one, and a DataFrame.
        origin: the origin of the events.
    """

    def __init__(
        self,
        window: RollingWindow,
        *,
        frame: Callable[[int], tuple[int, int, pd.DataFrame]] | None = None,
        origin: Callable[[], str] = str,
    ) -> None:
        self.window = window
        self.frame = frame or self._plain_frame
        self.origin = origin
        self._news = threading.Condition()
        self.cursors: list[_Cursor] = []
        self._thread: threading.Thread | None = None
        self._noted = False
        self.over = False  # the stream is: what a timer holds back is handed over now
        self.closed = False

    def on(
        self, type: str | Iterable[str] | EventFilter | None, *, held: bool = True
    ) -> Callable[[F], F]:
        """Call a function with each `Event` of this type, in order.

        Args:
            type: an event type, or several, or which events; None for any.
            held: begin with the events that are held already; else only those to come.

        Raises:
            TypeError: (on use) what is registered is no plain function.
        """
        wanted = _wanted(type)
        return lambda fn: self._register(fn, _Typed, held, wanted)

    def every(self, interval: str | float | timedelta, *, held: bool = True) -> Callable[[F], F]:
        """Call a function each `interval` with the new rows as a DataFrame; not where none came,
        and once more when the stream is over.

        Args:
            interval: "500ms", "5s", "1h30min", as pandas reads them; seconds; or a timedelta.
            held: begin with the events that are held already.

        Raises:
            ValueError: no such interval.
        """
        seconds = seconds_of(interval)
        return lambda fn: self._register(fn, _Timed, held, seconds)

    def off(self, fn: Callable[..., object]) -> None:
        """The function is not called any more; unknown ones are ignored."""
        with self._news:
            self.cursors = [cursor for cursor in self.cursors if cursor.fn != fn]
            self._news.notify()

    @property
    def callbacks(self) -> list[Callback]:
        """What is known of each, in the order they were registered."""
        return [cursor.status() for cursor in self.cursors]

    def note(self, *, over: bool = False) -> None:
        """There are new events, or the stream is over; from any thread, cheap."""
        self.over = over
        # Without callbacks this is all there is to it.
        if self.cursors and (over or not self._noted):
            with self._news:
                self._wake()

    def close(self) -> None:
        """Call nothing any more, once what runs has returned; does not wait for it."""
        with self._news:
            self.closed = True
            self._news.notify()

    def _wake(self) -> None:
        """There is something to look at. Called with `_news` held."""
        self._noted = True
        self._news.notify()
        if self._thread is None and not self.closed:
            # No thread starts while the interpreter is on its way out: nothing is called then.
            with contextlib.suppress(RuntimeError):
                self._thread = quiet_thread(self._serve, "sse-widget callbacks", end=self.close)
                self._thread.start()

    def _register(self, fn: F, kind: type[_Cursor], held: bool, what: Any) -> F:
        if not callable(fn) or inspect.iscoroutinefunction(fn):
            what = "an async one" if callable(fn) else fn.__class__.__name__
            raise TypeError(
                f"a callback must be a plain function, not {what}; "
                "for asyncio there is `async for event in stream`"
            )
        first, stop, _ = self.window.bounds
        cursor = kind(fn, what, first if held else stop)
        with self._news:
            # A cell that is run again defines its function again: that replaces the earlier one.
            cursors = [c for c in self.cursors if not cursor.replaces(c)]
            self.cursors = [*cursors, cursor]
            self._wake()
        return fn

    # ------------------------------------------------------------------ the thread of its own

    def _serve(self) -> None:
        while True:
            with self._news:
                while not (self._noted or self.closed):
                    left = self._wait()
                    if left is not None and left <= 0:
                        break
                    # Until it is started again an ended stream has no thread, which would hold it.
                    if left is None and self.over:
                        self._thread = None
                        return
                    self._news.wait(left)
                if self.closed:
                    return
                self._noted = False
            more = False
            for cursor in self.cursors:
                if self.closed:
                    return
                if cursor in self.cursors:
                    more |= cursor.run_once(self)
            if more:
                self._noted = True

    def _wait(self) -> float | None:
        """Seconds until a timer is due that has something to hand over; None where none has."""
        stop = self.window.bounds[1]
        dues = [c.due for c in self.cursors if isinstance(c, _Timed) and c.at < stop]
        return max(min(dues) - time.monotonic(), 0.0) if dues else None

    def _plain_frame(self, start: int) -> tuple[int, int, pd.DataFrame]:
        snapshot = self.window.read(start)
        return snapshot.first, snapshot.stop, snapshot.frame()


class _Cursor:
    """A function, and the number of the next event it has not seen."""

    def __init__(self, fn: Callable[..., object], what: Any, at: int) -> None:
        self.fn = fn
        self.what = what
        self.at = at
        self._context = contextvars.copy_context()
        self._calls = self._missed = self._errors = 0
        self._error: BaseException | None = None

    def replaces(self, other: _Cursor) -> bool:
        if self.fn == other.fn:
            return type(self) is type(other) and self.what == other.what
        mine, its = (
            (getattr(c.fn, "__module__", ""), getattr(c.fn, "__qualname__", ""))
            for c in (self, other)
        )
        # Only functions a cell defines by name: others may share a name and be different.
        return mine == its and mine[0] == "__main__" and mine[1].isidentifier()

    def status(self) -> Callback:
        name = getattr(self.fn, "__qualname__", repr(self.fn))
        return Callback(name, self.label(), self._calls, self._missed, self._errors, self._error)

    def label(self) -> str:
        raise NotImplementedError

    def run_once(self, of: Callbacks) -> bool:
        """Hand over what is next; whether there may be more at once."""
        raise NotImplementedError

    def skip(self, window: RollingWindow) -> bool:
        """Go on from the oldest event held; what was evicted (not: cleared) was missed."""
        first, _, cleared_to = window.bounds
        if first <= self.at:
            return False
        self._missed += max(first - max(self.at, cleared_to), 0)
        self.at = first
        return True

    def call(self, value: object) -> None:
        self._calls += 1
        try:
            self._context.run(self.fn, value)
        except BaseException as error:  # exit() is no more than any other error here
            self._errors += 1
            self._error = error
            if self._errors == 1:
                # In its context, which is its cell, if that can still show it; from the user's
                # own code on.
                trace = error.__traceback__ and error.__traceback__.tb_next
                # Its message may have words of the server.
                said = "".join(traceback.format_exception(type(error), error, trace))
                with contextlib.suppress(Exception):
                    self._context.run(sys.stderr.write, visible(said, lines=True))


class _Wanted(NamedTuple):
    """Which events a callback is called with, and how that is told."""

    filter: EventFilter | None
    label: str


def _wanted(type: str | Iterable[str] | EventFilter | None) -> _Wanted:
    if type is None:
        return _Wanted(None, "*")
    if isinstance(type, EventFilter):
        return _Wanted(type, repr(type))
    wanted = 'an event type, a list of them or an EventFilter, as in @stream.on("trade")'
    types = texts("type", type, wanted)
    return _Wanted(EventFilter(types=types), ", ".join(types))


class _Typed(_Cursor):
    def label(self) -> str:
        label: str = self.what.label
        return label

    def run_once(self, of: Callbacks) -> bool:
        self.skip(of.window)
        snapshot = of.window.read(self.at, self.at + _SLICE)
        if snapshot.first > self.at:
            return self.skip(of.window)
        for event in snapshot.events(of.origin(), self.what.filter):
            if of.closed or self not in of.cursors:
                return False
            self.call(event)
            assert event.seq is not None
            self.at = event.seq + 1
        self.at = snapshot.stop
        return bool(snapshot.table.num_rows)


class _Timed(_Cursor):
    def __init__(self, fn: Callable[..., object], what: float, at: int) -> None:
        super().__init__(fn, what, at)
        self.due = time.monotonic() + what
        self._nothing_new = True

    def label(self) -> str:
        return f"every {self.what:g} s"

    def run_once(self, of: Callbacks) -> bool:
        now = time.monotonic()
        if self.at >= of.window.bounds[1]:
            self._nothing_new = True
            return False
        if self._nothing_new:
            # The first after a silence waits for the next interval, like all others.
            self._nothing_new = False
            self._next_interval(now)
        if now < self.due and not of.over:
            return False
        self._next_interval(now)
        self.skip(of.window)
        start, stop, frame = of.frame(self.at)
        if start > self.at:
            self.skip(of.window)
        self.at = stop
        if len(frame):
            self.call(frame)
        return False

    def _next_interval(self, now: float) -> None:
        if now >= self.due:
            self.due += self.what * math.ceil((now - self.due) / self.what or 1)
