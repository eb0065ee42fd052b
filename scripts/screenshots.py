"""Make pictures of the running widget.

    .venv/bin/python scripts/screenshots.py [FOLDER]          the README's, in a real JupyterLab
    .venv/bin/python scripts/screenshots.py --all FOLDER      to judge a change by: every state, on a
                                                              plain page, light and dark, at four widths

The README has log-light.png, log-dark.png, chart-light.png and chart-dark.png.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import expect

from tests.helpers.browser import chromium
from tests.helpers.lab import Lab, Notebook
from tests.page.conftest import Stub, serving

ROOT = Path(__file__).resolve().parent.parent
LOG = """from sse_widget import SSEStream, demo

stream = SSEStream(demo.url("/ticks"))
stream"""
CHART = """stream = SSEStream(demo.url("/ticks", rate=15))
stream.columns = ["symbol", "price", "size", "side"]
stream.plot("price", by="symbol")"""
WIDTHS = (320, 700, 1280, 2000)
# Ten minutes of prices, as they would have come.
TRADES = """
  const levels = {BTC: 66500, ETH: 3480, SOL: 152, ACME: 83};
  const names = Object.keys(levels);
  kernel.flood(2400, 200, (i) => {
    const symbol = names[(i * 7919) % 4];
    levels[symbol] *= 1 + Math.sin(i / 61) / 4000 + Math.cos(i * 7.3) / 3000;
    const price = Number(levels[symbol].toFixed(2));
    const data = i % 3 ? {symbol, price, size: (i * 31 % 2000) / 10, side: i % 2 ? 'buy' : 'sell'} : {symbol, bid: price, ask: price};
    return {type: i % 3 ? 'trade' : 'quote', id: String(299095500 + i), at: Date.now() - (2400 - i) * 100, data: JSON.stringify(data)};
  });
  kernel.feed([{type: 'halt', id: '299097900', data: '{"symbol":"ACME","reason":"volatility"}'}],
    {gaps: [{seq: 1500, at: Date.now() - 90000, cause: 'reconnect', text: "Connection lost for 2.1 s (reset by peer); resumed after id '299096999': nothing is missing"}]});
"""
COLUMNS = "kernel.setColumns(['symbol', 'price', 'size', 'side']);"


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        with chromium() as browser, Lab(browser, dark=theme == "dark") as lab:
            notebook = lab.notebook([LOG, CHART], width=1100, height=1000)
            notebook.js("app.commands.execute('application:toggle-left-area')")
            notebook.run(0)
            notebook.execute("import asyncio; await stream.until(where=lambda e: e.seq >= 60)")
            widget = notebook.widget
            widget.get_by_role("button", name=re.compile("^trade")).click()
            expect(widget).to_contain_text("filtered")
            rows = widget.get_by_role("log").get_by_role("listitem")
            expect(rows.filter(has_text="quote")).to_have_count(0)
            picture(notebook, 0, folder / f"log-{theme}.png")
            notebook.run(1)
            # The chart shows a minute: it shall be full.
            notebook.execute("await stream.until(where=lambda e: e.seq >= 15 * 62)")
            chart = notebook.cell(1).get_by_role("group", name=re.compile("over time"))
            expect(chart).to_be_visible()
            picture(notebook, 1, folder / f"chart-{theme}.png")


def picture(notebook: Notebook, cell: int, path: Path) -> None:
    notebook.cell(cell).scroll_into_view_if_needed()
    notebook.page.mouse.move(5, 5)
    box: Any = notebook.cell(cell).bounding_box()
    notebook.page.screenshot(path=path, clip=box)
    print(path)


def flooded(stub: Stub) -> None:
    stub.kernel("""
      kernel.feed(Array.from({length: 60}, (_, i) => ({type: 'type-' + i, id: 'i' + i, data: 'x'})));
      kernel.flood(120000);
    """)
    expect(stub.account("received")).to_have_text("120,060")


def disconnected(stub: Stub) -> None:
    stub.kernel(TRADES)
    stub.kernel(
        "kernel.be({state: 'waiting', retry_in: 7, attempt: 3, error: 'Connection refused',"
        " hint: 'Is the server running at stream.example?'})"
    )


def columns(stub: Stub) -> None:
    stub.kernel(TRADES + COLUMNS)
    stub.row("ACME").last.click()


def charts(stub: Stub) -> None:
    stub.kernel(TRADES + COLUMNS + "kernel.plot('price', 'symbol');")
    stub.button("View").click()
    stub.page.get_by_text("Rate chart").click()
    stub.page.keyboard.press("Escape")
    stub.wait("document.querySelector('.sse-plot-value')?.textContent.length > 2")


SCENES = {
    "empty": lambda stub: None,
    "log": lambda stub: stub.kernel(TRADES),
    "flooded": flooded,
    "disconnected": disconnected,
    "columns": columns,
    "charts": charts,
}


def everything(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with serving() as address, chromium() as browser:
        for width in WIDTHS:
            page = browser.new_context(viewport={"width": width + 24, "height": 720}).new_page()
            for name, play in SCENES.items():
                for theme in ("light", "dark"):
                    page.goto(f"{address}/?theme={theme}")
                    page.wait_for_selector("body[data-ready]")
                    play(Stub(page))
                    page.mouse.move(2, 2)
                    page.wait_for_timeout(500)  # nothing to await: the picture is of what moves
                    page.screenshot(path=folder / f"{name}-{theme}-{width}.png")
            print(width)
            page.context.close()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["--all"]:
        everything(Path(arguments[1]))
    else:
        main(Path(arguments[0]) if arguments else ROOT / "docs")
