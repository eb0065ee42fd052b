"""What all tests share: async tests run on asyncio, and the recorded streams where they are."""

from __future__ import annotations

import datetime
import ipaddress
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


def pytest_make_parametrize_id(config, val, argname):
    """Bytes that are no text are named by their size: their content may hold the time, and every
    process that runs a share of the tests must find the same names."""
    if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()):
        return f"{len(val)} bytes"
    return None


# Folders whose files take longest.
FIRST = ("hosts", "capture", "cluster")


def pytest_collection_modifyitems(items):
    """A worker is given one file after the other: with the longest last, the others would wait for it."""
    place = {name: n for n, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.path.parent.name, len(FIRST)))


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


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody has signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


def captures() -> Path | None:
    """The folder of recorded streams; without it the tests on them are not collected."""
    folder = os.environ.get("SSE_WIDGET_CAPTURES")
    return Path(folder) if folder else None
