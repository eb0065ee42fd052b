"""The code blocks of a Markdown page, and what a reader does with each: runs it, types it, saves it.

Fenced blocks of Python are run from top to bottom in one namespace, as the cells of a notebook: `await`
works at the top level. A block that begins with `# name.py` is saved under that name first. Between them
may stand comments that a reader does not see, `<!-- test: ... -->`, with Python that checks what the page
says. Knows no page.
"""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FENCE = re.compile(r"(\s*)(`{3,}|:{3,})(.*)")
_SAVED = re.compile(r"# (\w+\.py)\n")
_SECONDS = 300  # for a whole page: a stream that says nothing must not hold the tests up


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a page.

    Attributes:
        language: as the fence says; "test" for a hidden comment.
        code: its text, without the indentation of the fence.
        line: of the page, from 1, where the code begins.
    """

    language: str
    code: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page, in order; directives are none."""
    lines = text.splitlines()
    n = 0
    while n < len(lines):
        line, n = lines[n], n + 1
        opened = _FENCE.fullmatch(line)
        if line.startswith("<!-- test:"):
            closes, language = "-->", "test"
        elif opened and opened[2].startswith("`"):
            closes, language = opened[2], opened[3].strip()
        else:
            continue
        first = n
        while n < len(lines) and lines[n].strip() != closes:
            n += 1
        code = textwrap.dedent("\n".join(lines[first:n])) + "\n"
        n += 1
        if not language.startswith("{"):
            yield Block(language, code, first + 1)


def run(page: Path, text: str, namespace: dict[str, Any]) -> None:
    """Run all Python of a page, in the current folder."""
    asyncio.run(asyncio.wait_for(_run(page, text, namespace), _SECONDS))


async def _run(page: Path, text: str, namespace: dict[str, Any]) -> None:
    for block in blocks(text):
        if block.language == "pycon":
            _check_session(page, block, namespace)
        elif block.language in ("python", "test"):
            _save(block)
            await _run_cell(page, block, namespace)


def _save(block: Block) -> None:
    if saved := _SAVED.match(block.code):
        Path(saved[1]).write_text(block.code, "utf-8")


async def _run_cell(page: Path, block: Block, namespace: dict[str, Any]) -> None:
    """As a kernel runs a cell: the value of its last line is shown."""
    tree = ast.parse("\n" * (block.line - 1) + block.code, str(page))
    last = None
    if isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    for part, mode in ((tree, "exec"), (last, "eval")):
        if part is None:
            continue
        code = compile(part, str(page), mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        value = eval(code, namespace)
        if inspect.iscoroutine(value) and code.co_flags & inspect.CO_COROUTINE:
            value = await value
        if value is not None:
            repr(value)


def _check_session(page: Path, block: Block, namespace: dict[str, Any]) -> None:
    """What a session prints is what the page says it prints."""
    test = doctest.DocTestParser().get_doctest(
        block.code, namespace, page.name, str(page), block.line - 1
    )
    # Not a copy: later blocks go on with these names.
    test.globs = namespace
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    failed, _ = runner.run(test, out=said.append, clear_globs=False)
    assert not failed, "".join(said)
