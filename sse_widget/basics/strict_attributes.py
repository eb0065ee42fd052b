"""Strict attributes: setting an attribute that would have no effect is an error, for misspelled names and for
values that never change.

Python lets any attribute be set on most objects, and `dir()` lists all that a base class of another library
has. This module looks at names alone; the property or trait of a name says what its value may be.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import FrozenInstanceError, fields
from types import FunctionType
from typing import Any, ClassVar, TypeVar

_T = TypeVar("_T")
_PACKAGE = __name__.partition(".")[0]


class NamedAttributes:
    """Refuses to set a public attribute that is neither defined nor annotated in its class, and
    lists those that are.

    A class of the user's that derives from one of ours may have attributes of its own.
    """

    # What is told to the constructor, and cannot be changed later.
    _given_once: ClassVar[frozenset[str]] = frozenset()
    # Names of other libraries, and what to write instead.
    _instead: ClassVar[Mapping[str, str]] = {}
    # Names of a base class of another library that are of use here, and so are listed.
    _also_listed: ClassVar[frozenset[str]] = frozenset()

    def __dir__(self) -> list[str]:
        """What `dir()` and the Tab key list: the public names of our classes and of those derived
        from them, and not the hundred of the widget below."""
        foreign = {"ipywidgets", "anywidget", "traitlets", "builtins"}
        own = [c for c in type(self).__mro__ if c.__module__.partition(".")[0] not in foreign]
        names = {n for c in own for n in c.__dict__}
        # Not `hasattr`, which would ask every property: one may read a folder.
        names |= {n for c in own for n in inspect.get_annotations(c) if n in self.__dict__}
        return sorted(n for n in names | self._also_listed if n[0] != "_")

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_"):
            found = getattr(type(self), name, None)
            if found is None:
                _refuse_unknown(type(self), name)
            elif isinstance(found, FunctionType) and not callable(value):
                raise AttributeError(f"{name!r} is a method: call it, as in .{name}()", name=name)
        super().__setattr__(name, value)


def _refuse_unknown(cls: type[NamedAttributes], name: str) -> None:
    if cls.__module__.partition(".")[0] != _PACKAGE or hasattr(cls, name):
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
    if name in cls._instead:
        raise AttributeError(
            f"{cls.__name__} has no attribute {name!r}: {cls._instead[name]}", name=name
        )
    raise _unknown(cls, name, {n for c in ours for n in c.__dict__} | annotated)


def _unknown(cls: type, name: str, known: Iterable[str]) -> AttributeError:
    near = difflib.get_close_matches(name, sorted(n for n in known if n[0] != "_"), 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return AttributeError(f"{cls.__name__} has no attribute {name!r}{hint}", name=name)


def refuse_change(self: Any, name: str, value: object = None) -> None:
    """The `__setattr__` and `__delattr__` of a frozen dataclass: says in plain words how one gets a
    value with another attribute.

    Those of `dataclasses`, where a class has slots and the name is misspelled, are about `super`.
    """
    known = [f.name for f in fields(self)]
    if name not in known:
        raise _unknown(type(self), name, known)
    raise FrozenInstanceError(
        f"this {type(self).__name__} cannot be changed; another one is made by "
        f"dataclasses.replace(it, {name}=...)"
    )


def unchangeable(cls: type[_T]) -> type[_T]:
    """A frozen dataclass that refuses changes by `refuse_change`."""
    cls.__setattr__ = cls.__delattr__ = refuse_change  # type: ignore[method-assign]
    return cls
