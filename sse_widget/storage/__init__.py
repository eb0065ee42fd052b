"""A capture on disk: written as events come, merged, and read back.

It must never know of connections or the page.
"""

from typing import TYPE_CHECKING

from ..basics import late_names

if TYPE_CHECKING:
    from .checking import check
    from .compaction import compact
    from .contiguous_rows import earlier_rows
    from .dataset import Dataset
    from .footer import NOWHERE, Position
    from .held_folder import is_somebody_elses, sync_folder
    from .options import Capture, capture_of, check_stream_name, span
    from .owned_sequence import OwnedSequence, Superseded, take_over
    from .part_facts import microseconds_of
    from .recorder import CaptureState, CaptureStatus, Recorder
    from .search import Search, SearchProgress
    from .timeline import arrivals, first_after
    from .writer import Writer
else:
    # Imported when first asked for: most streams are not captured, and none is played again.
    __getattr__, __dir__ = late_names(
        __name__,
        {
            "Capture": "options",
            "CaptureState": "recorder",
            "CaptureStatus": "recorder",
            "Dataset": "dataset",
            "NOWHERE": "footer",
            "OwnedSequence": "owned_sequence",
            "Position": "footer",
            "Recorder": "recorder",
            "Search": "search",
            "SearchProgress": "search",
            "Superseded": "owned_sequence",
            "Writer": "writer",
            "arrivals": "timeline",
            "capture_of": "options",
            "check": "checking",
            "check_stream_name": "options",
            "compact": "compaction",
            "earlier_rows": "contiguous_rows",
            "first_after": "timeline",
            "is_somebody_elses": "held_folder",
            "microseconds_of": "part_facts",
            "span": "options",
            "sync_folder": "held_folder",
            "take_over": "owned_sequence",
        },
    )

__all__ = [
    "NOWHERE",
    "Capture",
    "CaptureState",
    "CaptureStatus",
    "Dataset",
    "OwnedSequence",
    "Position",
    "Recorder",
    "Search",
    "SearchProgress",
    "Superseded",
    "Writer",
    "arrivals",
    "capture_of",
    "check",
    "check_stream_name",
    "compact",
    "earlier_rows",
    "first_after",
    "is_somebody_elses",
    "microseconds_of",
    "span",
    "sync_folder",
    "take_over",
]
