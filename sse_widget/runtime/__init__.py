"""Threads and time: the background event loop that serves all streams, pacing, and observers.

It must never know what a stream, an event or a notebook is.
"""

from .call_thread import CallThread, Exited, contained
from .loop import (
    LoopEnded,
    Timer,
    call,
    call_within,
    finalize,
    is_loop_thread,
    run,
    run_in_thread,
    serves,
)
from .observers import ObserverThread
from .pacing import Flow, ReadPacer, contention, pace
from .platforms import awake_time, usual_read, wait_for
from .shared_event import SharedEvent
from .threads import quiet_thread

__all__ = [
    "CallThread",
    "Exited",
    "Flow",
    "LoopEnded",
    "ObserverThread",
    "ReadPacer",
    "SharedEvent",
    "Timer",
    "awake_time",
    "call",
    "call_within",
    "contained",
    "contention",
    "finalize",
    "is_loop_thread",
    "pace",
    "quiet_thread",
    "run",
    "run_in_thread",
    "serves",
    "usual_read",
    "wait_for",
]
