"""`SSECapture`: many streams as a widget.

Only the command line imports it.
"""

from .captured_stream import CapturedStream
from .widget import SSECapture

__all__ = ["CapturedStream", "SSECapture"]
