"""Live Server-Sent Events in a notebook: a log you can filter, and a rolling pandas DataFrame."""

from ._version import __version__
from .capture import SSECapture
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
from .events import Event, EventBatch, Gap, Reason, Stats, Status
from .filters import EventFilter
from .protocol import EventStreamParser
from .storage import Capture
from .stream import SSEStream

__all__ = [
    "BadContentType",
    "BadStatus",
    "Capture",
    "CaptureDamaged",
    "CaptureError",
    "CaptureNotWritten",
    "CaptureTaken",
    "CaptureTooNew",
    "ConnectionFailed",
    "Event",
    "EventBatch",
    "EventFilter",
    "EventSource",
    "EventStreamParser",
    "EventTooLarge",
    "Gap",
    "IdleTimeout",
    "InvalidFilter",
    "InvalidURL",
    "Reason",
    "RetryPolicy",
    "SSECapture",
    "SSEError",
    "SSEStream",
    "Stats",
    "Status",
    "TooManyRedirects",
    "__version__",
]
