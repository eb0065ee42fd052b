"""Interrupt: lets a timer, another task or another thread end the one await a driver is in.

The same dance as asyncio.timeout: the driver's task is cancelled, and on the way out of the `with`
the cancellation is taken back and turned into a reason; somebody else's cancellation passes. It
knows nothing of streams and imports nothing of ours.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

__all__ = ["Closed", "Interrupt", "RetryNow"]


class Closed(Exception):
    """A reason: the person closed what was being waited for."""


class RetryNow(Exception):
    """A reason: the pause is to end now."""


class Interrupt:
    """`with interrupt: await ...` in the driver, `interrupt.fire(reason)` from the loop's thread."""

    __slots__ = ("_cancelling", "_reason", "_task", "task")

    def __init__(self) -> None:
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
        task = asyncio.current_task()
        assert task is not None
        self._task = self.task = task
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
