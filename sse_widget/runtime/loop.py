"""The one background thread with the one event loop that serves all streams of this process.

A daemon thread: it never keeps a script alive, never prints, and never runs the user's code. It starts when
it is first asked for, and is a new one in a forked child (docs/decisions/0005-one-loop-thread.md).
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar, cast

__all__ = ["call", "call_within", "is_loop_thread", "run", "run_in_thread"]

T = TypeVar("T")

_NAME = "sse-widget"
_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # no child inherits it locked
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None
_pid = 0
_ended = False  # the process is on its way out


def loop() -> asyncio.AbstractEventLoop:
    """The running loop of the background thread; started where there is none."""
    global _loop, _thread, _pid
    with _lock:
        # After a fork the child has the objects but not the thread.
        if _loop is None or _thread is None or _pid != os.getpid() or not _thread.is_alive():
            started = threading.Event()
            new = asyncio.new_event_loop()
            _thread = threading.Thread(target=_serve, args=(new, started), name=_NAME, daemon=True)
            _thread.start()
            started.wait()
            _loop, _pid = new, os.getpid()
        return _loop


def _serve(new: asyncio.AbstractEventLoop, started: threading.Event) -> None:
    asyncio.set_event_loop(new)
    new.call_soon(started.set)
    new.run_forever()


def run(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Start `work` on the background loop."""
    return asyncio.run_coroutine_threadsafe(work, loop())


def call(fn: Callable[..., object], *args: object) -> None:
    """Call `fn` on the background loop soon; from the loop's own thread too, never at once."""
    if not _ended:
        loop().call_soon_threadsafe(fn, *args)


def call_within(seconds: float, fn: Callable[..., object], *args: object) -> None:
    """Call `fn` on the background loop, and wait until it is done, but not longer than this."""
    done = threading.Event()

    def work() -> None:
        try:
            fn(*args)
        finally:
            done.set()

    call(work)
    if not is_loop_thread():
        done.wait(seconds)


async def run_in_thread(fn: Callable[[], T]) -> T:
    """Call a person's function, which may block, without holding up what else the loop serves.

    On a daemon thread of its own, in this context: one that never returns holds up no exit either.
    """
    waiting = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[T | None, BaseException | None]] = waiting.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if not answer.done():  # else nobody waits any more
            answer.set_result((value, error))

    def work() -> None:
        value: T | None = None
        error: BaseException | None = None
        try:
            value = fn()
        except BaseException as e:
            error = e
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            waiting.call_soon_threadsafe(settle, value, error)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name=f"{_NAME} asks", daemon=True).start()
    value, error = await answer
    if isinstance(error, Exception):
        raise error
    if error is not None:  # exit() ends that thread, not this one
        raise RuntimeError(type(error).__name__) from error
    return cast(T, value)


def is_loop_thread() -> bool:
    """Whether the caller runs on the background thread, which must never wait for itself."""
    return _thread is not None and threading.current_thread() is _thread


def _at_exit() -> None:
    """End the tasks in order, so that no socket is left to warn about when the process ends."""
    global _ended
    _ended = True
    if _loop is None or _thread is None or _pid != os.getpid() or not _thread.is_alive():
        return

    async def end() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=1.0) if others else None

    try:
        asyncio.run_coroutine_threadsafe(end(), _loop).result(2.0)
        _loop.call_soon_threadsafe(_loop.stop)
        _thread.join(1.0)
        if not _thread.is_alive():
            _loop.close()
    except Exception:  # the process ends whatever happens here
        pass


atexit.register(_at_exit)
