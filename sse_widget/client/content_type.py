"""The content type of an answer, as browsers take it from headers that servers write in many ways.

Fetch's "extract a MIME type": of several values, in one header or in several, the last valid one
counts. A value is read as Chromium reads it, which stops at a space as it does at a semicolon. Pure.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# A comma within quotes parts nothing.
_VALUES = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*"?)+')
_ESSENCE = re.compile(
    r"[ \t\r\n]*([!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+)(?=[ \t\r\n;(]|$)"
)
_CHARSET = re.compile(r""";[ \t]*charset[ \t]*=[ \t]*["']?([^"';, \t]+)""", re.I)


class ContentType(NamedTuple):
    """What an answer says that it is.

    Attributes:
        essence: type and subtype in small letters, "" where none is valid.
        charset: of a text, "" where it is not said.
    """

    essence: str
    charset: str


def content_type(header: str) -> ContentType:
    """The content type of a header; of several headers, joined by commas."""
    found = ContentType("", "")
    for value in _VALUES.findall(header):
        essence = _ESSENCE.match(value)
        if essence is None or essence[1] == "*/*":
            continue
        charset = _CHARSET.search(value)
        found = ContentType(essence[1].lower(), charset[1].lower() if charset else "")
    return found
