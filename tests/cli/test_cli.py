"""The command `sse-widget`: it starts, says where, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import psutil
import pytest

from sse_widget import __version__
from sse_widget.cli import main
from sse_widget.demo.lab import Notebooks

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"


class Command:
    """A running `sse-widget demo` and what it said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []

    def wait_for(self, start: str) -> str:
        """The rest of the next line that begins so."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if line.startswith(start):
                return line[len(start) :].strip()
        raise AssertionError(f"no {start!r} in {self.said}, {self.process.wait()}")

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        return self.finish()

    def finish(self) -> tuple[int, str]:
        # Not communicate(): with a timeout it overlooks what was read ahead.
        assert self.process.stdout is not None
        rest = self.process.stdout.read()
        return self.process.wait(timeout=60), rest


@contextmanager
def demo(*options: str) -> Iterator[Command]:
    process = subprocess.Popen(
        [sys.executable, "-m", "sse_widget.cli", "demo", "--no-browser", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        left = []
        try:
            command = Command(process)
            yield command
        finally:
            if process.poll() is None:
                left = command.children()
                process.kill()
            for child in left:
                child.kill()


def lab_client(url: str) -> httpx.Client:
    parts = urlsplit(url)
    token = parse_qs(parts.query)["token"][0]
    return httpx.Client(
        base_url=f"http://{parts.netloc}",
        headers={"Authorization": f"token {token}"},
        timeout=60,
        trust_env=False,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_answers_at_both_addresses_and_ends_with_its_kernels(number: signal.Signals) -> None:
    with demo() as command:
        feeds = command.wait_for("Demo feeds:")
        address = command.wait_for("JupyterLab:")
        notebooks = Path(command.wait_for("Notebooks:"))
        assert httpx.get(feeds, trust_env=False, timeout=60).status_code == 200
        assert urlsplit(address).path == "/lab/tree/quickstart.ipynb"
        assert (notebooks / "quickstart.ipynb").read_bytes() == QUICKSTART.read_bytes()
        with lab_client(address) as lab:
            assert lab.get("/api/status").status_code == 200
            kernel = lab.post("/api/kernels", json={"name": "python3"})
            assert kernel.status_code == 201
            # Somebody without the token gets nothing.
            assert (
                httpx.get(
                    lab.base_url.join("/api/contents"), trust_env=False, timeout=60
                ).status_code
                == 403
            )
        children = command.children()
        lines = {}
        for child in children:
            with contextlib.suppress(psutil.Error):  # of those that have ended already
                lines[child] = " ".join(child.cmdline())
        # The server of these feeds is known to the kernel, and the token to no command line.
        [kernel_process] = [child for child, line in lines.items() if "ipykernel" in line]
        assert kernel_process.environ()["SSE_WIDGET_DEMO_URL"] == feeds.rstrip("/")
        token = parse_qs(urlsplit(address).query)["token"][0]
        assert not any(token in line for line in lines.values())
        assert command.end(number)[0] == 0
        assert not psutil.wait_procs(children, timeout=60)[1]
        assert not notebooks.exists()
        with pytest.raises(httpx.ConnectError):
            httpx.get(feeds, trust_env=False, timeout=60)


def test_demo_can_be_ended_while_lab_is_starting() -> None:
    with demo() as command:
        command.wait_for("Starting JupyterLab")
        children = command.children()
        code, rest = command.end(signal.SIGINT)
        assert (code, rest) == (0, "")
        assert not psutil.wait_procs(children, timeout=60)[1]


def test_demo_says_why_jupyterlab_ended() -> None:
    with demo() as command:
        command.wait_for("Ctrl-C")
        command.children()[0].terminate()
        code, rest = command.finish()
        assert code == 1
        assert "JupyterLab ended" in rest
        assert "received signal 15" in rest


def test_demo_alone_serves_recordings(tmp_path: Path) -> None:
    (tmp_path / "one.sse").write_bytes(b"data: 1\n\n")
    with demo("--no-lab", "--replay-dir", str(tmp_path)) as command:
        feeds = command.wait_for("Demo feeds:")
        assert (
            httpx.get(f"{feeds}replay/one.sse", trust_env=False, timeout=60).content
            == b"data: 1\n\n"
        )
        assert command.end(signal.SIGTERM) == (0, "Ctrl-C ends it.\n")


@pytest.mark.parametrize("option", ["--port", "--lab-port"])
def test_a_port_in_use_is_named(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        assert main(["demo", "--no-browser", option, str(port)]) == 2
    error = capsys.readouterr().err
    assert re.search(rf"port {port} cannot be used .* {option}", error)


@pytest.mark.parametrize(
    "options",
    [
        ["--port", "many"],
        ["--port", "70000"],
        ["--replay-dir", "no such folder"],
        ["--notebook-dir", "no such folder"],
        ["--unknown"],
    ],
)
def test_a_bad_option_is_refused_by_name(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["demo", *options])
    assert options[0] in capsys.readouterr().err


def test_a_missing_server_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "sse_widget.demo.server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["demo", "--no-browser"]) == 1
    assert "pip install 'sse-widget[demo]'" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"sse-widget {__version__}\n"


def test_an_untouched_copy_of_the_notebooks_is_removed() -> None:
    notebooks = Notebooks()
    (notebooks.folder / ".ipynb_checkpoints").mkdir()
    (notebooks.folder / ".ipynb_checkpoints" / "quickstart-checkpoint.ipynb").write_text("{}")
    assert notebooks.first == "quickstart.ipynb"
    assert notebooks.remove()
    assert not notebooks.folder.exists()


def test_a_changed_copy_of_the_notebooks_is_kept() -> None:
    for name in ("quickstart.ipynb", "mine.ipynb"):
        notebooks = Notebooks()
        (notebooks.folder / name).write_text("{}")
        assert not notebooks.remove()
        assert (notebooks.folder / name).read_text() == "{}"
        (notebooks.folder / name).write_bytes(QUICKSTART.read_bytes())
        (notebooks.folder / "mine.ipynb").unlink(missing_ok=True)
        assert notebooks.remove()


def test_a_folder_of_ones_own_is_opened_as_it_is(tmp_path: Path) -> None:
    notebooks = Notebooks(tmp_path)
    assert (notebooks.folder, notebooks.first) == (tmp_path, "")
    assert notebooks.remove()
    assert tmp_path.is_dir()
