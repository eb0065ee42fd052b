"""Which names of the package are public: what the reference must have, and give an example of."""

from __future__ import annotations

import sse_widget

# The classes that people hold in their hands: all of their methods and properties are shown.
HELD = (
    sse_widget.SSEStream,
    sse_widget.EventSource,
    sse_widget.SSECapture,
    sse_widget.CapturedStream,
)
# By these the modules of the package reach each other; no person calls them.
_INSIDE = {"draw_from", "let_go", "origin", "secrets", "set_state"}


def public_names() -> list[str]:
    """The names that the package exports."""
    return [name for name in sse_widget.__all__ if not name.startswith("__")]


def public_members(kind: type) -> list[str]:
    """Methods and properties, traits too, that a class has from this package."""
    found = {
        name
        for parent in kind.__mro__
        if parent.__module__.partition(".")[0] == "sse_widget"
        for name, value in vars(parent).items()
        if not name.startswith("_") and (callable(value) or hasattr(value, "__get__"))
    }
    return sorted(found - _INSIDE)
