"""SIGHUP: either "read your files again", or "your terminal is gone". Systems send one signal for both.

A process whose terminal was there when it began, and is not there any more, was hung up; any other was
asked to read again. It reads nothing itself.
"""

from __future__ import annotations

import os


def has_terminal() -> bool:
    """Whether this process has a terminal that controls it, and that is still there."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def is_hangup(had_terminal: bool) -> bool:
    """Whether a SIGHUP that just came says that the terminal is gone.

    Args:
        had_terminal: what `has_terminal` said when the process began.
    """
    return had_terminal and not has_terminal()
