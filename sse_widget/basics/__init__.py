"""What any object of ours may need: attributes that are checked, a refusal to be pickled, bytes that are
counted, whole characters, and names that are imported late.

It must never know what these objects are.
"""

from .budget import UNLIMITED, Budget, Memory, Share
from .lazy_names import late_names
from .pickling import NotPickled
from .strict_attributes import NamedAttributes, refuse_change, unchangeable
from .surrogates import whole

__all__ = [
    "UNLIMITED",
    "Budget",
    "Memory",
    "NamedAttributes",
    "NotPickled",
    "Share",
    "late_names",
    "refuse_change",
    "unchangeable",
    "whole",
]
