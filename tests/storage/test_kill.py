"""kill -9 of a kernel that captures, at random instants: nothing lost, nothing twice.

`SSE_WIDGET_KILLS` says how often (5; `make heavy` does 50), `SSE_WIDGET_HISTORY` for how many seconds
the forgetful source remembers (0.5; `make heavy`: 5).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise

import pandas as pd
import pyarrow.parquet as pq

from sse_widget import SSEStream
from sse_widget.storage.dataset import Dataset

from ..helpers.many import until
from ..helpers.measured import measured
from ..helpers.scripted import Peer, Server
from ..stream.test_capturing import AT_ONCE

KILLS = int(os.environ.get("SSE_WIDGET_KILLS", "5"))
HISTORY = float(os.environ.get("SSE_WIDGET_HISTORY", "0.5"))
RATE = 5_000

CHILD = """
import sys, time
from sse_widget import RetryPolicy, SSEStream
stream = SSEStream(sys.argv[1], capture=sys.argv[2], max_events=1_000,
                   retry=RetryPolicy(initial=0.01, minimum=0.01, jitter=0))
time.sleep(600)
"""


class Feed:
    """Event n at second n / rate: whoever comes gets what it missed, as far as it is remembered.

    Args:
        remembers: seconds.
        rate: events a second.

    To every other one that comes it sends the event again that was named.
    """

    def __init__(self, remembers: float, rate: int = RATE) -> None:
        self.began = time.monotonic()
        self.rate = rate
        self.remembers = int(remembers * rate)
        self.inclusive = False
        self.ended = threading.Event()
        self.stop_at: int | None = None

    def now(self) -> int:
        n = int((time.monotonic() - self.began) * self.rate)
        return n if self.stop_at is None else min(n, self.stop_at)

    def __call__(self, peer: Peer) -> None:
        last = peer.request.headers.get("last-event-id")
        at = 0 if last is None else int(last) + (not self.inclusive)
        self.inclusive = not self.inclusive
        at = max(at, self.now() - self.remembers)
        peer.stream()
        while not self.ended.wait(0.01):
            upto = min(self.now(), at + self.rate)
            peer.send("".join(f'id: {n}\ndata: {{"n":{n}}}\n\n' for n in range(at, upto)))
            at = upto


def killed_again_and_again(feed, to, pause=0.0):
    """Captures until killed, KILLS times; then orderly up to an event that is not far.

    The first kill comes when something is on disk: before that there is nothing to lose.
    """
    with Server(feed) as server:
        for n in range(KILLS):
            while not server.asked.empty():
                server.asked.get()
            child = subprocess.Popen([sys.executable, "-c", CHILD, server.url, str(to)])
            try:
                server.asked.get(timeout=180)
                if n == 0:
                    until(lambda: to.is_dir() and Dataset(to).dataset().count_rows())
                time.sleep(random.uniform(0.0, 2.0))  # the instant is what this is about
            finally:
                child.send_signal(signal.SIGKILL)
                child.wait()
            time.sleep(pause)
        feed.stop_at = feed.now()
        stream = SSEStream(server.url, capture=to, retry=AT_ONCE)
        until(lambda: stream.last_event_id == str(feed.stop_at - 1))
        stream.close()
        until(
            lambda: stream.capture.state == "closed"
        )  # close() waits for a slow disk only so long
        feed.ended.set()


def test_killed_nothing_is_lost_and_nothing_is_there_twice(tmp_path):
    feed = Feed(remembers=3600)
    killed_again_and_again(feed, tmp_path / "capture")
    rows = Dataset(tmp_path / "capture").read()
    ids = [int(i) for i in rows["last_event_id"].to_pylist()]
    assert ids == list(range(feed.stop_at))
    assert rows["seq"].to_pylist() == ids
    measured("a capture, kill -9", f"{KILLS} kills, {len(ids):,} events: 0 lost, 0 twice")
    files = list((tmp_path / "capture").rglob("*.parquet"))
    assert sum(pq.read_metadata(path).num_rows for path in files) == len(ids)
    assert sorted(pd.read_parquet(tmp_path / "capture")["seq"]) == ids


def test_killed_every_hole_is_a_gap_of_its_size(tmp_path):
    feed = Feed(remembers=HISTORY)
    killed_again_and_again(feed, tmp_path / "capture", pause=HISTORY)
    dataset = Dataset(tmp_path / "capture")
    rows = dataset.read()
    ids = [int(i) for i in rows["last_event_id"].to_pylist()]
    # Not even the first one need be there: nothing was captured before it. But after the first kill,
    # when something was, the feed has forgotten by the time somebody comes again.
    holes = [
        (seq, after - before - 1)
        for seq, (before, after) in enumerate(pairwise(ids), 1)
        if after != before + 1
    ]
    gaps = [(gap.seq, gap.missing) for _, gap in dataset.gaps() if gap.missing]
    assert gaps == holes
    assert len(holes) > 0
    assert ids[-1] == feed.stop_at - 1
    events = sum(n for _, n in holes)
    measured(
        "the same, of a source that forgets",
        f"{KILLS} kills: {len(holes)} holes of {events:,} events, all told",
    )
