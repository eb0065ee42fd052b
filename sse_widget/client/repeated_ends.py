"""RepeatedEnds: notices a finite stream: the server ends each connection, and every reconnect begins the stream
again.

It compares how connections began and ended. It decides nothing: the stream goes on as the retry policy says,
and the user is told what to change.
"""

from __future__ import annotations

from ..events import EventBatch

# Seconds. A server, or what stands before it, may well end a connection that has lasted longer, and
# mean nothing by it; one that ends sooner, again and again, has nothing more to send.
_SHORT = 60.0

# So many events tell that a stream begins again: the first one is often a greeting.
_COMPARED = 3

_Key = tuple[str, str, str]


class RepeatedEnds:
    """Watches the connections of one source."""

    def __init__(self) -> None:
        # Of this connection: type, data and id of its first events, and how many came in all.
        self._first: list[_Key] = []
        self._events = 0
        self._resumed = False
        # The same of the connection before, where that has just ended in order.
        self._before: tuple[list[_Key], int] | None = None
        self.note = ""

    def began(self, resumed_from: str) -> None:
        """A connection opened that asked to go on after this id."""
        self._first, self._events, self._resumed = [], 0, bool(resumed_from)

    def came(self, batch: EventBatch) -> None:
        """These events came, as they came: before any of them is dropped."""
        if self._events < _COMPARED:
            room = _COMPARED - self._events
            columns = (batch.types[:room], batch.data[:room], batch.last_event_ids[:room])
            self._first += zip(*columns, strict=True)
        self._events += len(batch)

    def ended(self, *, cleanly: bool, lasted: float) -> None:
        """The connection is gone. After the second clean end of the same stream `note` says so."""
        now, before = (self._first, self._events), self._before
        self._before = now if cleanly else None
        self.note = ""
        if not cleanly or before is None:
            return
        # Data with a time in it begins differently each time. A single event is how a server is
        # polled that speaks this protocol, and is no stream that begins again.
        unlike = not self._resumed and lasted < _SHORT and min(before[1], self._events) > 1
        if self._first == before[0] or unlike:
            self.note = (
                "The server ends this stream each time: "
                "reconnect=False or stop_when= where it is finite."
            )
