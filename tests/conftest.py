"""What all tests share: async tests run on asyncio, and the recorded streams where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def anyio_backend():
    return "asyncio"


def captures() -> Path | None:
    """The folder of recorded streams; without it the tests on them are not collected."""
    folder = os.environ.get("SSE_WIDGET_CAPTURES")
    return Path(folder) if folder else None
