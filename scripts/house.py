"""Count what the house rules are about: `make house`. Ends with 1 where a limit is passed;
with `--quiet`, as `make lint` runs it, it prints only those.

It reads the package's syntax trees and runs none of its code. The limits stand in `LIMITS`; what each
number means is said beside it.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sse_widget"

# name -> (most that is allowed, what it counts)
LIMITS = {
    "crossings": (0, "uses of `self.x` where another module's class of this package defines `x`"),
    "foreign privates": (0, "uses of `other._x` outside the module whose class owns `_x`"),
    "promises": (0, "class attributes that are only annotated, for another class to fill"),
    "looked for": (0, '`"_x" in self.__dict__`: asking whether an object was made whole'),
    "Any": (19, "`Any` in sse_widget/stream and sse_widget/capture"),
    "long functions": (1, "functions over 60 lines (the parser may have one)"),
    "complex functions": (2, "functions of a complexity over 15 (the parser may have two)"),
    "top modules": (5, "modules that stand in no package"),
    "second lists": (0, "`__all__` in a module of a package: its door says what others may import"),
    "patched privates": (0, "tests that replace a `_private` name of a module or an object"),
}
LINES, COMPLEXITY = 60, 15
_BRANCHES = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp),
    *(ast.comprehension, ast.Assert, ast.match_case),
)
_LOOKED_FOR = re.compile(r"'\w+' in \w+\.__dict__")
_PATCHED = re.compile(
    r"""["']sse_widget[\w.]*\._[a-zA-Z]|[gs]etattr\(\s*[\w.]+,\s*["']_[a-zA-Z]|\b(?!self\b)[a-z]\w*\._[a-z]\w+ = (?!.*noqa)"""
)
_NAMEDTUPLE = {"_replace", "_asdict", "_fields", "_make"}  # public, in spite of the name
Function = ast.FunctionDef | ast.AsyncFunctionDef


def main() -> int:
    modules = {path: ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
    found: dict[str, list[str]] = {name: [] for name in LIMITS}
    owners = _owners(modules)
    for path, tree in modules.items():
        if path.parent != PACKAGE and path.stem != "__init__":
            found["second lists"] += [
                f"{path.relative_to(ROOT)}:{node.lineno}"
                for node in tree.body
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            ]
        where = path.relative_to(ROOT).as_posix()
        ours = "/demo/" not in where
        for node in ast.walk(tree):
            at = f"{where}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.ClassDef) and ours:
                found["crossings"] += _crossings(node, where, owners)
                found["promises"] += _promises(node, where)
            if isinstance(node, ast.Attribute) and node.attr in owners and _is_foreign(node, tree):
                found["foreign privates"].append(f"{at} {ast.unparse(node)}")
            if isinstance(node, ast.Compare) and _LOOKED_FOR.match(ast.unparse(node)):
                found["looked for"].append(f"{at} {ast.unparse(node)}")
            if isinstance(node, ast.Name) and node.id == "Any" and _faces_person(where):
                found["Any"].append(at)
            if isinstance(node, Function):
                if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > LINES:
                    found["long functions"].append(f"{at} {node.name}: {lines} lines")
                if (size := _complexity(node)) > COMPLEXITY:
                    found["complex functions"].append(f"{at} {node.name}: {size}")
    found["top modules"] = [p.name for p in PACKAGE.glob("*.py") if p.stem != "__init__"]
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if ".venv" in path.parts or "envs" in path.parts:
            continue  # what `make bench` and `make apps` have installed
        text = path.read_text("utf-8")
        found["patched privates"] += [
            f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, at.start()) + 1}"
            for at in _PATCHED.finditer(text)
        ]
    quiet = "--quiet" in sys.argv
    if not quiet:
        lines = sum(len(path.read_text("utf-8").splitlines()) for path in modules)
        print(f"{lines:,} lines of Python in {len(modules)} modules")
    return _print(found, quiet=quiet)


def _print(found: dict[str, list[str]], *, quiet: bool) -> int:
    failed = 0
    for name, (limit, what) in LIMITS.items():
        passed = len(found[name]) <= limit
        failed += not passed
        if quiet and passed:
            continue
        print(f"{len(found[name]):4}  (at most {limit})  {name}: {what}{'' if passed else '  <--'}")
        if not passed:
            for line in found[name][:60]:
                print(f"        {line}")
    return 1 if failed else 0


def _faces_person(where: str) -> bool:
    return where.startswith(("sse_widget/stream/", "sse_widget/capture/"))


def _members(node: ast.ClassDef) -> set[str]:
    """What a class defines or writes itself."""
    made: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, Function | ast.ClassDef) and part is not node:
            made.add(part.name)
        elif isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
            if isinstance(part.value, ast.Name) and part.value.id in ("self", "cls"):
                made.add(part.attr)
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            made.add(part.id)
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            made.add(part.target.id)
        if isinstance(part, ast.Assign) and any(_is_slots(t) for t in part.targets):
            made |= {c.value for c in ast.walk(part.value) if isinstance(c, ast.Constant)}
    return made


def _is_slots(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "__slots__"


def _owners(modules: dict[Path, ast.Module]) -> dict[str, set[str]]:
    """Attribute -> the modules whose classes define it."""
    owners: dict[str, set[str]] = {}
    for path, tree in modules.items():
        where = path.relative_to(ROOT).as_posix()
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                for name in _members(node):
                    owners.setdefault(name, set()).add(where)
    return owners


def _crossings(node: ast.ClassDef, where: str, owners: dict[str, set[str]]) -> Iterator[str]:
    own = _members(node) | set(dir(builtins.object))
    for part in ast.walk(node):
        if not (isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name)):
            continue
        if part.value.id != "self" or part.attr in own or not part.attr.startswith("_"):
            continue
        elsewhere = owners.get(part.attr, set())
        if elsewhere and where not in elsewhere:
            yield f"{where}:{part.lineno} self.{part.attr} of {min(elsewhere)}"


def _promises(node: ast.ClassDef, where: str) -> Iterator[str]:
    marks = {ast.unparse(d).split("(")[0].split(".")[-1] for d in node.decorator_list}
    bases = {ast.unparse(b).split("[")[0].split(".")[-1] for b in node.bases}
    if "dataclass" in marks or bases & {"NamedTuple", "TypedDict", "Protocol", "Struct", "Enum"}:
        return
    made = {
        target.attr
        for part in ast.walk(node)
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store)
        for target in [part]
    }
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and part.value is None:
            name = ast.unparse(part.target)
            if name not in made:
                yield f"{where}:{part.lineno} {name}"


def _is_foreign(node: ast.Attribute, tree: ast.Module) -> bool:
    if not node.attr.startswith("_") or node.attr.startswith("__") or node.attr in _NAMEDTUPLE:
        return False
    if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
        return False
    if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "super":
        return False
    # A class may look into another object of its own kind, and a module into its own classes.
    own: set[str] = set()
    for part in ast.walk(tree):
        if isinstance(part, ast.ClassDef):
            own |= _members(part)
    return node.attr not in own


def _complexity(node: Function) -> int:
    """McCabe's: one more than the places where the way parts."""
    count = 1
    for part in ast.walk(node):
        if isinstance(part, _BRANCHES):
            count += 1
        elif isinstance(part, ast.BoolOp):
            count += len(part.values) - 1
    return count


if __name__ == "__main__":
    sys.exit(main())
