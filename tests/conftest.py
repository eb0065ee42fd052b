"""What all tests share: async tests run on asyncio, and the recorded streams where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from .helpers import clients, many

# Times are never a verdict: a machine that does something else meanwhile is slow to make inputs.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(params=list(clients.TRANSPORTS))
def transport(request):
    """The name of the transport that `clients.connect` uses in this run."""
    clients.current = clients.TRANSPORTS[request.param]
    yield request.param
    clients.current = None


@pytest.fixture(scope="module")
def origin():
    """A server of many streams that count."""
    with many.served() as origin:
        yield origin


def captures() -> Path | None:
    """The folder of recorded streams; without it the tests on them are not collected."""
    folder = os.environ.get("SSE_WIDGET_CAPTURES")
    return Path(folder) if folder else None
