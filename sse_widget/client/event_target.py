"""Listeners by event type, and the three handlers of an EventSource.

The interface of the DOM's EventTarget in Python's manners. The driver calls the listeners, and raises what
they raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from ..basics import NamedAttributes
from ..checks import takes_arguments, texts

Listener = Callable[..., Any]


class _Entry:
    """One listener in the list of its type, or the place of a handler there."""

    __slots__ = ("is_handler", "listener", "removed", "takes_argument")

    def __init__(self, listener: Listener, *, is_handler: bool = False) -> None:
        self.is_handler = is_handler
        self.removed = False
        self.use(listener)

    def use(self, listener: Listener) -> None:
        """Call this one from here on, at the same place."""
        self.listener = listener
        # JavaScript lets a listener leave the event out, and so do we.
        self.takes_argument = takes_arguments(listener, 1)


class Listeners:
    """Who is called for which type of event, in the order they were added.

    Attributes:
        by_type: empty where nobody listens to anything.
    """

    __slots__ = ("by_type",)

    def __init__(self) -> None:
        self.by_type: dict[str, list[_Entry]] = {}

    def add(self, type_: str, listener: Listener) -> None:
        """Once, however often it is added."""
        entries = self.by_type.setdefault(type_, [])
        if all(e.is_handler or e.listener != listener for e in entries):
            entries.append(_Entry(listener))

    def remove(self, type_: str, listener: Listener) -> None:
        """A handler stays, though it is the same function."""
        for entry in self.by_type.get(type_, ()):
            if not entry.is_handler and entry.listener == listener:
                self._remove(type_, entry)
                break

    def handler(self, type_: str) -> Listener | None:
        """The handler of this type, such as `on_message`."""
        entry = self._handler(type_)
        return None if entry is None else entry.listener

    def handle(self, type_: str, handler: Listener | None) -> None:
        """Set the handler of this type, or take it away."""
        # The event handlers of HTML 8.1.8.1: beside the listeners, at the place where the first one
        # was set; None gives that place up.
        entry = self._handler(type_)
        if handler is None:
            if entry is not None:
                self._remove(type_, entry)
            return
        _check_callable(f"on_{type_}", handler)
        if entry is None:
            self.by_type.setdefault(type_, []).append(_Entry(handler, is_handler=True))
        else:
            entry.use(handler)

    def calls(self, type_: str, value: object) -> Iterator[Callable[[], object]]:
        """The listeners of this type, in the order they were added, each to be called with nothing:
        it may return something to be awaited."""
        for entry in list(self.by_type.get(type_, ())):
            if not entry.removed:
                yield partial(entry.listener, value) if entry.takes_argument else entry.listener

    def _handler(self, type_: str) -> _Entry | None:
        return next((e for e in self.by_type.get(type_, ()) if e.is_handler), None)

    def _remove(self, type_: str, entry: _Entry) -> None:
        entry.removed = True  # also for a call that is under way
        left = [e for e in self.by_type[type_] if e is not entry]
        if left:
            self.by_type[type_] = left
        else:
            del self.by_type[type_]


class EventTarget(NamedAttributes):
    """Something that has listeners."""

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners

    def add_event_listener(self, type: str | Iterable[str], listener: Listener) -> None:
        """Call `listener` for every event of this type, or of each of these types, as
        `addEventListener`.

        "open" is called when a connection opens, "error" with the `SSEError` when one fails or
        ends; like in the standard, events that the server names so arrive there too. A listener
        may take the event or nothing, may be async, and is called once however often it is added.
        One that is added while an event is told hears of the next; one that is removed then is not
        called any more. What it raises, the driver raises.

        Raises:
            TypeError: the listener cannot be called, or a type is no text.
        """
        _check_callable("a listener", listener)
        for name in texts("type", type):
            self._listeners.add(name, listener)

    def remove_event_listener(self, type: str | Iterable[str], listener: Listener) -> None:
        """The listener is not called any more; unknown ones are ignored, and handlers such as
        `on_message` stay."""
        for name in texts("type", type):
            self._listeners.remove(name, listener)

    @property
    def on_open(self) -> Listener | None:
        """Called when a connection opens."""
        return self._listeners.handler("open")

    @on_open.setter
    def on_open(self, handler: Listener | None) -> None:
        self._listeners.handle("open", handler)

    @property
    def on_message(self) -> Listener | None:
        """Called for events of type "message": those the server gave no type."""
        return self._listeners.handler("message")

    @on_message.setter
    def on_message(self, handler: Listener | None) -> None:
        self._listeners.handle("message", handler)

    @property
    def on_error(self) -> Listener | None:
        """Called with the error when a connection fails or ends; `ready_state` then tells
        whether another attempt follows (CONNECTING) or none (CLOSED)."""
        return self._listeners.handler("error")

    @on_error.setter
    def on_error(self, handler: Listener | None) -> None:
        self._listeners.handle("error", handler)


def _check_callable(what: str, listener: object) -> None:
    if not callable(listener):
        raise TypeError(f"{what} must be callable, not {type(listener).__name__}")
