"""`EventFilter`, and the pattern syntax that Python and the page share.

It must never know of tables, streams or the page.
"""

from .argument import filter_of
from .event_filter import EventFilter

__all__ = ["EventFilter", "filter_of"]
