"""Tells the observers of traits that change on the background loop, on a thread of its own.

An observer may be slow or print; neither may happen on the thread that serves all streams. The thread runs
while there is an observer and something changes: it ends with `rest()`, begins again with what changes next,
and ends for good with `close()`. This module knows no stream: only how to read values and which observers to
call.
"""

from __future__ import annotations

import contextlib
import contextvars
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..visible import visible
from .threads import quiet_thread

# Between two looks a value that counts, such as event counts, is told once: observers that draw
# should not be asked to draw a thousand times a second.
_PAUSE = 0.05
_STEPS_KEPT = 1000


class ObserverThread:
    """Watches some values of one owner. What an observer raises is shown once and stops nothing.

    Args:
        read: name -> how to read the value now.
        tell: called with (name, old, new), on the notices' thread.
        stepped: of these names each value is a step that `changed` is given, in order.
    """

    def __init__(
        self,
        read: Mapping[str, Callable[[], Any]],
        tell: Callable[[str, Any, Any], object],
        stepped: Collection[str] = (),
    ) -> None:
        self._read = read
        self._tell = tell
        self._stepped = frozenset(stepped)
        self._known: dict[str, Any] = {}
        self._steps: deque[tuple[str, Any]] = deque(maxlen=_STEPS_KEPT)
        self._news = threading.Event()
        self._observed = self._resting = self._closed = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._context = contextvars.copy_context()
        self._raised = False

    def start(self) -> None:
        """There is an observer; what observers print lands where the latest one was registered."""
        self._context = contextvars.copy_context()
        while not self._observed and not self._closed:
            self._known = known = {name: read() for name, read in self._read.items()}
            self._observed = True
            if any(self._read[name]() != known[name] for name in self._stepped):
                # A step that came meanwhile is among the steps, or is not: so begin anew.
                with self._lock:
                    self._observed = False
                    self._steps.clear()
            else:
                # What else changed since it was read is news too.
                self.changed()

    def changed(self, step: tuple[str, Any] | None = None) -> None:
        """Something may have changed; `step` is a value that must not be passed over. Cheap, from
        any thread."""
        if self._observed and not self._closed:
            if step is not None:
                with self._lock:
                    if self._observed:
                        self._steps.append(step)
            self._wake()

    def rest(self, resting: bool = True) -> None:
        """Nothing changes for a while: tell what did, and hold no thread until there is more. Or, with
        False, much will change."""
        self._resting = resting
        if self._observed and not self._closed:
            self._wake()

    def _wake(self) -> None:
        with self._lock:
            self._news.set()
            if self._thread is None:
                # No thread starts while the interpreter is on its way out: nobody observes then.
                with contextlib.suppress(RuntimeError):
                    self._thread = quiet_thread(self._serve, "sse-widget observers", end=self.close)
                    self._thread.start()

    def close(self) -> None:
        """Call no observer any more; does not wait."""
        self._closed = True
        self._news.set()

    def _serve(self) -> None:
        pause = threading.Event()
        while True:
            self._news.wait()
            self._news.clear()
            while self._steps:
                self._look(*self._steps.popleft())
            # A step is told from the queue alone: a look at its value may come before the steps that led to it.
            for name in self._read.keys() - self._stepped:
                self._look(name, self._read[name]())
            with self._lock:
                if self._closed or (self._resting and not self._news.is_set()):
                    self._thread = None
                    return
            pause.wait(_PAUSE)

    def _look(self, name: str, new: Any) -> None:
        old = self._known.get(name)
        if new != old:
            self._known[name] = new
            context = self._context.copy()
            try:
                context.run(self._tell, name, old, new)
            except BaseException as error:  # exit() is no more than any other error here
                if not self._raised:
                    self._raised = True
                    context.run(_show, error)


def _show(error: BaseException) -> None:
    # Into the observer's cell; where that has no output any more, nobody reads it.
    with contextlib.suppress(Exception):
        # Its message may have words of the server.
        said = "".join(traceback.format_exception(error))
        sys.stderr.write(visible(said, lines=True))
