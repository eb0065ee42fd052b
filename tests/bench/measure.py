"""CPU times side by side: interleaved, in rotated order, as medians of ratios; and what was aimed at.

A busy machine slows whatever runs at that moment. So every contender runs once a round, each round
begins with another one, and only times of the same round are divided by each other.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = ["Report", "Times", "Verdict", "compare", "table", "verdict"]


@dataclass
class Times:
    """CPU seconds of each contender, one entry a round."""

    rounds: dict[str, list[float]]

    def median(self, name: str) -> float:
        return statistics.median(self.rounds[name])

    def ratio(self, name: str, other: str) -> float:
        """How many times longer `other` took than `name`: the median over the rounds."""
        pairs = zip(self.rounds[other], self.rounds[name], strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)

    def fastest(self, but: str) -> str:
        return min((name for name in self.rounds if name != but), key=self.median)


def compare(
    contenders: Mapping[str, Callable[[], object]],
    rounds: int = 9,
    clock: Callable[[], float] = time.process_time,
) -> Times:
    """Run every contender `rounds` times."""
    names = list(contenders)
    times = Times({name: [] for name in names})
    for contender in contenders.values():
        contender()  # warm
    for n in range(rounds):
        first = n % len(names)
        for name in names[first:] + names[:first]:
            gc.collect()
            start = clock()
            contenders[name]()
            times.rounds[name].append(clock() - start)
    return times


class Verdict(NamedTuple):
    """A number of this run beside its aim."""

    name: str
    value: str
    aim: str
    met: bool


class Report(NamedTuple):
    """What a benchmark's `report()` gives: its Markdown, and a verdict on each number with an aim."""

    text: str
    verdicts: list[Verdict]


def verdict(
    name: str,
    value: float,
    sign: Literal["<", "≤", "≥", ">"],
    limit: float,
    unit: str = "",
    digits: int = 2,
) -> Verdict:
    """Whether `value` is where it should be; judged before it is rounded."""
    met = {
        "<": value < limit,
        "≤": value <= limit,
        "≥": value >= limit,
        ">": value > limit,
    }[sign]
    return Verdict(name, f"{value:,.{digits}f}{unit}", f"{sign} {limit:,g}{unit}", met)


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first two are numbers."""
    align = ["---" if n < 1 else "---:" for n in range(len(head))]
    lines = [head, align, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
