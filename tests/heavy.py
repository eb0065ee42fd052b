"""`make heavy`: the checks that take hours, and one table of all that they measured.

Two at a time, for a machine with two cores: beside those that look at how long something takes run, at the lowest
priority, those that do not. A check that fails stops none of the others; what
failed is said at the end, and is the exit code. `python -m tests.heavy kills many` does only those that are named.
What a check prints is printed when it ends.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from .bench.measure import table

__all__ = ["CHECKS", "Check"]

_PYTEST = (sys.executable, "-m", "pytest", "-s")


class Check(NamedTuple):
    """A command, and by which variables it is made as large as it should be.

    Attributes:
        name: of the check.
        command: it and its arguments.
        variables: of its environment.
        aside: it judges no time, so it gives way to those that do.
    """

    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = MappingProxyType({})
    aside: bool = False


class Done(NamedTuple):
    """What a check came to."""

    failed: bool
    minutes: float
    rows: list[list[str]]


# Of each kind in this order: the soak is beside the thousand streams, which leave it a core.
CHECKS = (
    Check(
        "many",
        (*_PYTEST, "tests/capture/test_many_streams.py", "-k", "here"),
        {"SSE_WIDGET_MANY_SECONDS": "3600"},
    ),
    Check(
        "spread",
        (*_PYTEST, "tests/capture/test_many_streams.py", "-k", "cluster"),
        {"SSE_WIDGET_SPREAD": "10000", "SSE_WIDGET_SPREAD_SECONDS": "900"},
    ),
    Check("cluster", (*_PYTEST, "tests/cluster"), {"SSE_WIDGET_ASLEEP_SECONDS": "15"}),
    Check(
        "operations",
        (*_PYTEST, "tests/cluster/test_operations.py"),
        {"SSE_WIDGET_CLUSTER": "60"},
    ),
    Check(
        "rolling",
        (*_PYTEST, "tests/storage/test_rolling.py"),
        {"SSE_WIDGET_ROLLING_SECONDS": "600"},
    ),
    Check(
        "page",
        (*_PYTEST, "tests/page/test_overview.py", "-k", "bounded"),
        {"SSE_WIDGET_ROWS": "10000"},
    ),
    Check("history", (sys.executable, "-m", "tests.bench.history", "100000000")),
    Check("soak", (sys.executable, "-m", "tests.soak"), aside=True),
    Check(
        "cuts",
        (*_PYTEST, "tests/servers/test_disconnects.py"),
        {"SSE_WIDGET_CUTS": "10000"},
        aside=True,
    ),
    Check("stores", ("make", "stores"), aside=True),
    Check("apps", ("make", "apps"), aside=True),
    Check(
        "kills",
        (*_PYTEST, "tests/storage/test_kill.py", "tests/storage/test_compaction.py"),
        {"SSE_WIDGET_KILLS": "50", "SSE_WIDGET_HISTORY": "5", "SSE_WIDGET_CRASHES": "1000"},
        aside=True,
    ),
    Check(
        "fuzz",
        (*_PYTEST, "tests/protocol/test_fuzz.py"),
        {"SSE_WIDGET_FUZZ_SECONDS": "3600"},
        aside=True,
    ),
)
_AT_REST = ("nice", "-n", "19")


def main(names: list[str]) -> int:
    unknown = set(names) - {check.name for check in CHECKS}
    if unknown:
        print(f"no such check: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    wanted = [check for check in CHECKS if not names or check.name in names]
    lanes = [[check for check in wanted if check.aside == aside] for aside in (False, True)]
    done: dict[str, Done] = {}
    stop = threading.Event()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(len(lanes)) as pool:
        try:
            for lane in [pool.submit(_run, lane, Path(folder), done, stop) for lane in lanes]:
                lane.result()
        except KeyboardInterrupt:
            stop.set()
            raise
    rows = []
    for check in wanted:
        failed, minutes, measured = done[check.name]
        rows.append([check.name, "**failed**" if failed else "passed", f"{minutes:.0f} min"])
        rows += measured
    failures = [name for name, each in done.items() if each.failed]
    print(f"\n{table(['check', 'what', 'measured'], rows)}")
    print(f"\nFailed: {', '.join(failures)}" if failures else "\nNothing failed.")
    return bool(failures)


def _run(lane: list[Check], folder: Path, done: dict[str, Done], stop: threading.Event) -> None:
    """These checks, one after the other, until somebody stops them."""
    for check in lane:
        # Who interrupts us interrupts the check too, which may be told before we are.
        if stop.wait(1):
            return
        print(f"=== {check.name}: begun at {time.strftime('%H:%M:%S')}", flush=True)
        found, said = folder / f"{check.name}.rows", folder / f"{check.name}.said"
        began = time.monotonic()
        try:
            with said.open("wb") as output:
                code = subprocess.run(
                    (*(_AT_REST if check.aside and shutil.which("nice") else ()), *check.command),
                    check=False,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **check.variables, "SSE_WIDGET_MEASURED": str(found)},
                ).returncode
            text = said.read_text("utf-8", "replace")
            print(f"\n=== {check.name}: {shlex.join(check.command)}\n{text}", flush=True)
            lines = found.read_text("utf-8").splitlines() if found.exists() else []
            rows = [["", what, numbers] for what, numbers in map(json.loads, lines)]
        except (OSError, ValueError) as e:  # the others are not to be lost with it
            code, rows = 1, [["", "could not be run, or its numbers not be read", repr(e)]]
        done[check.name] = Done(bool(code), (time.monotonic() - began) / 60, rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
