"""NamedAttributes: an object that takes no attribute its class does not have.

Python lets any name be set on most objects, so a misspelled one is accepted and does nothing. It
checks names alone; what a value may be is said by the property or trait of that name.
"""

from __future__ import annotations

import difflib
import inspect
from typing import ClassVar

__all__ = ["NamedAttributes"]

_PACKAGE = __name__.partition(".")[0]


class NamedAttributes:
    """Refuses to set a public attribute that is neither defined nor annotated in its class.

    A class of somebody's own that derives from one of ours may have attributes of its own.
    """

    # What is told to the constructor, and cannot be changed later.
    _given_once: ClassVar[frozenset[str]] = frozenset()

    def __setattr__(self, name: str, value: object) -> None:
        if not (name.startswith("_") or hasattr(type(self), name)):
            _refuse_unknown(type(self), name)
        super().__setattr__(name, value)


def _refuse_unknown(cls: type[NamedAttributes], name: str) -> None:
    if cls.__module__.partition(".")[0] != _PACKAGE:
        return
    ours = [c for c in cls.__mro__ if c.__module__.partition(".")[0] == _PACKAGE]
    annotated = {n for c in ours for n in inspect.get_annotations(c)}
    if name in annotated:
        return
    if name in cls._given_once:
        raise AttributeError(
            f"{name}= is given when it is made: {cls.__name__}(..., {name}=...)",
            name=name,
        )
    known = {n for c in ours for n in (*c.__dict__, *annotated) if not n.startswith("_")}
    near = difflib.get_close_matches(name, sorted(known), 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise AttributeError(f"{cls.__name__} has no attribute {name!r}{hint}", name=name)
