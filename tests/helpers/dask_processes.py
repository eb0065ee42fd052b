"""A Dask cluster of processes that are started and ended one by one, and a wire between them that can be cut."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from distributed import Client

from .scripted import free_port

__all__ = ["Processes", "Wire", "processes"]

_HOST = "127.0.0.1"


class Wire:
    """A TCP port that leads to another one. Cut, it delivers nothing, refuses nothing and closes nothing: as a
    network does that lost its packets.

    Args:
        port: where it leads to.

    Attributes:
        address: where it begins.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._whole = threading.Event()
        self._whole.set()
        self._sockets: set[socket.socket] = set()
        self._listening = socket.create_server((_HOST, 0))
        self.address = f"tcp://{_HOST}:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def close(self) -> None:
        self._whole.set()
        for one in (self._listening, *list(self._sockets)):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                self._sockets.add(near)
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._whole.wait()
        try:
            far = socket.create_connection((_HOST, self._port))
        except OSError:
            near.close()
            return
        self._sockets.add(far)
        for source, target in ((near, far), (far, near)):
            threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._whole.wait()
                target.sendall(data)
        self._whole.wait()
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class Processes:
    """A scheduler and its workers, each a process.

    Args:
        folder: for what they write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.address = f"tcp://{_HOST}:{self.port}"
        self._scheduler: subprocess.Popen[bytes] | None = None
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._wires: list[Wire] = []
        self.start_scheduler()

    def start_scheduler(self) -> None:
        options = ("--host", _HOST, "--port", str(self.port), "--no-dashboard")
        self._scheduler = self._start("scheduler", *options)

    def kill_scheduler(self) -> None:
        assert self._scheduler is not None
        self._scheduler.kill()
        self._scheduler.wait()

    def start_worker(self, name: str, *options: str, scheduler: str | None = None) -> None:
        """A worker of one thread, with a nanny that starts it anew where it ends by itself."""
        self._workers[name] = self._start(
            "worker",
            *(scheduler or self.address, "--name", name, "--nthreads", "1", "--no-dashboard"),
            *("--local-directory", str(self._folder / name), *options),
        )

    def start_apart(self, name: str) -> list[Wire]:
        """A worker that the scheduler reaches, and that reaches the scheduler, by wires that can be cut."""
        port = free_port()
        wires = [Wire(self.port), Wire(port)]
        self._wires += wires
        listening = (
            "--listen-address",
            f"tcp://{_HOST}:{port}",
            "--contact-address",
            wires[1].address,
        )
        self.start_worker(name, "--no-nanny", *listening, scheduler=wires[0].address)
        return wires

    def end_worker(self, name: str) -> None:
        """As a deployment does: it is asked to end, and has some seconds."""
        process = self._workers.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        for wire in self._wires:
            wire.close()
        left = [*self._workers.values(), *([self._scheduler] if self._scheduler else [])]
        for process in left:
            process.terminate()
        for process in left:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @contextlib.contextmanager
    def client(self, workers: int) -> Iterator[Client]:
        """A client, once so many workers are there."""
        with Client(self.address, set_as_default=False, timeout=180) as client:
            client.wait_for_workers(workers, timeout=180)
            yield client

    def _start(self, what: str, *options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextlib.contextmanager
def processes(folder: Path) -> Iterator[Processes]:
    """Until the end of the block."""
    cluster = Processes(folder)
    try:
        yield cluster
    finally:
        cluster.close()
