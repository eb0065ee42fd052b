"""NotPickled: objects that cannot be pickled, and say what to pickle instead.

A connection, a thread and a page belong to their process. Where `pickle`, `multiprocessing`, Dask or joblib
try to copy one, the error names what the user can copy in its place, and not some lock inside. It pickles
nothing.
"""

from __future__ import annotations

from typing import ClassVar, Never, SupportsIndex


class NotPickled:
    """Refuses to be pickled."""

    # What holds the same, and can be pickled: the end of "Pickle ...".
    _pickle_instead: ClassVar[str] = "what it holds"

    def __reduce_ex__(self, protocol: SupportsIndex) -> Never:
        """Called by `pickle`, and by `copy` where a class says nothing else.

        Raises:
            TypeError: always, as for a socket or a file.
        """
        name = type(self).__name__
        raise TypeError(
            f"cannot pickle {name}: its connection belongs to this process. "
            f"Pickle {self._pickle_instead}"
        )
