"""A random generator of our own: what is drawn in the background leaves the state of the user's `random` alone.

A notebook that was begun with `random.seed(1)` gives the same numbers again, whatever streams reconnect meanwhile.
"""

from __future__ import annotations

import random

# The operating system's: it has no state, which a forked child would go on with.
CHANCE = random.SystemRandom()
