"""`SSECapture`: many streams as a widget.

Only the command line imports it.
"""

from .captured_stream import CapturedStream
from .files import Found, HistorySearch
from .widget import SSECapture

__all__ = ["CapturedStream", "Found", "HistorySearch", "SSECapture"]
