"""Streams that the collector ends: it may run on any thread, between any two lines of ours."""

from __future__ import annotations

import subprocess
import sys

# The child has no loop yet, and makes one while closed streams wait for the collector.
SCRIPT = """
import asyncio, gc, math, os
from sse_widget import SSEStream
def played():
    return SSEStream.replay(b"data: a\\n\\n", speed=math.inf)
closed = [played() for _ in range(5)]
for stream in closed:
    stream.close()
gc.disable()
del closed, stream
child = os.fork()
if child == 0:
    new = asyncio.new_event_loop
    asyncio.new_event_loop = lambda: (gc.collect(), new())[1]
    print(len(played().df), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


def test_a_loop_begins_while_streams_are_collected():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)
