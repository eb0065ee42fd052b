"""What is known of the notebook that this process may belong to: which cell runs, how to reach the page
while a cell is busy, and an output that can be written again.

IPython, ipykernel and marimo are asked only where they are loaded already; without a notebook every answer
is "no". This module knows nothing of streams but that they can be stopped.
"""

from __future__ import annotations

import contextlib
import contextvars
import sys
import threading
import uuid
import weakref
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

__all__ = [
    "CellRuns",
    "Output",
    "SubshellSender",
    "on_cell_end",
    "reruns_on_change",
    "session_liveness",
]

T = TypeVar("T")


def _kernel() -> Any:
    """The ipykernel this process is, or None."""
    kernels = sys.modules.get("ipykernel.kernelbase")
    if kernels is None or not kernels.Kernel.initialized():
        return None
    return kernels.Kernel.instance()


def _parent() -> dict[str, Any]:
    """The Jupyter message this thread is answering, {} outside a kernel."""
    try:
        return dict(_kernel().get_parent() or {})
    except Exception:  # no kernel, or another kind under the same name; then we just do not know
        return {}


def _marimo() -> Any:
    """The marimo session whose cell this thread runs, or None."""
    contexts = sys.modules.get("marimo._runtime.context")
    try:
        return contexts and contexts.safe_get_context()
    except Exception:  # another version; then we just do not know
        return None


def reruns_on_change() -> bool:
    """Whether this notebook runs every cell that uses a widget again when the page changes one of
    its traits: what is nobody's business must not be a trait there."""
    return _marimo() is not None


def session_liveness() -> Callable[[], bool]:
    """Tells whether who runs this cell is still there. A marimo app is one process with a thread a
    visitor, and nothing else says that one has left: what they opened would stay open for ever."""
    thread = threading.current_thread()
    # A person's own thread (`mo.Thread`) may end while its visitor stays.
    of_visitor = thread is not threading.main_thread() and not hasattr(thread, "should_exit")
    return thread.is_alive if _marimo() is not None and of_visitor else lambda: True


def on_cell_end(fn: Callable[[], None]) -> Callable[[], None]:
    """Call `fn` after each cell that has run, on the thread that ran it; what ends that."""
    events = _kernel().shell.events

    def ended(*_: object) -> None:
        fn()

    events.register("post_run_cell", ended)

    def forget() -> None:
        with contextlib.suppress(ValueError):  # already
            events.unregister("post_run_cell", ended)

    return forget


class _Stoppable(Protocol):
    def stop(self) -> None: ...


class CellRuns:
    """Which streams each cell made, so that running it again stops those of the earlier run.

    JupyterLab, Notebook 7 and VS Code name the cell (`cellId`) in the message that runs it; marimo
    says when what a cell made is over.
    """

    def __init__(self) -> None:
        self._runs: dict[str, tuple[str, weakref.WeakSet[Any]]] = {}

    def adopt(self, stream: _Stoppable) -> None:
        """`stream` was made by the cell that runs now; stop what an earlier run of it made."""
        # Another version of marimo may have no such registry: then streams end with their session.
        with contextlib.suppress(AttributeError):
            if session := _marimo():
                session.cell_lifecycle_registry.add(_UntilNextRun(stream))
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


class _UntilNextRun:
    """What marimo calls when a cell is run again or deleted (a `CellLifecycleItem`)."""

    def __init__(self, stream: _Stoppable) -> None:
        self._stream = weakref.ref(stream)

    def create(self, context: object) -> None:
        pass

    def dispose(self, context: object, deletion: bool) -> bool:
        if (stream := self._stream()) is not None:
            stream.stop()
        return True


class SubshellSender:
    """The way to the page that also opens the way back while a cell runs.

    JupyterLab sends what a page says on a comm by a subshell, which a busy cell does not hold up;
    but ipykernel (7.4) hands it to the shell that last *sent* on this comm, which for our thread
    is the busy one. So what we send must not pin the way back: from the context of a message that
    came by a subshell once there was one, and with the pin taken out until then.
    """

    def __init__(self) -> None:
        self._context: contextvars.Context | None = None
        self._answering: contextvars.Context | None = None

    def note(self) -> None:
        """Called in the handler of a message from the page."""
        if self._context is None and _parent().get("header", {}).get("subshell_id"):
            self._context = contextvars.copy_context()

    def answering(self, fn: Callable[[T], object]) -> Callable[[T], object]:
        """Called in the handler of a message: `fn`, to be called with one argument on another
        thread; what it sends belongs to that message, as if the handler itself had sent it."""
        if not _parent():
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


class Output:
    """An HTML output beside a cell's own, found again by its display id wherever it was shown."""

    def __init__(self) -> None:
        self._id = uuid.uuid4().hex
        self._context = contextvars.copy_context()

    @staticmethod
    def possible() -> bool:
        """Whether outputs have ids here: a console has none, and other kernels have their own."""
        return hasattr(getattr(_kernel(), "shell", None), "display_pub")

    def place(self) -> None:
        """It belongs under the cell that runs; called by that cell."""
        self._context = contextvars.copy_context()

    def show(self, html: str) -> None:
        """Put it where it belongs. Any thread, while that cell runs or as it ends."""
        self._context.copy().run(self._publish, html, update=False)

    def update(self, html: str) -> None:
        """Write it anew. Any thread."""
        if threading.current_thread() is not threading.main_thread():
            # Some front ends drop an update unless it comes in the name of a cell: of the latest
            # one, where that is what the kernel last heard of, else of the one that shows this.
            header = _kernel().shell.display_pub.parent_header
            if header.get("msg_type") != "execute_request":
                self._context.copy().run(self._publish, html, update=True)
                return
        self._publish(html, update=True)

    def _publish(self, html: str, *, update: bool) -> None:
        _kernel().shell.display_pub.publish(
            {"text/html": html}, transient={"display_id": self._id}, update=update
        )
