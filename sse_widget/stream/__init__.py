"""`SSEStream`: one stream as a widget.

It must never know of fleets of streams.
"""

from .widget import SSEStream

__all__ = ["SSEStream"]
