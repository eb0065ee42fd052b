"""What a script pays for is what it uses: a plain client never loads what tables and widgets need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "pandas",
    "numpy",
    "pyarrow",
    "anywidget",
    "ipywidgets",
    "traitlets",
    "IPython",
    "dask",
    "orjson",
)

# A server in the same process, of the standard library alone.
SERVED = """
import json, socket, sys, threading
server = socket.create_server(("127.0.0.1", 0))
def serve():
    while True:
        connection, _ = server.accept()
        connection.recv(65536)
        connection.sendall(
            b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\nConnection: close\\r\\n\\r\\n"
            b"id: 1\\ndata: {\\"n\\": 1}\\n\\n"
        )
        connection.close()
threading.Thread(target=serve, daemon=True).start()
url = f"http://127.0.0.1:{server.getsockname()[1]}/"
"""
USES = {
    "import": "from sse_widget import EventSource, Event, EventStreamParser, RetryPolicy; got = 1",
    "blocking": """
from sse_widget import EventSource
[event] = EventSource(url, reconnect=False)
got = event.json()["n"]
""",
    "asyncio": """
import asyncio
from sse_widget import EventSource
async def main():
    async with EventSource(url, reconnect=False) as source:
        return [event.json()["n"] async for event in source]
[got] = asyncio.run(main())
""",
    "stop_when": """
from sse_widget import EventSource
[event] = EventSource(url, stop_when='{"n": 1}')
got = event.json()["n"]
""",
    "parser": """
from sse_widget import EventStreamParser
[event] = EventStreamParser().feed(b'data: {"n": 1}\\n\\n')
got = event.json()["n"]
""",
}


@pytest.mark.parametrize("use", USES)
def test_a_plain_client_loads_nothing_that_tables_and_widgets_need(use):
    tell = f"print(json.dumps([got, [name for name in {HEAVY!r} if name in sys.modules]]))"
    run = subprocess.run(
        [sys.executable, "-c", f"{SERVED}\n{USES[use]}\n{tell}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert json.loads(run.stdout) == [1, []]
