"""A clock for commands: their time is over once something has happened, and not before, however slow the machine is."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from sse_widget import EventSource, SSECapture

MADE = {"record": SSECapture, "tail": EventSource}


@pytest.fixture
def over_when(monkeypatch):
    """From here on the time of every `--duration` is over once this is true of the capture of `record`, or of the
    source of `tail`."""

    def arrange(condition, command="record"):
        make, made, over = MADE[command], [], []
        began = time.monotonic()

        def remembered(*args, **options):
            made.append(make(*args, **options))
            over.clear()
            return made[-1]

        def now():
            # From then on a day goes by at each look: the command may look for the first time after that.
            if made and (over or condition(made[-1]) or time.monotonic() > began + 180):
                over.append(True)
            return began + 86_400 * len(over)

        module = f"sse_widget.cli.{command}"
        monkeypatch.setattr(f"{module}.{make.__name__}", remembered)
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(monotonic=now, sleep=time.sleep))

    return arrange
