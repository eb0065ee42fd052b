"""`sse-widget replay DIR`: a capture as an event stream again (README, "Keep it")."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from sse_widget import EventSource
from sse_widget.basics import asks_loopback
from sse_widget.cli import main
from sse_widget.events import EventBatch
from sse_widget.recordings.server import CaptureServer
from sse_widget.storage.dataset import Dataset
from sse_widget.storage.writer import Writer

from ..helpers.clients import AT_ONCE
from ..storage.test_dataset import AT, batch, write

pytestmark = pytest.mark.anyio


@pytest.fixture
def to(tmp_path):
    return tmp_path / "trades"


@pytest.fixture
def serve():
    servers = []

    def start(to, speed=math.inf):
        servers.append(CaptureServer(Dataset(to), speed=speed))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


async def all_of(url, **options):
    async with EventSource(url, retry=AT_ONCE, **options) as source:
        return [(e.type, e.last_event_id, e.data) async for e in source]


async def test_events_come_as_they_were_and_end_for_good(to, serve):
    writer = Writer(Dataset(to))
    writer.add("s", batch(1, 2))
    writer.add("s", EventBatch(["message"], ["a\nlärm 🚀"], ["2"], [False], received_at=AT))
    writer.commit()
    write(to, [3])
    server = serve(to)
    expected = [
        ("tick", "1", "d1"),
        ("tick", "2", "d2"),
        ("message", "2", "a\nlärm 🚀"),
        ("tick", "3", "d3"),
    ]
    assert await all_of(server.url_of("s")) == expected
    assert await all_of(server.url_of("s"), last_event_id="1") == expected[1:]
    # The last event of an id is the one to go on after.
    assert await all_of(server.url_of("s"), last_event_id="2") == expected[3:]
    assert await all_of(server.url_of("s"), last_event_id="unknown") == expected


async def test_more_than_is_read_at_once(to, serve):
    write(to, range(5_000), range(5_000, 9_000))
    assert [int(i) for _, i, _ in await all_of(serve(to).url_of("s"))] == list(range(9_000))


async def test_streams_without_ids_have_their_numbers(to, serve):
    writer = Writer(Dataset(to))
    writer.add("s", EventBatch(["a"] * 3, ["x"] * 3, [""] * 3, [False] * 3, received_at=AT))
    writer.commit()
    url = serve(to).url_of("s")
    assert [i for _, i, _ in await all_of(url)] == ["0", "1", "2"]
    assert [i for _, i, _ in await all_of(url, last_event_id="1")] == ["2"]


async def test_one_of_several_streams(to, serve):
    write(to, [1], stream="a b", shard="shard-0001")
    write(to, [2], [3], stream="c", shard="shard-0002")
    server = serve(to)
    assert [d for _, _, d in await all_of(server.url_of("a b"))] == ["d1"]
    assert [d for _, _, d in await all_of(server.url_of("c"))] == ["d2", "d3"]


def test_what_there_is_is_listed_for_this_machine_only(to, serve):
    write(to, [1], stream="a b", shard="shard-0001")
    write(to, [2], [3], stream="c", shard="shard-0002")
    server = serve(to)
    listed = httpx.get(server.url, timeout=60).text
    assert "2 events of c" in listed
    assert httpx.get(f"{server.url}/events", timeout=60).status_code == 404
    assert httpx.get(f"{server.url}/elsewhere", timeout=60).status_code == 404
    foreign = httpx.get(
        f"{server.url}/events?stream=c", headers={"Host": "evil.example:80"}, timeout=60
    )
    assert foreign.status_code == 403


HOSTS = {
    "127.0.0.1": True,
    "127.0.0.1:8080": True,
    "127.1.2.3:80": True,
    "localhost": True,
    "localhost:80": True,
    "[::1]": True,
    "[::1]:80": True,
    "": False,
    ":80": False,
    "10.0.0.1:80": False,
    "evil.example": False,
    "evil.example:80": False,
    "localhost.evil.example:80": False,
    "127.0.0.1.evil.example": False,
    "[::ffff:10.0.0.1]:80": False,
}


@pytest.mark.parametrize(("header", "is_ours"), HOSTS.items())
def test_only_addresses_of_this_machine_and_localhost_name_it(header, is_ours):
    assert asks_loopback(header) is is_ours


async def test_they_come_at_their_pace(to, serve):
    """An hour between two events is no time at the speed of a million."""
    writer = Writer(Dataset(to))
    for n, hours in enumerate((0, 1, 0.5, 2)):  # a clock that was set back waits for nothing
        writer.add("s", batch(n, at=AT + timedelta(hours=hours)))
    writer.commit()
    assert len(await all_of(serve(to, speed=1e6).url_of("s"))) == 4
    async with EventSource(serve(to, speed=1).url_of("s")) as source:
        async for event in source:
            assert event.data == "d0"
            assert event.received_at > datetime(2026, 1, 1, tzinfo=UTC)
            break  # the next one is due in an hour


def test_the_command_serves_until_it_is_stopped(to):
    write(to, [1, 2])
    process = subprocess.Popen(
        [sys.executable, "-m", "sse_widget.cli", "replay", str(to), "--speed", "max"],
        stdout=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    url = line.split()[0]
    assert line.endswith("2 events of s\n")
    body = httpx.get(url, timeout=60).text
    assert "id: 1\n" in body
    assert "data: d2\n" in body
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    process.stdout.close()


def test_what_cannot_be_served_is_said(to, capsys):
    assert main(["replay", f"{to}/"]) == 1
    assert f"there is no such folder: {to}/" in capsys.readouterr().err
    to.mkdir()
    assert main(["replay", str(to)]) == 1
    assert f"there is no capture in {to}" in capsys.readouterr().err
    file = to / "x.sse"
    file.write_bytes(b"data: a\n\n")
    assert main(["replay", str(file)]) == 1
    assert "SSEStream.replay plays files" in capsys.readouterr().err
    assert main(["replay", "sftp://host/x"]) == 1
    assert "cannot hold a capture" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["replay", str(to), "--speed", "0"])
