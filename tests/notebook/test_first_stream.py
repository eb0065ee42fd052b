"""What the first stream of a kernel needs is loaded when the cell that imports it is done, and nowhere else."""

from __future__ import annotations

import subprocess
import sys

from ..helpers.kernel import kernel

IMPORT = """
import sys, time
from sse_widget import SSEStream
print("aiohttp" in sys.modules)
"""
WAIT = """
end = time.monotonic() + 60
while "sse_widget.client.aiohttp_transport" not in sys.modules and time.monotonic() < end: time.sleep(0.01)
print("aiohttp" in sys.modules)
"""


def test_a_kernel_loads_the_http_client_between_the_import_and_the_first_stream():
    with kernel() as notebook:
        assert notebook.run(IMPORT).strip() == "False"
        assert notebook.run(WAIT).strip() == "True"


def test_a_script_loads_it_when_it_connects():
    code = f"{IMPORT}\nimport threading; print(threading.active_count())"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == ["False", "1"]
