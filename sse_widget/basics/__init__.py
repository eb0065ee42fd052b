"""What any object of ours may need: attributes that are checked, a refusal to be pickled, a budget of bytes,
text without half characters, names that are imported late, chance, locks that
a fork leaves free, and what loopback is.

It must never know what these objects are.
"""

from .budget import Budget, Memory, Share
from .chance import CHANCE
from .fork_lock import free_in_children
from .lazy_names import late_names
from .loopback import asks_loopback, is_loopback
from .pickling import NotPickled
from .strict_attributes import NamedAttributes, refuse_change, unchangeable
from .surrogates import whole

__all__ = [
    "CHANCE",
    "Budget",
    "Memory",
    "NamedAttributes",
    "NotPickled",
    "Share",
    "asks_loopback",
    "free_in_children",
    "is_loopback",
    "late_names",
    "refuse_change",
    "unchangeable",
    "whole",
]
