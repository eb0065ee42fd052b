"""EventSource in a browser, with no kernel behind it: Pyodide in headless Chromium, over its `fetch`.

The widget is not tried: the wheels it needs there (numpy, pandas, pyarrow) are on a network we do not ask.
"""

from __future__ import annotations

import http.server
import importlib.util
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page

from ..helpers import structs
from ..helpers.browser import chromium
from ..helpers.front import FRONT, fetch_fronts
from ..helpers.lab import ROOT
from ..helpers.scripted import Server, answers, sends

pytestmark = pytest.mark.browser

PYODIDE = FRONT / "node_modules" / "pyodide"
# What `sse_widget.client` imports, of Python alone.
PURE = ("httpx", "httpcore", "h11", "anyio", "idna", "certifi", "typing_extensions")
KINDS = {".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json"}


def packed() -> bytes:
    """The package, and the pure ones it needs, as a zip."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for file in (ROOT / "sse_widget").rglob("*.py"):
            zipped.write(file, file.relative_to(ROOT))
        zipped.write(structs.__file__, "msgspec.py")
        for name in PURE:
            origin = Path(importlib.util.find_spec(name).origin)
            files = [origin] if origin.name != "__init__.py" else origin.parent.rglob("*.p[ye]*")
            for file in files:
                if file.suffix in (".py", ".pem"):
                    zipped.write(
                        file, file.relative_to(origin.parents[origin.name == "__init__.py"])
                    )
    return archive.getvalue()


@pytest.fixture(scope="module")
def browser():
    fetch_fronts()
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    """Where Pyodide and the packages are. Not answers of the driver: what it hands over it holds many times."""
    packages = packed()

    class Files(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            file = PYODIDE / self.path.lstrip("/")
            body = packages if file.name == "packages.zip" else file.read_bytes()
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Content-Type", KINDS.get(file.suffix, "application/octet-stream"))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def pyodide(browser, files: str, server: Server) -> Iterator[Page]:
    """A page of the server's own origin, with Pyodide and the package in it."""
    page = browser.new_page()
    page.goto(f"{server.origin}/page")
    page.evaluate(
        """async (files) => {
        const { loadPyodide } = await import(`${files}/pyodide.mjs`);
        window.py = await loadPyodide({ indexURL: `${files}/` });
        py.unpackArchive(await (await fetch(`${files}/packages.zip`)).arrayBuffer(), "zip");
    }""",
        files,
    )
    try:
        yield page
    finally:
        page.close()


def run(page: Page, code: str) -> str:
    return str(page.evaluate("code => py.runPythonAsync(code)", code))


def test_a_stream_is_read_and_resumed(browser, files):
    first, second = "id: 1\nevent: trade\ndata: é one\n\n", "id: 2\ndata: two\n\n"
    html = '<!doctype html><title>Pyodide</title><link rel="icon" href="data:,">'
    page_ = answers("200 OK", "Content-Type: text/html\r\n", html)
    scripts = page_, sends(first), sends(second, then="hold"), answers("404 Not Found")
    with Server(*scripts) as server, pyodide(browser, files, server) as page:
        read = """
from sse_widget import EventSource, RetryPolicy
got = []
async with EventSource(URL, retry=RetryPolicy(initial=0.01, minimum=0)) as source:
    async for event in source:
        got.append((event.type, event.data, event.last_event_id))
        if len(got) == 2:
            break
repr(got)
"""
        got = run(page, read.replace("URL", repr(server.url)))
        assert got == repr([("trade", "é one", "1"), ("message", "two", "2")])
        assert server.requests[2].headers["last-event-id"] == "1"
        # Leaving the loop ends the request.
        server.gone.get(timeout=60)
        # A body makes it a POST, and what cannot be had is said in words.
        failing = """
from sse_widget import BadStatus, ConnectionFailed, EventSource, RetryPolicy
said = []
for url, options in ((URL, {"json": {"é": 1}}), ("http://127.0.0.1:9/", {})):
    try:
        async for event in EventSource(url, retry=RetryPolicy(attempts=1, initial=0.01), **options):
            pass
    except (BadStatus, ConnectionFailed) as error:
        said.append(f"{type(error).__name__}: {error}")
"\\n".join(said)
"""
        said = run(page, failing.replace("URL", repr(server.url)))
        assert [r.method for r in server.requests[3:]] == ["POST"]
        assert "Access-Control-Allow-Origin" in said
        # There are no threads: what needs one says what to do instead.
        sync = """
try:
    for event in EventSource(URL): pass
except RuntimeError as error:
    said = str(error)
said
"""
        assert "async for" in run(page, sync.replace("URL", repr(server.url)))
