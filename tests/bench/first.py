"""From the run of a cell to the first row: what a person waits for, in a real JupyterLab.

A page and a kernel for each measurement; what the cell needs was imported by the cell before it, as
in the README. Beside it what any widget costs there: one that says hello. Needs `rig` and `server`.
"""

from __future__ import annotations

import statistics
from typing import NamedTuple

from playwright.sync_api import Browser

from ..helpers.browser import chromium
from ..helpers.lab import Lab
from .measure import Report, Verdict, table, verdict
from .rig import opened
from .server import served

__all__ = ["report"]

_ROUNDS, _AGAIN = 5, 3
_FIRST_MS, _LATER_MS = 150, 60

# From the run of the cell until it is painted: a message posted from inside an animation frame.
_UNTIL_PAINTED = """
const painted = () => new Promise(done => requestAnimationFrame(() => {
  const {port1, port2} = new MessageChannel();
  port1.onmessage = () => done(performance.now());
  port2.postMessage(null);
}));
const host = panel.content.widgets[arg.cell].node;
panel.content.activeCellIndex = arg.cell; panel.content.deselectAll(); app.shell.activateById(panel.id);
const start = performance.now();
const ran = app.commands.execute('notebook:run-cell');
let now = start;
while (!host.querySelector(arg.what) && now - start < 20000) now = await painted();
await ran;
return now - start;
"""
_HELLO = """
import anywidget
class Hello(anywidget.AnyWidget):
    _esm = "export default {render({el}) { el.innerHTML = '<p class=hello>hello</p>'; }}"
"""


class _Contender(NamedTuple):
    imports: str
    shows: str
    what: str  # is there once it is shown


_CONTENDERS = {
    "the log": _Contender(
        "from sse_widget import SSEStream", "SSEStream({url!r})", ".sse-list > .sse-row"
    ),
    "any widget": _Contender(_HELLO, "Hello()", ".hello"),
}


def _times(browser: Browser, lab: Lab, contender: _Contender, url: str) -> list[float]:
    """In ms: the first of its page and kernel, and more in cells of their own."""
    shows = contender.shows.format(url=url)
    with opened(browser, lab, [contender.imports, *[shows] * (1 + _AGAIN)]) as page:
        page.notebook.run(0)
        times = []
        for cell in range(1, 2 + _AGAIN):
            page.wait(1)  # what a page and a kernel do when they are left alone is over
            times.append(page.notebook.js(_UNTIL_PAINTED, {"cell": cell, "what": contender.what}))
        return times


def report(rounds: int = _ROUNDS) -> Report:
    """The table, and what it should say."""
    names = list(_CONTENDERS)
    found: dict[str, list[list[float]]] = {name: [] for name in names}
    with served() as origin, chromium() as browser, Lab(browser) as lab:
        _times(browser, lab, _CONTENDERS["any widget"], "")  # the server reads its files once
        for n in range(rounds):
            for name in names if n % 2 else names[::-1]:
                url = f"{origin}/timed/50"
                found[name].append(_times(browser, lab, _CONTENDERS[name], url))
    rows: list[list[str]] = []
    verdicts: list[Verdict] = []
    for name, times in found.items():
        first = [first for first, *_ in times]
        later = [one for _, *more in times for one in more]
        for what, times_, most in (
            (f"{name}, the first of its kernel and page", first, _FIRST_MS),
            (f"{name}, later", later, _LATER_MS),
        ):
            ours = name == "the log"
            rows.append(_row(what, times_, most if ours else None))
            if ours:
                median = statistics.median(times_)
                verdicts.append(verdict(what, median, "≤", most, " ms", digits=0))
    text = "\n\n".join(
        [
            f"## First row: from the run of a cell to painted, ms, {rounds} rounds",
            table(["", "median", "least", "most", "at most"], rows),
        ]
    )
    return Report(text, verdicts)


def _row(name: str, times: list[float], aim: int | None) -> list[str]:
    numbers = [f"{ms:.0f}" for ms in (statistics.median(times), min(times), max(times))]
    return [name, *numbers, "" if aim is None else str(aim)]
