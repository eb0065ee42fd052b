"""Recorded streams: finds a recording inside the replay folder and cuts it into pieces.

Without ids a recording is sent as it is, byte for byte; with ids each event gets an id line of ours
and nothing else changes. Never reads outside the folder it was given; does not wait or send; imports
nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

MAX_BYTES = 256 * 2**20
_PIECE = 16 * 1024


def find(folder: Path, name: str) -> Path | None:
    """The recording of that name; None where there is none, or where it is not inside `folder`."""
    parts = name.split("/")
    # A backslash and a colon mean something on Windows; a NUL makes the OS call raise.
    if any(mark in name for mark in "\\\0:") or any(part in ("", ".", "..") for part in parts):
        return None
    if not name.endswith(".sse"):
        return None
    try:
        path = folder.joinpath(*parts).resolve(strict=True)
    except (OSError, ValueError):
        return None
    # After resolving: a link that leads out of the folder is refused as well.
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return None
    return path


def sockets(recording: bytes) -> Iterator[bytes]:
    """The recording in pieces of the size a socket hands over: they cut events anywhere."""
    for start in range(0, len(recording), _PIECE):
        yield recording[start : start + _PIECE]


def events(recording: bytes) -> Iterator[tuple[bytes, bool]]:
    """The recording in blocks, each up to and with its blank line, and whether it is an event.

    A block without a data line (comments, a lone retry) is none: a parser dispatches nothing. What
    follows the last blank line is a block that is no event.
    """
    lines: list[bytes] = []
    has_data = False
    start = 3 if recording.startswith(b"\xef\xbb\xbf") else 0
    if start:
        yield recording[:start], False
    # bytes.splitlines splits at LF, CRLF and CR and nowhere else: just what the standard names.
    for line in recording[start:].splitlines(keepends=True):
        lines.append(line)
        content = line.rstrip(b"\r\n")
        if not content:
            yield b"".join(lines), has_data
            lines, has_data = [], False
        elif content == b"data" or content.startswith(b"data:"):
            has_data = True
    if lines:
        yield b"".join(lines), False


def numbered(recording: bytes, after: int = 0) -> Iterator[tuple[bytes, bool]]:
    """The same blocks with `id: <n>` in each event, counted from 1; those up to `after` left out.

    Our id line comes last in its block: where the recording has ids of its own, the last one wins.
    """
    number = 0
    for block, is_event in events(recording):
        if is_event:
            number += 1
        if number < after or (is_event and number == after):
            continue
        if not is_event:
            yield block, False
            continue
        end = b"\r\n" if block.endswith(b"\r\n") else block[-1:]
        yield block[: -len(end)] + b"id: %d" % number + end + end, True
