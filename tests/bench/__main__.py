"""`make bench`: all benchmarks, or those named, as one document: first the aims, then all tables.

python -m tests.bench [NAME ...]
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import sys
import time
import traceback
from datetime import UTC, datetime

from .measure import Report, Verdict, table

MODULES = (
    *("parser", "receive", "capture", "history", "start", "frames", "flat", "latest"),
    *("memory", "cell", "idle", "first", "page", "widgets"),
)
_SHOWN = (
    *("aiohttp", "httpx", "pandas", "pyarrow", "anywidget", "httpx-sse", "httpx2"),
    *("launchdarkly-eventsource", "sseclient-py", "aiohttp-sse-client", "requests-sse", "openai"),
    *("msgspec", "orjson", "polars", "holoviews", "streamz"),
    *("ipywidgets", "jupyterlab", "ipykernel", "perspective-python"),
)


def head() -> str:
    """When, where, and with which versions."""
    from sse_widget._version import __version__

    versions = [f"sse-widget {__version__}"]
    for name in _SHOWN:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{name} is not installed")
    return (
        f"# Benchmarks of {datetime.now(UTC):%Y-%m-%d}\n\n"
        f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores. {', '.join(versions)}.\n\n"
        "Made by `make report`. CPU time where nothing else is said, every contender in turn in each "
        "round, in rotated order; medians, and medians of ratios. Another machine gives other times, "
        "and a busy one worse ones."
    )


def summary(verdicts: list[tuple[str, Verdict]]) -> str:
    """Every number that has an aim, and whether it is met."""
    missed = [f"{name}: {v.name}" for name, v in verdicts if not v.met]
    rows = [
        [f"{name}: {v.name}", v.value, v.aim, "met" if v.met else "**missed**"]
        for name, v in verdicts
    ]
    said = f"{len(rows) - len(missed)} of {len(rows)} aims are met in this run"
    said += f"; missed: {'; '.join(missed)}." if missed else "."
    return "\n\n".join(["## The aims", said, table(["", "this run", "aim", ""], rows)])


def measured(name: str) -> Report:
    """What one benchmark gives; told on the standard error as it goes."""
    print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
    start = time.perf_counter()
    report: Report = importlib.import_module(f"{__package__}.{name}").report()
    met = sum(v.met for v in report.verdicts)
    took = time.perf_counter() - start
    print(f"{took:.0f} s, {met} of {len(report.verdicts)} aims met", file=sys.stderr, flush=True)
    return report


def main(names: list[str]) -> int:
    """0 whatever the numbers are; 1 where a benchmark broke, which leaves the others as they are."""
    unknown = sorted(set(names) - set(MODULES))
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(MODULES)}")
        return 2
    texts, verdicts, broken = [], [], 0
    for name in names or MODULES:
        try:
            text, found = measured(name)
        except Exception as e:
            traceback.print_exc()
            text = f"## {name}\n\nNot measured: {type(e).__name__}."
            found = [Verdict("all of it", "not measured", "measured", False)]
            broken += 1
        texts.append(text)
        verdicts += [(name, verdict) for verdict in found]
    print(head(), summary(verdicts), *texts, sep="\n\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
