"""The page's own code, run by Node without a browser: what it makes of inputs as JSON."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

JS = Path(__file__).parents[2] / "js"


class PageModule:
    """One module of the page, bundled into a folder.

    Args:
        path: of the module, from `js/src`.
        folder: an empty one.
    """

    def __init__(self, path: str, folder: Path) -> None:
        self._folder = folder
        made = ["--format", "esm", "--file", folder / "page.mjs", "--logLevel", "silent"]
        rolldown = JS / "node_modules" / ".bin" / "rolldown"
        subprocess.run([rolldown, JS / "src" / path, *made], check=True)

    def run(self, body: str, given: Any) -> Any:
        """What a function with this body returns, called with `page` (what the module exports) and
        `given`."""
        script = (
            'import * as page from "./page.mjs"; import { readFileSync } from "node:fs";'
            f"const told = ((page, given) => {{ {body} }})(page, JSON.parse(readFileSync(0)));"
            "console.log(JSON.stringify(told));"
        )
        run = subprocess.run(
            ["node", "--input-type=module", "--eval", script],
            input=json.dumps(given).encode(),
            cwd=self._folder,
            check=True,
            capture_output=True,
        )
        return json.loads(run.stdout)
