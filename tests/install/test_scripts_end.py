"""A script that leaves something open ends by itself, with 0 and without a word, however busy that is."""

from __future__ import annotations

import subprocess
import sys

import pytest

# ipywidgets 7 warns of itself.
WARNINGS = ("-W", "error", "-W", "ignore:Deprecated in traitlets 4.1")
BEGIN = """
import asyncio, tempfile
from sse_widget import EventSource, SSECapture, SSEStream
async def first(stream):
    async for event in stream:
        return
"""
LEFT_OPEN = {
    "a stream": "stream = SSEStream(url); asyncio.run(first(stream))",
    "nothing came yet": "stream = SSEStream(url)",
    "forty streams": "all = [SSEStream(f'{url}{i}') for i in range(40)]; asyncio.run(first(all[-1]))",
    "held by itself": "stream = SSEStream(url); ring = [stream]; ring.append(ring); asyncio.run(first(stream))",
    "a capture": "stream = SSEStream(url, capture=tempfile.mkdtemp()); asyncio.run(first(stream))",
    "captures": "capture = SSECapture([url], to=tempfile.mkdtemp())\n"
    "asyncio.run(capture.until(lambda stats: stats.received, timeout=30))",
    "callbacks": "stream = SSEStream(url); stream.columns = ['a']\n"
    "stream.every(0.001)(lambda frame: stream.to_dataframe(json=True).groupby('type').size())\n"
    "stream.on()(lambda event: None); stream.observe(lambda change: None, 'event_types')\n"
    "asyncio.run(first(stream))",
    "a loop in its middle": "events = iter(EventSource(url)); next(events)",
}


@pytest.mark.parametrize("what", LEFT_OPEN)
def test_a_script_ends_without_a_word(what, origin):
    script = f"{BEGIN}url = '{origin}/count/20000/{what.replace(' ', '-')}'\n{LEFT_OPEN[what]}\nprint('end')"
    done = subprocess.run(
        [sys.executable, *WARNINGS, "-c", script],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("end\n", "", 0)
