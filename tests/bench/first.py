"""From the run of a cell to the first row, and the opening of a notebook that was saved: what a person waits for, in
a real JupyterLab.

A page and a kernel for each measurement; what the cell needs was imported by the cell before it, as
in the README. Beside it what any widget costs there: one that says hello. A saved notebook has ten logs, ten tables of
pandas with as many rows, or no outputs. Needs `rig` and `server`.
"""

from __future__ import annotations

import json
import statistics
import uuid
from typing import Any, NamedTuple

from playwright.sync_api import Browser

from ..helpers.browser import chromium
from ..helpers.lab import Lab
from .measure import Report, Verdict, table, verdict
from .rig import opened
from .server import served

__all__ = ["report"]

_ROUNDS, _AGAIN = 5, 3
_FIRST_MS, _LATER_MS = 150, 60
_SAVED, _SAVED_ROUNDS = 10, 9
_AS_TABLES = 1.0  # times

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


# Name -> what makes it, what shows one of 500 rows, and what is there once it is drawn.
_KEPT = {
    "ten logs": _Contender(
        "import math\nfrom sse_widget import SSEStream\n"
        'DATA = b\'\'.join(b\'id: %d\\ndata: {"price": %d, "symbol": "BTC"}\\n\\n\' % (n, n) for n in range(500))',
        "SSEStream.replay(DATA, speed=math.inf)",
        ".sse-snapshot pre",
    ),
    "ten tables of pandas": _Contender(
        "import pandas as pd\npd.options.display.max_rows = None\n"
        "TABLE = pd.DataFrame({'id': range(500), 'price': range(500), 'symbol': ['BTC'] * 500})",
        "TABLE",
        ".dataframe tr",
    ),
    "no outputs": _Contender("1", "None", ".jp-Cell"),
}


def _saved(browser: Browser, lab: Lab, kept: _Contender) -> dict[str, Any]:
    """A notebook with ten of these, as it was saved."""
    with opened(browser, lab, [kept.imports, *[kept.shows] * _SAVED]) as page:
        for cell in range(_SAVED + 1):
            page.notebook.run(cell)
        page.wait(2)  # the last rows are in the outputs
        return page.notebook.save()


def _opened_after(browser: Browser, lab: Lab, document: dict[str, Any], what: str) -> float:
    """Ms from the request of the page, JupyterLab itself included, until the first of these is drawn."""
    name = f"saved-{uuid.uuid4().hex[:8]}"
    (lab.root / f"{name}.ipynb").write_text(json.dumps(document))
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        page.goto(f"{lab.url}/lab/workspaces/{name}/tree/{name}.ipynb")
        drawn = page.wait_for_function(
            "what => document.querySelector(`.jp-Notebook ${what}`) && performance.now()", arg=what
        )
        return float(drawn.json_value())
    finally:
        context.close()
        lab.close_notebooks()


def _of_saved(browser: Browser, lab: Lab) -> tuple[list[list[str]], Verdict]:
    """The rows of the table, and what they should say."""
    documents = {name: _saved(browser, lab, kept) for name, kept in _KEPT.items()}
    found: dict[str, list[float]] = {name: [] for name in _KEPT}
    for n in range(-1, _SAVED_ROUNDS):
        for name in list(_KEPT) if n % 2 else list(_KEPT)[::-1]:
            took = _opened_after(browser, lab, documents[name], _KEPT[name].what)
            if n >= 0:  # else to get warm
                found[name].append(took)
    rows = [
        [*_row(f"a saved notebook with {name}", times, None), f"{_kib(documents[name]):,.0f}"]
        for name, times in found.items()
    ]
    logs, tables, _ = found.values()
    ratio = statistics.median(a / b for a, b in zip(logs, tables, strict=True))
    return rows, verdict("a saved notebook with ten logs, times ten tables", ratio, "≤", _AS_TABLES)


def _kib(document: dict[str, Any]) -> float:
    return len(json.dumps(document)) / 2**10


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
        saved, as_tables = _of_saved(browser, lab)
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
            f"### From the request of a page to its first output, JupyterLab itself included, ms, {_SAVED_ROUNDS} rounds",
            table(["", "median", "least", "most", "at most", "KiB of the file"], saved),
        ]
    )
    return Report(text, [*verdicts, as_tables])


def _row(name: str, times: list[float], aim: int | None) -> list[str]:
    numbers = [f"{ms:.0f}" for ms in (statistics.median(times), min(times), max(times))]
    return [name, *numbers, "" if aim is None else str(aim)]
