"""The fields of whole blocks (WHATWG HTML 9.2.6), read as fast as Python can.

It takes text of whole blocks with LF ends and gives the events they dispatch. It frames nothing, bounds
nothing and keeps nothing from one call to the next: `parser` does.

`read_lines` is the reference: one line after the other. The other functions are only faster. Each takes what
has the form it knows, as a whole, and leaves anything else to the next slower one, so nobody can tell which
of them read an event; `tests/protocol/test_parser_paths.py` holds them to that.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from io import BytesIO
from itertools import compress, repeat
from operator import itemgetter
from typing import NamedTuple

from ..events import EventBatch

# One block: `event` and `id`, in either order or absent, then `data` lines and nothing else.
# Possessive quantifiers give nothing back: a block of another form is refused in one pass. The last
# group takes all that is left in one step (DOTALL); its line ends are looked at afterwards.
_BLOCK = (
    r"(?:event: ?+([^\n]*+)\n)?+(?:id: ?+([^\n\0]*+)\n)?+(?:event: ?+([^\n]*+)\n)?+data: ?+(.*)"
)
_match_block = re.compile(_BLOCK, re.DOTALL).fullmatch
_match_one = re.compile(_BLOCK + r"\n\n", re.DOTALL).fullmatch
_match_prefix = re.compile(r"(?:id|event|data): ?").match
_join_data = functools.partial(re.compile(r"\ndata: ?").sub, "\n")


def read_one(text: str, line: str, rest: str) -> tuple[str, str, str | None] | None:
    """The type, data and own id of the one event `text` is; None where it may be more or less.

    `line` is the first line of `text` and `rest` what follows its LF. Where each event comes by
    itself, what is spent here is spent on every event: the usual three lines are walked through,
    which is cheaper than the pattern that knows the other forms.
    """
    type_, id_ = "message", None
    # Where removeprefix() changed a line the prefix was there: half the price of a comparison and a
    # slice.
    value = line.removeprefix("id: ")
    if value != line and "\0" not in value:
        id_ = value
        line, _, rest = rest.partition("\n")
    value = line.removeprefix("event: ")
    if value != line:
        type_ = value or "message"
        line, _, rest = rest.partition("\n")
    value = line.removeprefix("data: ")
    if rest == "\n" and value != line:
        return type_, value, id_
    match = _match_one(text)
    return None if match is None else _event(match)


def read_whole(
    whole: bytes, batch: EventBatch, last_id: str, reconnection_time: int | None
) -> tuple[str, int | None, int]:
    """`read_blocks` of bytes."""
    run = read_long(whole) if len(whole) > _LONG else None
    if run is not None:
        return _add(run, batch, last_id), reconnection_time, 0
    return read_blocks(whole.decode("utf-8", "replace"), batch, last_id, reconnection_time)


def read_blocks(
    text: str, batch: EventBatch, last_id: str, reconnection_time: int | None
) -> tuple[str, int | None, int]:
    """Append the events of whole blocks to `batch`.

    Returns:
        The last event ID and the reconnection time after them, and how many lines had a field name
        that the standard does not know.
    """
    start, first = 0, text.find("\n\n")
    while text.startswith(":", start) and "\n" not in text[start:first]:
        # What servers send by itself to keep a connection alive is no part of a run.
        batch.comments.append(text[start + 1 : first])
        start = first + 2
        first = text.find("\n\n", start)
    if start:
        text, first = text[start:], first - start
    if first + 2 == len(text):
        return read_lines(text, batch, last_id, reconnection_time)
    run = read_run(text, text[:first])
    if run is not None:
        return _add(run, batch, last_id), reconnection_time, 0
    ignored = 0
    for block in text.split("\n\n"):
        match = _match_block(block)
        event = None if match is None else _event(match)
        if event is not None:
            type_, data, id_ = event
            if id_ is not None:
                last_id = id_
            batch.types.append(type_)
            batch.data.append(data)
            batch.last_event_ids.append(last_id)
            batch.has_id.append(id_ is not None)
        elif block:
            last_id, reconnection_time, more = read_lines(block, batch, last_id, reconnection_time)
            ignored += more
    return last_id, reconnection_time, ignored


def _event(match: re.Match[str]) -> tuple[str, str, str | None] | None:
    """What a match of `_BLOCK` says; None where more than data lines follow its first one."""
    early_type, id_, type_, data = match.groups()
    if "\n" in data:
        ends = data.count("\n")
        if ends == data.count("\ndata: "):
            data = data.replace("\ndata: ", "\n")
        elif ends == data.count("\ndata:"):
            data = _join_data(data)
        else:
            return None
    if type_ is None:
        type_ = early_type
    return type_ or "message", data, id_


# ---------------------------------------------------------------------- runs


class _Run(NamedTuple):
    """Columns of several events; None for types or ids where no event has its own."""

    types: list[str] | None
    data: list[str]
    ids: list[str] | None
    comments: list[str]


def _add(run: _Run, batch: EventBatch, last_id: str) -> str:
    """Put a run into `batch`, which has no events; returns the last event ID after it."""
    n = len(run.data)
    batch.types = run.types or ["message"] * n
    batch.data = run.data
    batch.last_event_ids = run.ids or [last_id] * n
    batch.has_id = [run.ids is not None] * n
    if run.comments:
        batch.comments += run.comments
    return batch.last_event_ids[-1]


def _prefixes_of(block: str) -> tuple[list[str], int] | None:
    """How the lines of a block begin, and how many there are; None where they make no run."""
    prefixes: list[str] = []
    lines = 0
    latest = "\n"  # with its space, after which no other can stand; of a line there is none
    for line in block.split("\n"):
        lines += 1
        if line.startswith(latest):
            continue
        prefix = _match_prefix(line)
        if prefix is None:
            return None
        if not prefixes or prefixes[-1] != prefix[0]:
            prefixes.append(prefix[0])
            if len(prefixes) > 3:
                return None
            latest = prefix[0] if prefix[0].endswith(" ") else "\n"
    return prefixes, lines


def read_run(text: str, first: str) -> _Run | None:
    """The events of a text whose blocks all have the shape of its first one, with comments between
    them at most."""
    beginning = _prefixes_of(first)
    if beginning is None:
        return None
    prefixes, lines = beginning
    if len(prefixes) == 1 and prefixes[0].startswith("data"):
        return _data_only(text, prefixes[0])
    shape = shape_of(tuple(prefixes), lines > len(prefixes))
    if shape is None:
        return None
    # The pattern matches one block, so this gives, flat, what is between the blocks and the values
    # of each. Where nothing but comments is between them, every block had the shape.
    flat = shape.split(text)
    width = len(prefixes) + 1
    comments: list[str] = []
    if any(flat[::width]):
        for between in filter(None, flat[::width]):
            if not _only_comments(between, comments):
                return None
    columns = {name: flat[n::width] for n, name in enumerate(shape.names, 1)}
    data = columns["data"]
    if shape.join:
        data = [value.replace(shape.join, "\n") for value in data]
    return _Run(columns.get("event"), data, columns.get("id"), comments)


def _only_comments(text: str, comments: list[str]) -> bool:
    """Whether whole lines are comments and blank lines, which mean nothing outside a block; the
    comments are added to the list."""
    for line in text.split("\n"):
        if line:
            if line[0] != ":":
                return False
            comments.append(line[1:])
    return True


def _data_only(text: str, prefix: str) -> _Run | None:
    """Blocks with no other lines than `data: ` (or `data:`, always without a space), with comments
    between them at most.

    Cut at once at blank line and field name. Then a value without a LF was one line, and a block; the
    others are looked at one by one.
    """
    start = "\n" + prefix
    if prefix == "data:" and "\ndata: " in text:
        return None
    data = text[len(prefix) : -2].split("\n" + start)
    n = len(data)
    comments: list[str] = []
    # Joined: one search through all of them is cheaper than one through each.
    if "\n" not in "".join(data):
        return _Run(None, data, None, comments)
    for i in compress(range(n), map(str.__contains__, data, repeat("\n"))):
        value, _, between = data[i].partition("\n\n")
        if "\n" in value:
            if value.count("\n") != value.count(start):
                return None
            value = value.replace(start, "\n")
        if between and not _only_comments(between, comments):
            return None
        data[i] = value
    return _Run(None, data, None, comments)


# ---------------------------------------------------------------------- long lines

# Bytes of a block from which its lines are cut before they are decoded: `BytesIO` finds their ends
# with memchr(), some ten times as fast as `split` and patterns, which look at each character.
_LONG = 160
_match_names = re.compile(rb"(?:(?:id|event): ?+[^\n]*+\n){0,2}+data: ?").match


def read_long(whole: bytes) -> _Run | None:
    """Blocks of one long line of data, or of an id or a type or both and then that line, all with the
    lines of the first one, with comments between them at most."""
    start = _match_names(whole)
    if start is None or whole.find(b"\n", start.end()) < _LONG:
        return None
    lines = list(BytesIO(whole))
    comments: list[str] = []
    width = start[0].count(b"\n") + 2
    if lines[width - 1 :: width].count(b"\n") * width != len(lines):
        lines = _without_comments(lines, comments)
        if lines[width - 1 :: width].count(b"\n") * width != len(lines):
            return None
    data_lines = lines[width - 2 :: width]
    prefix = b"data: " if start[0].endswith(b" ") else b"data:"
    if list(map(itemgetter(slice(len(prefix))), data_lines)).count(prefix) != len(data_lines):
        return None
    if prefix == b"data:" and any(map(bytes.startswith, data_lines, repeat(b"data: "))):
        return None
    columns: dict[str, list[str]] = {}
    try:
        for n in range(width - 2):
            name, column = _short_column(b"".join(lines[n::width]).decode())
            if len(column) != len(data_lines):
                return None
            columns[name] = column
        # Cut before it is decoded: bytes are cut at a third of what text costs.
        data = list(map(bytes.decode, map(itemgetter(slice(len(prefix), -1)), data_lines)))
    except UnicodeDecodeError:
        return None
    return _Run(columns.get("event"), data, columns.get("id"), comments)


def _short_column(text: str) -> tuple[str, list[str]]:
    """The name and values of the same field of several blocks, one line each; no values where some
    have another, or one that means something else."""
    prefix = text[: text.index(":") + 1]
    name = prefix[:-1]
    if text.startswith(" ", len(prefix)):
        prefix += " "
    elif prefix + " " in text:
        return name, []
    values = text[len(prefix) : -1].split("\n" + prefix)
    if text.count("\n") != len(values) or ("\0" in text if name == "id" else "" in values):
        return name, []
    return name, values


def _without_comments(lines: list[bytes], comments: list[str]) -> list[bytes]:
    """The lines without comments, and without blank lines that end no block."""
    kept: list[bytes] = []
    begun = False
    for line in lines:
        if line[:1] == b":":
            comments.append(line[1:-1].decode("utf-8", "replace"))
        elif begun or line != b"\n":
            kept.append(line)
            begun = line != b"\n"
    return kept


class _Shape(NamedTuple):
    """A pattern for one block with these fields in this order."""

    split: Callable[[str], list[str]]
    names: tuple[str, ...]  # of its groups
    join: str  # what stands between two data lines of an event; "" where each has one


@functools.lru_cache(maxsize=256)
def shape_of(prefixes: tuple[str, ...], several: bool) -> _Shape | None:
    """None where a field comes twice, or no data.

    The pattern is tried at line starts only, and never reads a line twice as the beginning of its
    data: a search through lines that do not match takes one pass, however they were made.
    """
    names = tuple(prefix.rstrip(": ") for prefix in prefixes)
    if "data" not in names or len(set(names)) < len(names) or (several and names[-1] != "data"):
        return None
    pattern, join = "^", ""
    for name, prefix in zip(names, prefixes, strict=True):
        # Where the first block has no space after the colon the others must have none.
        start = prefix if prefix.endswith(" ") else prefix + "(?! )"
        value = ".*+"
        if name == "id":
            value = r"[^\n\0]*+"  # an id with a NUL is ignored
        elif name == "event":
            value = ".++"  # an empty type means "message"
        elif several:
            value = rf".*+(?:\n{start}.*+)*+"
            join = "\n" + prefix
        pattern += rf"{start}({value})\n"
    return _Shape(re.compile(pattern + r"\n", re.MULTILINE).split, names, join)


# ---------------------------------------------------------------------- the meaning


def read_lines(
    text: str, batch: EventBatch, last_id: str, reconnection_time: int | None
) -> tuple[str, int | None, int]:
    """The lines of one block, in order: it dispatches at most one event."""
    ignored = 0
    data: list[str] = []
    type_ = ""
    own = False
    for line in text.split("\n"):
        # The order of the tests is the order of frequency.
        if line[:5] == "data:":
            data.append(line[6:] if line[5:6] == " " else line[5:])
        elif not line:
            continue
        elif line[0] == ":":
            batch.comments.append(line[1:])
        else:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                type_ = value
            elif name == "id":
                if "\0" not in value:
                    last_id, own = value, True
            elif name == "retry":
                reconnection_time = read_retry(value.encode(), reconnection_time)
            elif name == "data":  # without a colon it is a data line too
                data.append(value)
            else:
                ignored += 1
    if data:
        batch.types.append(type_ or "message")
        batch.data.append("\n".join(data))
        batch.last_event_ids.append(last_id)
        batch.has_id.append(own)
    return last_id, reconnection_time, ignored


def read_retry(value: bytes, otherwise: int | None) -> int | None:
    """A reconnection time: ASCII digits only, base ten; anything else leaves it as it was."""
    if not value.isdigit():
        return otherwise
    # More than 19 digits are more than anybody waits; int() refuses more than 4,300.
    return int(value.lstrip(b"0")[:19] or b"0")
