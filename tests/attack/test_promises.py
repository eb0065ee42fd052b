"""SECURITY.md promises what tests prove: each test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_promise_names_tests_that_are_there():
    rows = re.findall(
        r"^\| (.*) \| (.*) \|$", (ROOT / "SECURITY.md").read_text("utf-8"), re.MULTILINE
    )
    promises = [row for row in rows if row[0] not in ("promise", "---") and set(row[0]) != {"-"}]
    assert len(promises) > 15
    for promise, tests in promises:
        named = re.findall(r"`([^`]+)`", tests)
        assert named, promise
        assert all((ROOT / name).exists() for name in named), promise
