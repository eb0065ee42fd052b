"""`RetryPolicy`: what to do when a connection ended. Pure: an outcome in, Retry or Stop out.

It never waits, never connects and keeps no state: `driver` counts the attempts and does what the policy
says.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self

from ..basics import CHANCE, unchangeable
from ..checks import number, whole_number, wrong_type
from ..errors import BadStatus, ConnectionFailed, IdleTimeout, SSEError
from ..events import Reason

# Seconds. The longest wait, whoever asks for it: a server's slip of three zeros is no end.
_LONGEST = 3600.0
# Seconds. A wait that is shorter explains itself.
_LONG = 10.0
# An error of a server is worth another attempt (CDNs answer with codes of their own, such as 522
# and 529), but for those that no time mends: 501 Not Implemented, 505 HTTP Version Not Supported,
# 511 Network Authentication Required. 408, 425 and 429 ask to come again.
_PASSING = frozenset({408, 425, 429, *range(500, 600)} - {501, 505, 511})


@dataclass(frozen=True, slots=True)
class Retry:
    """Connect again after this many seconds; `why` says in a sentence why these are many, else ""."""

    after: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """The stream is over for good; `error` is what went wrong, None where it just ended."""

    reason: Reason
    error: SSEError | None = None


@unchangeable
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RetryPolicy:
    """When to connect again, and after how long.

    The delay before attempt n after a healthy connection is `initial * multiplier ** (n - 1)`, at
    most `maximum`, less up to `jitter` of itself at random, and at least `minimum`.

    What the server asks for is never undercut. Its `retry:` takes the place of `initial`, and is
    waited for even where it is more than `maximum`; jitter is added to it then, not taken away. Its
    `Retry-After` is waited for too. No wait is longer than an hour.

    Args:
        initial: seconds before the first attempt.
        multiplier: growth from attempt to attempt, at least 1.
        maximum: seconds, up to which the delay grows.
        jitter: 0 to 1: the part of a delay that is left to chance, so that a thousand clients of
            a restarted server do not all come back in the same second.
        reset_after: seconds a connection stays open before it counts as healthy; one that
            delivered an event counts at once.
        minimum: seconds, the shortest delay, whatever the server asks for.
        statuses: the HTTP statuses that are worth another attempt; any other is final. Default:
            408, 425, 429, and 500 to 599 but 501, 505 and 511.
        attempts: the stream gives up when so many connections in a row have failed or ended; the first
            of them may be a healthy one, so with 1 it never connects again. None for no limit.

    Raises:
        TypeError, ValueError: an argument that cannot be, by name.
    """

    initial: float = 1.0
    multiplier: float = 2.0
    maximum: float = 60.0
    jitter: float = 0.5
    reset_after: float = 60.0
    minimum: float = 0.1
    statuses: frozenset[int] = _PASSING
    attempts: int | None = None

    def __post_init__(self) -> None:
        for name in ("initial", "multiplier", "maximum", "jitter", "reset_after", "minimum"):
            wanted = "a number" if name in ("multiplier", "jitter") else "a number of seconds"
            value = number(name, getattr(self, name), wanted)
            if math.isnan(value):
                raise TypeError(f"{name} must be {wanted}, not NaN")
            if value < 0:
                raise ValueError(f"{name} must not be negative: {value:g}")
            if value == math.inf and name not in ("maximum", "reset_after"):
                raise ValueError(f"{name} must be finite")
            object.__setattr__(self, name, value)
        if self.multiplier < 1:
            raise ValueError(f"multiplier must be at least 1, not {self.multiplier}")
        if self.jitter > 1:
            raise ValueError(f"jitter must be between 0 and 1, not {self.jitter}")
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is more than maximum {self.maximum}")
        for name in ("initial", "minimum"):
            if getattr(self, name) > _LONGEST:
                raise ValueError(f"{name} must be at most an hour, not {getattr(self, name):g} s")
        if self.attempts is not None:
            attempts = whole_number("attempts", self.attempts, "a whole number or None", at_least=1)
            object.__setattr__(self, "attempts", attempts)
        object.__setattr__(self, "statuses", _statuses(self.statuses))

    def __repr__(self) -> str:
        said = []
        for f in fields(self):
            value = getattr(self, f.name)
            if value == f.default:
                continue
            shown = tuple(sorted(value)) if f.name == "statuses" else f"{value:g}"
            said.append(f"{f.name}={shown}")
        return f"RetryPolicy({', '.join(said)})"

    @classmethod
    def whatwg(cls, initial: float = 3.0) -> Self:
        """The letter of the standard: a flat delay of `initial` seconds, or of what the server
        asks for (an hour at most), no jitter, and any status but 200 is final (WHATWG HTML 9.2.3).
        """
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
        chance: Callable[[], float] = CHANCE.random,
    ) -> Retry | Stop:
        """What to do after `error`, or after a clean end of the stream where it is None.

        Args:
            attempt: how many connections ended in a row without a healthy one, this one included.
            reconnection_time: the server's `retry:` in milliseconds.
            chance: gives a number from 0 to 1.
        """
        asked = 0.0
        if isinstance(error, BadStatus):
            if error.status == 204:
                return Stop(Reason.NO_CONTENT)
            if error.status not in self.statuses:
                return Stop(Reason.FAILED, error)
            asked = error.retry_after or 0.0
        elif error is not None and not isinstance(error, ConnectionFailed | IdleTimeout):
            return Stop(Reason.FAILED, error)
        if self.attempts is not None and attempt >= self.attempts:
            return Stop(Reason.GAVE_UP, error)
        delay = self.delay(attempt, reconnection_time, chance)
        wait = max(delay, min(asked, _LONGEST))
        return Retry(wait, self._why(delay, asked, attempt, reconnection_time))

    def delay(
        self,
        attempt: int,
        reconnection_time: int | None = None,
        chance: Callable[[], float] = CHANCE.random,
    ) -> float:
        """Seconds to wait before this attempt (1 for the first after a healthy connection)."""
        if reconnection_time is None:
            delay = min(self._grown(self.initial, attempt), self.maximum)
            delay *= 1 - self.jitter * chance()
            longest = self.maximum
        else:
            asked = min(reconnection_time / 1000, _LONGEST)
            later = 1 + self.jitter * chance()
            delay = max(min(self._grown(asked, attempt), self.maximum), asked) * later
            longest = max(self.maximum, asked * later)
        return min(max(delay, self.minimum), longest, _LONGEST)

    def _grown(self, base: float, attempt: int) -> float:
        try:
            return base * self.multiplier ** (attempt - 1)
        except OverflowError:
            return math.inf if base else 0.0

    def _why(self, delay: float, asked: float, attempt: int, reconnection_time: int | None) -> str:
        if max(delay, asked) < _LONG:
            return ""
        if asked >= delay:
            return f"The server asks to wait {_span(asked)} (Retry-After){_most(asked)}."
        base = self.initial if reconnection_time is None else reconnection_time / 1000
        if reconnection_time is not None and base >= _LONG:
            return f"The server asks for {_span(base)} before each attempt (retry:){_most(base)}."
        if attempt == 1:
            return f"RetryPolicy(initial=, minimum=) asks for {_span(delay)}."
        return f"{attempt:,} attempts failed in a row, and the wait grows with each."


def _statuses(value: object) -> frozenset[int]:
    if value is _PASSING:
        return _PASSING
    wanted = "HTTP statuses, such as {429, 503}"
    try:
        found = frozenset(value)  # type: ignore[call-overload]
    except TypeError:
        raise wrong_type("statuses", wanted, value) from None
    whole = {whole_number("statuses", status, wanted) for status in found}
    if any(not 300 <= status <= 999 for status in whole):
        raise ValueError(f"statuses must be {wanted}: from 300 to 999")
    return frozenset(whole)


def _most(asked: float) -> str:
    return ", of which an hour is waited" if asked > _LONGEST else ""


def _span(seconds: float) -> str:
    """A length of time as people say it: "45 s", "5 min", "2.5 h"."""
    for size, unit in ((86_400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size or seconds == size:
            return (
                f"{seconds / size:,.3g} {unit}"
                if seconds < 1000 * size
                else f"{seconds / size:,.0f} {unit}"
            )
    return f"{seconds:.3g} s"
