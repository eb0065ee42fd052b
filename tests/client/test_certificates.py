"""Which certificates are trusted: by the environment as it is now, not as it was."""

from __future__ import annotations

import pytest

from sse_widget import ConnectionFailed, RetryPolicy

from ..helpers.clients import OVER, collect, failure
from ..helpers.scripted import Peer, Server, sends

pytestmark = pytest.mark.anyio
ONCE = RetryPolicy(initial=0, minimum=0, attempts=1)


async def test_ssl_cert_file_takes_effect_whenever_it_is_set(certificate, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with Server(Peer.hold, sends("data: a\n\n"), OVER, tls=certificate) as server:
        source_errors = []

        def headers():  # asked on every attempt
            if source_errors:
                monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            source_errors.append(1)
            return {}

        source, events = await collect(server.url, headers=headers)
    assert [e.data for e in events] == ["a"]
    assert "certificate" in source.errors[0].message


async def test_certificates_that_cannot_be_read_are_named(tmp_path, monkeypatch, certificate):
    missing = tmp_path / "none.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(missing))
    with Server(Peer.hold, tls=certificate) as server:
        error = await failure(server.url, retry=ONCE)
    assert isinstance(error, ConnectionFailed)
    assert f"SSL_CERT_FILE={missing}" in error.message
    assert error.url == server.url
