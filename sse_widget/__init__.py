"""Live Server-Sent Events in a notebook: a log you can filter, and a rolling pandas DataFrame."""

from ._version import __version__
from .capture import SSECapture
from .capture_options import Capture
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
from .events import Event, EventBatch, Gap, Stats, Status
from .filters import EventFilter
from .parser import EventStreamParser
from .retry import RetryPolicy
from .source import EventSource
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
    "RetryPolicy",
    "SSECapture",
    "SSEError",
    "SSEStream",
    "Stats",
    "Status",
    "TooManyRedirects",
    "__version__",
]
