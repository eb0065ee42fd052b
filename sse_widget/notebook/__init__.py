"""The kernel's side of a page: which host runs us, messages, and what stays in a saved notebook.

It must never know of connections or files.
"""

from .assets import log_script
from .cells import CELLS
from .channel import Channel
from .host import after_this_cell, head_start, session_liveness
from .messages import CaptureMessage, Described, StatsMessage
from .page_link import PageLink
from .snapshot import render
from .snapshot_writer import SnapshotWriter
from .synced_widget import SyncedWidget
from .wire import CUT_BYTES, NAME_CHARS, Buffer, Message

__all__ = [
    "CELLS",
    "CUT_BYTES",
    "NAME_CHARS",
    "Buffer",
    "CaptureMessage",
    "Channel",
    "Described",
    "Message",
    "PageLink",
    "SnapshotWriter",
    "StatsMessage",
    "SyncedWidget",
    "after_this_cell",
    "head_start",
    "log_script",
    "render",
    "session_liveness",
]
