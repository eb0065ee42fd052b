"""What the README and the documentation tell a reader to run works, page by page, as it stands there."""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from sse_widget import SSECapture, SSEStream, demo
from sse_widget.cli import main

from .blocks import blocks, run
from .names import HELD, public_members, public_names

ROOT = Path(__file__).parents[2]
PAGES = {
    str(page.relative_to(ROOT)): page.read_text("utf-8")
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if "_build" not in page.parts
}
RUN = [
    name
    for name, text in PAGES.items()
    if any(b.language in ("python", "pycon") for b in blocks(text))
]
SHELL = [
    pytest.param(line, id=f"{name}:{block.line}: {line[:50]}")
    for name, text in PAGES.items()
    for block in blocks(text)
    if block.language == "sh"
    for line in block.code.replace("\\\n", " ").splitlines()
    if line.partition("#")[0].strip()
]
# What is shown and not run: text is no code, the others are read by their parser.
READ = {"text", "yaml", "toml", "json", "html", "js"}


@pytest.fixture(scope="module", autouse=True)
def demo_server(request: pytest.FixtureRequest):
    """One for all pages, as for the cells of a notebook."""
    patch = pytest.MonkeyPatch()
    patch.delenv("SSE_WIDGET_DEMO_URL", raising=False)
    yield
    demo.stop()
    patch.undo()


def close_all(found: Any) -> None:
    """Close the streams a page has left running, also in its lists and dicts."""
    for value in found:
        if isinstance(value, (SSEStream, SSECapture)):
            value.close()
        elif isinstance(value, dict):
            close_all(value.values())
        elif isinstance(value, (list, tuple)):
            close_all(value)


@pytest.mark.parametrize("name", RUN)
def test_the_python_of_a_page_runs_from_top_to_bottom(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    namespace: dict[str, Any] = {"__name__": "page"}
    try:
        run(ROOT / name, PAGES[name], namespace)
    finally:
        close_all(list(namespace.values()))


@pytest.mark.parametrize("name", PAGES)
def test_each_block_says_its_language(name: str) -> None:
    known = READ | {"python", "pycon", "sh", "test"}
    assert [(b.line, b.language) for b in blocks(PAGES[name]) if b.language not in known] == []
    for block in blocks(PAGES[name]):
        if block.language == "yaml":
            yaml.safe_load(block.code)
        elif block.language == "toml":
            tomllib.loads(block.code)


class Parsed(Exception):
    """The command line took its words."""


EXTRAS = set(
    tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
)
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("line", SHELL)
def test_each_command_is_one(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are not run (they install, or never end): what they ask for exists."""
    words = shlex.split(line, comments=True)
    while "=" in words[0]:  # a variable for this command
        words.pop(0)
    if words[0] in ("pip", "%pip"):
        packages = [Requirement(w) for w in words[2:] if not w.startswith("-") and "." not in w]
        assert words[1] in ("install", "download", "wheel")
        for package in packages:
            if package.name == "sse-widget":
                assert package.extras <= EXTRAS
    elif words[0] == "make":
        assert set(words[1:2]) <= TARGETS
    elif words[0] == "sse-widget":
        parse = argparse.ArgumentParser.parse_args

        def only_parse(parser: argparse.ArgumentParser, argv: list[str]) -> None:
            parse(parser, argv)
            raise Parsed

        monkeypatch.setattr(argparse.ArgumentParser, "parse_args", only_parse)
        with pytest.raises(Parsed):  # SystemExit, where the command line does not take these words
            main(words[1:])
    elif words[0] in ("python", "pytest"):
        assert words[1:2] != ["-m"] or importlib.util.find_spec(words[2].partition(".")[0])
    else:
        assert words[0] in ("curl", "export", "git", "cd", "docker"), line


REFERENCE = "\n".join(
    block.code
    for name, text in PAGES.items()
    if name.startswith("docs/reference/")
    for block in blocks(text)
    if block.language in ("python", "pycon")
)


@pytest.mark.parametrize("name", public_names())
def test_each_public_name_has_an_example_in_the_reference(name: str) -> None:
    assert re.search(rf"\b{name}\b", REFERENCE)


@pytest.mark.parametrize("kind", HELD)
def test_each_public_member_has_an_example_in_the_reference(kind: type) -> None:
    missing = [name for name in public_members(kind) if not re.search(rf"\.{name}\b", REFERENCE)]
    assert missing == []


def test_contributors_find_each_part_of_the_package() -> None:
    parts = {folder.parent.name for folder in (ROOT / "sse_widget").glob("*/__init__.py")}
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert {name for name in parts if f"| `{name}` |" not in text} == set()
