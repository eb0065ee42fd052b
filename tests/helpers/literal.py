"""WHATWG HTML 9.2.5 and 9.2.6, read literally and slowly: what the parser is compared with.

The whole stream is known before it is read, one character at a time is looked at, and every step
of the standard is one statement here. Nothing is shared with the package.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Reading:
    """What a stream says: events as (type, data, last event ID), and what is kept at its end."""

    events: list[tuple[str, str, str]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    last_event_id: str = ""
    reconnection_time: int | None = None


def lines_of(text: str) -> list[str]:
    """The lines that have an end: CRLF, LF or CR. What follows the last end is no line."""
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
    return lines


def read(stream: bytes, last_event_id: str = "") -> Reading:
    """Interpret a whole event stream that ends after its last byte."""
    out = Reading(last_event_id=last_event_id)
    text = stream.decode("utf-8", "replace")
    if text.startswith("\ufeff"):
        text = text[1:]

    data_buffer = ""
    type_buffer = ""
    id_buffer = last_event_id

    for line in lines_of(text):
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
        elif name == "retry" and value != "" and all(c in "0123456789" for c in value):
            out.reconnection_time = int(value)
    return out
