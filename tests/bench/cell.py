"""The person's own cell: what a stream takes from a loop that runs while the page shows the log.

Runs `busy` in the kernel of a real JupyterLab. Imports `rig` and `server`.
"""

from __future__ import annotations

import json

from .measure import table
from .rig import SHOW, rig
from .server import served

__all__ = ["report"]

# kind of feed, events a second, the most of a core that the stream thread may use
_FEEDS = (("paced", 1_000, 0.08), ("paced", 20_000, 0.25), ("timed", 20_000, 0.25))
_TITLES = {"paced": "each its own HTTP chunk", "timed": "in chunks as they come"}
_ROUNDS, _SECONDS = 6, 1.5
_SLOWER = 0.5

_MAKE = """
from sse_widget import SSEStream
from tests.bench import busy
stream = None
"""
_RUN = "result = busy.compare(stream, URL, ROUNDS, SECONDS)"
_LOG, _LOOP = 1, 2


def report(rounds: int = _ROUNDS, seconds: float = _SECONDS) -> str:
    """Markdown."""
    rows = []
    with served() as origin, rig([_MAKE, SHOW, _RUN]) as page:
        notebook = page.notebook
        notebook.run(0)
        for kind, rate, most in _FEEDS:
            url = f"{origin}/{kind}/{rate}"
            notebook.execute(f"URL, ROUNDS, SECONDS = {json.dumps([url, rounds, seconds])}")
            notebook.run(_LOG)
            page.show(_LOG)
            notebook.start(_LOOP)
            notebook.finished(_LOOP, timeout=300)
            assert not notebook.errors(), notebook.errors()
            got = page.ask("result")
            name = f"{rate:,} events/s, {_TITLES[kind]}"
            share = got["ours slower"] / got["peer slower"] if got["peer slower"] > 0 else 0
            rows += [
                [
                    f"{name}: CPU of the thread",
                    f"{got['ours cpu']:.1%}",
                    f"{got['peer cpu']:.1%}",
                    f"at most {most:.0%}",
                ],
                [
                    f"{name}: the loop is slower by",
                    f"{got['ours slower']:.1%}",
                    f"{got['peer slower']:.1%}",
                    f"{share:.2f} of theirs; less than {_SLOWER:g}",
                ],
                [
                    f"{name}: lost",
                    f"{got['ours lost']:.1%}",
                    f"{got['peer lost']:.1%}",
                    f"{got['ours lost'] / got['peer lost']:.2f}",
                ],
                [
                    f"{name}: events/s that came",
                    f"{got['ours rate']:,.0f}",
                    f"{got['peer rate']:,.0f}",
                    "",
                ],
            ]
        notebook.execute("stream.close()")
    return "\n\n".join(
        [
            "### The person's own cell: a pure-Python loop beside a stream",
            table(["", "sse-widget, page shown", "httpx-sse, only counting", "aim"], rows),
        ]
    )


if __name__ == "__main__":
    import sys

    print(report(int(sys.argv[1]), float(sys.argv[2])))
