"""Markup: HTML in which every text and every attribute went through one function.

`Html` is text that is markup already, and only this module makes it: from tags, whose names are the
program's own, and from any other `str`, which is made visible and escaped. So what a server, a file
or a page said cannot become a tag, an attribute or an entity, whichever way it got here. It knows no
events.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from ..visible import visible

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_EMPTY = frozenset({"br", "hr", "img"})


class Html(str):
    """Markup. Made by the functions of this module alone; text added to it is text no more: use
    `html` to put one after the other."""

    __slots__ = ()


def _escaped(text: str) -> Html:
    """The one way from text to markup, for texts and for attributes in double quotes."""
    return Html(escape(visible(text, lines=True), quote=True))


def html(*content: str) -> Html:
    """One after the other: markup as it is, text escaped."""
    return Html("".join(part if type(part) is Html else _escaped(part) for part in content))


def joined(lines: Iterable[str]) -> Html:
    """Lines of a preformatted text."""
    return Html("\n".join(html(line) for line in lines))


def tag(name: str, *content: str, **attributes: str) -> Html:
    """An element.

    Args:
        name: of the tag.
        content: markup and texts.
        attributes: by name; `_` stands for `-`, and a `_` at the end for nothing.

    Raises:
        ValueError: a name that is none.
    """
    said = [name]
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        said.append(f'{key}="{_escaped(value)}"')
        if not _NAME.fullmatch(key):
            raise ValueError(f"{key!r} is no name of an attribute")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a tag")
    begin = Html(f"<{' '.join(said)}>")
    return begin if name in _EMPTY else Html(f"{begin}{html(*content)}</{name}>")
