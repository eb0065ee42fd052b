"""Many sources on one event loop, written into one capture. No widget.

It must never know of the page.
"""

from .engine import Engine

__all__ = ["Engine"]
