"""What tests of the client share: the clock of the watchdog."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest


@pytest.fixture
def later(monkeypatch):
    """Lets the watchdog, which looks often, find that so many seconds have passed: a short limit could be over
    on a slow machine before the test is that far."""
    passed = [0.0]

    def more(seconds):
        passed[0] += seconds

    clock = SimpleNamespace(time=time.time, monotonic=lambda: time.monotonic() + passed[0])
    monkeypatch.setattr("sse_widget.client.watchdog.time", clock)
    monkeypatch.setattr("sse_widget.client.watchdog.INTERVAL_S", 0.01)
    return more
