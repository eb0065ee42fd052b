"""A clock that cannot be set: seconds since this machine was started, and which start that was.

What a wall clock says may be wrong by days, and put right later. Two readings of this one tell how much time
has passed between them, also in two processes, as long as the machine runs; the readings of two starts
tell nothing. Where the system does not say which start it was (other than Linux), each process counts as one.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import time
from pathlib import Path
from typing import NamedTuple

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Reading(NamedTuple):
    """
    Attributes:
        start: names the start of the machine; it tells nothing else of it.
        seconds: since then, time asleep included where the system counts it.
    """

    start: str
    seconds: float

    def since(self, earlier: Reading | None) -> float | None:
        """Seconds that have passed since an earlier reading; None where that cannot be told."""
        if earlier is None or earlier.start != self.start:
            return None
        return max(self.seconds - earlier.seconds, 0.0)


def system_start() -> tuple[str, int | None]:
    clock: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    with contextlib.suppress(OSError):
        if clock is not None:
            named = BOOT_ID.read_text("ascii").strip()
            return hashlib.sha256(f"sse-widget {named}".encode()).hexdigest()[:16], clock
    return secrets.token_hex(8), None


_STARTED, _CLOCK = system_start()


def read() -> Reading:
    """What it says now."""
    seconds = time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)
    return Reading(_STARTED, round(seconds, 3))
