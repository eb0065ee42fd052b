"""`SSEStream`: one stream as a widget.

It must never know of fleets of streams.
"""

from .arguments import split_traits
from .widget import SSEStream

__all__ = ["SSEStream", "split_traits"]
