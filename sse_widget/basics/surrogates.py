"""Whole characters: text without halves of surrogate pairs.

JSON can spell half a character ("\\ud83d"), and a server that cuts a text into pieces may put each half into
another piece. Python keeps such a half in a `str`, and then fails where the text is printed, encoded or put
into a column.
"""

from __future__ import annotations


def whole(text: str) -> str:
    """`text` with each two halves that belong together as one character, and each half alone as U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
