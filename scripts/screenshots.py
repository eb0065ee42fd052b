"""Make the pictures of the README from the running widget, in a real JupyterLab.

    .venv/bin/python scripts/screenshots.py [FOLDER]

Writes log-light.png and log-dark.png, of a cell of the quickstart notebook with some prices in it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import expect

from tests.browser import chromium
from tests.lab import Lab

ROOT = Path(__file__).resolve().parent.parent
CELL = """from sse_widget import SSEStream, demo

stream = SSEStream(demo.url("/ticks"))
stream"""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        with chromium() as browser, Lab(browser, dark=theme == "dark") as lab:
            notebook = lab.notebook([CELL, "stream.view_df.tail(3)"], width=1100, height=900)
            notebook.js("app.commands.execute('application:toggle-left-area')")
            notebook.run(0)
            notebook.execute("import asyncio; await stream.until(where=lambda e: e.seq >= 60)")
            notebook.widget.get_by_role("button", name=re.compile("^trade")).click()
            expect(notebook.widget).to_contain_text("filtered")
            rows = notebook.widget.get_by_role("log").get_by_role("listitem")
            expect(rows.filter(has_text="quote")).to_have_count(0)
            path = folder / f"log-{theme}.png"
            box = notebook.cell(0).bounding_box()
            assert box is not None
            notebook.page.mouse.move(5, 5)
            notebook.page.screenshot(path=path, clip=box)
            print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs")
