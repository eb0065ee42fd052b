"""A capture on disk: written as events come, merged, and read back.

It must never know of connections or the page.
"""

from .checking import CheckReport, check
from .compaction import compact
from .dataset import Dataset
from .footer import Position
from .held_folder import is_somebody_elses, sync_folder
from .options import Capture, capture_of, check_stream_name, span
from .recorder import CaptureState, CaptureStatus, Recorder
from .unbroken_rows import earlier_rows
from .writer import FOLDER_TIME, Writer

__all__ = [
    "FOLDER_TIME",
    "Capture",
    "CaptureState",
    "CaptureStatus",
    "CheckReport",
    "Dataset",
    "Position",
    "Recorder",
    "Writer",
    "capture_of",
    "check",
    "check_stream_name",
    "compact",
    "earlier_rows",
    "is_somebody_elses",
    "span",
    "sync_folder",
]
