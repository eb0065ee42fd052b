"""Arrow and pandas: the rolling window of events, and the tables made of it. No I/O.

It must never know of connections, files or the page.
"""

from .arrays import datetimes, microseconds, numbers, repeated, strings, texts
from .checked_rows import believed
from .dataframe import as_event_frame, to_dataframe
from .durations import seconds_of, seconds_of_text
from .gap_log import GapLog
from .iso_time import utc_time
from .latest import LatestRows
from .live_columns import LiveColumns, columns_of
from .tally import OTHER_TYPES, Tally
from .text_deltas import JoinedText
from .window import SCHEMA, RollingWindow, Snapshot

__all__ = [
    "OTHER_TYPES",
    "SCHEMA",
    "GapLog",
    "JoinedText",
    "LatestRows",
    "LiveColumns",
    "RollingWindow",
    "Snapshot",
    "Tally",
    "as_event_frame",
    "believed",
    "columns_of",
    "datetimes",
    "microseconds",
    "numbers",
    "repeated",
    "seconds_of",
    "seconds_of_text",
    "strings",
    "texts",
    "to_dataframe",
    "utc_time",
]
