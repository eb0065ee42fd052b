"""A stand-in for msgspec's `Struct` in Python alone.

Pyodide has msgspec in its own distribution, which is on a network that no test asks. This file goes
into the browser under the name of `msgspec`. It has what `sse_widget.events` uses, and no more.
"""

from __future__ import annotations

import copy
import sys
from typing import Any


class Struct:
    __struct_fields__: tuple[str, ...] = ()

    def __init_subclass__(cls, **_: Any) -> None:
        hints = vars(cls).get("__annotations__") or cls.__annotations__
        cls.__struct_fields__ = tuple(n for n, hint in hints.items() if "ClassVar" not in str(hint))

    def __init__(self, *args: Any, **given: Any) -> None:
        given |= dict(zip(self.__struct_fields__, args, strict=False))
        for name in self.__struct_fields__:
            value = given[name] if name in given else copy.copy(getattr(type(self), name))
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and astuple(self) == astuple(other)

    __hash__ = None  # type: ignore[assignment]


def astuple(struct: Any) -> tuple[Any, ...]:
    return tuple(getattr(struct, name) for name in struct.__struct_fields__)


structs = sys.modules[__name__]  # `msgspec.structs.astuple`
