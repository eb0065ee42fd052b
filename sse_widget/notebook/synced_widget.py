"""Synced widget: a widget of which a page may write some traits, and no others.

Anybody on the comm of a widget can ask the kernel to set any synced trait: the script of the page, the address
it shows, its settings. This class takes only what the page is meant to write, and tells only that to the other
pages; the kernel's own values stay as it made them. It can also be let go, out of the registry of ipywidgets: then
only the user's own variables keep it. It knows nothing of streams.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any, ClassVar, Self

import anywidget
import ipywidgets
import traitlets

from .. import runtime
from .cells import CELLS
from .host import forget_output
from .page_files import brought_by_widget

# What a page may write at once: the longest text, all of them, and how many values.
_TEXT_CHARS = 16 * 1024
_ALL_CHARS = 256 * 1024
_ITEMS = 20_000


def _registry() -> dict[str, Any]:
    """Where ipywidgets keeps every widget that is not closed, by the id of its model."""
    module = ipywidgets.widgets.widget
    # The name of ipywidgets 8, then that of 7, which 8 has too and warns of.
    found: dict[str, Any] | None = getattr(module, "_instances", None)
    return module.Widget.widgets if found is None else found


def _nothing() -> None:
    pass


def _add_nothing(**traits: object) -> None:
    pass


def _is_modest(value: object) -> bool:
    """Whether a page of ours may have written it. What is larger holds the kernel for seconds: a pattern
    of a MiB takes ten to read."""
    left: list[object] = [value]
    items = chars = 0
    while left:
        at = left.pop()
        items += 1
        if isinstance(at, str):
            chars += len(at)
            if len(at) > _TEXT_CHARS:
                return False
        elif isinstance(at, dict):
            left += [*at, *at.values()]
        elif isinstance(at, list | tuple):
            left += at
        if items + len(left) > _ITEMS or chars > _ALL_CHARS:
            return False
    return True


class SyncedWidget(anywidget.AnyWidget):
    """An AnyWidget that takes only the traits in `_from_page` from its pages.

    Args:
        script: which file of the page draws it.
        rest: called when it is let go: until it is shown again nothing may keep it.
        end: called when it is closed, before the view goes.
        **traits: of a DOMWidget.
    """

    # What AnyWidget sends to the page; each object's own.
    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    _anywidget_id = traitlets.Unicode().tag(sync=True)
    # The model that has the files of the page, where this kernel sends them once.
    _page_files = traitlets.Instance(ipywidgets.Widget, allow_none=True).tag(
        sync=True, **ipywidgets.widget_serialization
    )

    # The kernel's own, told to the page and never read back.
    _settings = traitlets.Dict().tag(sync=True)
    # The page's own; echoing it back would only double the traffic.
    _ack = traitlets.Dict().tag(sync=True, echo_update=False)

    # Beside ipywidgets' own: how many views there are, where somebody asked for it.
    _from_page: ClassVar[frozenset[str]] = frozenset()

    # An object whose __init__ did not get far has none of what its own made.
    _on_rest: Callable[[], None] = staticmethod(_nothing)
    _on_end: Callable[[], None] = staticmethod(_nothing)
    _own_layout: ipywidgets.Layout | None = None
    _closed = False
    _let_go = False

    # Here, because a module's names may be gone before its last object is.
    _is_finalizing = staticmethod(sys.is_finalizing)
    _finalize = staticmethod(runtime.finalize)

    # ipywidgets 7 shows itself by this, and asks nobody for a bundle; where there is none, IPython
    # asks for the bundle, as with ipywidgets 8.
    _ipython_display_ = None

    def __init__(
        self,
        *,
        script: str,
        rest: Callable[[], None],
        end: Callable[[], None],
        **traits: object,
    ) -> None:
        self._on_rest, self._on_end = rest, end
        source, style, files = brought_by_widget(script)
        if files is not None:
            traits["_page_files"] = files
        name = f"{type(self).__module__}.{type(self).__name__}"
        # AnyWidget would add these three to each object, for which traitlets makes a class each: most of the time
        # that a widget took. Here the class has them.
        self.__dict__["add_traits"] = _add_nothing
        super().__init__(_esm=source, _css=style, _anywidget_id=name, **traits)
        del self.__dict__["add_traits"]
        self._own_layout = None if "layout" in traits else self.layout

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        # A closed widget has no view, only a text. (ipywidgets 8 does not ask for it.)
        if self.comm is None:
            return None
        if self._let_go:
            self._keep()
        CELLS.show(self)
        return super()._repr_mimebundle_(**kwargs)

    def __del__(self) -> None:
        # Not here: this runs between any two lines of any thread, also of one that holds a lock which
        # closing needs. As the interpreter takes itself apart, all ends with the process.
        if not self._is_finalizing() and not self._closed:
            self._finalize(self.close)

    def close(self) -> None:
        """Take the view away. The object stays readable."""
        self._on_end()
        self._closed = True
        forget_output(self)
        # ipywidgets made no comm for an object whose __init__ did not get far.
        if getattr(self, "comm", None) is not None:
            super().close()
        self._close_layout()

    def _close_layout(self) -> None:
        """A layout is a widget too, which ipywidgets keeps in kernel and page for good: one that was made
        for this widget ends with it, unless another one has it."""
        layout, self._own_layout = self._own_layout, None
        if layout is None:
            return
        others = [w for w in list(_registry().values()) if w is not self]
        if not any(w.trait_has_value("layout") and w.layout is layout for w in others):
            layout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()

    def stop(self) -> None:
        """End what runs; it can be started again."""
        raise NotImplementedError

    def let_go(self) -> None:
        """From now on only the user's variables keep it alive: when the last of them is gone it is closed
        and freed.

        ipywidgets keeps every widget that is not closed, in a registry and by what its comm calls;
        IPython keeps what a cell shows. Shown again, it is kept again.
        """
        self._on_rest()
        if self.comm is None:
            return
        self._let_go = True
        handle = weakref.WeakMethod(self._handle_msg)

        def heard(message: dict[str, Any]) -> None:
            if (found := handle()) is not None:
                found(message)

        self.comm.on_msg(heard)
        _registry().pop(self.model_id, None)
        forget_output(self)

    def _keep(self) -> None:
        self._let_go = False
        self.comm.on_msg(self._handle_msg)
        _registry()[self.model_id] = self

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Called by ipywidgets with what a page wrote; what is not the page's to write is dropped,
        and for what is no value of its trait the page is told what holds."""
        for name in (self._from_page | {"_view_count"}) & sync_data.keys():
            value, trait = sync_data[name], self.traits()[name]
            # ipywidgets tells the other pages before it looks at the value: ask first.
            try:
                if not _is_modest(value):
                    raise traitlets.TraitError("more than any page of ours writes")
                if value is not None or not trait.allow_none:
                    trait.validate(self, value)
            except traitlets.TraitError:
                self.send_state(name)
            else:
                super().set_state({name: value})
