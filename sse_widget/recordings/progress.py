"""A progress bar on standard error, shown only in a terminal or a notebook, and only after a second.

It knows nothing of the work that it shows.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType

# Seconds: what takes less shows nothing.
PATIENCE_S = 1.0
# Seconds between two drawings.
EVERY_S = 0.1
_WIDTH = 30


class Progress:
    """A bar on stderr, from the second second on, in a terminal or a notebook.

    Args:
        total: how much there is to do.
        label: what is being done.
    """

    def __init__(self, total: int, label: str) -> None:
        self._total = total
        self._label = label
        self._next = time.monotonic() + PATIENCE_S
        self._shown = 0
        self._looked_at = _is_looked_at()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._shown:
            print(f"\r{' ' * self._shown}\r", end="", file=sys.stderr, flush=True)

    def update(self, done: int) -> None:
        """So much is done by now."""
        now = time.monotonic()
        if not self._looked_at or now < self._next:
            return
        self._next = now + EVERY_S
        share = min(done / self._total, 1.0) if self._total else 1.0
        bar = ("█" * round(share * _WIDTH)).ljust(_WIDTH, "░")
        line = f"{self._label} {bar} {share:4.0%}"
        self._shown = max(self._shown, len(line))
        print(f"\r{line}", end="", file=sys.stderr, flush=True)


def _is_looked_at() -> bool:
    # A kernel's stderr is no terminal, but a cell shows what is written there.
    return "ipykernel" in sys.modules or bool(getattr(sys.stderr, "isatty", bool)())
