"""JupyterLab as a child process: started with the demo's notebooks, watched, ended with its kernels.

Knows how to start one Lab quietly on loopback and how to tell that it answers; does not know the
demo server, signals or the command line.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

_START_SECONDS = 120.0  # the first start of a fresh installation compiles every module
_STOP_SECONDS = 15.0  # a busy kernel is given 5 s before Lab kills it
_QUICKSTART = "quickstart.ipynb"

# What another Jupyter told its children (a kernel, a terminal) and would bend ours.
_FOREIGN = ("JPY_", "JUPYTERHUB_", "JUPYTER_SERVER_", "JUPYTER_PORT", "JUPYTER_TOKEN")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Notebooks:
    """The folder Lab works in: one's own, or a fresh copy of the demo notebooks.

    A copy, because running a notebook changes it and the originals belong to a checkout or to an
    installation.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._originals: Path | None = None
        if folder is not None:
            self.folder = folder
            return
        here = Path(__file__).parent
        # In a wheel beside this file; in a checkout beside the package.
        places = (here / "notebooks", here.parents[1] / "notebooks")
        self._originals = next((p for p in places if (p / _QUICKSTART).is_file()), None)
        if self._originals is None:
            raise FileNotFoundError(
                f"the demo notebooks are not in {' nor in '.join(map(str, places))}"
            )
        self.folder = Path(tempfile.mkdtemp(prefix="sse-widget-"))
        for original in self._originals.glob("*.ipynb"):
            shutil.copy(original, self.folder)

    @property
    def first(self) -> str:
        """The notebook to open; "" for the bare folder."""
        return _QUICKSTART if (self.folder / _QUICKSTART).is_file() else ""

    def remove(self) -> bool:
        """Remove the copy; False where it was left because somebody changed or added something."""
        if self._originals is None:
            return True
        for path in self.folder.rglob("*"):
            inside = path.relative_to(self.folder)
            if path.is_dir() or any(part.startswith(".") for part in inside.parts):
                continue
            original = self._originals / inside
            if not original.is_file() or original.read_bytes() != path.read_bytes():
                return False
        shutil.rmtree(self.folder, ignore_errors=True)
        return True


class Lab:
    """One JupyterLab; its output goes to a file that is read only where something went wrong."""

    def __init__(self, folder: Path, port: int, environment: dict[str, str]) -> None:
        if importlib.util.find_spec("jupyterlab") is None:
            raise ModuleNotFoundError(
                "the demo needs JupyterLab: pip install 'sse-widget[demo]'", name="jupyterlab"
            )
        self._token = secrets.token_urlsafe(24)
        self._base = f"http://127.0.0.1:{port}"
        self._log: IO[bytes] = tempfile.TemporaryFile("a+b")  # noqa: SIM115 (closed by stop)
        self._config = tempfile.TemporaryDirectory(prefix="sse-widget-lab-")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        config_path = [_quiet(Path(self._config.name)), inherited.get("JUPYTER_CONFIG_PATH", "")]
        self._process = subprocess.Popen(
            _command(folder, port),
            # The token goes by the environment: a command line can be read by everybody.
            env={
                **inherited,
                **environment,
                "JUPYTER_TOKEN": self._token,
                # The kernel "python3" is this Python, whatever the user's own folder says.
                "JUPYTER_PREFER_ENV_PATH": "1",
                "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, config_path)),
            },
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            # Not ours by Ctrl-C: Lab would ask "Shutdown this Jupyter server (y/[n])?".
            **_by_itself(),
        )

    def url(self, notebook: str = "") -> str:
        where = f"/lab/tree/{notebook}" if notebook else "/lab"
        return f"{self._base}{where}?token={self._token}"

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait_ready(self, cancelled: Callable[[], bool]) -> bool:
        """Wait until Lab answers; False where it died, was too slow, or `cancelled()` became true."""
        request = urllib.request.Request(
            f"{self._base}/api/status", headers={"Authorization": f"token {self._token}"}
        )
        # A proxy from the environment has no business on loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        end = time.monotonic() + _START_SECONDS
        while self.running and not cancelled() and time.monotonic() < end:
            try:
                with opener.open(request, timeout=5) as answer:
                    if answer.status == 200:
                        return True
            except OSError:  # also urllib.error.URLError and HTTPError, which are one
                pass
            time.sleep(0.1)
        return False

    def last_words(self, lines: int = 15) -> str:
        """The end of what Lab logged."""
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - 16_384))
        text = self._log.read().decode("utf-8", "replace").replace(self._token, "…")
        return "\n".join(text.rstrip().splitlines()[-lines:])

    def stop(self, hurry: Callable[[], bool]) -> None:
        """End Lab and its kernels; at once where `hurry()` is true."""
        if self.running:
            # Lab shuts its kernels down on SIGTERM. Killed, it cannot; then each kernel notices by
            # itself, within a second, that its parent is gone.
            if not (sys.platform == "win32" and self._asked_to_end()):
                self._process.terminate()
            end = time.monotonic() + _STOP_SECONDS
            while self.running and not hurry() and time.monotonic() < end:
                time.sleep(0.05)
            if self.running:
                self._process.kill()
        self._process.wait()
        self._log.close()
        self._config.cleanup()

    def _asked_to_end(self) -> bool:
        """Ask Lab over its API: on Windows there is no signal that it would end in order by."""
        request = urllib.request.Request(
            f"{self._base}/api/shutdown",
            method="POST",
            headers={"Authorization": f"token {self._token}"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def _by_itself() -> dict[str, Any]:
    """What starts a process that the keys of this terminal do not reach."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _quiet(folder: Path) -> str:
    """A configuration in which Lab does not ask whether it may look for news.

    Not asking the server for news (below) does not keep the page from asking the person. These are
    defaults: what somebody chose in their own settings stays.
    """
    settings = {
        "@jupyterlab/apputils-extension:notification": {
            "fetchNews": "false",
            "checkForUpdates": False,
        }
    }
    (folder / "labconfig").mkdir()
    (folder / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(settings))
    return str(folder)


def _command(folder: Path, port: int) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",  # another port than the one we wait at is no use
        "--ServerApp.base_url=/",
        f"--ServerApp.root_dir={folder}",
        # No network is needed and none is asked for: no news, no look for a newer Lab.
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if sys.platform != "win32" and os.geteuid() == 0:
        command.append("--allow-root")
    return command
