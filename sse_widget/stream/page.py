"""StreamPage: what an SSEStream is to its pages, and to a saved notebook.

`notebook.channel` decides what is sent and when, `notebook.page_link` sends it; this module says what the
stream is now, and answers the pages' requests. It runs on the background loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from typing import cast

from .. import runtime
from ..errors import hint_of, message_of
from ..events import Gap, State, Stats, Status
from ..notebook import (
    CUT_BYTES,
    Buffer,
    Channel,
    Described,
    Message,
    PageLink,
    SnapshotWriter,
    StatsMessage,
    SyncedWidget,
    render,
    session_liveness,
)
from .feed import FeedListener, StreamFeed
from .history import History
from .resume_command import CommandParts

# Seconds: `rest` waits at most so long for the loop.
_TURN_S = 1.0
# Beside a snapshot the live log has nothing to add where it cannot live.
_NO_FALLBACK = "<!-- the live log; what was saved of it is in the output beside this one -->"


class StreamPage(FeedListener):
    """The pages of one stream.

    Args:
        widget: whose pages they are.
        feed: the stream.
        history: its older rows, and how its capture goes.
        save_events: the latest events that stay in the saved notebook.
        request: what may be shown of the request, so that a user can ask the same elsewhere.

    Attributes:
        link: the way to them.
        settings: what a page knows from the start.
        save_events: as given; may be set.
    """

    def __init__(
        self,
        widget: SyncedWidget,
        feed: StreamFeed,
        history: History,
        *,
        save_events: int,
        request: CommandParts,
    ) -> None:
        self._feed = feed
        self._history = history
        self._session_is_alive = session_liveness()
        self._address = feed.source.url
        self._channel = Channel(
            feed.window,
            send=self._send,
            describe=self._describe,
            counts=feed.counts,
            gaps=lambda: list(feed.gaps),
            older=history.read,
            oldest=history.oldest,
        )
        self.link = link = PageLink(widget, self._answer)
        self._snapshots = SnapshotWriter(self._snapshot, self._stamp, lambda: link.past_cells)
        self.save_events = save_events
        self.settings = {
            "url": self._address,
            "session": self.link.session,
            "request": request,
            "ack": self.link.ack,
        }

    @property
    def stats(self) -> Stats:
        """Counters since the stream began, with those of the pages."""
        return self._feed.stats(self._channel.not_sent)

    def shown(self, bundle: object) -> object:
        """The widget is shown by the cell that runs, as this bundle of MIME types."""
        if bundle is None:
            return None
        runtime.call(self._channel.open)
        kept = self.save_events > 0 and self._snapshots.show()
        if kept and isinstance(bundle, tuple):
            bundle[0].setdefault("text/html", _NO_FALLBACK)
        return bundle

    def save(self) -> None:
        """Bring what is saved in the notebook up to date."""
        self._snapshots.save()

    def rest(self) -> None:
        """Until it is shown again: what the loop and the notebook would call keeps the widget."""
        runtime.call_within(_TURN_S, self._channel.close)
        self._snapshots.close()

    def close(self) -> None:
        """The view goes; what is saved stays."""
        self._snapshots.save()
        runtime.call(self._channel.close)
        self._snapshots.close()

    # ------------------------------------------------------------------ what happens to the stream

    def starting(self) -> None:
        self._channel.resting = False

    def started(self) -> None:
        runtime.call(self._snapshots.begin)

    def came(self, new_types: set[str]) -> None:
        self._channel.note(new_types)

    def resized(self) -> None:
        self._channel.note()

    def cleared(self) -> None:
        runtime.call(self._channel.note)
        self._snapshots.save()

    def status_changed(self) -> None:
        # A source that is not read yet is closed on the thread that calls `close`, and says so there.
        _on_loop(self._channel.note)

    def gap(self, gap: Gap) -> None:
        self._channel.note(gap=gap)

    def stopped(self) -> None:
        self._snapshots.save()

    def ending(self) -> None:
        self._channel.resting = True

    def ended(self) -> None:
        _on_loop(self._snapshots.over)

    # ------------------------------------------------------------------ to the page, and from it

    def _send(self, content: Message, buffers: Sequence[Buffer]) -> None:
        if self._session_is_alive():
            self.link.send(content, buffers)
        else:
            self._feed.stop()

    def _answer(self, content: Message) -> None:
        feed = self._feed
        if self._channel.answer(content):
            return
        match content:
            case {"kind": "ack", "n": int(n)}:
                self._channel.acknowledge(n)
            case {"kind": "start"} if not feed.closed:
                feed.start()
            case {"kind": "stop"}:
                feed.stop()
            case {"kind": "clear"}:
                feed.clear()
            case {"kind": "retry"}:
                feed.source.retry_now()

    def acknowledged(self, ack: Message) -> None:
        """A page has painted what it wrote into the trait."""
        self.link.acknowledged()
        n = ack.get("n")
        if isinstance(n, int):
            runtime.call(self._channel.acknowledge, n)

    def _describe(self) -> Described:
        source, stats, status = self._feed.source, self.stats, self._feed.status
        error, hide = status.error, source.secrets.hide
        return {
            "stats": cast(StatsMessage, {name: getattr(stats, name) for name in Stats.__slots__}),
            "status": {
                "state": status.state,
                "attempt": status.attempt,
                "retry_in": _retry_in(status),
                "since": status.since.timestamp() * 1000,
                "sent_at": None if status.sent_at is None else status.sent_at.timestamp() * 1000,
                "error": None if error is None else hide(message_of(error)),
                "hint": None if error is None else hide(hint_of(error)) or None,
                "note": status.note or None,
                "reason": None if status.reason is None else status.reason.sentence,
                "warns": status.reason is not None and status.reason.warns,
            },
            # Where it is asked for on every attempt, or has parameters that are.
            "url": None if source.url == self._address else source.url,
            "last_event_id": hide(source.last_event_id[:CUT_BYTES]),
            "reconnection_time": source.reconnection_time,
            "capture": self._history.describe(),
        }

    # ------------------------------------------------------------------ the saved notebook

    def _snapshot(self) -> str:
        feed = self._feed
        stop = feed.window.counts.received
        held = feed.window.read(stop - self.save_events)
        source = feed.source
        gaps, session = list(feed.gaps), self.link.session
        return render(self._describe(), source.url, held, gaps, session, source.secrets)

    def _stamp(self) -> Hashable | None:
        counts, state = self._feed.window.counts, self._feed.status.state
        trouble = None if state in (State.CONNECTING, State.OPEN, State.QUIET) else state
        if counts.received == 0 and trouble is None:
            return None  # an output that is empty takes no room
        return counts.received, counts.cleared, trouble, self.save_events


def _on_loop(fn: Callable[[], object]) -> None:
    """Call it now where this is the loop's thread, else soon."""
    if runtime.is_loop_thread():
        fn()
    else:
        runtime.call(fn)


def _retry_in(status: Status) -> float | None:
    if status.retry_in is None or math.isinf(status.retry_in):
        return None
    gone = (datetime.now().astimezone() - status.since).total_seconds()
    return max(status.retry_in - gone, 0.0)
