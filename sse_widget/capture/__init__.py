"""`SSECapture`: many streams as a widget.

Only the command line imports it.
"""

from .widget import SSECapture

__all__ = ["SSECapture"]
