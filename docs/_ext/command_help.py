"""A directive that shows what the command line says of itself, so that it is never out of date."""

from __future__ import annotations

import contextlib
import io
import os

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from sse_widget.cli import main

_WIDTH = "92"


def _help(*words: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main([*words, "--help"])
    return out.getvalue()


class CommandHelp(Directive):
    """`{command-help}`: the help of each command, one section a command."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        os.environ["COLUMNS"] = _WIDTH
        found: list[nodes.Node] = []
        for command in self.arguments[0].split(","):
            text = _help(*([] if command == "-" else [command]))
            found.append(nodes.literal_block(text, text, language="text"))
        return found


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True}
