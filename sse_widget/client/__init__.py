"""One event stream over HTTP: connect, read, reconnect, resume.

It must never know of tables, files or notebooks.
"""

from .connect_limiter import ConnectLimiter
from .driver import make_client
from .event_source import EventSource
from .options import SourceKeywords, SourceOptions, signature_of, unknown_option
from .request import check_url
from .resumption import ReplayDetector
from .retry import RetryPolicy

__all__ = [
    "ConnectLimiter",
    "EventSource",
    "ReplayDetector",
    "RetryPolicy",
    "SourceKeywords",
    "SourceOptions",
    "check_url",
    "make_client",
    "signature_of",
    "unknown_option",
]
