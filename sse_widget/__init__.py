"""Live Server-Sent Events in a notebook: a log you can filter, and a rolling pandas DataFrame."""

from typing import TYPE_CHECKING

from ._version import __version__
from .basics import Memory, late_names
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
__getattr__, __dir__ = late_names(__name__, _LATER)
