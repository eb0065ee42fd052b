"""The one background thread with the one event loop that serves all streams of this process.

A daemon thread: it never keeps a script alive, never prints, and never runs the user's callables, which
`call_thread` does. It starts when it is first asked for, and is a new one in a forked child
(docs/decisions/0005-one-loop-thread.md). What a task raises, SystemExit too, ends that task and not the
loop. Should the loop end all the same, every future of `run` raises `LoopEnded` at once, and the next call
starts another loop.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import os
import queue
import sys
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, InvalidStateError
from typing import Any, TypeVar, cast

from ..basics import free_in_children
from .platforms import new_event_loop
from .threads import end_all, log, quiet_thread

T = TypeVar("T")

_NAME = "sse-widget"
# The loop is begun again so many times without having run anything between before it counts as dead.
_RESTARTS = 1000
# Reentrant: where memory is collected inside it, `__del__` of a widget hands over work too.
_lock = threading.RLock()
free_in_children(_lock)
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None
_pid = 0
_ended = False  # the process is on its way out
# Seconds for each half of the end of a loop. Nobody waits for it, and a busy machine may need them.
_END_S = 10.0
# Seconds after which a task that did not end is cancelled once more.
_ASK_AGAIN_S = 0.5
# Turns of the loop without a task after which none is made any more.
_SILENT_ROUNDS = 3
_running: set[Future[Any]] = set()  # what `run` started and is not done
_dead: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()  # that ended as nobody meant
_left: list[object] = []  # of loops that ended and could not be tidied up
# What collected objects have still to do. The queue may be written to from a destructor: its `put` is
# reentrant.
_finalizers: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()


class LoopEnded(RuntimeError):
    """The thread that serves all streams has ended, which nothing is meant to bring about."""


def loop() -> asyncio.AbstractEventLoop:
    """The running loop of the background thread; started where there is none."""
    global _loop, _thread, _pid
    if sys.platform == "emscripten":
        raise RuntimeError(
            "a browser has no threads, and this needs one: read with `async for event in "
            "EventSource(url)`"
        )
    with _lock:
        # After a fork the child has the objects but not the thread.
        if _loop is None or _thread is None or _pid != os.getpid() or not _thread.is_alive():
            if _pid != os.getpid():
                _running.clear()
            started = threading.Event()
            new = new_event_loop()
            _thread = threading.Thread(target=_serve, args=(new, started), name=_NAME, daemon=True)
            _thread.start()
            started.wait()
            _loop, _pid = new, os.getpid()
        return _loop


def _serve(new: asyncio.AbstractEventLoop, started: threading.Event) -> None:
    """Run the loop until the process ends, whatever its tasks raise."""
    why: BaseException | None = None
    failures = 0

    def begun() -> None:
        nonlocal failures
        failures = 0
        started.set()

    try:
        asyncio.set_event_loop(new)
        new.set_exception_handler(_unhandled)
        while failures < _RESTARTS and not (_ended or new.is_closed()):
            failures += 1
            try:
                new.call_soon(begun)
                new.call_soon(_run_finalizers)
                # Returns where somebody stopped the loop. asyncio lets SystemExit and
                # KeyboardInterrupt through, which have ended their task by then.
                new.run_forever()
            except BaseException as e:
                why = e
    finally:
        started.set()
        if not _ended:
            _bury(new, why)


def _bury(dead: asyncio.AbstractEventLoop, why: BaseException | None) -> None:
    """The loop has ended: every wait on it raises this, and the next call starts another loop."""
    global _loop, _thread
    with _lock:
        if _loop is dead:
            _loop = _thread = None
        _dead.add(dead)
        waiting = list(_running)
    cause = "it was closed" if why is None else f"{type(why).__name__}: {why}".rstrip(": ")
    for future in waiting:
        _fail(future, cause)
    last = _end_tasks()
    try:
        dead.run_until_complete(last)
    except BaseException:
        last.close()
    # What cannot be ended is kept: collected, it would print what it thinks of that.
    _left.extend(asyncio.all_tasks(dead))
    try:
        dead.close()
    except BaseException:
        _left.append(dead)


async def _end_tasks() -> None:
    """End all other tasks of this loop, and what they leave behind."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _END_S
    rounds = 0
    # More than once: an iterator that a task was in the middle of is closed by another task.
    while rounds < _SILENT_ROUNDS and loop.time() < until:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        rounds = 0 if others else rounds + 1
        for task in others:
            task.cancel()
        await (asyncio.wait(others, timeout=_ASK_AGAIN_S) if others else asyncio.sleep(0))
    # What nobody waits for at this moment: a generator between two of its values.
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(loop.shutdown_asyncgens(), _END_S)


def _fail(future: Future[Any], cause: str) -> None:
    with contextlib.suppress(InvalidStateError):  # it was done meanwhile
        future.set_exception(LoopEnded(f"the thread that serves all streams ended ({cause})"))


def _unhandled(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.debug("%s", context.get("message"), exc_info=context.get("exception"))


def run(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Start `work` on the background loop.

    Returns:
        What it comes to; it raises `LoopEnded` where the loop ends before that, and is cancelled where
        the process is on its way out.
    """
    # Another one than asyncio's, which only its loop can settle.
    future: Future[T] = Future()
    if _ended:
        work.close()
        future.cancel()
        return future
    while True:
        on = loop()
        with _lock:
            if on is _loop:  # else it ended between these lines
                inner = asyncio.run_coroutine_threadsafe(work, on)
                _running.add(future)
                break
    future.add_done_callback(_running.discard)
    future.add_done_callback(lambda done: inner.cancel() if done.cancelled() else None)
    inner.add_done_callback(lambda done: _settle(future, done))
    return future


def _settle(future: Future[T], done: Future[T]) -> None:
    if done.cancelled():
        if future.cancel():
            future.set_running_or_notify_cancel()
        return
    error = done.exception()
    with contextlib.suppress(InvalidStateError):  # the loop ended before, or nobody waits any more
        if error is None:
            future.set_result(done.result())
        else:
            future.set_exception(error)


def call(fn: Callable[..., object], *args: object) -> None:
    """Call `fn` on the background loop soon; from the loop's own thread too, never at once."""
    if not _ended:
        with contextlib.suppress(RuntimeError):  # it was closed between these lines
            loop().call_soon_threadsafe(fn, *args)


def finalize(fn: Callable[[], object]) -> None:
    """Call `fn` on the background loop soon, for a destructor.

    The garbage collector runs destructors between any two lines of any thread, also while that thread
    holds a lock of this module: so this takes none, and starts no loop. Where none runs, `fn` is called
    when the next one starts.
    """
    _finalizers.put(fn)
    running = _loop
    if running is not None and not _ended:
        with contextlib.suppress(RuntimeError):  # it was closed
            running.call_soon_threadsafe(_run_finalizers)


def _run_finalizers() -> None:
    while not _finalizers.empty():
        fn = _finalizers.get()
        try:
            fn()
        except Exception:
            log.debug("a destructor failed", exc_info=True)


class Timer:
    """One call of the loop that is due later; of a loop that has ended, none is."""

    __slots__ = ("_handle", "_on")

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None
        self._on: asyncio.AbstractEventLoop | None = None

    @property
    def due(self) -> float | None:
        """When, in the running loop's time; None where nothing is due."""
        if self._handle is None or self._on is not asyncio.get_running_loop():
            return None
        return self._handle.when()

    def set(self, seconds: float, fn: Callable[[], object]) -> None:
        """Call `fn` in so many seconds, and nothing before. On the loop's thread."""
        self.cancel()

        def fire() -> None:
            self._handle = None
            fn()

        self._on = asyncio.get_running_loop()
        self._handle = self._on.call_later(seconds, fire)

    def cancel(self) -> None:
        """Nothing is due any more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


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
    """Call a function that may block without holding up what else the loop serves.

    On a daemon thread of its own, in this context: one that never returns holds up no exit either.
    What it raises that is no Exception, such as SystemExit, comes as a RuntimeError.
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
    quiet_thread(work, f"{_NAME} asks", context).start()
    value, error = await answer
    if isinstance(error, Exception):
        raise error
    if error is not None:  # exit() ends that thread, not this one
        raise RuntimeError(type(error).__name__) from error
    return cast(T, value)


def serves(loop: asyncio.AbstractEventLoop | None) -> bool:
    """Whether this is the loop of the background thread."""
    return loop is not None and loop is _loop


def has_died(loop: asyncio.AbstractEventLoop | None) -> bool:
    """Whether this was the loop of the background thread, which ended as nobody meant. What it left
    behind may still be in the middle of its end."""
    with _lock:
        return loop in _dead


def is_loop_thread() -> bool:
    """Whether the caller runs on the background thread, which must never wait for itself."""
    return _thread is not None and threading.current_thread() is _thread


def _at_exit() -> None:
    """End threads and tasks in order, so that there is nothing to warn about when the process ends."""
    global _ended
    _ended = True
    end_all()
    if _loop is None or _thread is None or _pid != os.getpid() or not _thread.is_alive():
        return
    try:
        asyncio.run_coroutine_threadsafe(_end_tasks(), _loop).result(2.0)
        _loop.call_soon_threadsafe(_loop.stop)
        _thread.join(1.0)
        if not _thread.is_alive():
            _loop.close()
    except Exception:  # the process ends whatever happens here
        pass


atexit.register(_at_exit)
