"""Argument checks: each returns the value in the form that is used, or says what must be given.

A message begins with the argument's name and never repeats the value of a wrong type: it may be a
secret. NumPy's numbers count as numbers; `bool` does not.
"""

from __future__ import annotations

import inspect
import math
import numbers
import operator
from collections.abc import Iterable

__all__ = [
    "is_async",
    "number",
    "plain_callable",
    "seconds",
    "shown_value",
    "takes_arguments",
    "text",
    "texts",
    "truth",
    "whole_number",
    "wrong_type",
]


def wrong_type(name: str, wanted: str, value: object) -> TypeError:
    """The error for a value of a wrong type."""
    # Of a class, given in place of an object of it, the name says more than "type" does.
    given = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
    return TypeError(f"{name} must be {wanted}, not {given}")


def shown_value(value: object) -> str:
    """A wrong value as a message may repeat it: a number, a bool or None. Of anything else the type
    alone, since it may be a secret."""
    plain = value is None or isinstance(value, bool | int | float)
    return repr(value) if plain else type(value).__name__


def text(name: str, value: object) -> str:
    """A `str`."""
    if not isinstance(value, str):
        raise wrong_type(name, "text", value)
    return value


def texts(name: str, value: object, wanted: str = "text, or a list of texts") -> list[str]:
    """Several `str` in the order given, each once; one `str` is a list of it.

    Raises:
        TypeError: neither, or one of them is no text.
        ValueError: none is given.
    """
    if isinstance(value, str):
        return [value]
    if isinstance(value, (bytes, bytearray)) or not isinstance(value, Iterable):
        raise wrong_type(name, wanted, value)
    found: dict[str, None] = {}
    for one in value:
        if not isinstance(one, str):
            raise wrong_type(f"each of {name}", "text", one)
        found[one] = None
    if not found:
        raise ValueError(f"{name} names none: give {wanted}")
    return list(found)


def truth(name: str, value: object, wanted: str = "True or False") -> bool:
    """A `bool`, NumPy's too."""
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return bool(value)
    raise wrong_type(name, wanted, value)


def whole_number(
    name: str, value: object, wanted: str = "a whole number", *, at_least: int | None = None
) -> int:
    """An `int`, or what Python can use as one, such as a `numpy.int64`.

    Raises:
        TypeError: of another type, `bool` included.
        ValueError: less than `at_least`.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        whole = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        if isinstance(value, float) and value.is_integer():
            wanted += f", such as {int(value)}"  # who writes 1e6 sees what to write
        raise wrong_type(name, wanted, value) from None
    if at_least is not None and whole < at_least:
        raise ValueError(f"{name} must be at least {at_least}, not {whole}")
    return whole


def number(name: str, value: object, wanted: str = "a number") -> float:
    """A `float`, from any real number; one that is too large for a `float` is infinite. Whoever
    asks looks at its range, NaN included.

    Raises:
        TypeError: of another type, `bool` included.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise wrong_type(name, wanted, value)
    try:
        return float(value)
    except OverflowError:
        return math.inf if value == abs(value) else -math.inf


def seconds(name: str, value: object) -> float:
    """A number of seconds above 0; infinity is one.

    Raises:
        TypeError: no number.
        ValueError: NaN, 0 or less.
    """
    found = number(name, value, "a number of seconds")
    if not found > 0:
        raise ValueError(f"{name} must be more than 0 seconds, not {found:g}")
    return found


def plain_callable(name: str, value: object, wanted: str, arguments: int) -> None:
    """A callable that takes so many arguments and is no coroutine function: what that returns is
    always true.

    Raises:
        TypeError: it is not one.
    """
    if not callable(value):
        raise wrong_type(name, wanted, value)
    if is_async(value):
        raise TypeError(f"{name} must be {wanted}: a plain function, not an async one")
    if not takes_arguments(value, arguments):
        raise TypeError(f"{name} must be {wanted}; it cannot be called so")


def is_async(value: object) -> bool:
    """Whether calling this gives a coroutine or an asynchronous generator."""
    if not callable(value):
        return False
    # An object with `async def __call__` is one too.
    functions = (value, type(value).__call__)
    return any(inspect.iscoroutinefunction(f) or inspect.isasyncgenfunction(f) for f in functions)


def takes_arguments(value: object, count: int) -> bool:
    """Whether this can be called with so many arguments by position; True where it does not say."""
    if not callable(value):
        return False
    try:
        inspect.signature(value).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True
