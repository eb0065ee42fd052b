"""`SSEStream`: one stream as a widget.

It must never know of fleets of streams.
"""

from .page import NOT_BUILT, built
from .widget import SSEStream, split_traits

__all__ = ["NOT_BUILT", "SSEStream", "built", "split_traits"]
