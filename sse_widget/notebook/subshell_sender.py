"""SubshellSender: sends on a comm in such a way that the page can reach the kernel while a cell runs.

It knows which message of the page a thread answers, and nothing of what is sent.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import TypeVar

from .host import came_by_subshell, parent_message

T = TypeVar("T")


class SubshellSender:
    """Sends to the page, and keeps the way back open while a cell runs.

    JupyterLab sends what a page says on a comm by a subshell, which a busy cell does not hold up;
    but ipykernel (7.4) hands it to the shell that last *sent* on this comm, which for our thread
    is the busy one. So what we send must not pin the way back: from the context of a message that
    came by a subshell once there was one, and with the pin taken out until then.
    """

    def __init__(self) -> None:
        self._context: contextvars.Context | None = None
        self._answering: contextvars.Context | None = None

    @property
    def past_cells(self) -> bool:
        """Whether a message of a page came past the cell that ran."""
        return self._context is not None

    def note(self) -> None:
        """Called in the handler of a message from the page."""
        if self._context is None and came_by_subshell():
            self._context = contextvars.copy_context()

    def answering(self, fn: Callable[[T], object]) -> Callable[[T], object]:
        """Called in the handler of a message: `fn`, to be called with one argument on another
        thread; what it sends belongs to that message, as if the handler itself had sent it."""
        if not parent_message():
            return fn
        context = contextvars.copy_context()

        def answer(arg: T) -> None:
            self._answering = context
            try:
                fn(arg)
            finally:
                self._answering = None

        return answer

    def send(self, comm: object, fn: Callable[..., object], *args: object) -> None:
        """Call `fn`, which sends on `comm`."""
        # A copy: a context cannot be entered twice, and two threads may send at once.
        if self._context is not None:
            self._context.copy().run(fn, *args)
            return
        if self._answering is not None:
            self._answering.copy().run(fn, *args)
        else:
            fn(*args)
        # ipykernel's own name; where there is no such thing, nothing was pinned.
        getattr(comm, "__dict__", {}).pop("_reply_subshell_id", None)
