"""Traits of SSEStream: a filter; a filter and pinned rows in their form on the wire; and a value that its owner holds.

They say what a value may be. When they change, and what follows, is decided by the widget and its page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import traitlets
from traitlets import Dict, Instance

from ..errors import InvalidFilter, message_of
from ..filters import EventFilter, filter_of
from ..notebook import Message

if TYPE_CHECKING:
    _Trait = traitlets.TraitType[Any, Any]
else:  # before traitlets 5.10 it takes no parameters when it runs
    _Trait = traitlets.TraitType


_UNFILTERED = EventFilter().to_wire()


class LiveTrait(_Trait):
    """A trait that is read where it lives, so that it is never late, and is observable: the
    stream notifies when it changed. It cannot be set."""

    def __init__(self, read: Callable[[Any], object], help: str) -> None:
        super().__init__(help=help, read_only=True)
        self._read = read

    def get(self, obj: object, cls: object = None) -> object:
        return self._read(obj)


class FilterTrait(Instance):  # type: ignore[type-arg]
    """An EventFilter; a set or list of texts is its types, and None lets everything through."""

    def validate(self, obj: object, value: object) -> EventFilter:
        try:
            found = super().validate(obj, filter_of("filter", value))
        except TypeError as e:
            raise traitlets.TraitError(str(e)) from None
        assert isinstance(found, EventFilter)
        return found


class FilterWireTrait(Dict):
    """A filter as it travels, with its revision and who wrote it: nothing else reaches other pages."""

    def validate(self, obj: object, value: object) -> Message:
        wire = super().validate(obj, value)
        assert wire is not None
        try:
            if (told := without_revision(wire)) != _UNFILTERED:
                EventFilter.from_wire(told)
        except (InvalidFilter, TypeError, ValueError, OverflowError, RecursionError) as e:
            raise traitlets.TraitError(message_of(e)) from None
        if not isinstance(wire.get("rev"), int) or not isinstance(wire.get("by"), str):
            raise traitlets.TraitError("a filter has a revision and an author")
        return wire


class PinsTrait(Dict):
    """The rows that are pinned on the pages, as copies of their events: nothing else reaches other pages."""

    _MOST = 8
    _ROW = (
        ("seq", int),
        ("at", (int, float, type(None))),
        ("type", str),
        ("id", str),
        ("data", str),
        ("size", int),
        ("cut", bool),
    )

    def validate(self, obj: object, value: object) -> Message:
        pins = super().validate(obj, value)
        assert pins is not None
        rows = pins.get("rows")
        if pins.keys() != {"rows", "by"} or not isinstance(pins["by"], str):
            raise traitlets.TraitError("pinned rows have an author")
        if not isinstance(rows, list) or len(rows) > self._MOST or not all(map(self._is_row, rows)):
            raise traitlets.TraitError("these are no pinned rows")
        return pins

    def _is_row(self, row: object) -> bool:
        return (
            isinstance(row, dict)
            and len(row) == len(self._ROW)
            and all(isinstance(row.get(name, self), kind) for name, kind in self._ROW)
        )


def without_revision(wire: Message) -> Message:
    """The filter alone, of one that travels."""
    return {k: v for k, v in wire.items() if k not in ("rev", "by")}
