"""What is known of the notebook that this process may belong to: which cell runs, how to reach the page
while a cell is busy, and an output that can be written again.

IPython, ipykernel and marimo are asked only where they are loaded already; without a notebook every answer
is "no". This module knows nothing of streams.
"""

from __future__ import annotations

import contextlib
import contextvars
import sys
import threading
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = [
    "Output",
    "SubshellSender",
    "forget_output",
    "on_cell_end",
    "on_next_run",
    "reruns_on_change",
    "running_cell",
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


def running_cell() -> tuple[str, str] | None:
    """Which cell runs, and which run of it that is; None where the front end does not say.

    JupyterLab, Notebook 7 and VS Code name the cell (`cellId`) in the message that runs it.
    """
    parent = _parent()
    cell = parent.get("metadata", {}).get("cellId")
    run = parent.get("header", {}).get("msg_id")
    return (cell, run) if cell and run else None


def on_next_run(item: object) -> None:
    """marimo calls the `dispose` of this CellLifecycleItem when what this cell made is over."""
    # Another version of marimo may have no such registry: then streams end with their session.
    with contextlib.suppress(AttributeError):
        if session := _marimo():
            session.cell_lifecycle_registry.add(item)


def forget_output(value: object) -> None:
    """Take an object out of what IPython keeps of the outputs of cells: `Out[5]`, `_5`, `_`, `__`, `___`
    and the result of the latest run. Names that somebody gave it stay."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    # Another shell under the same name has its own history.
    with contextlib.suppress(AttributeError, KeyError):
        names, hidden, hook = shell.user_ns, shell.user_ns_hidden, shell.displayhook
        for n in [n for n, shown in names["_oh"].items() if shown is value]:
            del names["_oh"][n]
            names.pop(f"_{n}", None)
            hidden.pop(f"_{n}", None)
        for name in ("_", "__", "___"):
            # As all are when a session begins; where they differ, IPython takes the name for ours.
            if getattr(hook, name) is value:
                setattr(hook, name, "")
            for known in (names, hidden):
                if known.get(name) is value:
                    known[name] = ""
        for ran in (hook.exec_result, shell.last_execution_result):
            if ran is not None and ran.result is value:
                ran.result = None


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
