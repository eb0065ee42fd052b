"""What a notebook waits for before the first event: the import, and `SSEStream(url)`.

Each import happens in a new interpreter, whose CPU time is what counts; the time of an interpreter
that imports nothing is taken off.
"""

from __future__ import annotations

import functools
import resource
import subprocess
import sys
from collections.abc import Callable

from .measure import Report, compare, table, verdict

__all__ = ["AIM", "BASE", "OURS", "report"]

OURS = "import sse_widget"
BASE = "import pandas, anywidget, httpx"
AIM = 1.3
_MADE = 20  # ms
_CONSTRUCT = """
import time, sse_widget
times = []
for _ in range(2):
    start = time.perf_counter()
    stream = sse_widget.SSEStream("http://127.0.0.1:9/")
    times.append(time.perf_counter() - start)
    stream.close()
print(*times)
"""
# What an import must leave for later.
HEAVY = (
    *("aiohttp", "pyarrow.parquet", "starlette", "uvicorn"),
    *("duckdb", "polars", "dask", "jupyterlab"),
)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _python(code: str) -> str:
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return run.stdout


def heavy() -> list[str]:
    """The heavy modules that `import sse_widget` brings along."""
    code = f"import sys, sse_widget; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    return _python(code).split()


def report() -> Report:
    """The table, and what it should say."""
    codes: dict[str, Callable[[], object]] = {
        code: functools.partial(_python, code) for code in (OURS, BASE, "pass")
    }
    times = compare(codes, rounds=9, clock=_children)
    empty = times.median("pass")
    ours, base = times.median(OURS) - empty, times.median(BASE) - empty
    pairs = zip(times.rounds[OURS], times.rounds[BASE], times.rounds["pass"], strict=True)
    ratios = sorted((a - none) / (b - none) for a, b, none in pairs)
    first, second = map(float, _python(_CONSTRUCT).split())
    rows = [
        [f"`{BASE}`", f"{base * 1e3:.0f}", "1", ""],
        [f"`{OURS}`", f"{ours * 1e3:.0f}", f"{ratios[len(ratios) // 2]:.2f}", f"{AIM:g}"],
        ["`SSEStream(url)`, the first", f"{first * 1e3:.1f}", "", "20 ms"],
        ["`SSEStream(url)`, the second", f"{second * 1e3:.1f}", "", "20 ms"],
    ]
    also = heavy()
    verdicts = [
        verdict(f"import, times `{BASE}`", ratios[len(ratios) // 2], "≤", AIM),
        verdict("heavy modules imported", len(also), "≤", 0, digits=0),
        verdict("`SSEStream(url)`, the first", first * 1e3, "<", _MADE, " ms", digits=1),
        verdict("`SSEStream(url)`, the second", second * 1e3, "<", _MADE, " ms", digits=1),
    ]
    text = "\n\n".join(
        [
            "## Start, ms",
            table(["", "ms", "ratio", "at most"], rows),
            f"Imported before it is needed: {', '.join(also) or 'nothing heavy'}.",
        ]
    )
    return Report(text, verdicts)
