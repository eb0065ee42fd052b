"""Locks that no child of a fork inherits held by a thread that it does not have.

A fork waits for such a lock, so each is for what takes microseconds.

https://docs.python.org/3/library/os.html#os.register_at_fork
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol


class _Lock(Protocol):
    def acquire(self) -> bool: ...

    def release(self) -> None: ...


def free_in_children(lock: _Lock, begin_anew: Callable[[], object] = lambda: None) -> None:
    """Have each fork wait for this lock; in the child `begin_anew` runs before the lock is free."""

    def in_child() -> None:
        begin_anew()
        lock.release()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=in_child
        )
