"""What is not the same on every system: the kind of event loop, the clock that stops in sleep, and waits
that Ctrl-C ends.

The branches for Windows are read from its documentation and tested with the platform imitated: there was no
Windows to run them on. macOS needs none here: its selector and its monotonic clock do what those of Linux do.
"""

from __future__ import annotations

import asyncio
import ctypes
import sys
import time
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

# Seconds after which a wait on Windows lets Python see that Ctrl-C was pressed.
_LOOK_S = 0.1


def new_event_loop() -> asyncio.AbstractEventLoop:
    """An event loop that can serve thousands of connections.

    Not the one of asyncio's policy: on Windows ipykernel sets that to the selector loop, for tornado,
    and select() takes 512 sockets there; the next one ends the loop, and with it all streams.
    """
    proactor: Any = getattr(asyncio, "ProactorEventLoop", None)
    if sys.platform == "win32" and proactor is not None:
        loop: asyncio.AbstractEventLoop = proactor()
        return loop
    return asyncio.new_event_loop()


def usual_read() -> int:
    """The most bytes that a transport which does not say reads at once."""
    # asyncio's own numbers: of the proactor's pipes on Windows, and of the selector's sockets.
    return 2**16 if sys.platform == "win32" else 2**18


def awake_time() -> float:
    """Seconds that pass only while the computer is awake, from no particular time on.

    `time.monotonic` is that on Linux and macOS; on Windows it goes on in sleep, and the system's
    unbiased interrupt time (steps of 100 ns) does not.
    """
    if sys.platform == "win32":
        ticks = ctypes.c_ulonglong()
        windll: Any = ctypes.windll
        if windll.kernel32.QueryUnbiasedInterruptTime(ctypes.byref(ticks)):
            return ticks.value / 1e7
    return time.monotonic()


def wait_for(future: Future[T]) -> T:
    """The result of a future, once it is there.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed meanwhile. On Windows nothing interrupts a wait for a
            lock, so that waits in steps.
    """
    while sys.platform == "win32":
        try:
            return future.result(_LOOK_S)
        except TimeoutError:
            if future.done():  # with a TimeoutError of its own
                break
    return future.result()
