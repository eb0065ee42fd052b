"""Many sources on one event loop, written into one capture. No widget.

It must never know of the page.
"""

from .engine import Engine, LocalEngine, ignore
from .many_sources import Watcher
from .per_stream import headers_by_name, own_options, told_to
from .shard import Shard, take_over_all
from .stream_table import CaptureStats, StreamReport, StreamRow, StreamTable, WorkerRow
from .stream_urls import named, shown, sorted_out

__all__ = [
    "CaptureStats",
    "Engine",
    "LocalEngine",
    "Shard",
    "StreamReport",
    "StreamRow",
    "StreamTable",
    "Watcher",
    "WorkerRow",
    "headers_by_name",
    "ignore",
    "named",
    "own_options",
    "shown",
    "sorted_out",
    "take_over_all",
    "told_to",
]
