"""A shard of a cluster: what it reports, and one that begins late. Its worker was busy when it was asked, and a later capture has taken all over since.

Each event is on disk once all the same, also where the later capture writes the stream under another name.
"""

from __future__ import annotations

import asyncio

import pytest

from sse_widget import Capture, SSECapture
from sse_widget.cluster.shard_host import Command, ShardHost, ShardSpec
from sse_widget.fleet import take_over_all
from sse_widget.storage import Dataset, OwnedSequence, Superseded

from ..helpers.many import read_back, until

pytestmark = pytest.mark.anyio
NAME = "shard-00-of-01"


def asked_of_a_worker(folder, origin) -> ShardHost:
    """The shard of a capture, on a worker that has not looked into its mail yet."""
    to = Capture(folder, every=0.05)
    urls = {"s0": f"{origin}/count/20/s0"}
    take_over_all(Dataset(folder), (), generation="first.", shards=[NAME])
    return ShardHost(ShardSpec("token", NAME, urls, to, {}, {}, "first."))


async def until_written(capture, events):
    await asyncio.to_thread(until, lambda: capture.stats.written >= events)


async def test_a_shard_that_begins_after_a_later_capture_writes_nothing(tmp_path, origin):
    folder = tmp_path / "capture"
    late = asked_of_a_worker(folder, origin)
    running = asyncio.create_task(late.run())
    with SSECapture({"s0": f"{origin}/count/20/s0"}, to=Capture(folder, every=0.05)) as capture:
        await until_written(capture, 3)
        # Only now it reads that somebody asked for it.
        late.look(None, [])
        assert await asyncio.wait_for(running, 30) == "superseded"
        await until_written(capture, capture.stats.written + 3)
        capture.stop()
        assert capture.trouble == ""
    read = read_back(Dataset(folder).dataset())
    assert (read.lost, read.twice, read.numbered) == (0, 0, True)
    assert len(Dataset(folder).parts(NAME)) == 2  # it was begun, and taken over


async def test_a_shard_that_is_asked_first_to_stop_claims_nothing(tmp_path, origin):
    folder = tmp_path / "capture"
    late = asked_of_a_worker(folder, origin)
    running = asyncio.create_task(late.run())
    late.look(None, [Command("", "stop")])
    assert await asyncio.wait_for(running, 30) == "ended"
    assert len(Dataset(folder).parts(NAME)) == 1


async def test_a_shard_moves_among_the_processes_of_its_capture(tmp_path):
    folder = tmp_path / "capture"
    take_over_all(Dataset(folder), (), generation="first.", shards=[NAME])

    def owned(generation: str) -> OwnedSequence:
        to = Capture(folder)
        return OwnedSequence(Dataset(folder), to, NAME, streams=["s0"], generation=generation)

    for _ in range(2):
        owned("first.").writer.close()
    # A later capture begins at once with what is its own, also where its shards have the same names.
    take_over_all(Dataset(folder), (), generation="second.", shards=[NAME])
    with pytest.raises(Superseded):
        owned("first.")
    owned("second.").writer.close()


async def test_a_shard_of_very_many_streams_reports_now_and_then_and_at_its_end(tmp_path):
    to = Capture(tmp_path / "capture")
    urls = {f"s{i}": f"http://127.0.0.1:9/{i}" for i in range(100_000)}
    host = ShardHost(ShardSpec("token", NAME, urls, to, {}, {}))
    assert len(host.look(None, []).reports) == len(urls)
    assert host.look(None, []).reports == []
    assert len(host.look(None, [Command("s0", "retry")]).reports) == len(urls)
    assert len(host.look(None, [], in_full=True).reports) == len(urls)
