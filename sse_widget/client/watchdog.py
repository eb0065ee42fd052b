"""SilenceWatch: notices what a silent connection means.

Every few seconds it asks: is the stream quiet, is it to be given up, did the computer sleep? It
ends the driver's wait with a reason and never touches the connection itself. Imports `errors` and
`interrupt`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ..errors import ConnectionFailed, IdleTimeout
from .interrupt import Interrupt

__all__ = ["IdleWatchdog", "SystemSuspended"]

QUIET_AFTER = 30.0
SLEPT = 30.0
INTERVAL_S = 5.0


class SystemSuspended(ConnectionFailed):
    """The connection is given up because the computer slept."""


class IdleWatchdog:
    """Watches one source.

    Args:
        interrupt: how the driver's wait is ended.
        idle_timeout: seconds without a byte after which it is ended; None for never.
        quiet: called after 30 s without a byte.
        url: for the errors, masked.
    """

    def __init__(
        self,
        interrupt: Interrupt,
        *,
        idle_timeout: float | None,
        quiet: Callable[[], None],
        url: str,
    ) -> None:
        self._interrupt = interrupt
        self._idle = idle_timeout
        self._quiet = quiet
        self._url = url
        self._timer: asyncio.TimerHandle | None = None
        self._heard = self._beat = self._wall = 0.0

    def start(self) -> None:
        """A connection is asked for."""
        self._heard = self._beat = time.monotonic()
        self._wall = time.time()
        self._schedule(0.0)

    def stop(self) -> None:
        """It is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def heard(self) -> None:
        """A byte came; any byte counts, comments too."""
        self._heard = time.monotonic()

    def _schedule(self, silent: float) -> None:
        limits = (QUIET_AFTER, self._idle)
        due = min([INTERVAL_S, *(d - silent for d in limits if d is not None and d > silent)])
        self._timer = asyncio.get_running_loop().call_later(due, self._look)

    def _look(self) -> None:
        now, wall = time.monotonic(), time.time()
        # On Linux the monotonic clock stops in sleep, and timers with it: the wall clock tells.
        slept = (wall - self._wall) - (now - self._beat)
        self._wall, self._beat = wall, now
        if not self._interrupt.waiting:
            self._heard = now  # nobody reads at the moment: the silence is ours, not the server's
        silent = now - self._heard
        if slept > SLEPT:
            # The peer has most likely given us up; TCP would take minutes to notice.
            self._interrupt.fire(
                SystemSuspended(f"the computer slept for {slept:.0f} s", url=self._url)
            )
        elif self._idle is not None and silent >= self._idle:
            self._interrupt.fire(
                IdleTimeout(
                    f"no byte came for {silent:.3g} s (idle_timeout={self._idle:g})",
                    url=self._url,
                    hint="Raise idle_timeout where the stream may be silent that long.",
                )
            )
        elif silent >= QUIET_AFTER:
            self._quiet()
        self._schedule(silent)
