"""Which certificates are trusted: by the environment as it is now, not as it was."""

from __future__ import annotations

import ssl
import subprocess

import certifi
import httpx
import pytest

from sse_widget import ConnectionFailed, EventSource, RetryPolicy

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


def hashed(certificate, folder):
    """As `openssl rehash` makes a folder of certificates."""
    command = ["openssl", "x509", "-hash", "-noout", "-in", str(certificate)]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    (folder / f"{made.stdout.strip()}.0").write_bytes(certificate.read_bytes())


@pytest.mark.parametrize("how", ["file", "folder", "context", "nobody"])
async def test_verify(certificate, monkeypatch, tmp_path, how):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    verify = {"file": certificate, "context": None, "nobody": False, "folder": tmp_path}[how]
    if how == "context":
        verify = ssl.create_default_context(cafile=str(certificate))
    if how == "folder":
        hashed(certificate, tmp_path)
    with Server(sends("data: a\n\n"), OVER, tls=certificate) as server:
        _, events = await collect(server.url, verify=verify)
    assert [e.data for e in events] == ["a"]


async def test_verify_is_what_is_trusted_and_nothing_else(certificate, monkeypatch):
    """SSL_CERT_FILE would trust the server; verify= says otherwise."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Server(Peer.hold, tls=certificate) as server:
        error = await failure(server.url, verify=certifi.where(), retry=ONCE)
    assert "certificate" in error.message
    assert "verify=" in error.hint


async def test_a_certificate_of_ones_own_goes_along_in_a_context(certificate):
    context = ssl.create_default_context(cafile=str(certificate))
    context.load_cert_chain(certificate)
    with Server(sends("data: a\n\n"), OVER, tls=certificate, wants_certificate=True) as server:
        _, events = await collect(server.url, verify=context)
    assert len(events) == 1


def test_what_verify_cannot_be_is_refused_at_once(tmp_path, certificate):
    plain = tmp_path / "plain.txt"
    plain.write_text("no certificate")
    for value, error, what in (
        (5, TypeError, "True, False, the path"),
        (["a"], TypeError, "the path"),
        (tmp_path / "none.pem", ValueError, "no file or folder"),
        ("", ValueError, "no file or folder"),
        (plain, ValueError, "no certificates"),
    ):
        with pytest.raises(error, match=what):
            EventSource("https://127.0.0.1/", verify=value)
    with pytest.raises(TypeError, match="give verify= to client= itself"):
        EventSource("https://127.0.0.1/", verify=certificate, client=httpx.AsyncClient)
    assert EventSource("https://127.0.0.1/", verify=True, client=httpx.AsyncClient)
