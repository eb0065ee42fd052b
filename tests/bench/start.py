"""What a notebook, or a script, waits for before the first event: the import, and `SSEStream(url)`; and
what installing brings along.

Each import happens in a new interpreter, whose CPU time is what counts; the time of an interpreter
that imports nothing is taken off.
"""

from __future__ import annotations

import functools
import importlib.metadata
import resource
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

from packaging.requirements import Requirement

from ..helpers.kernel import kernel
from .measure import Report, Times, Verdict, compare, table, verdict

__all__ = ["AIM", "BASE", "CLIENT", "NOT_OF_A_CLIENT", "OURS", "heavy", "installed", "report"]

OURS = "from sse_widget import SSEStream"
CLIENT, CLIENT_BASE = "from sse_widget import EventSource", "import httpx"
BASE = "import pandas, anywidget, httpx"
AIM = 1.3
_MADE = 20  # ms
_CONSTRUCT = """
import time
from sse_widget import SSEStream
times = []
for _ in range(2):
    start = time.process_time()
    stream = SSEStream("http://127.0.0.1:9/")
    times.append(time.process_time() - start)
    stream.close()
print(*times)
"""
# Of how many streams, and how many copies of the page's script and style go to the page with them, at most.
_SHOWN, _COPIES = 20, 1
_OPENED = f"""
from sse_widget import SSEStream
streams = [SSEStream("http://127.0.0.1:9/") for _ in range({_SHOWN})]
"""
# Of the script, in the state of whichever model.
_PIECE = "sseLog"
# What an import must leave for later.
HEAVY = (
    *("aiohttp", "pyarrow.parquet", "starlette", "uvicorn"),
    *("duckdb", "polars", "dask", "jupyterlab"),
)
# And what a plain client has no use for.
NOT_OF_A_CLIENT = ("pandas", "pyarrow", "numpy", "anywidget", "ipywidgets", "traitlets", "IPython")


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _python(code: str) -> str:
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return run.stdout


def heavy(code: str = "import sse_widget", modules: Iterable[str] = HEAVY) -> list[str]:
    """Which of these modules that code brings along."""
    names = tuple(modules)
    said = _python(f"{code}\nimport sys; print(*[m for m in {names!r} if m in sys.modules])")
    return said.split()


def installed() -> dict[str, float]:
    """MiB of each package that `pip install sse-widget` brings, as it lies here; those that are not
    here are left out."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    left = list(project["dependencies"])
    sizes: dict[str, float] = {}
    while left:
        requirement = Requirement(left.pop())
        marker, name = requirement.marker, requirement.name.lower().replace("_", "-")
        if name in sizes or (marker is not None and not marker.evaluate({"extra": ""})):
            continue
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        files = [Path(str(found.locate_file(file))) for file in found.files or ()]
        sizes[name] = sum(file.stat().st_size for file in files if file.is_file()) / 2**20
        left += found.requires or ()
    return sizes


def _copies() -> tuple[int, float]:
    """How often a kernel sends the page's script for so many streams, and the MiB of all that it sends."""
    with kernel() as own:
        own.run(_OPENED)
        states = own.states
    return sum(_PIECE in state for state in states), sum(map(len, states)) / 2**20


def _ratio(times: Times, ours: str, base: str) -> tuple[float, float, float]:
    """Seconds of one import and of what it is compared with, and the median of their ratios."""
    empty = times.median("pass")
    rounds = zip(times.rounds[ours], times.rounds[base], times.rounds["pass"], strict=True)
    ratios = [(a - none) / (b - none) for a, b, none in rounds]
    return times.median(ours) - empty, times.median(base) - empty, statistics.median(ratios)


def report() -> Report:
    """The table, and what it should say."""
    codes: dict[str, Callable[[], object]] = {
        code: functools.partial(_python, code) for code in (OURS, BASE, CLIENT, CLIENT_BASE, "pass")
    }
    times = compare(codes, rounds=7, clock=_children)
    rows: list[list[str]] = []
    verdicts: list[Verdict] = []
    for ours, base in ((OURS, BASE), (CLIENT, CLIENT_BASE)):
        most = f"{AIM:g}" if ours == OURS else ""
        cost, peer, ratio = _ratio(times, ours, base)
        rows += [
            [f"`{base}`", f"{peer * 1e3:.0f}", "1", ""],
            [f"`{ours}`", f"{cost * 1e3:.0f}", f"{ratio:.2f}", most],
        ]
        if most:
            verdicts.append(verdict(f"`{ours}`, times `{base}`", ratio, "≤", AIM))
    for what, took in zip(
        ("first", "second"), map(float, _python(_CONSTRUCT).split()), strict=True
    ):
        name = f"`SSEStream(url)`, the {what}"
        rows.append([name, f"{took * 1e3:.1f}", "", f"{_MADE} ms"])
        verdicts.append(verdict(name, took * 1e3, "<", _MADE, " ms", digits=1))
    copies, mib = _copies()
    name = f"{_SHOWN} streams: copies of the script and style sent to the page"
    rows.append([f"{name} ({mib:.1f} MiB)", f"{copies:.0f}", "", f"{_COPIES}"])
    verdicts.append(verdict(name, copies, "≤", _COPIES, digits=0))
    also, clients = heavy(), heavy(CLIENT, (*HEAVY, *NOT_OF_A_CLIENT))
    verdicts += [
        verdict("heavy modules imported", len(also), "≤", 0, digits=0),
        verdict(f"heavy modules of `{CLIENT}`", len(clients), "≤", 0, digits=0),
    ]
    sizes = installed()
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)
    sizes_said = ", ".join(f"{name} {sizes[name]:.0f}" for name in largest[:5])
    text = "\n\n".join(
        [
            "## Start, ms",
            table(["", "ms", "ratio", "at most"], rows),
            f"Imported before it is needed: {', '.join(also + clients) or 'nothing heavy'}.",
            f"Installing brings {len(sizes)} packages, {sum(sizes.values()):.0f} MiB in all: "
            f"{sizes_said}, ...; the wheel itself has {_own_mib():.1f} MiB unpacked.",
        ]
    )
    return Report(text, verdicts)


def _own_mib() -> float:
    files = (Path(__file__).parents[2] / "sse_widget").rglob("*")
    own = (f for f in files if f.is_file() and "__pycache__" not in f.parts)
    return sum(file.stat().st_size for file in own) / 2**20
