"""Lets a timer, another task or another thread end the one await that a driver is in.

It works as asyncio.timeout does: the driver's task is cancelled, and on the way out of the `with` block
the cancellation is taken back and turned into a reason. Any other cancellation passes through.
This module knows nothing of streams.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any


class Closed(Exception):
    """A reason: the user closed what was being waited for."""


class RetryNow(Exception):
    """A reason: the pause is to end now."""


class Interrupt:
    """`with interrupt: await ...` in the driver, `interrupt.fire(reason)` from the loop's thread.

    Attributes:
        closed: nothing is waited for any more: the next `with` raises `Closed`. Any thread sets it.
    """

    __slots__ = ("_cancelling", "_reason", "_task", "closed", "task")

    def __init__(self) -> None:
        self.closed = False
        self.task: asyncio.Task[Any] | None = None  # the driver's, since it first waited
        self._task: asyncio.Task[Any] | None = None  # the same, only while it waits
        self._reason: Exception | None = None
        self._cancelling = 0

    @property
    def waiting(self) -> bool:
        """Whether the driver is inside a `with`."""
        return self._task is not None

    def fire(self, reason: Exception) -> None:
        """Raise `reason` in the driver where it waits; without effect where it does not."""
        if self._task is not None and self._reason is None:
            self._reason = reason
            self._task.cancel()

    def __enter__(self) -> None:
        self.task = task = asyncio.current_task()
        assert task is not None
        if self.closed:
            raise Closed
        self._task = task
        self._cancelling = task.cancelling()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        task, self._task = self._task, None
        reason, self._reason = self._reason, None
        if reason is not None and task is not None:
            others = task.uncancel() > self._cancelling
            if kind is None or (issubclass(kind, asyncio.CancelledError) and not others):
                raise reason from None
