"""`make bench`: all benchmarks, or those named, as Markdown.

python -m tests.bench [NAME ...]
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import sys
from datetime import UTC, datetime

MODULES = (
    *("parser", "receive", "capture", "start", "frames", "flat"),
    *("cell", "first", "page", "widgets"),
)
_SHOWN = (
    *("aiohttp", "httpx", "httpx-aiohttp", "pandas", "pyarrow", "anywidget", "httpx-sse", "httpx2"),
    *("launchdarkly-eventsource", "sseclient-py", "aiohttp-sse-client", "requests-sse", "openai"),
    *("orjson", "polars", "holoviews", "streamz"),
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
        f"## Benchmarks of {datetime.now(UTC):%Y-%m-%d}\n\n"
        f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores. {', '.join(versions)}.\n\n"
        "CPU time, every contender in turn in each round; medians, and medians of ratios."
    )


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(MODULES))
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(MODULES)}")
        return 2
    print(head())
    for name in names or MODULES:
        if importlib.util.find_spec(f"{__package__}.{name}") is None:
            continue
        report = getattr(importlib.import_module(f"{__package__}.{name}"), "report", None)
        if report is not None:
            print("", report(), sep="\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
