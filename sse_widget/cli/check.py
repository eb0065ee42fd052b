"""`sse-widget check`: what is wrong with a capture, a line each, on standard output.

In a terminal a line on standard error tells how far it is. It judges nothing itself: `storage` does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..storage import Dataset, check


def check_capture(dataset: Dataset, *, stop: Callable[[], bool]) -> bool:
    """Check it and print what was found; whether nothing is wrong.

    Args:
        stop: whether to end early.
    """
    report = check(dataset, progress=_show if sys.stderr.isatty() else None, stop=stop)
    for problem in report.problems:
        print(problem)
    for note in report.notes:
        print(f"Note: {note}")
    if not report.files and not report.problems:
        print("There is no capture here.", flush=True)
        return False
    found = (
        f"{len(report.problems):,} {'problem' if len(report.problems) == 1 else 'problems'}"
        if report.problems
        else "Nothing is wrong"
    )
    print(
        f"{found}: {report.rows:,} rows of {report.streams:,} streams in {report.files:,} files were read.",
        flush=True,
    )
    return report.is_sound


def _show(done: int, total: int) -> None:
    end = "\r" if done < total else "\r\033[K"
    print(f"{done:,} of {total:,} files", end=end, file=sys.stderr, flush=True)
