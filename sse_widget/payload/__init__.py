"""The data of events as JSON: texts read many at a time, dotted paths, and columns in bounded slices.

It must never know of events, filters and DataFrames.
"""

from .decode import NOT_JSON, cost, has_more_keys, no_collection, read, read_object, read_whole
from .path import free_name, holder_of, paths_of, reader_of, steps_of
from .raw_values import Written, written_values
from .table_slices import SLICE_BYTES, SLICE_ROWS, bounded_slices, payloads, text_sizes, within

__all__ = [
    "NOT_JSON",
    "SLICE_BYTES",
    "SLICE_ROWS",
    "Written",
    "bounded_slices",
    "cost",
    "free_name",
    "has_more_keys",
    "holder_of",
    "no_collection",
    "paths_of",
    "payloads",
    "read",
    "read_object",
    "read_whole",
    "reader_of",
    "steps_of",
    "text_sizes",
    "within",
    "written_values",
]
