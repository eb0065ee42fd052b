"""How the user's callables are called: listeners, and the functions given as options.

On the background loop each is called on a thread of the stream's own (`CallThread`), and `close()` ends the
wait for it; on any other loop it is called in place, because that loop is the user's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from .. import runtime
from ..errors import SSEError
from ..runtime import CallThread
from .cancel_scope import Closed, Interrupt
from .watchdog import IdleWatchdog

T = TypeVar("T")


class UserCalls:
    """Calls what the user gave to one source.

    Args:
        thread: where they run, if this is the background loop.
        interrupt: ends the wait for what an option's function returns.
        watch: such a wait is no silence of the server.
    """

    def __init__(self, thread: CallThread, interrupt: Interrupt, watch: IdleWatchdog) -> None:
        self._thread = thread
        self._interrupt = interrupt
        self._watch = watch

    async def ask(self, name: str, fn: Callable[..., T], *args: Any) -> T:
        """What the function of the option `name` returns."""
        try:
            if not runtime.is_loop_thread():
                return fn(*args)
            with self._interrupt, self._watch.paused():
                return await self._thread.call(fn, *args)
        except (Closed, SSEError):
            raise
        except Exception as e:
            e.add_note(f"This comes of {name}=.")
            raise

    async def call(self, listener: Callable[[], object]) -> None:
        """Call a listener, and await what it returns where that is awaitable."""
        if runtime.is_loop_thread():
            await self._thread.call(listener)
        else:
            result = listener()
            if inspect.isawaitable(result):
                await result
