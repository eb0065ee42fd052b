"""The head of an answer, read as browsers read it, and written anew so that a strict parser takes it.

Browsers pass over what they cannot read in a head, such as a line without a colon or a repeated
Content-Length. A strict HTTP parser refuses such an answer. Pure: bytes in, bytes out. What the
answer means is not decided here.

The rules are those of RFC 9112, and of Chromium where it is more lenient.
"""

from __future__ import annotations

import re

# Chromium's own limit for all headers of an answer.
MAX_HEAD_BYTES = 256 * 1024
_END = re.compile(rb"\r?\n\r?\n")
# What stands between HTTP and the status is a version, whatever it looks like, and no number is 200: so
# read browsers. Shoutcast's servers write "ICY".
_STATUS = re.compile(rb"[ \t]*(?:HTTP([^ \t]*)|ICY)(?:[ \t]+(\d*)[ \t]*(.*))?", re.I)
_OLD = frozenset({b"/1.0", b"/0.9", b""})
_SLOP = re.compile(rb".{1,4}?(?=HTTP)", re.I | re.S)
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CHUNKED = b"\r\nTransfer-Encoding: chunked\r\n\r\n"
_SIGNS = (b"HTTP", b"ICY ")


class NotHTTP(Exception):
    """What came is no answer of HTTP.

    Attributes:
        beginning: its first bytes.
    """

    def __init__(self, beginning: bytes) -> None:
        super().__init__(f"not HTTP: {beginning[:64]!r}")
        self.beginning = beginning[:64]


class HeadTooLarge(NotHTTP):
    """The head of the answer has no end within `MAX_HEAD_BYTES`."""


class Head:
    """Collects the bytes of a head; `feed` gives them back once it is whole.

    Attributes:
        chunked: whether the body comes in chunks; known once the head is whole.
    """

    def __init__(self) -> None:
        self.chunked = False
        self._held = b""
        self._scanned = 0  # bytes of it that hold no end

    @property
    def held(self) -> bytes:
        """What came of a head that is not whole."""
        return self._held

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """(what goes on to the parser, what came of the body; None where the head is not over).

        An interim answer (1xx) goes on as it is, and the head of the next one is waited for. A 101 that
        names no protocol switches to none (RFC 9110, 15.2.2) and is passed over.

        Raises:
            NotHTTP: it does not begin as an answer does, or has no end.
        """
        held = self._held + data
        scanned, self._scanned = self._scanned, 0
        out = b""
        while True:
            # RFC 9112, 2.2: empty lines before it are ignored.
            if held[:1] in (b"\r", b"\n"):
                held, scanned = held.lstrip(b"\r\n"), 0
            start = held[:4].upper()
            if not any(start.startswith(s) or s.startswith(start) for s in _SIGNS):
                # Chromium passes over up to four bytes of another server's, or of an earlier answer.
                slop = _SLOP.match(held)
                if slop is None:
                    raise NotHTTP(held)
                held, scanned = held[slop.end() :], 0
            end = _END.search(held, scanned)
            if end is None:
                if len(held) > MAX_HEAD_BYTES:
                    raise HeadTooLarge(held)
                self._held, self._scanned = held, max(len(held) - 3, 0)
                return out, None
            scanned = 0
            head, held = held[: end.start()], held[end.end() :]
            written, interim = _written(head)
            out += written
            if not interim:
                self._held = b""
                self.chunked = written.endswith(_CHUNKED)
                return out, held
            if not held:
                self._held = b""
                return out, None


def _written(head: bytes) -> tuple[bytes, bool]:
    """A head as a strict parser takes it, and whether it is of an interim answer."""
    first, *rest = head.split(b"\n")
    status = _STATUS.fullmatch(first.rstrip(b"\r"))
    if status is None:
        raise NotHTTP(first)
    version, number, reason = status.groups(default=b"")
    code = int(number[:10] or 200)
    if not 100 <= code <= 999:
        raise NotHTTP(first)
    fields = _fields(rest)
    if code == 101 and not any(name.lower() == b"upgrade" for name, _ in fields):
        return b"", True
    version = b"1.0" if version in _OLD else b"1.1"
    lines = [b"HTTP/%s %d %s" % (version, code, _clean(reason))]
    lines += (b"%s: %s" % field for field in _one_length(fields))
    return b"\r\n".join([*lines, b"", b""]), 100 <= code < 200 and code != 101


def _fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Names and values; a line that is none of both is passed over."""
    found: list[tuple[bytes, bytes]] = []
    folds = False
    for raw in lines:
        line = raw.rstrip(b"\r")
        if line[:1] in (b" ", b"\t"):
            # RFC 9112, 5.2: the line before goes on.
            if folds:
                name, value = found[-1]
                found[-1] = (name, b"%s %s" % (value, _clean(line)))
            continue
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t")
        folds = bool(colon) and _TOKEN.fullmatch(name) is not None
        if folds:
            found.append((name, _clean(value)))
    return found


def _clean(value: bytes) -> bytes:
    # RFC 9110, 5.5: a lone CR becomes a space. A NUL stays, and the parser refuses it.
    return value.replace(b"\r", b" ").strip(b" \t")


def _one_length(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The same with at most one way to tell where the body ends (RFC 9112, 6.3).

    A length that is said twice counts once; two that differ stay, and the parser refuses them. One that
    is no number is none. "chunked" goes before a length, and other codings of a transfer tell nothing.
    """
    lengths: list[bytes] = []
    chunked = False
    others: list[tuple[bytes, bytes]] = []
    for name, value in fields:
        if name.lower() == b"content-length":
            lengths += (part.strip(b" \t") for part in value.split(b","))
        elif name.lower() == b"transfer-encoding":
            chunked = chunked or b"chunked" in value.lower().replace(b",", b" ").split()
        else:
            others.append((name, value))
    if chunked:
        return [*others, (b"Transfer-Encoding", b"chunked")]  # the last one: see _CHUNKED
    known = {part.lstrip(b"0") or b"0": None for part in lengths if part.isdigit()}
    # What no 64 bits hold is none either.
    known = {length: None for length in known if len(length) < 19}
    return [*others, *((b"Content-Length", length) for length in known)]
