"""Snapshot: the latest events as static HTML, for whoever opens the notebook without its kernel.

Pure text: what comes in is escaped and made visible, and nothing depends on a style or a script,
because GitHub and others strip them: a log in a `pre`, the older part folded. It decides neither
when it is written nor where. Imports from floor 2 down.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow.compute as pc

from ..events import Gap
from ..tables.window import Snapshot

__all__ = ["MAX_BYTES", "render"]

MAX_BYTES = 256 * 1024
# Address, reason and hint, were every character of them to be named, take less than the rest.
_ROWS_BYTES = MAX_BYTES - 24 * 1024
# What is seen before anything is unfolded.
_OPEN_ROWS = 10
# Characters of data a line: the most with which all rows fit; below the last, rows are left out.
_CUTS = (4096, 2048, 1024, 768, 512, 384, 256)
_NAME = 32
_DOT = " \u00b7 "
_RULES = (
    "font-family:monospace;font-size:12px;line-height:1.5;margin:0;padding:4px 0;"
    "white-space:pre;overflow:auto;max-height:30em"
)
_LINE = ";border-bottom:1px solid #8886"
_STATES = {
    "connecting": "Connecting when this was written",
    "open": "Open when this was written",
    "quiet": "Open, and quiet, when this was written",
    "waiting": "Waiting to reconnect when this was written",
    "closed": "Closed",
    "failed": "Failed",
}
# What hides, reorders or breaks a line; the page names the same characters (format.ts).
_ODD = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SHOWN = {"\n": "\u23ce", "\u2028": "\u23ce", "\u2029": "\u23ce", "\t": " ", "\x7f": "\u2421"}


def render(
    head: Mapping[str, Any], url: str, held: Snapshot, gaps: Sequence[Gap], session: str
) -> str:
    """The events of `held`, newest last, in at most `MAX_BYTES` of HTML.

    Args:
        head: counters and status, as the page is told them.
        url: the address, masked.
        held: the rows to keep; the oldest are left out where they do not fit.
        gaps: the gaps of the stream; those between the rows are lines too.
        session: names the stream, so that a page with a live view can hide this.
    """
    stats, status = head["stats"], head["status"]
    now = datetime.now(UTC)
    lines: list[_Line] = []
    lengths = pc.utf8_length(held.table.column("data")).to_pylist()
    for cut in _CUTS:
        # What is too much before it is escaped need not be written to see it.
        if cut != _CUTS[-1] and sum(min(n, cut) for n in lengths) > _ROWS_BYTES:
            continue
        lines = _lines(held, gaps, cut, lengths)
        if _size(lines) <= _ROWS_BYTES:
            break
    lines = _newest(lines, _ROWS_BYTES)
    rows = sum(line.event for line in lines)
    said = [_STATES.get(status["state"], str(status["state"]))]
    said.append(f"{_count(stats['received'])} received")
    if 0 < rows < stats["received"]:
        said[-1] += f", the last {rows:,} here"
    said.append(f"written {now:%Y-%m-%d %H:%M:%S}, times in UTC")
    why = " ".join(
        _text(status[name], 500) for name in ("error", "hint", "note") if status.get(name)
    )
    parts = [
        f'<div class="sse-snapshot tex2jax_ignore mathjax_ignore" data-sse-stream="{session}">',
        f'<p style="margin:0 0 4px"><b>{_text(url, 500)}</b><br>{_DOT.join(said)}{"<br>" + why if why else ""}</p>',
    ]
    split = _split(lines)
    if split:
        earlier = sum(line.event for line in lines[:split])
        parts.append(
            f"<details><summary>{earlier:,} earlier {'event' if earlier == 1 else 'events'}"
            f"</summary>{_pre(lines[:split], _LINE)}</details>"
        )
    if lines[split:]:
        parts.append(_pre(lines[split:]))
    return "".join([*parts, "</div>"])


class _Line:
    __slots__ = ("event", "size", "text")

    def __init__(self, text: str, event: bool) -> None:
        self.text = text
        self.event = event
        self.size = len(text.encode()) + 1


def _lines(held: Snapshot, gaps: Sequence[Gap], cut: int, lengths: list[int]) -> list[_Line]:
    table = held.table
    data = pc.utf8_slice_codeunits(table.column("data"), 0, cut).to_pylist()
    at = table.column("received_at").to_pylist()
    clock = "%H:%M:%S.%f" if at and at[0].date() == at[-1].date() else "%Y-%m-%d %H:%M:%S.%f"
    types = _column(table.column("type").to_pylist())
    ids = _column(table.column("last_event_id").to_pylist())
    before: dict[int, list[Gap]] = {}
    for gap in gaps:
        before.setdefault(gap.seq, []).append(gap)
    out: list[_Line] = []
    for i, text in enumerate(data):
        out += (_gap(gap, clock) for gap in before.get(held.first + i, ()))
        more = f"\u2026 ({lengths[i]:,} characters)" if lengths[i] > cut else ""
        words = f"{at[i].strftime(clock)[:-3]}  <b>{types[i]}</b>  "
        words += f"{ids[i]}  " if ids[i] else ""
        out.append(_Line(f"{words}{_text(text)}{more}", True))
    out += (_gap(gap, clock) for gap in before.get(held.first + len(data), ()))
    return out


def _gap(gap: Gap, clock: str) -> _Line:
    at = gap.at.astimezone(UTC).strftime(clock)[:-3]
    return _Line(f"<i>{at}  \u2014 {_text(gap.text, 500)}</i>", False)


def _column(names: Iterable[str]) -> list[str]:
    """Names of one width; nothing at all where there are none."""
    plain = [_visible(name, _NAME) for name in names]
    width = max(map(len, plain), default=0)
    return [html.escape(name.ljust(width)) for name in plain]


def _visible(text: str, limit: int | None = None) -> str:
    if limit is not None and len(text) > limit:
        text = f"{text[: limit - 1]}\u2026"
    return _ODD.sub(_name, text)


def _name(match: re.Match[str]) -> str:
    char = match.group()
    if char in _SHOWN:
        return _SHOWN[char]
    return chr(0x2400 + ord(char)) if ord(char) < 0x20 else f"\u2039U+{ord(char):04X}\u203a"


def _text(text: str, limit: int | None = None) -> str:
    return html.escape(_visible(text, limit))


def _count(n: int) -> str:
    return f"{n:,} {'event' if n == 1 else 'events'}"


def _size(lines: Iterable[_Line]) -> int:
    return sum(line.size for line in lines)


def _newest(lines: list[_Line], limit: int) -> list[_Line]:
    size = 0
    for i in range(len(lines) - 1, -1, -1):
        size += lines[i].size
        if size > limit:
            return lines[i + 1 :]
    return lines


def _split(lines: list[_Line]) -> int:
    """Where the part begins that is not folded; one line is not worth a fold."""
    at = len(lines) - _OPEN_ROWS
    return at if at > 1 else 0


def _pre(lines: Iterable[_Line], rules: str = "") -> str:
    text = "\n".join(line.text for line in lines)
    return f'<pre tabindex="0" style="{_RULES}{rules}">{text}</pre>'
