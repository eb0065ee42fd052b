"""Late names: names of a package that are imported when they are first used.

The `__init__` of a package lists all its names, and a module behind it is loaded when one of its names is
asked for. The package decides which names are late.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def late_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """The `__getattr__` and the `__dir__` of a package.

    Args:
        package: its `__name__`.
        homes: the module in it that has each name.
    """
    names = vars(sys.modules[package])

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = names[name] = getattr(import_module(f".{homes[name]}", package), name)
        return value

    return get, lambda: sorted({*names, *homes})
