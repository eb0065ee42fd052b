"""Check the built documentation: `check_site.py FOLDER` prints what is wrong and fails.

Every link inside the site leads to a page, and to a place on it, that exists; no page loads anything
from elsewhere; every public name of the package is in the reference. Links that a reader follows to
other sites are not checked: this asks no network.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.util.inventory import InventoryFile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.docs.names import HELD, public_members, public_names

# What makes a browser ask for something without a click.
_LOADS = {
    ("img", "src"),
    ("script", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("source", "srcset"),
    ("video", "src"),
    ("audio", "src"),
    ("embed", "src"),
    ("object", "data"),
    ("image", "href"),
    ("use", "href"),
}
_LOADING_RELS = {
    "stylesheet",
    "icon",
    "preload",
    "modulepreload",
    "prefetch",
    "preconnect",
    "dns-prefetch",
    "manifest",
}
_CSS_URL = re.compile(r"url\(\s*['\"]?([^'\")]+)")


class Page(HTMLParser):
    """The places of one page, its links, and what it loads."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self._in_style = False
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.places.add(given["id"])
        if tag == "a":
            self.places.add(given.get("name", ""))
            self.links.append(given.get("href", ""))
        if tag == "link" and _LOADING_RELS & set(given.get("rel", "").split()):
            self.loads.append(given.get("href", ""))
        for name, value in given.items():
            if (tag, name) in _LOADS:
                self.loads.append(value.split()[0] if name == "srcset" else value)
            if name == "style":
                self.loads.extend(_CSS_URL.findall(value))
        self._in_style = tag == "style"

    handle_startendtag = handle_starttag

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.loads.extend(_CSS_URL.findall(data))


def _elsewhere(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in ("", "data", "blob")


def _inside(site: Path, pages: dict[Path, Page]) -> Iterator[str]:
    """Links and files of the site that are not there."""
    for file, page in pages.items():
        where = file.relative_to(site)
        for address in (*page.links, *page.loads):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or not address:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            if not target.is_file():
                yield f"{where}: {address}: no such file"
            elif (
                parts.fragment
                and target in pages
                and unquote(parts.fragment) not in pages[target].places
            ):
                yield f"{where}: {address}: no such place on that page"


def _outside(site: Path, pages: dict[Path, Page]) -> Iterator[str]:
    """What a page would load from somewhere else."""
    for file, page in pages.items():
        for address in filter(_elsewhere, page.loads):
            yield f"{file.relative_to(site)}: loads {address}"
    for sheet in site.rglob("*.css"):
        for address in filter(_elsewhere, _CSS_URL.findall(sheet.read_text("utf-8"))):
            yield f"{sheet.relative_to(site)}: loads {address}"


def _unnamed(site: Path) -> Iterator[str]:
    """Public names, and public members of public classes, that the reference does not have."""
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    known = {item for kind, items in inventory.data.items() if kind != "std:doc" for item in items}
    wanted = [f"sse_widget.{name}" for name in public_names()]
    wanted += [
        f"sse_widget.{kind.__name__}.{name}" for kind in HELD for name in public_members(kind)
    ]
    for name in wanted:
        if name not in known:
            yield f"the reference has no {name}"


def main(site: Path) -> int:
    site = site.resolve()
    # Not what themes leave among their files: templates, which are no pages.
    found = (f for f in sorted(site.rglob("*.html")) if "_static" not in f.parts)
    pages = {file: Page(file) for file in found}
    wrong = [*_inside(site, pages), *_outside(site, pages), *_unnamed(site)]
    print(
        "\n".join(wrong)
        or f"{len(pages)} pages: all links inside lead somewhere, nothing else is asked"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
