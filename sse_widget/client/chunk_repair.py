"""Chunks whose lines end with LF alone, framed anew so that a strict parser takes them.

Servers written by hand frame so, and browsers and curl read it. Pure: bytes in, bytes out; what it cannot
read it gives on as it is, for the parser to refuse. Imports nothing of ours.

The framing is that of RFC 9112, 7.1.
"""

from __future__ import annotations

import re

_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")
# The longest beginning of a body in which the end of its first line is looked for.
_FIRST_LINE_BYTES = 256


def ends_loosely(body: bytes) -> bool | None:
    """Whether the first line of a chunked body ends with LF alone; None where it has not ended."""
    end = body.find(b"\n", 0, _FIRST_LINE_BYTES)
    if end < 0:
        return None if len(body) < _FIRST_LINE_BYTES else False
    return body[end - 1 : end] != b"\r"


class LooseChunks:
    """Reads such a body; `feed` gives the same in strict framing."""

    def __init__(self) -> None:
        self._left = 0  # bytes of the chunk that have not come yet; -1: the body is over
        self._behind = False  # the line end behind a chunk has not come yet
        self._line = b""
        self._plain = False

    def feed(self, data: bytes) -> bytes:
        out: list[bytes] = []
        while data and self._left >= 0:
            if self._plain:
                return b"".join([*out, data])
            if self._left:
                piece, data = data[: self._left], data[self._left :]
                self._left -= len(piece)
                self._behind = not self._left
                out.append(b"%x\r\n%s\r\n" % (len(piece), piece))
                continue
            end = data.find(b"\n") + 1
            self._line += data[:end] if end else data
            data = data[end:] if end else b""
            if not end:
                break
            line, self._line = self._line, b""
            if self._behind and line in (b"\n", b"\r\n"):
                self._behind = False
                continue
            size = _SIZE.fullmatch(line)
            if size is None:
                self._plain = True
                out.append(line)
                continue
            self._left = int(size[1], 16)
            if not self._left:
                # The trailers say nothing of a stream, and nothing follows them.
                self._left = -1
                out.append(b"0\r\n\r\n")
                break
        return b"".join(out)
