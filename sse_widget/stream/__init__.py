"""`SSEStream`: one stream as a widget.

It must never know of fleets of streams.
"""

from .widget import SSEStream, split_traits

__all__ = ["SSEStream", "split_traits"]
