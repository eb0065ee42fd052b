"""Streams as files, and files played again as streams.

It must never know of widgets.
"""

from .export import arrow_table, save
from .player import Player
from .recording import Recording
from .server import CaptureServer

__all__ = ["CaptureServer", "Player", "Recording", "arrow_table", "save"]
