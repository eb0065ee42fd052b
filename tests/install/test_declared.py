"""What the package imports is what it declares: an environment that pip made has all of it, and no
version that is known not to work or to be unsafe."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import sse_widget

HOME = Path(__file__).parent.parent.parent
PACKAGE = Path(sse_widget.__file__).parent
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
# The distribution a name comes from, where several have it or its own is not the obvious one.
OF = {"sse_starlette": "sse-starlette"}
# What they bring is imported by the package itself, where it is there.
EXTRAS = ("cli", "cluster", "metrics", "socks", "stores")
# Asked only where they are loaded already: a kernel's own.
HOSTS = {"IPython", "comm", "ipykernel", "marimo"}


def imported(path: Path) -> Iterator[str]:
    """The top-level names of other packages that a file imports when it runs."""
    for node in ast.walk(_without_typing(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def _without_typing(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = [ast.Pass()]
    return tree


def others(files: Iterator[Path]) -> dict[str, set[str]]:
    """Distribution -> the files that import it."""
    known = packages_distributions()
    found: dict[str, set[str]] = {}
    for path in files:
        for name in set(imported(path)) - sys.stdlib_module_names - {"sse_widget"} - HOSTS:
            distribution = OF.get(name) or known.get(name, [name])[0]
            found.setdefault(_plain(distribution), set()).add(path.name)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    """The distributions of `dependencies` and of these extras, with the extras they name."""
    asked = list(PROJECT["dependencies"]) if not extras else []
    for extra in extras:
        asked += PROJECT["optional-dependencies"][extra]
    names = set()
    for one in asked:
        name, more = re.match(r"([\w.-]+)(?:\[([\w,]+)\])?", one).groups()
        if name == "sse-widget":
            names |= declared(*more.split(","))
        else:
            names |= {_plain(name), *(more or "").split(",")} - {""}
    return names


def test_every_import_is_declared():
    demo = PACKAGE / "demo"
    core = others(p for p in PACKAGE.rglob("*.py") if not p.is_relative_to(demo))
    assert {n: f for n, f in core.items() if n not in declared() | declared(*EXTRAS)} == {}
    wing = others(demo.rglob("*.py"))
    assert {n: f for n, f in wing.items() if n not in declared() | declared("demo")} == {}


def test_nothing_is_declared_that_nobody_imports():
    assert declared() - set(others(PACKAGE.rglob("*.py"))) == set()


def test_what_an_extra_brings_is_not_needed_to_import_the_package():
    """An import at the top of a module is needed by everybody who imports that module."""
    extras = declared(*EXTRAS) - declared()
    needed = {}
    for path in PACKAGE.rglob("*.py"):
        if "demo" in path.parts:
            continue
        top = ast.Module(
            [
                n
                for n in ast.parse(path.read_text()).body
                if isinstance(n, (ast.Import, ast.ImportFrom))
            ],
            [],
        )
        names = {
            (a.name if isinstance(n, ast.Import) else n.module or "").partition(".")[0]
            for n in top.body
            for a in n.names
            if isinstance(n, ast.Import) or n.level == 0
        }
        if names & extras:
            needed[path.name] = names & extras
    assert needed == {}


def test_every_dependency_has_a_floor_and_none_has_a_ceiling():
    for one in PROJECT["dependencies"]:
        asked = one.partition(";")[0]
        assert ">=" in asked, one
        assert not re.search(r"<|==|~=", asked), one


@pytest.mark.parametrize("name", sorted(declared()))
def test_each_floor_is_explained(name):
    told = (HOME / "docs" / "dependencies.md").read_text()
    floor = next(d for d in PROJECT["dependencies"] if _plain(d).startswith(name))
    version = re.search(r">=([\d.]+)", floor)[1]
    assert re.search(rf"\| `{name}` \|[^|]*\b{re.escape(version)}\b", told), f"{name} {version}"
