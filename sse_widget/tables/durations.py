"""Lengths of time as people write them: "90s", "1h30min", a timedelta, a number of seconds.

This is the one grammar of them: for intervals, for `last=`, for how long a capture is kept, and for the
command line.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta

from ..checks import number

# As pandas names them, and weeks.
_UNITS = {
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86_400.0),
    **dict.fromkeys(("d", "day", "days"), 86_400.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3_600.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "milli", "millis", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "\u00b5s", "micro", "micros", "microsecond", "microseconds"), 1e-6),
}
_ONE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z\u00b5]+)\s*")


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
        seconds = seconds_of_text(interval)
        if math.isnan(seconds):
            seconds = _read_by_pandas(interval)
    elif isinstance(interval, timedelta):
        seconds = interval.total_seconds()
    else:
        seconds = number("an interval", interval, '"5s" or a number of seconds')
    if not 0 < seconds < math.inf:
        raise ValueError('an interval is like "500ms", "5s", "1min" or "2h", and above 0')
    return seconds


def seconds_of_text(text: str) -> float:
    """Numbers with units, one after the other, such as "7d" and "1h 30min"; NaN where it is none."""
    total, at = 0.0, 0
    while at < len(text):
        one = _ONE.match(text, at)
        if one is None or one[2] not in _UNITS:
            return math.nan
        total += float(one[1]) * _UNITS[one[2]]
        at = one.end()
    return total if text else math.nan


def _read_by_pandas(text: str) -> float:
    import pandas as pd

    # A number alone would be nanoseconds, which nobody means.
    if not any(char.isalpha() or char == ":" for char in text):
        return math.nan
    try:
        return float(pd.Timedelta(text).total_seconds())
    except ValueError:
        return math.nan
