"""The person's own cell: what a stream takes from a loop that runs while the page shows the log.

Runs `busy` in the kernel of a real JupyterLab. Imports `rig` and `server`.
"""

from __future__ import annotations

import json

from .measure import Report, Verdict, table, verdict
from .rig import SHOW, rig
from .server import served

__all__ = ["report"]

# kind of feed, events a second, the most of a core that the stream thread may use
_FEEDS = (
    *(("paced", 20, 0.02), ("paced", 100, 0.05), ("paced", 200, 0.08)),
    *(("paced", 1_000, 0.08), ("paced", 20_000, 0.25), ("timed", 20_000, 0.25)),
)
_TITLES = {"paced": "each its own HTTP chunk", "timed": "in chunks as they come"}
_ROUNDS, _SECONDS = 3, 2.5
_CALM_ROUNDS = 2  # of streams that take little whatever happens
# What the peer takes from the loop, times this, is what ours may.
_LOST = 0.5
# Up to here each event is read as it comes, as the peer reads it, so that its time is true: what that takes from
# the loop, in per cent.
_EXACT, _LOST_TO_TIMES = 200, 5
_CAME = 0.95  # of what the server sends: a beat more or less in two seconds and a half

_MAKE = """
from sse_widget import SSEStream
from tests.bench import busy
stream = None
"""
_RUN = "result = busy.compare(stream, URL, ROUNDS, SECONDS)"
_LOG, _LOOP = 1, 2


def report(rounds: int = _ROUNDS, seconds: float = _SECONDS) -> Report:
    """The table, and what it should say.

    What a thread takes from the loop is the time in which the loop had neither the interpreter nor
    waited for a core. By the wall clock alone it is slower by less than this machine is by itself.
    """
    rows: list[list[str]] = []
    verdicts: list[Verdict] = []
    with served() as origin, rig([_MAKE, SHOW, _RUN]) as page:
        notebook = page.notebook
        notebook.run(0)
        for kind, rate, most in _FEEDS:
            url = f"{origin}/{kind}/{rate}"
            times = rounds if rate > _EXACT else min(rounds, _CALM_ROUNDS)
            notebook.execute(f"URL, ROUNDS, SECONDS = {json.dumps([url, times, seconds])}")
            notebook.run(_LOG)
            page.show(_LOG)
            notebook.start(_LOOP)
            notebook.finished(_LOOP, timeout=300)
            assert not notebook.errors(), notebook.errors()
            got = page.ask("result")
            name = f"{rate:,} events/s, {_TITLES[kind]}"
            share = got["ours lost"] / got["peer lost"]
            verdicts += [
                verdict(
                    f"{name}: CPU of the thread", got["ours cpu"] * 100, "≤", most * 100, " %", 1
                ),
                verdict(f"{name}: lost", got["ours lost"] * 100, "<", _LOST_TO_TIMES, " %", 1)
                if rate <= _EXACT
                else verdict(f"{name}: lost, times what httpx-sse costs", share, "<", _LOST),
                verdict(f"{name}: that came", got["ours rate"], "≥", _CAME * rate, digits=0),
            ]
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
                    "",
                ],
                [
                    f"{name}: lost",
                    f"{got['ours lost']:.1%}",
                    f"{got['peer lost']:.1%}",
                    f"less than {_LOST_TO_TIMES} %"
                    if rate <= _EXACT
                    else f"{share:.2f} of theirs; less than {_LOST:g}",
                ],
                [
                    f"{name}: events/s that came",
                    f"{got['ours rate']:,.0f}",
                    f"{got['peer rate']:,.0f}",
                    "",
                ],
            ]
        notebook.execute("stream.close()")
    text = "\n\n".join(
        [
            "## The person's own cell: a pure-Python loop beside a stream",
            table(["", "sse-widget, page shown", "httpx-sse, only counting", "aim"], rows),
            "Lost: the share of the time in which the loop neither ran nor waited for a core, because "
            f"another thread had the interpreter. Up to {_EXACT} events/s each is read as it comes, with its own "
            "time; above, in intervals. Slower: by the wall clock, which this machine moves "
            "by some per cent itself.",
        ]
    )
    return Report(text, verdicts)


if __name__ == "__main__":
    import sys

    print(report(int(sys.argv[1]), float(sys.argv[2])).text)
