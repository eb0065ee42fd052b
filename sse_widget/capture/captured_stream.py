"""`CapturedStream`: one stream of a capture, as `capture["name"]` returns it.

It holds no events. It reads the stream's row in the capture's table for the state, and the files for
the events.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from ..basics import NamedAttributes, NotPickled
from ..events import Reason, State
from ..filters import EventFilter
from ..fleet import StreamRow
from .files import STEPS, CaptureFiles, HistorySearch, search_filter

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.dataset


class CapturedStream(NamedAttributes, NotPickled):
    """One stream of a capture.

    As the last line of a cell it is the capture's table with the log of this stream open. All
    views of one capture have the same stream selected.

    Args:
        name: of the stream.
        files: what is on disk of the capture.
        look: its row as it is now.
        command: start, stop or retry it.
        show: the capture's view with the log of this stream in it, as a bundle of MIME types; None
            where there is no view any more.
    """

    name: str
    _pickle_instead = "what is on disk of it: .df, or the name and the folder"

    def __init__(
        self,
        name: str,
        files: CaptureFiles,
        look: Callable[[], StreamRow],
        command: Callable[[str], None],
        show: Callable[..., object],
    ) -> None:
        self.name = name
        self._files = files
        self._look = look
        self._command = command
        self._show = show

    @property
    def url(self) -> str:
        """The URL, masked: safe to show."""
        return self._look().url

    @property
    def state(self) -> State:
        """What it is doing now."""
        return State(self._look().report.state)

    @property
    def error(self) -> str:
        """Why it is in trouble, and what to change; "" while all is well."""
        report = self._look().report
        return f"{report.error}\n{report.hint}" if report.hint else report.error

    @property
    def reason(self) -> Reason | None:
        """Why it is over, where it is; None while it runs."""
        reason = self._look().report.reason
        return Reason(reason) if reason else None

    @property
    def received(self) -> int:
        """Events since the stream began, those of earlier runs in this folder too."""
        return self._look().report.received

    @property
    def written(self) -> int:
        """How many of them are on disk."""
        return self._look().report.written

    @property
    def connects(self) -> int:
        """Connections that were opened, of this run."""
        return self._look().report.connects

    @property
    def last_event_id(self) -> str:
        """The id it would resume after."""
        return self._look().report.last_event_id

    @property
    def history(self) -> pyarrow.dataset.Dataset:
        """What is on disk of this stream, as a `pyarrow.dataset.Dataset`."""
        return self._files.history(self.name)

    @property
    def df(self) -> pd.DataFrame:
        """What is on disk of this stream, by the number of the event."""
        return self.read()

    def read(
        self, since: date | str | None = None, until: date | str | None = None
    ) -> pd.DataFrame:
        """What is on disk of this stream and came in this time, by the number of the event; of the files only
        what matters is read.

        Args:
            since, until: since <= received_at < until, as `EventFilter` has them.
        """
        columns = ("seq", "received_at", "type", "last_event_id", "data")
        frame = self._files.read(self.name, since, until, columns)
        # A stream that moved between shards is in several sequences.
        return frame.set_index("seq").sort_index()

    def rates(
        self, since: date | str | None = None, until: date | str | None = None, steps: int = STEPS
    ) -> pd.DataFrame:
        """How many events came in each step of time, as `SSECapture.rates` of this stream."""
        return self._files.rates(self.name, since, until, steps)

    def seek(self, at: date | str) -> int | None:
        """The number of the first event on disk that came at this time or later; None where none did.

        Args:
            at: a datetime or ISO 8601 text.
        """
        return self._files.seek(self.name, at)

    def search(
        self,
        text: str = "",
        *,
        filter: EventFilter | None = None,
        regex: bool = False,
        case: bool = False,
    ) -> HistorySearch:
        """Find events of this stream in the files, as `SSECapture.search`."""
        return self._files.search(search_filter(text, filter, regex=regex, case=case), self.name)

    def start(self) -> None:
        """Connect again, where it was stopped or failed."""
        self._command("start")

    def stop(self) -> None:
        """End this stream alone."""
        self._command("stop")

    def retry_now(self) -> None:
        """Where an attempt is being waited for, make it now."""
        self._command("retry")

    def _repr_mimebundle_(self, **kwargs: object) -> object:
        bundle = self._show(**kwargs)
        # The text beside the view, for who has no widgets, is that of this stream.
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if isinstance(data, dict):
            data["text/plain"] = repr(self)
        return bundle

    def __repr__(self) -> str:
        report = self._look().report
        why = f" ({report.error or report.text})" if report.error or report.text else ""
        return f"<stream {self.name!r} {report.state}{why}: {report.received:,} received>"
