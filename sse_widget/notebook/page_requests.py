"""Page requests: what the pages of all widgets ask of the kernel, answered in turn and within a share of
the loop's time.

One loop serves every stream, and a page that asks without end must not keep it from reading. So one request is
answered in a turn of the loop, the widgets take turns, and all answers together use at most half of the loop's
time. A bounded number of requests waits for each widget: of two that ask for the same the later one is kept, and
where there are too many the oldest is dropped, a user's command last of all. Our page asks again for what was
never answered. What a request means is decided by the object that answers it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from .. import runtime

Content = dict[str, Any]

# Requests of one widget that may wait. A page has a few on the way; a notebook that is opened by a whole
# class has a `hello` of each reader.
WAITING = 64
# The part of the loop's time that answers may take, and for how many seconds of it they may take all: a
# page that is opened asks for much at once.
SHARE = 0.5
BURST_S = 0.25
# The longest text that any page of ours sends is the name of a stream.
_TEXT_CHARS = 64 * 1024
_FIELDS = 16
# A thread of the kernel waits so long for an answer. The loop answers within milliseconds, unless a cell
# holds the interpreter.
ANSWER_S = 0.1
# What a user pressed. Of these the latest of each kind counts, whichever page it came from.
_COMMANDS = frozenset({"select", "start", "stop", "clear", "retry"})
# Asked for twice by one page, once is enough.
_ONCE = frozenset({"hello", "poll", "script", "files"})


class _Request(NamedTuple):
    content: Content
    answer: Callable[[Content], object]
    done: threading.Event


class PageRequests:
    """The requests that wait, by widget.

    Args:
        clock: gives seconds that only go forward.
        cpu: gives the seconds of processor time that this thread has used.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        self._clock, self._cpu = clock, cpu
        self._waiting: dict[int, dict[Hashable, _Request]] = {}
        self._credit = BURST_S  # seconds of the loop's time
        self._credited_at = clock()
        self._timer = runtime.Timer()
        self._numbers = 0

    def post(self, widget: object, content: Any, answer: Callable[[Content], object]) -> None:
        """Have the loop answer a message of a page of this widget.

        Called in the handler of that message. This returns when it is answered, or after a tenth of a
        second: Colab is said to drop what a thread sends after the handler of a message, or the cell, is
        done. Where other requests wait before it, it does not wait for its own.
        """
        if not isinstance(content, dict):
            return
        if content.get("kind") == "ack":  # has no answer, and frees the way for what comes next
            runtime.call(answer, content)
            return
        if not _is_modest(content):
            return
        request = _Request(content, answer, threading.Event())
        crowded = bool(self._waiting)
        runtime.call(self._take, id(widget), request)
        if not crowded and not runtime.is_loop_thread():
            request.done.wait(ANSWER_S)

    # ------------------------------------------------------------------ on the loop

    def _take(self, widget: int, request: _Request) -> None:
        waiting = self._waiting.setdefault(widget, {})
        key = self._key(request.content)
        if (earlier := waiting.pop(key, None)) is not None:
            earlier.done.set()
        waiting[key] = request
        if len(waiting) > WAITING:
            others = (k for k, of in waiting.items() if of.content.get("kind") not in _COMMANDS)
            waiting.pop(next(others, key)).done.set()
        if self._timer.due is None:
            self._go()

    def _key(self, content: Content) -> Hashable:
        kind, log, page = (content.get(name) for name in ("kind", "log", "page"))
        if kind in _COMMANDS:
            return kind, log
        if kind in _ONCE:
            return kind, log, page
        self._numbers += 1
        return self._numbers

    def _go(self) -> None:
        """Answer the next one now, or when the answers before it are paid for."""
        if not self._waiting:
            return
        try:
            if self._pause() <= 0:
                self._answer_next()
        finally:
            # Also where nothing waits: what comes in this turn of the loop is for the next one.
            self._timer.set(max(self._pause(), 0.0), self._go)

    def _pause(self) -> float:
        now = self._clock()
        self._credit = min(self._credit + SHARE * (now - self._credited_at), BURST_S)
        self._credited_at = now
        return -self._credit / SHARE

    def _answer_next(self) -> None:
        widget, waiting = next(iter(self._waiting.items()))
        request = waiting.pop(next(iter(waiting)))
        # The next turn is another widget's.
        del self._waiting[widget]
        if waiting:
            self._waiting[widget] = waiting
        began, used = self._clock(), self._cpu()
        try:
            request.answer(request.content)
        finally:
            # Where the process or the machine stood still meanwhile, no later answer pays for that.
            self._credit -= min(self._clock() - began, max(self._cpu() - used, BURST_S))
            request.done.set()


def _is_modest(content: Content) -> bool:
    """Whether a page of ours may have sent it: what waits takes memory."""
    return len(content) <= _FIELDS and all(
        value is None or isinstance(value, int | float) or _is_short(value)
        for value in content.values()
    )


def _is_short(value: object) -> bool:
    """A text, or a few of them, such as the paths of a key."""
    if isinstance(value, list):
        return len(value) <= _FIELDS and all(
            isinstance(one, str) and _is_short(one) for one in value
        )
    return isinstance(value, str) and len(value) <= _TEXT_CHARS


# Of all widgets: they share one loop.
REQUESTS = PageRequests()
