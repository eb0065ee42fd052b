"""A span of time as people write it ("5min"), in seconds."""

from __future__ import annotations

import math
from datetime import timedelta

from ..checks import number

__all__ = ["seconds_of"]


def seconds_of(interval: str | float | timedelta) -> float:
    """An interval in seconds.

    Args:
        interval: "500ms", "5s", "5 seconds", "1h30min", whatever a pandas.Timedelta reads with a
            unit; seconds; or a timedelta.

    Raises:
        ValueError: it is none, or none above 0.
        TypeError: of another type.
    """
    seconds = math.nan
    if isinstance(interval, str):
        seconds = _read(interval)
    elif isinstance(interval, timedelta):
        seconds = interval.total_seconds()
    else:
        seconds = number("an interval", interval, '"5s" or a number of seconds')
    if not 0 < seconds < math.inf:
        raise ValueError('an interval is like "500ms", "5s", "1min" or "2h", and above 0')
    return seconds


def _read(text: str) -> float:
    import pandas as pd

    # A number alone would be nanoseconds, which nobody means.
    if not any(char.isalpha() or char == ":" for char in text):
        return math.nan
    try:
        return float(pd.Timedelta(text).total_seconds())
    except ValueError:
        return math.nan
