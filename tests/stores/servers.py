"""Real servers of the stores' protocols on loopback, each behind a `Door`: moto (S3), Azurite (Azure Blob) and
gcp-storage-emulator (GCS), and how each says that it has too much to do, or that a credential is over.

fsspec is told of them by the environment, as a person would: children have it too.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3

from ..helpers.scripted import free_port
from .door import Answer, Door, Forward, Wanted

__all__ = ["SERVERS", "StoreServer"]

# Known to everybody: it is the one of Azure's emulators.
_AZURE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
CREDENTIALS = "AWS_SHARED_CREDENTIALS_FILE"


@dataclass
class StoreServer:
    """A store that runs.

    Attributes:
        kind: its scheme.
        root: the URL of its bucket.
        door: what is before it.
        busy: its answer while it has too much to do.
        expired: its answer to a credential that is over.
    """

    kind: str
    root: str
    door: Door
    busy: Answer
    expired: Answer
    first: object = None

    def url(self, name: str) -> str:
        return f"{self.root}/{name}"

    def calm(self) -> None:
        """As at first."""
        self.door.handle = self.first  # type: ignore[assignment]


@contextmanager
def _process(port: int, *command: str) -> Iterator[None]:
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < end, command
                assert process.poll() is None, command
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(15)


def _xml(status: int, code: str, **headers: str) -> Answer:
    body = (
        f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code}: later.</Message></Error>'
    )
    return Answer(status, body.encode(), {"Content-Type": "application/xml", **headers})


def _json(status: int, message: str) -> Answer:
    body = json.dumps({"error": {"code": status, "message": message}})
    return Answer(status, body.encode(), {"Content-Type": "application/json"})


@contextmanager
def s3(folder: Path) -> Iterator[StoreServer]:
    """moto, which knows conditional writes."""
    port = free_port()
    with _process(port, sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)):
        door = Door(port)
        file = folder / "credentials"
        file.write_text("[default]\naws_access_key_id = first\naws_secret_access_key = x\n")
        os.environ |= {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{door.port}",
            "AWS_DEFAULT_REGION": "us-east-1",
            CREDENTIALS: str(file),
        }
        boto3.client("s3").create_bucket(Bucket="bucket")
        yield StoreServer(
            "s3", "s3://bucket", door, _xml(503, "SlowDown"), _xml(400, "ExpiredToken"), door.handle
        )


@contextmanager
def azure(folder: Path) -> Iterator[StoreServer]:
    """Azurite, of the folder that `make stores` installs it into."""
    port = free_port()
    program = Path(os.environ["SSE_WIDGET_STORES"]) / "node_modules/.bin/azurite-blob"
    options = ("--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry")
    with _process(port, str(program), *options, "--blobPort", str(port)):
        door = Door(port)
        at = f"http://127.0.0.1:{door.port}/devstoreaccount1"
        os.environ["AZURE_STORAGE_CONNECTION_STRING"] = (
            "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
            f"AccountKey={_AZURE_KEY};BlobEndpoint={at};"
        )
        import fsspec

        fsspec.filesystem("az").mkdir("bucket")
        busy = _xml(503, "ServerBusy", **{"x-ms-error-code": "ServerBusy"})
        expired = _xml(403, "AuthenticationFailed", **{"x-ms-error-code": "AuthenticationFailed"})
        yield StoreServer("az", "az://bucket", door, busy, expired, door.handle)


@contextmanager
def gcs(folder: Path) -> Iterator[StoreServer]:
    """gcp-storage-emulator. It does not know `ifGenerationMatch`, which is put before it here."""
    port = free_port()
    command = ("-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", str(port))
    with _process(port, sys.executable, *command, "--in-memory", "--default-bucket", "bucket"):
        door = Door(port)
        door.handle = _conditions()
        os.environ |= {
            "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{door.port}",
            # The emulator has no gRPC, by which the kind of a bucket is asked for.
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
            "FSSPEC_GS_TOKEN": "anon",
            "FSSPEC_GCS_TOKEN": "anon",
        }
        yield StoreServer(
            "gs",
            "gs://bucket",
            door,
            _json(503, "Please reduce your request rate."),
            _json(401, "Invalid Credentials"),
            door.handle,
        )


def _conditions() -> object:
    lock = threading.Lock()

    def handle(wanted: Wanted, forward: Forward) -> Answer:
        parts = urllib.parse.urlsplit(wanted.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        if wanted.method != "POST" or query.get("ifGenerationMatch") != "0":
            return forward(wanted)
        name = query.get("name")
        if name is None:
            found = re.search(rb'"name":\s*("(?:[^"\\]|\\.)*")', wanted.body)
            assert found is not None
            name = json.loads(found[1])
        with lock:
            at = f"/storage/v1/b/bucket/o/{urllib.parse.quote(name, safe='')}"
            if forward(Wanted("GET", at, {}, b"")).status == 200:
                return _json(412, "At least one of the pre-conditions you specified did not hold.")
            return forward(wanted)

    return handle


SERVERS = {"s3": s3, "az": azure, "gs": gcs}
