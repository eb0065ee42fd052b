"""What a long test measured: printed, and kept for the table at the end of `make heavy`."""

from __future__ import annotations

import json
import os
from pathlib import Path

__all__ = ["measured"]


def measured(what: str, numbers: str) -> None:
    """One row of that table."""
    print(f"\n{what}: {numbers}")
    file = os.environ.get("SSE_WIDGET_MEASURED")
    if file:
        with Path(file).open("a", encoding="utf-8") as rows:
            rows.write(json.dumps([what, numbers]) + "\n")
