"""CPU of the page at 500 events/s: ours beside what people use today, in one JupyterLab.

One notebook, a cell for each contender, one of them running at a time and in sight; rounds in
rotated order. What is measured is the renderer process of the browser. Imports `rig`, `server` and
`sinks`.
"""

from __future__ import annotations

import statistics

from .measure import table
from .rig import Rig, rig
from .server import served
from .sinks import installed

__all__ = ["report"]

_RATE, _WARM, _SECONDS, _ROUNDS = 500, 2.0, 5.0, 3
_MAKE = "from IPython.display import display\nfrom tests.bench.sinks import SINKS"
_SHOW = """
sink = SINKS[NAME]()
sink.start(URL)
if sink.view is not None: display(sink.view)"""


def _cost(page: Rig, cell: int, name: str, url: str) -> float:
    """Share of a core that the page uses while this cell shows the stream."""
    notebook = page.notebook
    notebook.execute(f"NAME, URL = {name!r}, {url!r}")
    notebook.run(cell)
    page.show(cell)
    page.wait(_WARM)
    before, cpu = page.ask("len(sink.texts())"), page.renderer_cpu()
    page.wait(_SECONDS)
    cpu = page.renderer_cpu() - cpu
    assert page.ask("len(sink.texts())") - before > _RATE * _SECONDS / 2, f"{name} did not keep up"
    notebook.execute("sink.end()")
    notebook.js("panel.content.widgets[arg].model.outputs.clear();", cell)
    page.wait(0.5)
    return cpu / _SECONDS


def report(rounds: int = _ROUNDS) -> str:
    """Markdown."""
    names = installed()
    costs: dict[str, list[float]] = {name: [] for name in names}
    with served() as origin, rig([_MAKE, *[_SHOW] * len(names)]) as page:
        page.notebook.run(0)
        for n in range(rounds):
            first = n % len(names)
            for name in names[first:] + names[:first]:
                url = f"{origin}/timed/{_RATE}"
                costs[name].append(_cost(page, 1 + names.index(name), name, url))
    ours, *_ = names
    rows = []
    for name in names:
        ratio = statistics.median(a / b for a, b in zip(costs[name], costs[ours], strict=True))
        share = f"{statistics.median(costs[name]):.1%}"
        beside = ["", ""] if name == ours else [f"{ratio:.1f}", "more than 1"]
        rows.append([name, share, *beside])
    return "\n\n".join(
        [
            f"### CPU of the page at {_RATE} events/s, share of a core",
            table(["", "CPU", "times ours", "aim"], rows),
        ]
    )
