"""Streams as files, and files played again as streams.

It must never know of widgets.
"""

from typing import TYPE_CHECKING

from ..basics import late_names

if TYPE_CHECKING:
    from .export import arrow_table, save
    from .player import Player
    from .recording import Recording
    from .server import CaptureServer
else:
    # Imported when first asked for: most streams are not captured, and none is played again.
    __getattr__, __dir__ = late_names(
        __name__,
        {
            "CaptureServer": "server",
            "Player": "player",
            "Recording": "recording",
            "arrow_table": "export",
            "save": "export",
        },
    )

__all__ = ["CaptureServer", "Player", "Recording", "arrow_table", "save"]
