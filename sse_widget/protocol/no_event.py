"""Why bytes hold no event: what they are instead, or what is wrong with them, in plain words.

It looks at the beginning of what came and decides nothing: the stream is read on. The meaning of the
lines is that of WHATWG HTML 9.2.6, which ignores what it does not know without a word.
"""

from __future__ import annotations

import json
import re

from ..visible import visible

_FIELDS = frozenset({"data", "event", "id", "retry"})
_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
# As published by each format.
_MAGIC = {
    b"\x1f\x8b": "the bytes are compressed by gzip",
    b"\x28\xb5\x2f\xfd": "the bytes are compressed by zstd",
    b"BZh": "the bytes are compressed by bzip2",
    b"\xfd7zXZ\0": "the bytes are compressed by xz",
    b"PK\x03\x04": "this is a ZIP file",
    b"PAR1": "this is a Parquet file",
    b"%PDF": "this is a PDF file",
    b"\x89PNG\r\n": "this is a PNG image",
    b"\xff\xd8\xff": "this is a JPEG image",
    b"GIF8": "this is a GIF image",
    b"SQLite format 3\0": "this is an SQLite database",
}
_LINE_END = re.compile("\r\n|\r|\n")
# A name that is nearly one of the fields: in capitals, with spaces around it, or with a BOM before it.
_NEARLY = re.compile(r"[\s\ufeff]*(data|event|id|retry)\s*(:|$)", re.IGNORECASE)
_SHOWN = 24


def why_no_event(sample: bytes) -> str:
    """What is wrong with these bytes, of which no event came; "" where nothing is, as far as they tell:
    comments, or an event that is on its way.

    Args:
        sample: the beginning of what came, from a line start on. It may end anywhere.

    Returns:
        The end of a sentence, such as "the lines are JSON, without 'data: ' before them".
    """
    if binary := _binary(sample):
        return binary
    text = sample.decode("utf-8", "replace").removeprefix("\ufeff")
    *lines, rest = _LINE_END.split(text)
    unknown = [line for line in [*lines, rest] if _is_unknown(line, ended=line is not rest)]
    if wrong := _document(text, lines) or _misspelled(unknown):
        return wrong
    names = [line.partition(":")[0] for line in lines if line and line[0] != ":"]
    if "data" in names and "" in lines[names.index("data") :]:
        return ""  # an event, which the caller has counted
    if any(r"\n" in line for line in [*lines, rest] if line.startswith("data")):
        return r"the line ends are written as the two characters \ and n"
    return _lines(lines, names, unknown)


def _binary(sample: bytes) -> str:
    """What bytes are that are no UTF-8 text; else ""."""
    for magic, what in _MAGIC.items():
        if sample.startswith(magic):
            return what
    if sample.startswith(_BOMS) or sample.count(0) * 5 > len(sample):
        return "the bytes look like UTF-16, and an event stream is UTF-8"
    return ""


def _misspelled(unknown: list[str]) -> str:
    """What is wrong with the first line that has nearly the name of a field; "" where none has."""
    near = next((m for line in unknown if (m := _NEARLY.match(line))), None)
    if near is None:
        return ""
    written = visible(near[0].strip("\n"), _SHOWN)
    return f"'{written}' is no field: names are written in lower case and without spaces"


def _document(text: str, lines: list[str]) -> str:
    """What the whole of it is, where that is no stream of lines; else ""."""
    start = text.lstrip()[:200].lower()
    if start.startswith(("<!doctype", "<html", "<?xml")) or re.match(r"<[a-z]+[ />]", start):
        return "this is an XML document" if start.startswith("<?xml") else "this is HTML"
    return _json(lines) if start.startswith(("{", "[")) else ""


def _lines(lines: list[str], names: list[str], unknown: list[str]) -> str:
    """What is wrong with lines that are written as lines of an event stream."""
    if unknown and not {"data", "event"} & set(names):
        return (
            f"no line has a field name such as 'data:'; one begins '{visible(unknown[0], _SHOWN)}'"
        )
    if names.count("data") > 1:
        return "no blank line has come, which ends an event"
    if "data" not in names and _FIELDS & set(names) - {"retry"} and "" in lines:
        return "no event has a line of data, and the standard drops such an event"
    return ""


def _json(lines: list[str]) -> str:
    whole = [line for line in lines if line.strip()]
    if len(whole) > 1 and all(map(_is_json, whole[:20])):
        return "the lines are JSON, without 'data: ' before each and a blank line after it"
    return "this is plain JSON, without 'data: ' before it and a blank line after it"


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _is_unknown(line: str, *, ended: bool) -> bool:
    """Whether a line has a field name that the standard does not know; half a line may yet get one."""
    if not line or line[0] == ":":
        return False
    name, colon, _ = line.partition(":")
    if colon or ended:
        return name not in _FIELDS
    return not any(field.startswith(name) for field in _FIELDS)
