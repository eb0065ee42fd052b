"""What is known of the notebook that this process may belong to: the kernel, the message it answers, which
cell runs, and what becomes of the outputs of cells.

IPython, ipykernel and marimo are asked only where they are loaded already; without a notebook every answer
is "no". This module knows nothing of streams.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from typing import Any

from .. import runtime

# A cell of one line is done in less, by itself; where two threads want the interpreter, each of its sends
# to the front end waits 5 ms for it.
_HEAD_START_S = 0.02


def kernel() -> Any:
    """The ipykernel this process is, or None."""
    kernels = sys.modules.get("ipykernel.kernelbase")
    if kernels is None or not kernels.Kernel.initialized():
        return None
    return kernels.Kernel.instance()


def parent_message() -> dict[str, Any]:
    """The Jupyter message this thread is answering, {} outside a kernel."""
    try:
        return dict(kernel().get_parent() or {})
    except Exception:  # no kernel, or another kind under the same name; then we just do not know
        return {}


def head_start() -> float:
    """Seconds for which a stream that was just made leaves the interpreter to the cell that made it, and that
    has yet to show it; 0 outside a kernel."""
    return _HEAD_START_S if parent_message() else 0.0


def came_by_subshell() -> bool | None:
    """Whether the message that this thread answers came past the cell that runs; None where it answers none."""
    header = parent_message().get("header")
    return bool(header.get("subshell_id")) if header else None


def marimo() -> Any:
    """The marimo session whose cell this thread runs, or None."""
    contexts = sys.modules.get("marimo._runtime.context")
    try:
        return contexts and contexts.safe_get_context()
    except Exception:  # another version; then we just do not know
        return None


def reruns_on_change() -> bool:
    """Whether this notebook runs every cell that uses a widget again when the page changes one of
    its traits: what others must not see must not be a trait there."""
    return marimo() is not None


def session_liveness() -> Callable[[], bool]:
    """Tells whether who runs this cell is still there. A marimo app is one process with a thread a
    visitor, and nothing else says that one has left: what they opened would stay open for ever."""
    thread = threading.current_thread()
    # A user's own thread (`mo.Thread`) may end while its visitor stays.
    of_visitor = thread is not threading.main_thread() and not hasattr(thread, "should_exit")
    return thread.is_alive if marimo() is not None and of_visitor else lambda: True


def on_cell_end(fn: Callable[[], None]) -> Callable[[], None]:
    """Call `fn` after each cell that has run, on the thread that ran it; what ends that."""
    events = kernel().shell.events

    def ended(*_: object) -> None:
        fn()

    events.register("post_run_cell", ended)

    def forget() -> None:
        with contextlib.suppress(ValueError):  # already
            events.unregister("post_run_cell", ended)

    return forget


def after_this_cell(work: Callable[[], object]) -> None:
    """Call `work` once, on a thread of its own, when the cell that runs now is done: what takes a while and
    somebody will wait for later. Nowhere but in a kernel is it called."""
    if getattr(kernel(), "shell", None) is None:
        return

    def ended() -> None:
        forget()
        with contextlib.suppress(RuntimeError):  # the interpreter is on its way out
            runtime.quiet_thread(work, "sse-widget prepares", end=lambda: None).start()

    forget = on_cell_end(ended)


def running_cell() -> tuple[str, str] | None:
    """Which cell runs, and which run of it that is; None where the front end does not say.

    JupyterLab, Notebook 7 and VS Code name the cell (`cellId`) in the message that runs it.
    """
    message = parent_message()
    cell = message.get("metadata", {}).get("cellId")
    run = message.get("header", {}).get("msg_id")
    return (cell, run) if cell and run else None


def on_next_run(item: object) -> None:
    """marimo calls the `dispose` of this CellLifecycleItem when what this cell made is over."""
    # Another version of marimo may have no such registry: then streams end with their session.
    with contextlib.suppress(AttributeError):
        if session := marimo():
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
