"""How many events came of each type, for so many types at most.

A server may make up a type an event. Beyond the bounds types are counted together, so that the sum is still
the number of events. It counts, and remembers nothing else of an event.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence

OTHER_TYPES = "(other types)"
# What the counter takes for a type beside its name.
_TYPE_BYTES = 150


class Tally(Counter[str]):
    """Event type -> how many came.

    Args:
        counts: to begin with.
        types: the most types that are told apart.
        chars: the most characters of their names together.
        name_chars: the most characters of one name.
    """

    def __init__(
        self,
        counts: Mapping[str, int] | None = None,
        *,
        types: int = 10_000,
        chars: int = 2**20,
        name_chars: int = 1_000,
    ) -> None:
        super().__init__()
        self._types, self._chars, self._name_chars = types, chars, name_chars
        self._named = 0  # characters of the names so far
        self.nbytes = 0
        for name, count in (counts or {}).items():
            self[self._name_of(name)] += count

    def add(self, names: Sequence[str]) -> set[str]:
        """Count these; return the types whose counts changed."""
        # Told by a count of what C compares: a Counter looks at each one.
        if names and names.count(names[0]) == len(names):
            name = self._name_of(names[0])
            self[name] += len(names)
            return {name}
        changed = set(names)
        if changed <= self.keys():
            self.update(names)
            return changed
        named = {name: self._name_of(name) for name in dict.fromkeys(names)}
        self.update(map(named.__getitem__, names))
        return set(named.values())

    def _name_of(self, name: str) -> str:
        """The name this type is counted under."""
        if name in self or name == OTHER_TYPES:
            return name
        # One place is for the others.
        full = len(self) >= self._types - 1 or self._named + len(name) > self._chars
        if full or len(name) > self._name_chars:
            return OTHER_TYPES
        self[name] = 0  # takes its place
        self._named += len(name)
        self.nbytes += sys.getsizeof(name) + _TYPE_BYTES
        return name
