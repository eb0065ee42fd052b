"""The view on a plain page over http, with a stub kernel, in headless Chromium: no Jupyter.

The server sends a policy that forbids every request but the page's own files, so a page that wanted
the network would fail here. Tests speak to the page as a person does: by accessible names.
"""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from ..helpers.browser import chromium, stop_clock

HERE = Path(__file__).parent
STATIC = HERE.parents[1] / "sse_widget" / "static"
FILES = {
    "/": (HERE / "stub.html", "text/html; charset=utf-8"),
    "/stub.js": (HERE / "stub.js", "text/javascript"),
    "/kernel.js": (HERE / "kernel.js", "text/javascript"),
    "/many": (HERE / "many.html", "text/html; charset=utf-8"),
    "/many.js": (HERE / "many.js", "text/javascript"),
    "/capture.js": (STATIC / "capture.js", "text/javascript"),
    "/log.js": (STATIC / "widget.js", "text/javascript"),
    "/stub.css": (HERE / "stub.css", "text/css"),
    "/widget.js": (STATIC / "widget.js", "text/javascript"),
    "/widget.css": (STATIC / "widget.css", "text/css"),
}
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:"
# What a notebook's webview in VS Code forbids, and its frame: no origin, so no storage either.
WEBVIEW = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' https: data:; font-src https:; connect-src https:; child-src https: data:"
)
FRAME = """<!doctype html><html lang="en"><title>A webview</title><iframe title="Outputs" sandbox="allow-scripts"
 style="border:0;width:96vw;height:90vh" src="/?vscode=dark"></iframe></html>"""


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.browser)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/webview":
            self.answer(FRAME.encode(), "text/html; charset=utf-8", "")
            return
        if path not in FILES:
            self.send_error(404)
            return
        file, kind = FILES[path]
        worker = "'none'" if "noworker" in query else "blob:"
        policy = WEBVIEW if "vscode" in query else f"{POLICY}; worker-src {worker}"
        if path == "/many" and "vscode" not in query and "noscript" not in query:
            # Anywidget loads a widget so: where Blobs are forbidden, there is none.
            policy = policy.replace("script-src 'self'", "script-src 'self' blob:")
        body = file.read_bytes()
        if path == "/log.js":  # the stub kernel has it as a text
            log, seam, _ = body.decode().partition("/* the log ends here */")
            assert seam
            body = f"export default {json.dumps(log + 'give(sseLog.makeLog)')}".encode()
        self.answer(body, kind, policy)

    def answer(self, body, kind, policy):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        # A frame without an origin may load modules only so.
        self.send_header("Access-Control-Allow-Origin", "*")
        if policy:
            self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextmanager
def serving() -> Iterator[str]:
    """The stub page over http: its address."""
    if not (STATIC / "widget.js").exists():
        pytest.fail("the bundle is not built: npm --prefix js run build")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


# For the package, not the session: playwright's loop must be gone before tests that run asyncio.
@pytest.fixture(scope="package")
def address():
    with serving() as at:
        yield at


@pytest.fixture(scope="package")
def browser():
    with chromium() as started:
        yield started


class Stub:
    """The page, and the stub kernel behind it."""

    def __init__(self, page: Page):
        self.page = page
        self.log = page.get_by_role("log", name="Events")
        self.rows = self.log.get_by_role("listitem")
        self.search = page.get_by_role("searchbox", name="Search data")
        self.status = page.get_by_role("status")

    def row(self, text: str):
        return self.rows.filter(has_text=text)

    def chip(self, name: str):
        return self.page.get_by_role("group", name="Event types", exact=True).get_by_role(
            "button", name=name
        )

    def button(self, name: str, *, exact: bool = False):
        return self.page.get_by_role("button", name=name, exact=exact)

    def feed(self, *events: dict, **how):
        self.page.evaluate("([events, how]) => kernel.feed(events, how)", [events, how])

    def kernel(self, script: str, arg=None):
        return self.page.evaluate(f"(arg) => {{ {script} }}", arg)

    def heard(self, kind: str) -> list[dict]:
        return [m for m in self.page.evaluate("kernel.heard") if m["kind"] == kind]

    def filter(self) -> dict:
        return self.page.evaluate("model.attributes._filter")

    def wait(self, condition: str):
        # Not wait_for_function: it evaluates strings in the page, which the policy forbids.
        self.page.evaluate(
            f"""new Promise((resolve, reject) => {{
              const end = Date.now() + 30000;
              const look = () => {{
                if ({condition}) resolve();
                else if (Date.now() > end) reject(new Error({condition!r}));
                else setTimeout(look, 20);
              }};
              look();
            }})"""
        )

    def beats(self):
        """A sign of the kernel every second, as of a real one.

        After seven seconds without any the page says so, in a line that moves what is below it.
        """
        self.kernel("setInterval(() => kernel.beat(), 1000)")

    def lasting(self):
        """What is said for a moment stays, however long it is until somebody reads it."""
        self.kernel("""
          const later = setTimeout;
          window.setTimeout = (run, ms, ...more) => (ms >= 1500 ? 0 : later(run, ms, ...more));
        """)

    def account(self, name: str):
        return self.page.locator(f"[data-account={name}] b")

    def accounts(self) -> dict[str, int]:
        """All five numbers of one drawing."""
        found = self.page.evaluate(
            "[...document.querySelectorAll('[data-account]')]"
            ".map(e => [e.dataset.account, e.querySelector('b').textContent])"
        )
        return {name: int(n.replace(",", "")) for name, n in found}


class Errors(list):
    """What a page logs as an error, or a dialog it opens."""

    def watch(self, page: Page) -> Page:
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on("console", lambda said: self.append(said.text) if said.type == "error" else None)
        page.on("dialog", lambda dialog: (self.append("a dialog opened"), dialog.dismiss()))
        return page


VIEWPORT = {"width": 1000, "height": 640}


@pytest.fixture(scope="package")
def errors():
    return Errors()


# Loading the stub anew in one page is three times as quick as a new context for each test.
@pytest.fixture(scope="package")
def shared_page(browser: Browser, errors: Errors):
    return errors.watch(browser.new_context(viewport=VIEWPORT).new_page())


@pytest.fixture
def open_stub(browser: Browser, address: str, shared_page: Page, errors: Errors):
    """Opens the stub page; what the page logs as an error fails the test at its end.

    With `clock` its time stands still but where a test moves it.
    """
    errors.clear()
    contexts = []

    def open_(query: str = "", *, clock: bool = False, path: str = "/") -> Stub:
        page = shared_page
        if clock:
            contexts.append(browser.new_context(viewport=VIEWPORT))
            page = errors.watch(contexts[-1].new_page())
            stop_clock(page)
        # A test that failed half-way must not take others along.
        page.set_viewport_size(VIEWPORT)
        page.mouse.move(0, 0)
        page.goto(f"{address}{path}?{query}")
        page.wait_for_selector("body[data-ready]")
        return Stub(page)

    open_.errors_expected = False
    yield open_
    for context in contexts:
        context.close()
    shared_page.goto("about:blank")
    if not open_.errors_expected:
        assert errors == []


@pytest.fixture
def stub(open_stub) -> Stub:
    return open_stub()
