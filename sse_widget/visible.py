"""Visible text: text of others, written so that all of it shows and none of it acts.

A server, a file or a page can say characters that a terminal obeys (titles, clipboards, colours),
and characters that hide, reorder or break a line. `visible` replaces each of them by a picture or by
its name, such as `‹U+202E›`. `visible_name` does so for types, ids and names, and there also for what
cannot be seen: two of them that differ never look alike for that reason. (Letters that resemble
each other, such as a Latin and a Cyrillic "a", stay as they are.)

The page has the same rules (`visible.ts`); `tests/vectors/visible-cases.json` holds both to them.
It decides nothing about HTML.
"""

from __future__ import annotations

import re

__all__ = ["quoted", "quoted_repr", "visible", "visible_name"]

# Controls, bidirectional controls, line ends, zero-width characters and other characters without a
# glyph (Unicode's Default_Ignorable_Code_Point), tags, and halves of surrogate pairs. Joiners and
# variation selectors are no part of it: text in Persian or Hindi, and emoji, are made of them.
_ODD = (
    "\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
    "\U000e01f0-\U000e0fff"
)
# In a name: these, spaces of other widths, joiners and selectors; and what a name or a picture could be
# taken for.
_ODD_NAME = (
    _ODD + "\xa0\u1680\u180b-\u180d\u180f\u2000-\u200a\u200c\u200d\u202f\u205f\u23ce"
    "\u2400-\u2426\u2800\u3000\ufe00-\ufe0f\U00013430-\U0001343f\U000e0100-\U000e01ef"
)
_TEXT = re.compile(f"[{_ODD}]")
_LINES = re.compile(f"(?![\n\t])[{_ODD}]")
# A space that begins, ends or follows another one is as good as unseen.
_NAME = re.compile(f"[{_ODD_NAME}]|\u2039(?=U\\+)|^ | $|(?<= ) ")
_REPR = re.compile(f"[{_ODD_NAME}]")
_LINE_ENDS = {"\n": "\u23ce", "\u2028": "\u23ce", "\u2029": "\u23ce", "\t": " "}


def visible(text: str, limit: int | None = None, *, lines: bool = False) -> str:
    """`text` on one line, harmless to show.

    Args:
        limit: with more characters than this, the end is left out, and an ellipsis says so.
        lines: line feeds and tabs stay; else they become a sign and a space.
    """
    if limit is not None and len(text) > limit:
        text = f"{text[: limit - 1]}\u2026"
    return _LINES.sub(_picture, text) if lines else _TEXT.sub(_sign, text)


def visible_name(text: str, limit: int | None = None) -> str:
    """An event type, an id or another name, so that no two look alike by what cannot be seen."""
    if limit is not None and len(text) > limit:
        text = f"{text[: limit - 1]}\u2026"
    return _NAME.sub(_picture, text)


def quoted(text: str) -> str:
    """`repr(text)` with escapes for all that cannot be seen: it evaluates to the same text."""
    return _REPR.sub(_escape, repr(text))


def quoted_repr(value: object) -> str:
    """The repr of a value whose texts are `quoted`, also those in a list, tuple or frozenset."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(quoted_repr, value))}]"
    if isinstance(value, frozenset) and value:
        return f"{{{', '.join(map(quoted_repr, value))}}}"
    return quoted(value) if isinstance(value, str) else repr(value)


def _sign(match: re.Match[str]) -> str:
    return _LINE_ENDS.get(match.group()) or _picture(match)


def _picture(match: re.Match[str]) -> str:
    char = match.group()
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"\u2039U+{code:04X}\u203a"


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
