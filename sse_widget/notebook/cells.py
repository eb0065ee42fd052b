"""Which cell made a widget and which cells show it, so that running one again ends what it replaces.

A cell that runs again stops the streams of its earlier run, since nobody asked for both. Once no view of such a
stream can be left (the outputs of a cell are gone when it runs again) the stream is let go, and not closed:
a variable that still holds it can go on using it, and a stream that no variable holds is freed. Where the front
end does not name its cells (Colab, a terminal) nothing is stopped or let go here. This module knows nothing else of
a widget.
"""

from __future__ import annotations

import gc
import weakref
from typing import Any, NamedTuple, Protocol

from .host import on_cell_end, on_next_run, running_cell


class Replaceable(Protocol):
    """What a cell makes."""

    def stop(self) -> None:
        """End its connections; it can be started again."""

    def let_go(self) -> None:
        """From now on only the user's variables keep it alive."""


class _Run(NamedTuple):
    """One run of a cell, and what it made or shows."""

    id: str
    widgets: weakref.WeakSet[Any]


class CellRuns:
    """The latest run of each cell."""

    def __init__(self) -> None:
        self._made: dict[str, _Run] = {}
        self._shown: dict[str, _Run] = {}
        # Widget -> the cells that show it.
        self._places: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()
        # Made by an earlier run, and not let go yet.
        self._replaced: weakref.WeakSet[Any] = weakref.WeakSet()

    def adopt(self, widget: Replaceable) -> None:
        """`widget` was made by the cell that runs now; stop what an earlier run of it made."""
        on_next_run(_UntilNextRun(widget))
        if (running := running_cell()) is None:
            return
        cell, run = running
        for earlier in _of_earlier_run(self._made, cell, run):
            earlier.stop()
            self._replaced.add(earlier)
        self._made[cell].widgets.add(widget)
        self._outputs_went(cell, run)

    def show(self, widget: Replaceable) -> None:
        """`widget` is shown by the cell that runs now."""
        if (running := running_cell()) is None:
            return
        cell, run = running
        self._outputs_went(cell, run)
        self._shown[cell].widgets.add(widget)
        self._places.setdefault(widget, set()).add(cell)

    def _outputs_went(self, cell: str, run: str) -> None:
        """What earlier runs of this cell showed is not there any more."""
        for earlier in _of_earlier_run(self._shown, cell, run):
            self._places[earlier].discard(cell)
        unseen = [widget for widget in self._replaced if not self._places.get(widget)]
        for widget in unseen:
            self._replaced.discard(widget)
            widget.let_go()
        if unseen:
            _collect_after_this_cell([weakref.ref(widget) for widget in unseen])


def _of_earlier_run(runs: dict[str, _Run], cell: str, run: str) -> list[Any]:
    """The widgets of an earlier run of a cell; from here on `run` is the latest."""
    known = runs.get(cell)
    if known is not None and known.id == run:
        return []
    runs[cell] = _Run(run, weakref.WeakSet())
    return [] if known is None else list(known.widgets)


def _collect_after_this_cell(widgets: list[weakref.ref[Any]]) -> None:
    # Their memory is mostly Arrow's, which the collector does not count: it would wait for long. Not
    # before the cell is done, which has their names until then.
    def ended() -> None:
        forget()
        if any(widget() is not None for widget in widgets):
            gc.collect()

    forget = on_cell_end(ended)


class _UntilNextRun:
    """What marimo calls when a cell is run again or deleted (a `CellLifecycleItem`)."""

    def __init__(self, widget: Replaceable) -> None:
        self._widget = weakref.ref(widget)

    def create(self, context: object) -> None:
        pass

    def dispose(self, context: object, deletion: bool) -> bool:
        if (widget := self._widget()) is not None:
            widget.stop()
            widget.let_go()
        return True


# One for all widgets: a cell that made a stream may make a capture when it runs again.
CELLS = CellRuns()
