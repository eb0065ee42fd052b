"""`make heavy`: the checks that take hours, one after the other, and one table of all that they measured.

A check that fails stops none of those after it; what failed is said at the end, and is the exit code. `python -m
tests.heavy kills many` does only those that are named.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from .bench.measure import table

__all__ = ["CHECKS", "Check"]

_PYTEST = (sys.executable, "-m", "pytest", "-s")


class Check(NamedTuple):
    """A command, and by which variables it is made as large as it should be."""

    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = MappingProxyType({})


CHECKS = (
    Check(
        "cuts",
        (*_PYTEST, "tests/servers/test_disconnects.py"),
        {"SSE_WIDGET_CUTS": "10000"},
    ),
    Check("fuzz", (*_PYTEST, "tests/protocol/test_fuzz.py"), {"SSE_WIDGET_FUZZ_SECONDS": "3600"}),
    Check(
        "kills",
        (*_PYTEST, "tests/storage/test_kill.py", "tests/storage/test_compaction.py"),
        {"SSE_WIDGET_KILLS": "50", "SSE_WIDGET_HISTORY": "5", "SSE_WIDGET_CRASHES": "1000"},
    ),
    Check("stores", ("make", "stores")),
    Check("apps", ("make", "apps")),
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
    Check("soak", (sys.executable, "-m", "tests.soak")),
)


def main(names: list[str]) -> int:
    unknown = set(names) - {check.name for check in CHECKS}
    if unknown:
        print(f"no such check: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    rows: list[list[str]] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for check in CHECKS:
            if names and check.name not in names:
                continue
            found = Path(folder) / check.name
            print(f"\n=== {check.name}: {shlex.join(check.command)}", flush=True)
            begun = time.monotonic()
            code = subprocess.run(
                check.command,
                check=False,
                env={**os.environ, **check.variables, "SSE_WIDGET_MEASURED": str(found)},
            ).returncode
            if code:
                failed.append(check.name)
            took = f"{(time.monotonic() - begun) / 60:.0f} min"
            rows.append([check.name, "**failed**" if code else "passed", took])
            lines = found.read_text("utf-8").splitlines() if found.exists() else []
            rows += [["", what, numbers] for what, numbers in map(json.loads, lines)]
    print(f"\n{table(['check', 'what', 'measured'], rows)}")
    print(f"\nFailed: {', '.join(failed)}" if failed else "\nNothing failed.")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
