"""The page in every wheel and sdist: built where Node is, refused where it is not.

The page (sse_widget/static) is made from js/src and is not in git, so `pip install .` in a fresh clone would
give a package whose widgets show nothing. An editable install is left alone: `make install` builds there,
and a kernel says what to do until it has. An sdist brings the page with it and needs no Node.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = ("widget.js", "capture.js", "loader.js", "widget.css")
NO_NODE = """the page of sse-widget is not built, or is older than js/src, and npm was not found.
Install Node 20 or newer and try again, or run `make install` in the checkout where it is."""


class PageHook(BuildHookInterface):
    """What hatchling calls before it gathers the files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if version == "editable" or is_built(root):
            return
        npm = shutil.which("npm")
        if npm is None:
            self.app.abort(NO_NODE)
        self.app.display_info("Building the page with npm")
        for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            done = subprocess.run([npm, "--prefix", "js", *command], cwd=root, check=False)
            if done.returncode:
                self.app.abort(f"the page was not built: `npm {command[0]}` failed, see above")
        if not is_built(root):
            self.app.abort(f"npm left no page in {root / 'sse_widget' / 'static'}")


def is_built(root: Path) -> bool:
    """Whether all files of the page are there, and none is older than what it is made from."""
    files = [root / "sse_widget" / "static" / name for name in PAGE]
    if not all(file.is_file() for file in files):
        return False
    made = min(file.stat().st_mtime for file in files)
    sources = [path for path in (root / "js" / "src").rglob("*") if path.is_file()]
    return all(path.stat().st_mtime <= made for path in sources)
