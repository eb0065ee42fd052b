"""The thread on which the callables that the user gave to one stream run, one after the other.

`stop_when`, `dedupe`, `resume`, client factories, `headers=` and `auth=` callables may sleep, print or call
`exit()`. On the loop that serves all streams each of these would harm every other stream; here it harms its
own. The thread starts with the first call and ends with `close()`; a call that never returns keeps a daemon
thread and nothing else. This module decides nothing about what an answer means.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import queue
from asyncio.events import _set_running_loop
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

from .threads import quiet_thread

T = TypeVar("T")


class Exited(RuntimeError):
    """A callable raised what is meant to end a program, such as SystemExit, which `__cause__` is."""


def contained(error: BaseException) -> Exception:
    """What was raised, as an exception that ends nothing but the stream it comes of."""
    if isinstance(error, Exception):
        return error
    exited = Exited(f"{type(error).__name__}: it ends this stream and no other")
    exited.__cause__ = error
    return exited


class CallThread:
    """Calls functions on a thread of its own, in the context this was made in: what they print lands
    under the cell that made their stream."""

    def __init__(self) -> None:
        self._context = contextvars.copy_context()
        self._worker: _Worker | None = None

    async def call(self, fn: Callable[..., T], *args: Any, on_loop: bool = False) -> T:
        """What `fn` returns, or what the awaitable it returns comes to: that runs there too, on a
        loop of the thread's own.

        Args:
            on_loop: `fn` makes something for the loop that waits here, such as a client: asyncio's
                `get_running_loop` gives it that loop.

        Raises:
            Exited: it raised something that is no Exception.
            Exception: whatever else it raised.
        """
        waiting = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[Any, BaseException | None]] = waiting.create_future()

        def settle(value: Any, error: BaseException | None) -> None:
            if not answer.done():  # else nobody waits any more
                answer.set_result((value, error))

        def job(worker: _Worker) -> None:
            value, error = worker.outcome(fn, args, waiting if on_loop else None)
            with contextlib.suppress(RuntimeError):  # that loop has ended meanwhile
                waiting.call_soon_threadsafe(settle, value, error)

        if self._worker is None:
            self._worker = _Worker(self._context)
        self._worker.jobs.put(job)
        try:
            value, error = await answer
        except BaseException:
            # It may never return: the next call gets another thread.
            self.close()
            raise
        if error is not None:
            raise contained(error)
        return cast(T, value)

    def close(self) -> None:
        """The thread ends when what it does now returns; another call begins another one."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.jobs.put(None)


class _Worker:
    """One thread, and its loop where an awaitable came."""

    def __init__(self, context: contextvars.Context) -> None:
        self.jobs: queue.SimpleQueue[Callable[[_Worker], None] | None] = queue.SimpleQueue()
        self._runner: asyncio.Runner | None = None
        # A copy: a context cannot be entered twice, and the thread before may still be in it.
        end = partial(self.jobs.put, None)
        quiet_thread(self._serve, "sse-widget calls", context.copy(), end).start()

    def _serve(self) -> None:
        try:
            while (job := self.jobs.get()) is not None:
                job(self)
                del job  # what it holds is gone before the next one comes
        finally:
            if self._runner is not None:
                self._runner.close()

    def outcome(
        self,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop | None,
    ) -> tuple[Any, BaseException | None]:
        """What the function returned, or what it raised."""
        try:
            if loop is not None:
                _set_running_loop(loop)
            try:
                value = fn(*args)
            finally:
                if loop is not None:
                    _set_running_loop(None)
            if inspect.isawaitable(value):
                value = self._wait(value)
        except BaseException as error:
            return None, error
        return value, None

    def _wait(self, value: Any) -> Any:
        if self._runner is None:
            self._runner = asyncio.Runner()

        async def whole() -> Any:
            return await value

        return self._runner.run(whole())
