"""What we know of the notebook we may be running in: which cell runs, and the way past a busy one.

It asks IPython and ipykernel only where they are loaded already; without a notebook every answer
is "no". It knows nothing of streams but that they can be stopped. Imports nothing of ours.
"""

from __future__ import annotations

import contextvars
import sys
import weakref
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["CellRuns", "SideDoor"]


def _parent() -> dict[str, Any]:
    """The Jupyter message this thread is answering, {} outside a kernel."""
    kernels = sys.modules.get("ipykernel.kernelbase")
    if kernels is None or not kernels.Kernel.initialized():
        return {}
    try:
        return dict(kernels.Kernel.instance().get_parent() or {})
    except Exception:  # other kernels under the same name; then we just do not know
        return {}


class _Stoppable(Protocol):
    def stop(self) -> None: ...


class CellRuns:
    """Which streams each cell made, so that running it again stops those of the earlier run.

    JupyterLab, Notebook 7 and VS Code name the cell (`cellId`) in the message that runs it.
    """

    def __init__(self) -> None:
        self._runs: dict[str, tuple[str, weakref.WeakSet[Any]]] = {}

    def adopt(self, stream: _Stoppable) -> None:
        """`stream` was made by the cell that runs now; stop what an earlier run of it made."""
        parent = _parent()
        cell = parent.get("metadata", {}).get("cellId")
        run = parent.get("header", {}).get("msg_id")
        if not cell or not run:
            return
        known = self._runs.get(cell)
        if known is None or known[0] != run:
            for earlier in list(known[1]) if known is not None else ():
                earlier.stop()
            known = self._runs[cell] = (run, weakref.WeakSet())
        known[1].add(stream)


class SideDoor:
    """The way to the page that also opens the way back while a cell runs.

    JupyterLab sends what a page says on a comm by a subshell, which a busy cell does not hold up;
    but ipykernel (7.4) hands it to the shell that last *sent* on this comm, which for our thread
    is the busy one. So what we send must not pin the way back: from the context of a message that
    came by a subshell once there was one, and with the pin taken out until then.
    """

    def __init__(self) -> None:
        self._context: contextvars.Context | None = None

    def note(self) -> None:
        """Called in the handler of a message from the page."""
        if self._context is None and _parent().get("header", {}).get("subshell_id"):
            self._context = contextvars.copy_context()

    def send(self, comm: object, fn: Callable[..., object], *args: object) -> None:
        """Call `fn`, which sends on `comm`."""
        if self._context is not None:
            # A copy: a context cannot be entered twice, and two threads may send at once.
            self._context.copy().run(fn, *args)
            return
        fn(*args)
        # ipykernel's own name; where there is no such thing, nothing was pinned.
        getattr(comm, "__dict__", {}).pop("_reply_subshell_id", None)
