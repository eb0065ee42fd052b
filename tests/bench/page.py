"""From a server onto the page of a real JupyterLab: how late, how smooth, and what it costs.

Every event says when it was sent; the page says when it was painted. Needs `rig` and `server`.
"""

from __future__ import annotations

import gzip
import json
import statistics
from pathlib import Path
from typing import Any

from .measure import Report, Verdict, table, verdict
from .rig import SHOW, Latency, Rig, rig, rss
from .server import served

__all__ = ["report"]

# events a second: the most that p99 may be, in ms
_RATES: dict[int, float] = {25: 100, 500: 100, 5_000: 100, 20_000: 100, 50_000: 100, 100_000: 100}
_WARM, _SECONDS = 2.5, 10.0
_NO_LONG_TASKS_AT = 20_000
_CAME = 0.98  # of what the server sends
_HELD = 100_000
_STATIC = Path(__file__).parents[2] / "sse_widget" / "static"
_LOG = 1

_MAKE = """
import os
from sse_widget import SSEStream
stream = None
"""

_PAINTED = """
const painted = () => new Promise(done => requestAnimationFrame(() => {
  const {port1, port2} = new MessageChannel();
  port1.onmessage = () => done(performance.now());
  port2.postMessage(null);
}));
"""
# From a text typed into the search box to rows that match, and to the last event tested.
_FILTER = (
    _PAINTED
    + """
const host = panel.content.widgets[arg.cell].node;
const box = host.querySelector('[aria-label="Search data"]');
const found = host.querySelector('.sse-found');
const rows = () => [...host.querySelectorAll('.sse-list > .sse-row .sse-data')];
const long = [];
const observer = new PerformanceObserver(l => long.push(...l.getEntries().map(e => e.duration)));
observer.observe({type: 'longtask'});
box.value = arg.text;
const start = performance.now();
box.dispatchEvent(new Event('input', {bubbles: true}));
let first = null, all = null;
while (all === null) {
  const now = await painted();
  const shown = rows();
  if (first === null && shown.length > 0 && shown.every(r => r.textContent.includes(arg.text))) first = now - start;
  if (first !== null && /found|of/.test(found.textContent)) all = now - start;
  if (now - start > 20000) break;
}
const said = found.textContent;
box.value = '';
box.dispatchEvent(new Event('input', {bubbles: true}));
await new Promise(done => setTimeout(done, 500));
observer.disconnect();
return {first, all, said, longest: Math.max(0, ...long)};
"""
)
# `initialize` on a model that does nothing, in the page.
_INITIALIZE = """
const url = URL.createObjectURL(new Blob([arg], {type: 'text/javascript'}));
let start = performance.now();
const widget = (await import(url)).default;
const evaluated = performance.now() - start;
const model = {get: () => null, set() {}, save_changes() {}, send() {}, on() {}, off() {}};
start = performance.now();
const end = widget.initialize({model, signal: new AbortController().signal});
const took = performance.now() - start;
end();
return [evaluated, took];
"""


def _run(page: Rig, url: str) -> None:
    page.notebook.execute(f"URL = {url!r}")
    page.notebook.run(_LOG)
    page.show(_LOG)


def _memory(page: Rig) -> tuple[float, float, float]:
    """Kernel, heap of the page, whole page, MB."""
    return (rss(page.ask("os.getpid()")), *page.page_memory())


def _flood(page: Rig, url: str, seconds: float) -> tuple[Latency, list[int], str]:
    counts = "[stream.stats.received, stream.stats.not_sent]"
    _run(page, url)
    page.wait(_WARM + 3)  # the bounds of the kernel and of the page are reached
    before, start = _memory(page), page.ask(counts)
    seen = page.watch(_LOG, seconds)
    now = page.ask(counts)
    after = _memory(page)
    memory = ", ".join(f"{a:.0f} → {b:.0f}" for a, b in zip(before, after, strict=True))
    return seen, [b - a for a, b in zip(start, now, strict=True)], memory


Rows = tuple[list[list[str]], list[Verdict]]
# What, how much, of which unit, and the most it may be.
Measured = tuple[str, float, str, float | None]


def _floods(page: Rig, origin: str, seconds: float) -> Rows:
    rows, verdicts = [], []
    for rate, aim in _RATES.items():
        seen, (received, not_sent), memory = _flood(page, f"{origin}/timed/{rate}", seconds)
        rows.append(
            [
                f"{rate:,} events/s",
                f"{seen.p50:.0f}",
                f"{seen.p99:.0f}",
                f"under {aim:g}",
                f"{seen.long_tasks / seen.seconds:.2f}",
                f"{received:,}",
                f"{not_sent:,}",
                memory,
            ]
        )
        name = f"{rate:,} events/s"
        verdicts += [
            verdict(f"{name}: sent to painted, p99", seen.p99, "<", aim, " ms", digits=0),
            verdict(
                f"{name}: painted a second", seen.events / seen.seconds, "≥", _CAME * rate, "", 0
            ),
        ]
        if rate == _NO_LONG_TASKS_AT:
            verdicts.append(verdict(f"{name}: long tasks", seen.long_tasks, "≤", 0, digits=0))
    return rows, verdicts


def _alone(page: Rig, origin: str) -> list[Measured]:
    _run(page, f"{origin}/timed/2")
    page.wait(1)
    alone = page.watch(_LOG, 6)
    return [("one event after silence, sent to painted, p50", alone.newest, " ms", None)]


def _filters(page: Rig, origin: str) -> list[Measured]:
    _run(page, f"{origin}/timed/40000")
    page.wait(_HELD / 40_000 + 3)
    page.notebook.execute("stream.stop()")
    page.wait(2)
    times: list[dict[str, Any]] = []
    for text in ('"n": 1234', '7, "at"', '"n": 99', "nothing like it", '1, "at"'):
        times.append(page.notebook.js(_FILTER, {"cell": _LOG, "text": text}))
        page.wait(0.3)
    first = [t["first"] for t in times if t["first"] is not None]
    every = [t["all"] for t in times if t["all"] is not None]
    held = page.ask("stream.stats.held")
    return [
        (f"filter over {held:,}: first matches", statistics.median(first), " ms", 50),
        (f"filter over {held:,}: complete", statistics.median(every), " ms", 200),
        ("longest task meanwhile", max(t["longest"] for t in times), " ms", 50),
    ]


def _bundle(page: Rig) -> list[Measured]:
    source = (_STATIC / "widget.js").read_text()
    took = [page.notebook.js(_INITIALIZE, source) for _ in range(5)]
    evaluated, initialized = (statistics.median(t[n] for t in took) for n in (0, 1))
    size = len(source.encode()) / 1024
    packed = len(gzip.compress(source.encode(), 9)) / 1024
    css = (_STATIC / "widget.css").stat().st_size / 1024
    return [
        ("`initialize`", initialized, " ms", 50),
        ("evaluating the bundle", evaluated, " ms", None),
        (f"the bundle (and {css:.0f} KB of style)", size, " KB", 140),
        ("the bundle, gzipped", packed, " KB", 52),
    ]


def _judged(measured: list[Measured]) -> Rows:
    rows, verdicts = [], []
    for name, value, unit, most in measured:
        if most is not None:
            verdicts.append(verdict(name, value, "≤", most, unit, digits=0))
        rows.append([name, f"{value:.0f}{unit}", "" if most is None else f"{most:g}{unit}"])
    return rows, verdicts


def report(seconds: float = _SECONDS) -> Report:
    """The tables, and what they should say."""
    with served() as origin, rig([_MAKE, SHOW]) as page:
        page.notebook.run(0)
        measured = _alone(page, origin)
        floods, verdicts = _floods(page, origin, seconds)
        measured += _filters(page, origin)
        measured += _bundle(page)
        page.notebook.execute("stream.close()")
        assert not page.notebook.page_errors, json.dumps(page.notebook.page_errors)
    head = ["", "p50", "p99", "aim", "long tasks/s", "received", "not sent"]
    rows, more = _judged(measured)
    text = "\n\n".join(
        [
            f"## Onto the page: sent to painted, ms, while following, {seconds:g} s each",
            table([*head, "MB before → after: kernel, page's heap, page"], floods),
            "A long task takes over 50 ms; aim: at most one a second.",
            table(["The page", "", "at most"], rows),
        ]
    )
    return Report(text, [*verdicts, *more])


if __name__ == "__main__":
    import sys

    print(report(float(sys.argv[1]) if len(sys.argv) > 1 else _SECONDS).text)
