"""How the pandas that is installed has text and times, where that is not the same in all we run on.

Before pandas 3 text is objects, parsed text becomes nanoseconds, and a frame is no Arrow consumer.
"""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

IS_3 = int(pd.__version__.partition(".")[0]) >= 3
TEXT = "str" if IS_3 else "object"
PARSED = "us" if IS_3 else "ns"


def from_arrow(data: object) -> pd.DataFrame:
    """A frame of what has the Arrow PyCapsule interface."""
    return pd.DataFrame.from_arrow(data) if IS_3 else pa.table(data).to_pandas()
