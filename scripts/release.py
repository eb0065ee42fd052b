"""Check that this checkout can be released: `release.py FOLDER`, with the folder of the wheel and the sdist.

The version, the newest section of CHANGELOG.md and CITATION.cff must agree. Then each file is installed into an
empty environment and used in an empty folder, where nothing of the checkout can be found: a program there
reads a stream, filters, saves and replays it, and the command line answers. pip fetches what the package
needs. It uploads nothing.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import yaml
from packaging.metadata import Metadata
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
# What somebody does in the first minute, against a server that ends after three events.
PROGRAM = """
import asyncio, http.server, math, sys, threading
from importlib.metadata import version
from pathlib import Path

import sse_widget
from sse_widget import EventFilter, EventSource, SSECapture, SSEStream

assert sse_widget.__version__ == version("sse-widget") == sys.argv[1]
assert Path(sse_widget.__file__).is_relative_to(sys.prefix), sse_widget.__file__
BODY = "".join(f'event: trade\\nid: {n}\\ndata: {{"n": {n}}}\\n\\n' for n in range(3)).encode()


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
assert [event.json()["n"] for event in EventSource(url, reconnect=False)] == [0, 1, 2]


async def main():
    stream = SSEStream(url, reconnect=False, capture="captures")
    await asyncio.wait_for(stream.wait_closed(), 60)
    stream.filter = EventFilter(text='"n": 2')
    assert list(stream.view_df["last_event_id"]) == ["2"]
    assert list(stream.to_dataframe(json=True)["n"]) == [0, 1, 2]
    stream.save("events.parquet")
    assert len(stream._esm) > 10_000 and ".sse-widget" in stream._css
    stream.close()
    assert len(SSEStream.replay("events.parquet", speed=math.inf)) == 3
    assert len(SSEStream.replay("captures", speed=math.inf)) == 3
    with SSECapture([url], to="many", reconnect=False) as capture:
        await capture.until(lambda stats: stats.written == 3, timeout=60)


asyncio.run(main())
server.shutdown()
"""


def version() -> str:
    """The version of this checkout."""
    text = (ROOT / "sse_widget" / "_version.py").read_text("utf-8")
    return re.findall(r'__version__ = "(.+)"', text)[0]


def disagreements() -> list[str]:
    """What says another version than the package does."""
    now = version()
    sections = re.findall(r"^## \[(.+?)\](.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    found = []
    name, date = sections[0]
    if name != now:
        found.append(f"the newest section of CHANGELOG.md is {name}, the version is {now}")
    if f" - {citation['date-released']}" != date:
        found.append(f"CHANGELOG.md says{date}, CITATION.cff says {citation['date-released']}")
    if citation["version"] != now:
        found.append(f"CITATION.cff says {citation['version']}, the version is {now}")
    return found


def try_package(file: Path) -> None:
    """Install one file into an empty environment, and use it there. Raises where that fails."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        venv.create(home / "env", with_pip=True)
        binaries = home / "env" / ("Scripts" if sys.platform == "win32" else "bin")
        empty = home / "empty"
        empty.mkdir()

        def run(*command: str | Path) -> str:
            return subprocess.run(
                command, cwd=empty, check=True, text=True, stdout=subprocess.PIPE
            ).stdout

        pip = ("-m", "pip", "--quiet", "--disable-pip-version-check")
        run(binaries / "python", *pip, "install", file)
        run(binaries / "python", *pip, "check")
        run(binaries / "python", "-W", "error::ResourceWarning", "-c", PROGRAM, version())
        run(binaries / "sse-widget", "--help")
        metadata = run(
            binaries / "python",
            "-c",
            "from importlib.metadata import distribution as d; print(d('sse-widget').read_text('METADATA'))",
        )
        Metadata.from_email(metadata.encode(), validate=True)


def main(folder: Path) -> int:
    wrong = disagreements()
    wheels, sdists = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    if [parse_wheel_filename(f.name)[1] for f in wheels] != [Version(version())]:
        wrong.append(f"{folder} has not one wheel of {version()}")
    if [parse_sdist_filename(f.name)[1] for f in sdists] != [Version(version())]:
        wrong.append(f"{folder} has not one sdist of {version()}")
    if wrong:
        print("\n".join(wrong))
        return 1
    for file in (*wheels, *sdists):
        try_package(file.resolve())
        print(f"{file.name}: installed into an empty environment, and used there")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
