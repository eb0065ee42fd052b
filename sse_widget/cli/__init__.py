"""The command `sse-widget`."""

from .main import main

__all__ = ["main"]
