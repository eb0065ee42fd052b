"""One event stream over HTTP: connect, read, reconnect, resume.

It must never know of tables, files or notebooks.
"""

from .event_source import EventSource
from .retry import RetryPolicy

__all__ = ["EventSource", "RetryPolicy"]
