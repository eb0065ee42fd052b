"""Live Server-Sent Events in a notebook: a log you can filter, and a rolling pandas DataFrame."""

from importlib import import_module
from typing import TYPE_CHECKING

from ._version import __version__
from .basics import Memory
from .client import EventSource, RetryPolicy
from .errors import (
    BadContentType,
    BadStatus,
    CaptureDamaged,
    CaptureError,
    CaptureNotWritten,
    CaptureTaken,
    CaptureTooNew,
    ConnectionFailed,
    EventTooLarge,
    IdleTimeout,
    InvalidFilter,
    InvalidURL,
    SSEError,
    TooManyRedirects,
)
from .events import Cause, Event, EventBatch, Gap, Reason, State, Stats, Status
from .protocol import EventStreamParser

if TYPE_CHECKING:
    from .capture import CapturedStream, Found, HistorySearch, SSECapture
    from .filters import EventFilter
    from .fleet import CaptureStats
    from .storage import Capture, CaptureState, CaptureStatus, SearchProgress
    from .stream import SSEStream

__all__ = [
    "BadContentType",
    "BadStatus",
    "Capture",
    "CaptureDamaged",
    "CaptureError",
    "CaptureNotWritten",
    "CaptureState",
    "CaptureStats",
    "CaptureStatus",
    "CaptureTaken",
    "CaptureTooNew",
    "CapturedStream",
    "Cause",
    "ConnectionFailed",
    "Event",
    "EventBatch",
    "EventFilter",
    "EventSource",
    "EventStreamParser",
    "EventTooLarge",
    "Found",
    "Gap",
    "HistorySearch",
    "IdleTimeout",
    "InvalidFilter",
    "InvalidURL",
    "Memory",
    "Reason",
    "RetryPolicy",
    "SSECapture",
    "SSEError",
    "SSEStream",
    "SearchProgress",
    "State",
    "Stats",
    "Status",
    "TooManyRedirects",
    "__version__",
]

# These need numpy, pyarrow and a widget: imported when first asked for, so that a script that reads a
# stream starts sooner, and a browser (Pyodide) can where those are not to be had.
_LATER = {
    "Capture": "storage",
    "CaptureState": "storage",
    "CaptureStats": "fleet",
    "CaptureStatus": "storage",
    "CapturedStream": "capture",
    "EventFilter": "filters",
    "Found": "capture",
    "HistorySearch": "capture",
    "SSECapture": "capture",
    "SSEStream": "stream",
    "SearchProgress": "storage",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_LATER[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
