"""A filter as users may give it: an EventFilter, or the event types that pass.

It brings an argument into form and decides about no event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..checks import wrong_type
from .event_filter import EventFilter

_EVERYTHING = EventFilter()  # it never changes
_WANTED = 'an EventFilter, or event types such as {"trade", "quote"}'


def filter_of(name: str, value: object) -> EventFilter:
    """The filter that is meant: a set or list of texts names event types, None lets all through.

    Raises:
        TypeError: it is neither. One text is refused: it could be a type, or text in the data.
        InvalidFilter: a name that no event type can have.
    """
    if value is None:
        return _EVERYTHING
    if isinstance(value, EventFilter):
        return value
    if isinstance(value, str):
        raise TypeError(
            f"{name} must be an EventFilter: EventFilter(text={value!r}) for text in the data, "
            f"{{{value!r}}} for an event type"
        )
    if isinstance(value, bytes | bytearray | Mapping) or not isinstance(value, Iterable):
        raise wrong_type(name, _WANTED, value)
    types = list(value)
    for one in types:
        if not isinstance(one, str):
            raise wrong_type(f"each type of {name}", "text", one)
    return EventFilter(types=types)
