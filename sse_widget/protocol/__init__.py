"""Bytes to events: the `text/event-stream` format of WHATWG HTML 9.2.6, without I/O.

It must never know where the bytes come from.
"""

from .no_event import why_no_event
from .parser import EventStreamParser, Unfinished

__all__ = ["EventStreamParser", "Unfinished", "why_no_event"]
