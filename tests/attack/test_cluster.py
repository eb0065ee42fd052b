"""Another process of this machine gets nothing from a cluster that `cluster="local"` starts."""

from __future__ import annotations

import asyncio
import importlib
import ssl
import sys
import urllib.error
import urllib.request

import pytest
from distributed import Client
from distributed.comm import connect
from distributed.security import Security

from sse_widget import SSECapture

from ..helpers.many import until
from ..helpers.scripted import Server, sends

pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A capture on a local cluster whose workers hold a token."""
    with Server(sends("data: a\n\n", then="hold")) as server:
        capture = SSECapture(
            {"a": server.url},
            to=tmp_path_factory.mktemp("capture") / "c",
            cluster="local",
            headers={"Authorization": "Bearer hunter2"},
        )
        try:
            until(lambda: capture.client is not None and len(capture.workers) >= 2)
            asyncio.run(capture.until(lambda stats: stats.received >= 1, timeout=60))
            yield capture
        finally:
            capture.close()


def addresses(capture) -> list[str]:
    about = capture.client.scheduler_info(n_workers=-1)
    nannies = [worker["nanny"] for worker in about["workers"].values()]
    return [about["address"], *about["workers"], *nannies]


def test_everybody_speaks_tls(cluster):
    found = addresses(cluster)
    assert len(found) >= 5  # the scheduler, two workers and their nannies
    assert {address.partition("://")[0] for address in found} == {"tls"}


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_a_stranger_is_not_answered(cluster, scheme):
    async def ask(address):
        args = {}
        if scheme == "tls":  # with a certificate of its own
            args = Security.temporary().get_connection_args("client")
        comm = await connect(address.replace("tls", scheme), timeout=3, **args)
        await comm.write({"op": "identity", "reply": True})
        return await comm.read()

    for address in addresses(cluster):
        with pytest.raises((OSError, ssl.SSLError, TimeoutError)):
            asyncio.run(asyncio.wait_for(ask(address), 10))


def test_a_stranger_gets_no_client(cluster):
    with pytest.raises((OSError, TimeoutError)):
        Client(addresses(cluster)[0].replace("tls", "tcp"), timeout=2, set_as_default=False)


def test_no_page_tells_of_it(cluster):
    services = cluster.client.scheduler_info(n_workers=-1)["services"]
    for port in services.values():
        for path in ("info/main/workers.html", "json/identity.json", "metrics", "status", ""):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10)
            with caught.value as answer:
                assert answer.code == 404


def test_without_certificates_it_is_named_what_to_install(monkeypatch, tmp_path):
    assert importlib.import_module("cryptography")
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ModuleNotFoundError, match=r"sse-widget\[cluster\]"):
        SSECapture(["http://127.0.0.1:1/"], to=tmp_path, cluster="local")
