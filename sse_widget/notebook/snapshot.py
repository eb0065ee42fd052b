"""Snapshot: the latest events as static HTML, for readers who open the notebook without its kernel.

Pure text: all of it is made by `markup`, which escapes and makes visible what comes in, and nothing
depends on a style or a script, because GitHub and others strip them: a log in a `pre`, the older part
folded. It decides neither when it is written nor where.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import pyarrow.compute as pc

from ..events import Gap
from ..masking import Secrets
from ..tables import Snapshot, datetimes
from ..visible import visible, visible_name
from .markup import Html, html, joined, tag
from .messages import Described

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


def render(
    head: Described,
    url: str,
    held: Snapshot,
    gaps: Sequence[Gap],
    session: str,
    secrets: Secrets | None = None,
) -> str:
    """The events of `held`, newest last, in at most `MAX_BYTES` of HTML.

    Args:
        head: counters and status, as the page is told them.
        url: the address, masked.
        held: the rows to keep; the oldest are left out where they do not fit.
        gaps: the gaps of the stream; those between the rows are lines too.
        session: names the stream, so that a page with a live view can hide this.
        secrets: of the stream: a notebook is saved, and given to others, so not even an event that
            repeats one has it here.
    """
    lines: list[_Line] = []
    secrets = secrets or Secrets()
    lengths = pc.utf8_length(held.table.column("data")).to_pylist()
    for cut in _CUTS:
        # What is too much before it is escaped need not be written to see it.
        if cut != _CUTS[-1] and sum(min(n, cut) for n in lengths) > _ROWS_BYTES:
            continue
        lines = _lines(held, gaps, cut, lengths, secrets)
        if _size(lines) <= _ROWS_BYTES:
            break
    lines = _newest(lines, _ROWS_BYTES)
    rows = sum(line.event for line in lines)
    parts = [_heading(head, url, rows)]
    split = _split(lines)
    if split:
        earlier = sum(line.event for line in lines[:split])
        words = f"{earlier:,} earlier {'event' if earlier == 1 else 'events'}"
        parts.append(tag("details", tag("summary", words), _pre(lines[:split], _LINE)))
    if lines[split:]:
        parts.append(_pre(lines[split:]))
    return tag(
        "div",
        *parts,
        class_="sse-snapshot tex2jax_ignore mathjax_ignore",
        data_sse_stream=session,
    )


def _heading(head: Described, url: str, rows: int) -> Html:
    """The address, the state, how many came and how many are here, and what is wrong."""
    stats, status = head["stats"], head["status"]
    now = datetime.now(UTC)
    said = [_STATES.get(status["state"], str(status["state"]))]
    said.append(f"{_count(stats['received'])} received")
    if 0 < rows < stats["received"]:
        said[-1] += f", the last {rows:,} here"
    said.append(f"written {now:%Y-%m-%d %H:%M:%S}, times in UTC")
    troubles = (status["error"], status["hint"], status["note"])
    why = " ".join(visible(text, 500) for text in troubles if text)
    if not why and (reason := status.get("reason")):
        why = f"{'Warning: ' if status.get('warns') else ''}{visible(reason, 500)}"
    about = [tag("b", visible(url, 500)), tag("br"), _DOT.join(said)]
    return tag("p", *about, *([tag("br"), why] if why else []), style="margin:0 0 4px")


class _Line:
    __slots__ = ("event", "html", "size")

    def __init__(self, line: Html, event: bool) -> None:
        self.html = line
        self.event = event
        self.size = len(line.encode()) + 1


def _lines(
    held: Snapshot, gaps: Sequence[Gap], cut: int, lengths: list[int], secrets: Secrets
) -> list[_Line]:
    table, hide = held.table, secrets.hide
    # Cut through a secret its beginning would stay.
    whole = pc.utf8_slice_codeunits(table.column("data"), 0, cut + secrets.longest).to_pylist()
    data = [hide(text)[:cut] for text in whole]
    at = datetimes(table.column("received_at"))
    clock = "%H:%M:%S.%f" if at and at[0].date() == at[-1].date() else "%Y-%m-%d %H:%M:%S.%f"
    types = _column(map(hide, table.column("type").to_pylist()))
    ids = _column(map(hide, table.column("last_event_id").to_pylist()))
    before: dict[int, list[Gap]] = {}
    for gap in gaps:
        before.setdefault(gap.seq, []).append(gap)
    out: list[_Line] = []
    for i, text in enumerate(data):
        out += (_gap(gap, clock) for gap in before.get(held.first + i, ()))
        more = f"\u2026 ({lengths[i]:,} characters)" if lengths[i] > cut else ""
        words = [f"{at[i].strftime(clock)[:-3]}  ", tag("b", types[i]), "  "]
        if ids[i]:
            words.append(f"{ids[i]}  ")
        out.append(_Line(html(*words, visible(text), more), True))
    out += (_gap(gap, clock) for gap in before.get(held.first + len(data), ()))
    return out


def _gap(gap: Gap, clock: str) -> _Line:
    at = gap.at.astimezone(UTC).strftime(clock)[:-3]
    return _Line(tag("i", f"{at}  \u2014 {visible(gap.text, 500)}"), False)


def _column(names: Iterable[str]) -> list[str]:
    """Names of one width; nothing at all where there are none."""
    plain = [visible_name(name, _NAME) for name in names]
    width = max(map(len, plain), default=0)
    return [name.ljust(width) for name in plain]


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


def _pre(lines: Iterable[_Line], rules: str = "") -> Html:
    return tag("pre", joined(line.html for line in lines), tabindex="0", style=f"{_RULES}{rules}")
