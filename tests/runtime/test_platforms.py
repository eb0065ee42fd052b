"""Windows, imitated: none of this was run there. What the system would do is done by a few lines here."""

from __future__ import annotations

import ctypes
import http.server
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from sse_widget.demo import lab
from sse_widget.runtime import awake_time, usual_read, wait_for

from ..helpers.clients import AT_ONCE, connect
from ..helpers.scripted import Server, sends


@pytest.fixture
def windows(monkeypatch):
    """What our module of platforms takes for the system."""
    monkeypatch.setattr("sse_widget.runtime.platforms.sys", SimpleNamespace(platform="win32"))


@pytest.fixture
def awake(monkeypatch, windows):
    """Windows' clock of what is awake, in seconds, to be set by a test."""
    clock = [0.0]

    def query(pointer) -> int:
        pointer._obj.value = int(clock[0] * 10_000_000)  # noqa: SLF001 (of ctypes.byref)
        return 1

    kernel32 = SimpleNamespace(QueryUnbiasedInterruptTime=query)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel32), raising=False)
    return clock


# The policy is what ipykernel makes of it there; the selector loop ends with its 513th socket.
LOOP = """
import asyncio, math, sys
import sse_widget.runtime.platforms as platforms
from types import SimpleNamespace
from sse_widget import SSEStream
class Proactor(asyncio.SelectorEventLoop):
    def __init__(self):
        super().__init__()
        print("proactor", flush=True)
asyncio.ProactorEventLoop = Proactor
platforms.sys = SimpleNamespace(platform="win32")
print(len(SSEStream.replay(b"data: a\\n\\n", speed=math.inf).df))
"""


def test_the_loop_of_windows_is_not_the_one_of_the_policy():
    done = subprocess.run(
        [sys.executable, "-c", LOOP], capture_output=True, text=True, timeout=600, check=True
    )
    assert done.stdout == "proactor\n1\n"


def test_a_read_of_windows_is_full_with_what_its_loop_reads(windows):
    assert usual_read() == 65_536


def test_elsewhere_the_monotonic_clock_is_that_of_what_is_awake():
    before = time.monotonic()
    assert before <= awake_time() <= time.monotonic()


def test_the_clock_of_windows_stops_in_sleep(awake):
    awake[0] = 12.5
    assert awake_time() == 12.5


@pytest.mark.anyio
async def test_sleep_is_noticed_where_the_monotonic_clock_goes_on(monkeypatch, awake):
    asleep = [0.0]
    wall, monotonic = time.time, time.monotonic

    def while_it_sleeps(clock):
        return lambda: clock() + asleep[0]

    begun = monotonic()
    monkeypatch.setattr(
        "sse_widget.client.watchdog.time",
        SimpleNamespace(time=while_it_sleeps(wall), monotonic=while_it_sleeps(monotonic)),
    )
    monkeypatch.setattr("sse_widget.client.watchdog.INTERVAL_S", 0.05)
    with Server(
        sends("id: 1\ndata: d1\n\n", then="hold"), sends("id: 2\ndata: d2\n\n", then="hold")
    ) as server:
        got = []
        async with connect(server.url, retry=AT_ONCE) as source:
            async for event in source:
                got.append(event.data)
                awake[0] = monotonic() - begun
                if event.data == "d1":
                    asleep[0] = 3600.0  # the lid is closed for an hour
                else:
                    break
    assert got == ["d1", "d2"]
    assert [gap.cause for gap in source.gaps] == ["sleep"]


class Waited(Future):
    """A future whose waits are counted; Python sees Ctrl-C between the second and the third."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []

    def result(self, timeout: float | None = None) -> object:
        self.waits.append(timeout)
        if len(self.waits) == 3:
            raise KeyboardInterrupt
        return super().result(0.0 if timeout else None)


def test_ctrl_c_ends_a_wait_on_windows(windows):
    waited = Waited()
    with pytest.raises(KeyboardInterrupt):
        wait_for(waited)
    assert len(waited.waits) == 3
    assert None not in waited.waits


@pytest.mark.parametrize("system", ["win32", "linux"])
def test_a_wait_gives_what_there_is(monkeypatch, system):
    monkeypatch.setattr("sse_widget.runtime.platforms.sys", SimpleNamespace(platform=system))
    done, failed = Future(), Future()
    done.set_result(7)
    failed.set_exception(TimeoutError("its own"))
    assert wait_for(done) == 7
    with pytest.raises(TimeoutError, match="its own"):
        wait_for(failed)


class Api(http.server.BaseHTTPRequestHandler):
    """What JupyterLab answers over its API."""

    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.server.asked.append((self.path, self.headers["Authorization"]))
        self.answer()
        self.server.over.set()

    def answer(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def test_lab_ends_in_order_on_windows(monkeypatch, tmp_path):
    """No signal there would let it end its kernels, and Ctrl-C would reach it, too."""
    monkeypatch.setattr(lab, "sys", SimpleNamespace(platform="win32", executable=sys.executable))
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    started = []

    class Process:
        def __init__(self, command, **options):
            started.append(options)

        def poll(self):
            return 0 if server.over.is_set() else None

        def wait(self):
            assert server.over.wait(20)

        def terminate(self):
            raise AssertionError("that would leave its kernels behind")

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        server.asked, server.over = [], threading.Event()
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setattr(subprocess, "Popen", Process)
        running = lab.Lab(tmp_path, server.server_port, {})
        assert running.wait_ready(lambda: False)
        token = running.url().partition("token=")[2]
        running.stop(lambda: False)
        server.shutdown()
        thread.join()
    assert server.asked == [("/api/shutdown", f"token {token}")]
    assert started[0]["creationflags"] == 0x200
    assert "start_new_session" not in started[0]
