"""Daemon threads that print nothing, and that end before the interpreter does.

A daemon thread that comes back from C++ (pyarrow, pandas) while the interpreter takes itself apart is
unwound in the middle of it, and the process ends by a signal. So each has a way to be told to end; as the
process ends all are told, and waited for together for a short while: a function of the user's that goes on
for longer holds up no exit. This module starts no thread of its own and knows nothing of their work.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import threading
import time
import weakref
from collections.abc import Callable

# What nobody can be told of otherwise. Not above DEBUG: without a handler, logging itself would
# print warnings and errors, into whatever cell runs then.
log = logging.getLogger("sse_widget")
# Seconds.
_PATIENCE = 1.0


class _QuietThread(threading.Thread):
    # Here and not in a registry: it holds what it ends, which may hold this thread.
    end: Callable[[], object] | None = None


_threads: weakref.WeakSet[_QuietThread] = weakref.WeakSet()
_lock = threading.RLock()  # the collector may run anywhere, and what it ends may start a thread


def quiet_thread(
    work: Callable[..., object],
    name: str,
    context: contextvars.Context | None = None,
    end: Callable[[], object] | None = None,
) -> threading.Thread:
    """A daemon thread of ours, not started yet: what escapes from it is never printed, for that
    would land in whatever cell runs then.

    Args:
        work: what it runs.
        name: what debuggers show.
        context: what it runs in.
        end: asks `work` to return soon; called when the process ends, on another thread. Without it
            nobody waits for the thread then.
    """

    def serve() -> None:
        try:
            if context is None:
                work()
            else:
                context.run(work)
        except BaseException:
            log.debug("%s ended", name, exc_info=True)

    thread = _QuietThread(target=serve, name=name, daemon=True)
    thread.end = end
    with _lock:
        _threads.add(thread)
    return thread


def end_all() -> None:
    """Ask every thread that can be asked to end, and wait for them, a second at most."""
    me = threading.current_thread()
    with _lock:
        asked = [t for t in _threads if t.end is not None and t.is_alive() and t is not me]
    for thread in asked:
        with contextlib.suppress(Exception):
            if thread.end is not None:
                thread.end()
    until = time.monotonic() + _PATIENCE
    for thread in asked:
        thread.join(max(until - time.monotonic(), 0.0))
