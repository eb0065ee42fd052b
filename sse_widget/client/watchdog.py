"""The watchdog of a silent connection: is it quiet, is it to be given up, did the computer sleep?

It asks every few seconds, ends the driver's wait with a reason, and never touches the connection itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import ConnectionFailed, IdleTimeout
from ..runtime import awake_time, look_at
from .cancel_scope import Interrupt
from .hint_facts import speech

QUIET_AFTER = 30.0
# Seconds after which a server that has not answered is told of, and after which it is asked anew.
UNANSWERED_AFTER = 10.0
ANSWER_TIMEOUT = 30.0
SLEPT = 30.0
INTERVAL_S = 5.0


class SystemSuspended(ConnectionFailed):
    """The connection is given up because the computer slept."""


class IdleWatchdog:
    """Watches one source.

    Args:
        interrupt: how the driver's wait is ended.
        idle_timeout: seconds without a byte after which it is ended; None for never.
        asks_again: whether an attempt without an answer is ended after 30 s, where there is no
            `idle_timeout`: another one follows.
        quiet: called after 30 s without a byte of an open stream.
        unanswered: called after 10 s of an attempt, with whether the request was sent.
        through: tells what the request goes through, such as " through the proxy http://p:3128".
        url: for the errors, masked.
    """

    def __init__(
        self,
        interrupt: Interrupt,
        *,
        idle_timeout: float | None,
        asks_again: bool,
        quiet: Callable[[], None],
        unanswered: Callable[[bool], None],
        through: Callable[[], str],
        url: str,
    ) -> None:
        self._interrupt = interrupt
        self._idle = idle_timeout
        self._asks_again = asks_again
        self._quiet = quiet
        self._unanswered = unanswered
        self._through = through
        self._connecting = self._sent = False
        self._url = url
        self._timer: asyncio.TimerHandle | None = None
        self._heard = self._awake = self._wall = 0.0
        self._paused = False

    def start(self) -> None:
        """An attempt begins: a token may be fetched first, or a turn waited for."""
        self._connecting, self._sent = True, False
        self._heard = time.monotonic()
        self._awake, self._wall = awake_time(), time.time()
        self._schedule(0.0)

    def stop(self) -> None:
        """It is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def sent(self) -> None:
        """The request goes out: from here on the server is waited for."""
        self._sent = True
        self._heard = time.monotonic()

    def answered(self) -> None:
        """The connection is open."""
        self._connecting = False
        self._heard = time.monotonic()

    def heard(self) -> None:
        """A byte came; any byte counts, comments too."""
        self._heard = time.monotonic()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The driver waits for something else than bytes."""
        self._paused = True
        try:
            yield
        finally:
            self._paused = False
            self.heard()

    def _schedule(self, silent: float) -> None:
        limits = (QUIET_AFTER, UNANSWERED_AFTER, ANSWER_TIMEOUT, self._idle)
        due = min([INTERVAL_S, *(d - silent for d in limits if d is not None and d > silent)])
        loop = asyncio.get_running_loop()
        at = look_at(loop.time(), due) if due == INTERVAL_S else loop.time() + due
        self._timer = loop.call_at(at, self._look)

    def _look(self) -> None:
        now, awake, wall = time.monotonic(), awake_time(), time.time()
        # The clock of what is awake stops in sleep, the wall clock goes on.
        slept = (wall - self._wall) - (awake - self._awake)
        self._wall, self._awake = wall, awake
        if self._paused or not self._interrupt.waiting:
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
        elif not self._connecting:
            if silent >= QUIET_AFTER:
                self._quiet()
        elif self._sent and self._asks_again and self._idle is None and silent >= ANSWER_TIMEOUT:
            self._interrupt.fire(
                ConnectionFailed(
                    f"no answer for {silent:.3g} s{self._through()}",
                    url=self._url,
                    hint=f"Check the host and port, and a firewall between. {speech().slow}".strip(),
                )
            )
        elif silent >= UNANSWERED_AFTER:
            self._unanswered(self._sent)
        self._schedule(silent)
