"""EventTarget: listeners by event type, and the three handlers of an EventSource.

The interface of the DOM's EventTarget in Python's manners. It calls what it is told to call and
keeps what listeners raise from nobody: the driver raises it. Imports nothing of ours.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["EventTarget", "Listener"]

Listener = Callable[..., Any]


class EventTarget:
    """Something that has listeners."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[tuple[Listener, bool]]] = {}
        self._handlers: dict[str, Listener] = {}

    def add_event_listener(self, type: str, listener: Listener) -> None:
        """Call `listener` for every event of this type, as `addEventListener`.

        "open" is called when a connection opens, "error" with the `SSEError` when one fails or
        ends; like in the standard, events that the server names so arrive there too. A listener
        may take the event or nothing, may be async, and is called once however often it is added.
        What it raises, the driver raises.
        """
        if not callable(listener):
            raise TypeError(f"a listener must be callable, not {listener!r}")
        entries = self._listeners.setdefault(type, [])
        if all(known != listener for known, _ in entries):
            entries.append((listener, _takes_argument(listener)))

    def remove_event_listener(self, type: str, listener: Listener) -> None:
        """The listener is not called any more; unknown ones are ignored."""
        entries = [e for e in self._listeners.pop(type, ()) if e[0] != listener]
        if entries:
            self._listeners[type] = entries

    @property
    def on_open(self) -> Listener | None:
        """Called when a connection opens."""
        return self._handlers.get("open")

    @on_open.setter
    def on_open(self, handler: Listener | None) -> None:
        self._handle("open", handler)

    @property
    def on_message(self) -> Listener | None:
        """Called for events of type "message": those the server gave no type."""
        return self._handlers.get("message")

    @on_message.setter
    def on_message(self, handler: Listener | None) -> None:
        self._handle("message", handler)

    @property
    def on_error(self) -> Listener | None:
        """Called with the error when a connection fails or ends; `ready_state` then tells
        whether another attempt follows (CONNECTING) or none (CLOSED)."""
        return self._handlers.get("error")

    @on_error.setter
    def on_error(self, handler: Listener | None) -> None:
        self._handle("error", handler)

    def _handle(self, type_: str, handler: Listener | None) -> None:
        old = self._handlers.pop(type_, None)
        if old is not None:
            self.remove_event_listener(type_, old)
        if handler is not None:
            self.add_event_listener(type_, handler)
            self._handlers[type_] = handler

    async def _call(self, type_: str, value: object) -> None:
        """Call the listeners of this type, in the order they were added."""
        for listener, takes_argument in list(self._listeners.get(type_, ())):
            result = listener(value) if takes_argument else listener()
            if inspect.isawaitable(result):
                await result


def _takes_argument(listener: Listener) -> bool:
    """Whether to hand the event to this callable; JavaScript lets one leave it out, so do we."""
    try:
        inspect.signature(listener).bind(None)
    except TypeError:
        return False
    except ValueError:  # a builtin that does not say
        return True
    return True
