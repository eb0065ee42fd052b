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
    has_died,
    is_loop_thread,
    run,
    run_in_thread,
    serves,
)
from .observers import ObserverThread
from .pacing import MUCH_BYTES, contention, interval, look_at, pace
from .platforms import awake_time, usual_read, wait_for
from .shared_event import SharedEvent
from .threads import quiet_thread
from .waits import set_within

__all__ = [
    "MUCH_BYTES",
    "CallThread",
    "Exited",
    "LoopEnded",
    "ObserverThread",
    "SharedEvent",
    "Timer",
    "awake_time",
    "call",
    "call_within",
    "contained",
    "contention",
    "finalize",
    "has_died",
    "interval",
    "is_loop_thread",
    "look_at",
    "pace",
    "quiet_thread",
    "run",
    "run_in_thread",
    "serves",
    "set_within",
    "usual_read",
    "wait_for",
]
