"""Calls the observers of traits whose values live in the feed, on a thread of their own: an observer may be slow.

The thread starts with the first observer. This module knows no page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import traitlets

from ..runtime import ObserverThread
from .feed import FeedListener, StreamFeed

_LIVE = ("status", "event_types", "last_event_id")


class LiveObservers(FeedListener):
    """The observers of `status`, `event_types` and `last_event_id`.

    Args:
        feed: where these are.
        read: the value of one, by name.
        tell: called with a name, its value before and its value now.
    """

    def __init__(
        self,
        feed: StreamFeed,
        read: Callable[[str], object],
        tell: Callable[[str, object, object], None],
    ) -> None:
        self._feed = feed
        self._status = feed.status
        self._thread = ObserverThread(
            {name: _reader(read, name) for name in _LIVE}, tell, stepped=("status",)
        )

    def observed(self, names: object) -> None:
        """There is an observer of these: a name, several, or all there are."""
        asked = set(_LIVE) if names is traitlets.All else names
        if isinstance(asked, str):
            asked = {asked}
        if set(_LIVE).intersection(asked):  # type: ignore[arg-type]
            self._thread.start()

    def close(self) -> None:
        """Call no observer any more."""
        self._thread.close()

    def starting(self) -> None:
        self._thread.rest(False)
        self.status_changed()

    def came(self, new_types: set[str]) -> None:
        self._thread.changed()

    def status_changed(self) -> None:
        status = self._feed.status
        # When its request was sent is told with the next state: no state is told twice for it.
        if replace(status, sent_at=self._status.sent_at) != self._status:
            self._status = status
            self._thread.changed(("status", status))

    def ended(self) -> None:
        self._thread.rest()


def _reader(read: Callable[[str], object], name: str) -> Callable[[], object]:
    return lambda: read(name)
