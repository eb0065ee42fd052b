"""Threads and time: the background event loop that serves all streams, pacing, and observers.

It must never know what a stream, an event or a notebook is.
"""

from .loop import call, call_within, is_loop_thread, run, run_in_thread
from .observers import ObserverThread
from .pacing import Flow, ReadPacer, contention, pace
from .shared_event import SharedEvent

__all__ = [
    "Flow",
    "ObserverThread",
    "ReadPacer",
    "SharedEvent",
    "call",
    "call_within",
    "contention",
    "is_loop_thread",
    "pace",
    "run",
    "run_in_thread",
]
