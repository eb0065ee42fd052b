"""A real JupyterLab in headless Chromium: what somebody sees in the first minutes.

A live log within a second, nothing lost silently, never waiting for the kernel,
what you see is what you export.
"""

from __future__ import annotations

import json
import queue
import re
import threading
import time

import pytest
from playwright.sync_api import expect

from sse_widget.demo.server import DemoServer

from ..conftest import captures
from ..helpers import literal
from ..helpers.browser import chromium
from ..helpers.lab import ROOT, Lab
from ..helpers.scripted import Peer, Server, free_port, sends, sends_after

pytestmark = pytest.mark.lab

EVENTS = "".join(f"id: {i}\nevent: trade\ndata: number {i};\n\n" for i in range(1, 31))
IMPORT = "from sse_widget import SSEStream, EventFilter, demo\n"
# It ends when the test says so, not while a slow machine is still at what happens meanwhile.
SLEEP = "import time\ntry: time.sleep(3600)\nexcept KeyboardInterrupt: pass"


@pytest.fixture(scope="module")
def server():
    with chromium() as browser, Lab(browser) as lab:
        yield lab


@pytest.fixture
def lab(server):
    """One server for all tests; the pages and kernels of a test end with it."""
    yield server
    server.close_notebooks()


def log(notebook):
    return notebook.widget.get_by_role("log")


def footer(notebook):
    return notebook.widget.get_by_role("group", name="Accounts")


def accounts(notebook) -> dict[str, int]:
    """The numbers of the footer, as they are on the page at one instant."""
    text = footer(notebook).inner_text()
    names = ("received", "shown", "filtered", "paused", "not on this page")
    found = {}
    for name in names:
        match = re.search(rf"{name}\s+([\d,]+)", text)
        assert match, text
        found[name] = int(match.group(1).replace(",", ""))
    assert found["received"] == sum(found[n] for n in names[1:]), text
    return found


def settled(notebook, received: int) -> dict[str, int]:
    """The accounts once this many events were received and none is on its way."""
    expect(footer(notebook)).to_contain_text(
        re.compile(rf"received\s+{received:,}\b"), timeout=120_000
    )
    return accounts(notebook)


def test_the_first_row_waits_for_no_script_of_jupyterlab(lab):
    """What is put into the notebook to be saved would have it load its typesetting first."""
    go = threading.Event()
    with Server(sends_after(go, EVENTS)) as server:
        notebook = lab.notebook([IMPORT, f"stream = SSEStream({server.url!r})\nstream"])
        notebook.run(0)
        scripts = []

        def asked(request):
            if "/static/lab/" in request.url and request.resource_type == "script":
                scripts.append(request.url)

        notebook.page.wait_for_load_state("networkidle")
        notebook.page.on("request", asked)
        notebook.run(1)
        go.set()
        expect(log(notebook).get_by_role("listitem").first).to_be_visible()
        assert scripts == []
        notebook.execute("stream.close()")


def test_first_minute(lab):
    """Watch, filter by a chip, search, and have the same in Python."""
    notebook = lab.notebook([IMPORT + "stream = SSEStream(demo.url('/ticks', rate=50))\nstream"])
    notebook.run(0)
    rows = log(notebook).get_by_role("listitem")
    expect(rows.first).to_be_visible()
    expect(notebook.widget.get_by_role("status")).to_contain_text("Open")
    chip = notebook.widget.get_by_role("button", name=re.compile(r"^trade"))
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(rows.filter(has_text="quote")).to_have_count(0)
    expect(rows.filter(has_text="trade").first).to_be_visible()
    notebook.widget.get_by_role("searchbox").fill("btc")
    expect(rows.filter(has_text="ETH")).to_have_count(0)
    assert notebook.execute(
        "import time\n"
        "for _ in range(200):\n"
        "    if stream.filter == EventFilter(types={'trade'}, text='btc'): break\n"
        "    time.sleep(.05)\n"
        "print(stream.filter == EventFilter(types={'trade'}, text='btc'),"
        " set(stream.view_df['type']), stream.view_df['data'].str.contains('BTC').all())"
    ).split() == ["True", "{'trade'}", "True"]
    # And the other way: Python moves the chips.
    notebook.execute("stream.filter = EventFilter(types={'quote'})")
    expect(chip).to_have_attribute("aria-pressed", "false")
    expect(notebook.widget.get_by_role("searchbox")).to_have_value("")
    expect(rows.filter(has_text="trade")).to_have_count(0)
    notebook.execute("stream.close()")
    assert notebook.page_errors == []
    assert notebook.blocked == []


@pytest.mark.parametrize("busy_from_the_start", [False, True])
def test_page_works_while_a_cell_runs(lab, busy_from_the_start):
    """A cell sleeps; the log moves; reading, finding, pause, accounts, taking away, clear and stop
    answer. Also where the cell that sleeps is the one that shows the log, as by "Run All"."""
    make = IMPORT + "stream = SSEStream(demo.url('/ticks', rate=50))\n"
    cells = (
        [make + f"display(stream)\n{SLEEP}"] if busy_from_the_start else [make + "stream", SLEEP]
    )
    notebook = lab.notebook([*cells, "print(stream.filter, stream.status.state)"])
    busy = len(cells) - 1
    if busy_from_the_start:
        notebook.start(0)
    else:
        notebook.run(0)
        expect(log(notebook).get_by_role("listitem").first).to_be_visible()
        notebook.start(1)
    widget, page = notebook.widget, notebook.page
    rows = log(notebook).get_by_role("listitem")
    expect(rows.first).to_be_visible()
    before = accounts(notebook)["received"]
    number = "Number(document.querySelector('.sse-widget [aria-label=Accounts]').innerText"
    page.wait_for_function(
        f"n => {number}.match(/received\\s+([\\d,]+)/)[1].replace(/,/g, '')) > n + 50", arg=before
    )
    # Finding.
    widget.get_by_role("button", name=re.compile("^trade")).click()
    expect(rows.filter(has_text="quote")).to_have_count(0)
    widget.get_by_role("button", name="Use a regular expression").click()
    widget.get_by_role("searchbox").fill("b[t]c")
    expect(rows.filter(has_text="ETH")).to_have_count(0)
    expect(log(notebook).locator("mark").first).to_have_text("BTC")
    widget.get_by_role("button", name="Use a regular expression").click()
    widget.get_by_role("searchbox").fill("btc")
    expect(rows.filter(has_text="BTC").first).to_be_visible()
    # Pause, and what waits behind it.
    widget.get_by_role("button", name="Pause").click()
    page.wait_for_function(
        f"() => {number}.match(/paused\\s+([\\d,]+)/)[1].replace(/,/g, '')) > 20"
    )
    accounts(notebook)
    footer(notebook).get_by_text("paused").focus()
    expect(widget.get_by_role("tooltip")).to_contain_text("Arrived since you paused")
    # Reading: the time, an event as JSON.
    widget.get_by_role("button", name="View").click()
    widget.get_by_text("Ago", exact=True).click()
    expect(rows.first).to_contain_text(re.compile("ago|now"))
    page.keyboard.press("Escape")
    rows.first.click()
    detail = widget.get_by_role("region", name="Event details")
    expect(detail).to_contain_text('"symbol"')
    # Taking away.
    copy = detail.get_by_role("button", name="Copy data")
    copy.evaluate("""button => new MutationObserver(() => (window.said ??= button.textContent))
      .observe(button, {childList: true, characterData: true, subtree: true})""")
    copy.click()  # it says so for a moment only
    page.wait_for_function("/Copied|Copy failed/.test(window.said)")
    widget.get_by_role("button", name="View").click()
    with page.expect_download() as download:
        widget.get_by_role("button", name=".ndjson", exact=True).click()
    saved = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert saved
    assert all(event["type"] == "trade" and "BTC" in event["data"] for event in saved)
    page.keyboard.press("Escape")
    widget.get_by_role("button", name="Resume").click()
    # What needs the kernel goes past the cell here.
    widget.get_by_role("button", name="Stop").click()
    expect(widget.get_by_role("status")).to_contain_text("Closed")
    assert notebook.running(busy), "all of this happened while the cell was running"
    notebook.js("await panel.sessionContext.session.kernel.interrupt()")
    notebook.finished(busy)
    notebook.run(busy + 1)
    for text in ("{'trade'}", "btc", "closed"):
        expect(notebook.cell(busy + 1)).to_contain_text(text)


def test_columns_and_charts_while_a_cell_runs(lab):
    """A leaf becomes a column of the log at once, and of df when the kernel hears of it; its numbers
    are charted meanwhile. Python's columns and charts show on the page."""
    notebook = lab.notebook(
        [
            IMPORT + "stream = SSEStream(demo.url('/ticks', rate=50))\nstream",
            SLEEP,
            "stream.columns, list(stream.df.columns)[-2:], str(stream.df['price'].dtype)",
        ]
    )
    notebook.run(0)
    rows = log(notebook).get_by_role("listitem")
    trade = rows.filter(has_text="trade").first
    expect(trade).to_be_visible()
    notebook.start(1)
    notebook.widget.get_by_role("button", name="Pause").click()
    trade.click()
    pane = notebook.widget.get_by_role("region", name="Event details")
    pane.get_by_role("button", name='"symbol"').click()
    pane.get_by_role("button", name='"price"').click()
    names = notebook.widget.locator(".sse-column-name")
    expect(names).to_have_text(["symbol", "price"])
    expect(trade.locator(".sse-cell").first).to_have_text(re.compile("[A-Z]{3,4}"))
    expect(trade.locator(".sse-cell").last).to_have_text(re.compile(r"\d"))
    names.get_by_text("price").click()
    notebook.widget.get_by_role("button", name="Chart over time").click()
    lines = notebook.widget.locator(".sse-plot-name")
    expect(lines).to_have_text(["trade"])
    notebook.widget.get_by_role("combobox", name="Lines by").select_option("by side")
    expect(lines).to_have_text(["buy", "sell"])
    assert notebook.running(1), "all of this happened while the cell was running"
    notebook.js("await panel.sessionContext.session.kernel.interrupt()")
    notebook.finished(1)
    notebook.run(2)
    expect(notebook.cell(2)).to_contain_text(
        "(['symbol', 'price'], ['symbol', 'price'], 'float64')"
    )
    notebook.execute("stream.plot('price', by='symbol')")
    expect(notebook.widget.get_by_role("group", name="price by symbol, over time")).to_be_visible()
    expect(lines.filter(has_text="BTC")).to_be_visible()
    notebook.execute("stream.columns = ['size']")
    expect(names).to_have_text(["size"])
    # A second log of the same stream has them from the start.
    notebook.js("panel.content.widgets[2].model.sharedModel.setSource('stream.plot(\"size\")')")
    notebook.run(2)
    expect(notebook.page.get_by_role("group", name="size by type, over time")).to_have_count(2)
    expect(notebook.page.locator(".sse-column-name")).to_have_text(["size", "size"])
    notebook.execute("stream.close()")
    assert notebook.page_errors == []


def test_menus_conditions_latest_and_text_while_a_cell_runs(lab):
    """A cell sleeps: what the menus of cells and columns do, the latest of each key, and the text."""
    notebook = lab.notebook(
        [
            IMPORT
            + "stream = SSEStream(demo.url('/ticks', rate=50), columns=['symbol', 'price'])\nstream",
            SLEEP,
            "stream.filter.where",
        ]
    )
    notebook.run(0)
    widget, rows = notebook.widget, log(notebook).get_by_role("listitem")
    symbol = rows.filter(has_text="BTC").locator(".sse-cell").first
    expect(symbol).to_be_visible()
    notebook.start(1)
    widget.get_by_role("button", name="Pause").click()

    def do(cell, action):
        cell.click(button="right")
        widget.get_by_role("button", name=action).click()

    do(symbol, "Pin row")
    pinned = widget.get_by_role("list", name="Pinned rows").get_by_role("listitem")
    expect(pinned).to_contain_text("BTC")
    do(pinned.locator(".sse-type"), "Unpin row")
    expect(pinned).to_have_count(0)
    do(symbol, "Copy value")
    expect(widget.get_by_text(re.compile("^Copied|did not let"))).to_be_visible()
    do(symbol, "Filter to this value")
    expect(rows.filter(has_text="ETH")).to_have_count(0)
    do(rows.first.locator(".sse-type"), "Exclude this type")
    heading = widget.get_by_role("group", name="Columns", exact=True)
    heading.get_by_role("button", name="price").click()
    widget.get_by_label("Operator").select_option(">")
    widget.get_by_label("Value", exact=True).fill("1")
    widget.get_by_role("button", name="Filter", exact=True).click()
    expect(widget.get_by_role("group", name="Conditions")).to_contain_text("price > 1")
    widget.get_by_role("button", name="Show all", exact=True).click()
    widget.get_by_role("button", name="Resume").click()
    do(rows.locator(".sse-cell").first, "One row for each value")
    bar = widget.get_by_role("group", name="Latest", exact=True)
    expect(bar).to_contain_text(re.compile(r"\d+ keys"))
    price = rows.filter(has_text="BTC").locator(".sse-cell").nth(1)
    expect(price).not_to_have_text(price.inner_text())  # it goes on
    bar.get_by_role("button", name="Back to the log").click()
    widget.get_by_role("button", name="View").click()
    widget.get_by_role("button", name="Text\u2026").click()
    path = widget.get_by_role("combobox", name="Path")
    path.focus()
    path.select_option("symbol")
    expect(widget.get_by_role("region", name="Text so far")).to_contain_text("BTC")
    assert notebook.running(1), "all of this happened while the cell was running"
    notebook.js("await panel.sessionContext.session.kernel.interrupt()")
    notebook.finished(1)
    notebook.run(2)
    expect(notebook.cell(2)).to_contain_text("()")
    notebook.execute("stream.close()")
    assert notebook.page_errors == []


def test_two_pages_on_one_kernel(lab):
    """A second page gets the history and holds still by itself; while it hangs, the first goes on."""
    more: queue.Queue[str] = queue.Queue()
    release = threading.Event()

    def feed(peer: Peer) -> None:
        peer.stream("".join(f"id: {i}\ndata: event {i};\n\n" for i in range(1, 301)))
        while text := more.get():
            peer.send(text)
        peer.hold()

    def gate(peer: Peer) -> None:
        release.wait(600)
        peer.answer("200 OK", "", "")

    with Server(feed) as server, Server(gate) as gates:
        first = lab.notebook([IMPORT + f"stream = SSEStream({server.url!r})\nstream"])
        first.run(0)
        settled(first, 300)
        first.save()
        second = lab.page_of(first.name)
        settled(second, 300)
        expect(footer(second)).to_contain_text(re.compile(r"shown\s+300"))
        second.widget.get_by_role("button", name="Pause").click()
        more.put("data: one more;\n\n")
        expect(log(first).get_by_text("one more;")).to_be_visible()
        expect(footer(second)).to_contain_text(re.compile(r"paused\s+1\b"))
        second.widget.get_by_role("button", name="Resume").click()
        # A page whose script stands still: it waits for an answer that does not come.
        second.page.evaluate(
            """url => setTimeout(() => {
              const request = new XMLHttpRequest();
              request.open('GET', url, false);
              try { request.send(); } catch {}
              window.free = true;
            })""",
            gates.url,
        )
        end = time.monotonic() + 60
        while gates.asked.empty():  # from when it is not, that page hangs
            assert time.monotonic() < end
            first.page.wait_for_timeout(50)  # what it asks for passes `_guard`, in this thread
        for i in range(12):
            more.put(f"data: quick {i};\n\n")
            expect(log(first).get_by_text(f"quick {i};")).to_be_visible()
        assert first.execute("print(stream.stats.not_sent)").strip() == "0"
        release.set()
        second.page.wait_for_function("window.free")
        settled(second, 313)
        expect(log(second).get_by_text("quick 11;")).to_be_visible()
        more.put("")
        first.execute("stream.close()")


def test_flood_balances(lab):
    """20,000 events/s for 10 s: no unexplained hole on the page, the kernel's accounts balance."""
    notebook = lab.notebook(
        [
            IMPORT + "stream = SSEStream(demo.url('/flood', rate=20000, count=200000))\nstream",
            "s = stream.stats\n"
            "print(s.received, s.received == s.held + s.evicted + s.cleared, len(stream.gaps))",
        ]
    )
    notebook.run(0)
    expect(notebook.widget.get_by_role("status")).to_contain_text("Closed", timeout=120_000)
    settled(notebook, 200_000)
    # What was held back from a page that was slow to answer is fetched now that it is calm.
    expect(footer(notebook)).to_contain_text(re.compile(r"shown\s+100,000\b"), timeout=120_000)
    assert accounts(notebook)["not on this page"] == 100_000
    rows = log(notebook).get_by_role("listitem")
    assert rows.count() < 150
    expect(rows.last).to_contain_text("200000")
    notebook.run(1)
    expect(notebook.cell(1)).to_contain_text("200000 True")


def test_reload_brings_the_history_back(lab):
    body = "".join(f"id: {i}\ndata: {i}\n\n" for i in range(1, 301))
    with Server(sends(body, then="hold")) as server:
        notebook = lab.notebook([IMPORT + f"stream = SSEStream({server.url!r})\nstream"])
        notebook.run(0)
        settled(notebook, 300)
        last = log(notebook).get_by_role("listitem").last
        last.locator(".sse-data").click(button="right")
        notebook.widget.get_by_role("button", name="Pin row").click()
        pinned = notebook.widget.get_by_role("list", name="Pinned rows")
        expect(pinned).to_contain_text("300")
        # What the page says of it is on its way, and a reload may come before.
        ask = "print(stream.get_state(['_pins']))"
        assert next(s for _ in range(600) if "'300'" in (s := notebook.execute(ask)))
        notebook.save()
        notebook.reload()
        # Widget state is not saved by default: the cell shows its output once it runs again, or
        # where the kernel still has the model. Show the same stream in it.
        notebook.js("panel.content.widgets[0].model.sharedModel.setSource('stream')")
        notebook.run(0)
        found = settled(notebook, 300)
        expect(footer(notebook)).to_contain_text(re.compile(r"shown\s+300"))
        expect(pinned).to_contain_text("300")
        assert found["received"] == 300
        assert len(server.requests) == 1
        notebook.execute("stream.close()")


def test_running_the_cell_again_leaves_one_connection(lab):
    with Server(sends("data: a\n\n", then="hold")) as server:
        notebook = lab.notebook([IMPORT + f"stream = SSEStream({server.url!r})\nstream"])
        for _ in range(3):
            notebook.run(0)
            # The log of the run before may still be there: what tells is the connection.
            server.asked.get(timeout=60)
            expect(log(notebook).get_by_role("listitem").first).to_be_visible()
        for _ in range(2):
            server.gone.get(timeout=60)
        assert len(server.requests) == 3
        assert server.connections == 1
        notebook.execute("stream.close(); del stream")
        server.gone.get(timeout=60)
        assert server.connections == 0
        threads = notebook.execute(
            "import threading; print([t.name for t in threading.enumerate()].count('sse-widget'))"
        )
        assert threads.strip() == "1"


def test_kernel_restart_says_so(lab):
    with Server(sends("id: 1\ndata: a\n\n", then="hold")) as server:
        notebook = lab.notebook([IMPORT + f"stream = SSEStream({server.url!r})\nstream"])
        notebook.run(0)
        expect(log(notebook).get_by_role("listitem").first).to_be_visible()
        notebook.restart_kernel()
        expect(notebook.widget.get_by_role("status")).to_contain_text(
            re.compile("kernel", re.IGNORECASE)
        )
        # What it holds stays, and running the cell again goes on.
        expect(log(notebook).get_by_role("listitem").first).to_be_visible()
        notebook.run(0)
        expect(notebook.widget.get_by_role("status")).to_contain_text("Open")
        notebook.execute("stream.close()")


def test_quickstart_runs_top_to_bottom(lab):
    document = json.loads((ROOT / "notebooks" / "quickstart.ipynb").read_text())
    notebook = lab.notebook(document)
    last = max(i for i, c in enumerate(document["cells"]) if c["cell_type"] == "code")
    notebook.js("app.commands.execute('notebook:run-all-cells');")
    notebook.finished(last, timeout=120)
    assert notebook.errors() == []
    logs = notebook.page.locator(".sse-widget")
    expect(logs).to_have_count(2)
    for i in range(2):
        logs.nth(i).scroll_into_view_if_needed()
        expect(logs.nth(i).get_by_role("status")).to_contain_text("Closed")
    expect(logs.nth(1)).to_contain_text("nothing is missing")
    assert notebook.page_errors == []
    assert notebook.blocked == []


def test_server_restart_says_so_and_goes_on(lab):
    port = free_port()
    server = DemoServer(port)
    try:
        url = f"{server.url}/flaky?rate=50&drop_after=1000000"
        notebook = lab.notebook([IMPORT + f"stream = SSEStream({url!r})\nstream"])
        notebook.run(0)
        status = notebook.widget.get_by_role("status")
        expect(status).to_contain_text("Open")
        expect(log(notebook).get_by_role("listitem").first).to_be_visible()
        server.stop()
        expect(status).to_contain_text("Waiting")
        expect(notebook.widget).to_contain_text("Is the server running")
        server = DemoServer(port)
        retry = notebook.widget.get_by_role("button", name="Retry now")
        expect(status.or_(retry).first).to_be_visible()
        # The longer it was away, the longer the next attempt may be.
        expect(status).to_contain_text("Open", timeout=120_000)
        notebook.execute("stream.stop()")
        ids = notebook.execute("print(stream.df['last_event_id'].astype(int).diff().max())")
        assert ids.strip() == "1.0"
        assert "reconnect" in notebook.execute("print(stream.gaps[0].cause)")
        notebook.execute("stream.close()")
    finally:
        server.stop()


def test_secrets_are_not_on_the_page_nor_in_the_notebook(lab):
    secret = "hunter2hunter2"
    with Server(sends("data: a\n\n", then="hold")) as server:
        url = server.url.replace("http://", f"http://me:{secret}@") + f"?token={secret}"
        make = "stream = SSEStream(URL, headers={'X-Key': KEY}, params={'p': KEY})\nstream"
        notebook = lab.notebook([IMPORT + "import os", make])
        notebook.run(0)
        notebook.execute(f"URL, KEY = {url!r}, {secret!r}")
        notebook.run(1)
        expect(log(notebook).get_by_role("listitem").first).to_be_visible()
        assert secret not in notebook.page.content()
        assert secret not in json.dumps(notebook.save())
        models = notebook.js(
            "const m = await panel.content.widgets[1].model; return JSON.stringify(m.toJSON())"
        )
        assert secret not in models
        assert secret in server.requests[0].target  # it was sent, all the same
        notebook.execute("stream.close()")


def test_hostile_text_is_shown_as_text(lab):
    evil = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
    with Server(sends(f"event: {evil}\nid: {evil}\ndata: {evil}\n\n", then="hold")) as server:
        notebook = lab.notebook([IMPORT + f"stream = SSEStream({server.url!r})\nstream"])
        notebook.run(0)
        row = log(notebook).get_by_role("listitem").first
        expect(row).to_contain_text("<img src=x onerror=window.hacked=1>")
        row.click()
        assert notebook.page.evaluate("window.hacked") is None
        notebook.execute("stream.close()")


def test_the_saved_notebook_shows_the_events_without_its_kernel(lab):
    """The snapshot is written beside the live log without moving it, hidden as long as the log
    lives, and there when the notebook is opened without the kernel."""
    body = "".join(f"id: {i}\ndata: <b>event {i}</b> $1 and $2\n\n" for i in range(1, 301))
    with Server(sends(body, then="hold")) as server:
        notebook = lab.notebook([IMPORT + f"stream = SSEStream({server.url!r})\nstream", "1 + 1"])
        notebook.run(0)
        settled(notebook, 300)
        log(notebook).evaluate("l => { window.log = l; l.scrollTop = 100; }")
        notebook.widget.get_by_role("button", name="Jump to latest").wait_for()
        # Each cell that has run brings it up to date.
        notebook.run(1)
        copy = notebook.page.locator(".sse-snapshot")
        expect(copy).to_have_count(1)
        expect(copy).to_be_hidden()
        assert notebook.page.evaluate("[log.isConnected, log.scrollTop]") == [True, 100]
        notebook.save()
        notebook.js("await panel.sessionContext.shutdown()")
        notebook.page.reload()
        expect(copy).to_be_visible()
        expect(copy).to_contain_text("Open when this was written")
        expect(copy).to_contain_text("<b>event 300</b> $1 and $2")
        oldest = copy.get_by_text("<b>event 1</b>")
        expect(oldest).to_be_hidden()
        copy.get_by_text("290 earlier events").click()
        expect(oldest).to_be_visible()
        expect(notebook.widget).to_have_count(0)


def test_lines_of_ten_megabytes_in_any_field(lab):
    """Through a socket, the kernel and the page: shown as far as a line goes, and the stream goes on."""
    long = b"<b>" * (10 * 2**20 // 3)
    body = b"".join(
        [
            b"data: before\n\n",
            b"data: %b\n\n" % long,
            b"event: %b\ndata: a long type\n\n" % long,
            b'data: {"price": "%b"}\n\n' % long,
            b"id: %b\ndata: a long id\n\n" % long,
            b"data: it is inherited\n\n",
            b"id: 1\ndata: after\n\n",
        ]
    )
    with Server(sends(body, then="hold")) as server:
        notebook = lab.notebook(
            [IMPORT + f"stream = SSEStream({server.url!r})\nstream.columns = ['price']\nstream"]
        )
        notebook.run(0)
        settled(notebook, 7)
        rows = log(notebook).get_by_role("listitem")
        expect(rows).to_have_count(7)
        expect(rows.nth(2)).to_contain_text("a long type")
        expect(rows.last).to_contain_text("after")
        assert {row.bounding_box()["height"] for row in rows.all()} == {24}
        rows.nth(1).click()
        pane = notebook.widget.get_by_role("region", name="Event details")
        expect(pane).to_contain_text("showing 64 KiB of 10 MiB")
        pane.get_by_role("button", name="Load all").click()
        expect(pane).to_contain_text("showing the first 512 KiB of 10 MiB")
        assert notebook.execute(
            "print(stream.stats.received, stream.df['data'].str.len().max())"
        ).split() == ["7", str(len(long) + 13)]
        notebook.execute("stream.close()")
        assert notebook.page_errors == []


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("'http://127.0.0.1:9/'", "refused"),
        ("demo.url('/no-such-feed')", "404"),
        ("demo.url('/')", "HTML page"),
    ],
)
def test_failure_is_a_state_with_a_reason(lab, url, text):
    notebook = lab.notebook([IMPORT + f"stream = SSEStream({url})\nstream", "1 + 1"])
    notebook.run(0)
    expect(notebook.widget).to_contain_text(text)
    notebook.run(1)
    # Nothing spilled into this cell.
    expect(notebook.cell(1).locator(".jp-OutputArea-output")).to_have_text(["2"])
    notebook.execute("stream.close()")


if captures() is not None:

    def test_recorded_stream_in_the_page(lab):
        """A recorded stream through a socket, the kernel and the page: every row arrives."""
        folder = captures()
        assert folder is not None
        file = folder / "mastodon_docs_events.sse"
        expected = literal.read(file.read_bytes()).events
        index = {e["file"]: e for e in json.loads((folder / "index.json").read_text())}
        server = DemoServer(replay_dir=folder)
        try:
            url = f"{server.url}/replay/{file.name}"
            notebook = lab.notebook(
                [IMPORT + f"stream = SSEStream({url!r}, reconnect=False)\nstream"]
            )
            notebook.run(0)
            settled(notebook, len(expected))
            # Types that do not fit are folded into a list.
            more = notebook.widget.get_by_role("button", name=re.compile(r"^\+\d+ more$"))
            if more.is_visible():
                more.click()
            for name, count in index[file.name]["event_types"].items():
                chip = notebook.widget.get_by_role(
                    "button", name=re.compile(rf"^{re.escape(name)}\s+{count}$")
                )
                expect(chip.first).to_be_visible()
            rows = json.loads(
                notebook.execute("print(stream.df[['type', 'data']].to_json(orient='values'))")
            )
            assert [tuple(r) for r in rows] == [(t, d) for t, d, _ in expected]
        finally:
            server.stop()


def test_a_capture_survives_the_kernel_and_is_read_back(lab):
    """The window holds a hundred events; the page has all that the folder has."""

    def some(numbers):
        return "".join(f"id: {n}\ndata: event {n}.\n\n" for n in numbers)

    with Server(
        sends(some(range(1, 501)), then="hold"), sends(some(range(504, 507)), then="hold")
    ) as server:
        notebook = lab.notebook(
            [
                IMPORT
                + f"stream = SSEStream({server.url!r}, capture='trades', max_events=100)\nstream"
            ]
        )
        notebook.run(0)
        settled(notebook, 500)
        expect(footer(notebook)).to_contain_text("captured 500")
        notebook.restart_kernel()
        notebook.run(0)
        settled(notebook, 503)
        assert server.requests[1].headers["last-event-id"] == "500"
        expect(footer(notebook)).to_contain_text("captured 503")
        expect(footer(notebook)).to_contain_text("kernel holds 100, evicted 403")
        expect(footer(notebook)).to_contain_text(re.compile(r"shown\s+503\b"))
        assert accounts(notebook)["not on this page"] == 0
        log(notebook).focus()
        notebook.page.keyboard.press("Home")
        expect(log(notebook).get_by_text("event 1.", exact=True)).to_be_visible()
        notebook.page.keyboard.press("End")
        expect(log(notebook)).to_contain_text("3 events are missing")
        assert notebook.execute("print(len(stream.df), stream.history.count_rows())") == "100 503\n"
        notebook.execute("stream.close()")


def test_a_capture_shows_its_streams_and_the_log_of_one(lab):
    notebook = lab.notebook(
        [
            "import tempfile, time\n" + IMPORT + "from sse_widget import SSECapture\n"
            "urls = {f'hall {n}': demo.url('/sensors', sensors=n) for n in range(1, 30)}\n"
            "capture = SSECapture(urls | {'wrong': 'nowhere'}, to=tempfile.mkdtemp() + '/halls')\n"
            "capture",
            "time.sleep(600)",
        ]
    )
    notebook.run(0)
    grid = notebook.page.get_by_role("grid", name="Streams")
    expect(notebook.page.get_by_text("29 of 30 open")).to_be_visible()
    expect(grid.get_by_role("row").filter(has_text="hall 3").first).to_contain_text("Open")
    totals = notebook.page.get_by_text(re.compile(r"received [\d,]+ = on disk [\d,]+ \+ pending"))
    expect(totals).to_be_visible()
    # A cell that runs holds nothing up, neither the rows nor the log of one.
    notebook.start(1)
    grid.get_by_role("row").filter(has_text="hall 4").first.click()
    rows = log(notebook).get_by_role("listitem")
    expect(rows.first).to_contain_text("temperature")
    before = totals.inner_text()
    expect(totals).not_to_have_text(before)
    # Nor what is on disk: how it came, a search in it, and the way to what was found.
    overview = notebook.page.locator(".sse-overview")
    notebook.page.get_by_role("button", name="History").click()
    history = notebook.page.get_by_role("region", name="History")
    for name in ("hall 7", "hall 4"):  # a search finds what is on disk by then
        grid.get_by_role("row").filter(has_text=name).first.click()
        expect(history).to_contain_text(re.compile(name + r": [1-9]\d* events on disk"))
    history.get_by_role("searchbox").fill("temperature")
    history.get_by_role("searchbox").press("Enter")
    found = history.get_by_role("listitem").filter(has_not_text="hall 4").first
    name = re.search(r"hall \d+", found.inner_text())[0]
    found.get_by_role("button").click()
    below = overview.locator(".sse-below-head")
    expect(below.get_by_text(name, exact=True)).to_be_visible()
    expect(rows.first).to_contain_text("temperature")
    expect(notebook.page.get_by_role("button", name="Jump to latest")).to_be_visible()
    assert notebook.running(1)
    notebook.page.get_by_role("button", name="History").click()
    notebook.js("await panel.sessionContext.session.kernel.interrupt();")
    notebook.finished(1)
    # Stopped and started, the log that is open goes on too.
    run = overview.locator("> .sse-header").get_by_role("button", name=re.compile("^St(op|art)$"))
    run.click()
    expect(overview).to_contain_text("Stopped, 0 of 30 open")
    received = overview.locator("[data-account=received] b")
    before = received.inner_text()
    run.click()
    expect(notebook.page.get_by_text("29 of 30 open")).to_be_visible()
    expect(received).not_to_have_text(before)
    assert notebook.execute("capture.close(); print(capture.stats.pending)") == "0\n"
    assert notebook.page_errors == []


BOXES = """from ipywidgets import HBox, Layout, Tab, VBox
from sse_widget import SSECapture, SSEStream
def log(**layout): return SSEStream({url!r}, layout=Layout(**layout))
display(HBox([log(), SSECapture({{"one": {url!r}}}, to={to!r})]), log(height="250px"))
display(Tab([VBox([log()], layout=Layout(height="300px"))], titles=["later"], selected_index=None))"""


def test_both_widgets_inside_other_widgets(lab, tmp_path):
    """Seen, in a row, in a tab that is opened later, and as high as a layout says."""
    with Server(*[sends(EVENTS, then="hold")] * 4) as server:
        notebook = lab.notebook([BOXES.format(url=server.url, to=str(tmp_path / "capture"))])
        notebook.run(0)
        notebook.page.get_by_role("tab", name="later").click()
        logs = notebook.page.locator(".sse-widget")
        rows = "[role=listitem], .sse-streams-list > .sse-stream"
        for i in range(4):
            expect(logs.nth(i).locator(rows).first).to_be_visible()
        boxes = logs.evaluate_all("logs => logs.map(log => log.getBoundingClientRect().toJSON())")
        left, right, low, later = boxes
        assert left["width"] == pytest.approx(right["width"], abs=1)
        assert left["width"] + right["width"] == pytest.approx(low["width"], abs=1)
        assert [low["height"], later["height"]] == pytest.approx([250, 300], abs=1)
        assert notebook.page_errors == []
