"""RetryPolicy: what to do when a connection ended. Pure: an outcome in, Retry or Stop out.

It never waits, never connects and keeps no state: `source` counts the attempts and does what the
policy says. Imports `errors` only.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from ..errors import BadStatus, ConnectionFailed, IdleTimeout, SSEError

__all__ = ["Retry", "RetryPolicy", "Stop"]

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Retry:
    """Connect again after this many seconds."""

    after: float


@dataclass(frozen=True, slots=True)
class Stop:
    """The stream is over for good; `error` says why, None where it just ended."""

    reason: str
    error: SSEError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to connect again, and after how long.

    The delay before attempt n after a healthy connection is
    `base * multiplier ** (n - 1)`, less up to `jitter` of itself at random, kept within `minimum`
    and `maximum`; `base` is the server's `retry:` where it sent one, else `initial`. A
    `Retry-After` of the server (up to an hour) is waited for even past `maximum`.

    Args:
        initial: seconds before the first attempt.
        multiplier: growth from attempt to attempt, at least 1.
        maximum: seconds, the longest delay.
        jitter: 0 to 1: the part of a delay that is left to chance, so that a thousand clients of
            a restarted server do not all come back in the same second.
        reset_after: seconds a connection stays open before it counts as healthy; one that
            delivered an event counts at once.
        minimum: seconds, the shortest delay, whatever the server asks for.
        statuses: the HTTP statuses that are worth another attempt; any other is final.
        attempts: how many attempts may fail in a row; None for no limit.
    """

    initial: float = 1.0
    multiplier: float = 2.0
    maximum: float = 60.0
    jitter: float = 0.5
    reset_after: float = 60.0
    minimum: float = 0.1
    statuses: frozenset[int] = frozenset({408, 425, 429, 500, 502, 503, 504})
    attempts: int | None = None

    def __post_init__(self) -> None:
        for name in ("initial", "multiplier", "maximum", "jitter", "reset_after", "minimum"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
                raise TypeError(f"{name} must be a number of seconds, not {value!r}")
            if value < 0:
                raise ValueError(f"{name} must not be negative: {value}")
            if value == math.inf and name not in ("maximum", "reset_after"):
                raise ValueError(f"{name} must be finite")
        if self.multiplier < 1:
            raise ValueError(f"multiplier must be at least 1, not {self.multiplier}")
        if self.jitter > 1:
            raise ValueError(f"jitter must be between 0 and 1, not {self.jitter}")
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is more than maximum {self.maximum}")
        if self.attempts is not None and self.attempts < 1:
            raise ValueError(f"attempts must be at least 1 or None, not {self.attempts}")
        object.__setattr__(self, "statuses", frozenset(self.statuses))

    @classmethod
    def whatwg(cls, initial: float = 3.0) -> Self:
        """The letter of the standard: a flat delay, no jitter, no clamp, and any status but 200
        is final (WHATWG HTML 9.2.3)."""
        return cls(
            initial=initial,
            multiplier=1.0,
            maximum=math.inf,
            jitter=0.0,
            minimum=0.0,
            statuses=frozenset(),
        )

    def decide(
        self,
        error: SSEError | None,
        *,
        attempt: int,
        reconnection_time: int | None = None,
        chance: Callable[[], float] = random.random,
    ) -> Retry | Stop:
        """What to do after `error`, or after a clean end of the stream where it is None.

        Args:
            attempt: how many connections ended in a row without a healthy one, this one included.
            reconnection_time: the server's `retry:` in milliseconds.
            chance: gives a number from 0 to 1.
        """
        wait = 0.0
        if isinstance(error, BadStatus):
            if error.status == 204:
                return Stop("the server answered 204 No Content: the stream is over")
            if error.status not in self.statuses:
                return Stop(f"the server answered {error.status}", error)
            wait = min(error.retry_after or 0.0, _HOUR)
        elif error is not None and not isinstance(error, ConnectionFailed | IdleTimeout):
            return Stop("connecting again would not help", error)
        if self.attempts is not None and attempt >= self.attempts:
            times = "attempt" if attempt == 1 else "attempts"
            return Stop(f"gave up after {attempt} {times} (attempts={self.attempts})", error)
        return Retry(max(self.delay(attempt, reconnection_time, chance), wait))

    def delay(
        self,
        attempt: int,
        reconnection_time: int | None = None,
        chance: Callable[[], float] = random.random,
    ) -> float:
        """Seconds to wait before this attempt (1 for the first after a healthy connection)."""
        base = self.initial if reconnection_time is None else reconnection_time / 1000
        try:
            grown = base * self.multiplier ** (attempt - 1)
        except OverflowError:
            grown = math.inf if base else 0.0
        delay = min(grown, self.maximum)
        delay *= 1 - self.jitter * chance()
        return min(max(delay, self.minimum), self.maximum)
