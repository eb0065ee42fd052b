"""CPU of the page at 500 events/s: ours beside what people use today, in one JupyterLab.

A page and a kernel for each, one of them at a time, its cell in sight; rounds in rotated order. What is measured is the renderer process of the browser. Imports `rig`, `server` and
`sinks`.
"""

from __future__ import annotations

import statistics

from playwright.sync_api import Browser

from ..helpers.browser import chromium
from ..helpers.lab import Lab
from .measure import Report, Verdict, table, verdict
from .rig import opened
from .server import served
from .sinks import SINKS, installed

__all__ = ["report"]

# A stream is watched for longer than some seconds, and what grows with every line must show that it does.
_RATE, _WARM, _SECONDS, _ROUNDS = 500, 5.0, 15.0, 2
_MAKE = "from IPython.display import display\nfrom tests.bench.sinks import SINKS"
_SHOW = """
sink = SINKS[{!r}]()
sink.start({!r})
if sink.view is not None: display(sink.view)"""


def _cost(browser: Browser, lab: Lab, name: str, url: str) -> float:
    """Share of a core that the page uses while its cell shows the stream."""
    with opened(browser, lab, [_MAKE, _SHOW.format(name, url)]) as page:
        page.notebook.run(0)
        # What opening a notebook left behind, or chance decides in whose seconds that is collected.
        page.collect()
        page.notebook.start(1)
        page.show(1)
        # A page that chokes answers no question: from here on it is only looked at from outside.
        page.wait(_WARM)
        cpu = page.renderer_cpu()
        page.wait(_SECONDS)
        return (page.renderer_cpu() - cpu) / _SECONDS


def report(rounds: int = _ROUNDS) -> Report:
    """The table, and what it should say."""
    names = installed()
    costs: dict[str, list[float]] = {name: [] for name in names}
    with served() as origin, chromium() as browser, Lab(browser) as lab:
        for n in range(rounds):
            first = n % len(names)
            for name in names[first:] + names[:first]:
                costs[name].append(_cost(browser, lab, name, f"{origin}/timed/{_RATE}"))
    ours, *_ = names
    rows = []
    verdicts: list[Verdict] = []
    for name in names:
        ratio = statistics.median(a / b for a, b in zip(costs[name], costs[ours], strict=True))
        share = f"{statistics.median(costs[name]):.1%}"
        beside = ["", ""] if name == ours else [f"{ratio:.1f}", "more than 1"]
        rows.append([name, share, *beside])
        if name != ours:
            what = f"CPU of the page at {_RATE} events/s: {name}, times ours"
            verdicts.append(verdict(what, ratio, ">", 1))
    verdicts.append(verdict("ways to show a stream", len(names), "≥", len(SINKS), digits=0))
    text = "\n\n".join(
        [
            f"## CPU of the page at {_RATE} events/s, share of a core",
            table(["", "CPU", "times ours", "aim"], rows),
        ]
    )
    return Report(text, verdicts)
