"""WHATWG HTML 9.2.5 and 9.2.6, read literally and slowly: what the parser is compared with.

The whole stream is known before it is read, one character at a time is looked at, and every step
of the standard is one statement here. Nothing is shared with the package.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Reading:
    """What a stream says: events as (type, data, last event ID), and what is kept at its end.

    `ignored` counts lines with an unknown field name; `unfinished` is None, or what was dropped of an
    event at the end, which the standard has no word for: bytes, and whether a data line had begun.
    """

    events: list[tuple[str, str, str]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    last_event_id: str = ""
    reconnection_time: int | None = None
    ignored: int = 0
    unfinished: tuple[int, bool] | None = None


def lines_of(text: str) -> tuple[list[str], str]:
    """The lines that have an end: CRLF, LF or CR. What follows the last end is no line: apart."""
    lines: list[str] = []
    line = ""
    i = 0
    while i < len(text):
        if text[i] == "\r" and i + 1 < len(text) and text[i + 1] == "\n":
            lines.append(line)
            line = ""
            i += 2
        elif text[i] in "\r\n":
            lines.append(line)
            line = ""
            i += 1
        else:
            line += text[i]
            i += 1
    return lines, line


def read(stream: bytes, last_event_id: str = "") -> Reading:
    """Interpret a whole event stream that ends after its last byte."""
    out = Reading(last_event_id=last_event_id)
    text = stream.decode("utf-8", "replace")
    if text.startswith("\ufeff"):
        text = text[1:]

    data_buffer = ""
    type_buffer = ""
    id_buffer = last_event_id

    for line in lines_of(text)[0]:
        if line == "":
            out.last_event_id = id_buffer
            if data_buffer == "":
                type_buffer = ""
                continue
            if data_buffer.endswith("\n"):
                data_buffer = data_buffer[:-1]
            out.events.append((type_buffer or "message", data_buffer, out.last_event_id))
            data_buffer = ""
            type_buffer = ""
            continue
        if line.startswith(":"):
            out.comments.append(line[1:])
            continue
        if ":" in line:
            name, value = line.split(":", 1)
            if value.startswith(" "):
                value = value[1:]
        else:
            name, value = line, ""
        if name == "event":
            type_buffer = value
        elif name == "data":
            data_buffer += value + "\n"
        elif name == "id":
            if "\x00" not in value:
                id_buffer = value
        elif name == "retry":
            if value != "" and all(c in "0123456789" for c in value):
                out.reconnection_time = int(value)
        else:
            out.ignored += 1
    out.unfinished = unfinished(stream)
    return out


def unfinished(stream: bytes) -> tuple[int, bool] | None:
    """What there is of an event without its blank line: whole lines, and one without its end."""
    # A character a byte.
    lines, rest = lines_of(stream.removeprefix(b"\xef\xbb\xbf").decode("latin-1"))
    block: list[tuple[str, bool]] = []
    for line in lines:
        block = [] if line == "" else [*block, (line, True)]
    size, begun, data = 0, False, False
    fields = ("data", "event", "id")
    for line, ended in [*block, (rest, False)]:
        if line == "" or line.startswith(":"):
            continue
        size += len(line) + ended
        name = line.split(":", 1)[0]
        half = not ended and ":" not in line and any(f.startswith(line) for f in fields)
        begun = begun or name in fields or half
        data = data or name == "data"
    return (size, data) if begun else None
