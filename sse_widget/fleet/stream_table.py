"""The state of many streams: one row a stream, as a DataFrame, as totals, and for the page.

It takes reports, and remembers enough of them to tell a rate. It does not know where a report comes from: a
fleet in this process or one on another machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from ..events import Reason, State

if TYPE_CHECKING:
    import pandas as pd

# A rate over the last seconds: long enough that ten events a second are no flicker.
_RATE_SECONDS = 5.0
# Seconds between two samples of it. Whoever looks more often makes no older one go.
_SAMPLE_SECONDS, _SAMPLES = 0.4, 16
_TEXT = 300
# What each owner of a stream counts from 0.
_COUNTED = ("bytes", "connects", "duplicates", "oversize", "gaps")


class StreamReport(NamedTuple):
    """One stream as its fleet sees it now. Plain values: it crosses processes.

    Attributes:
        name: of the stream.
        state: one of `State`.
        attempt: attempts that failed in a row.
        retry_at: when the next one is due, seconds since the epoch; 0.0 for none.
        received: events since the stream began, those of earlier runs too.
        written: how many of them are on disk.
        bytes, connects, duplicates, oversize, gaps: of this run.
        last_at: when the latest event came, seconds since the epoch; 0.0 for none yet.
        waiting_since: when the oldest event came that is not on disk; 0.0 where all are.
        last_event_id: the id it would resume after.
        error, hint: of the trouble it is in, "" for none.
        note: what is odd while it runs, "" for nothing.
        reason: why it is over, one of `Reason`; "" while it runs.
        earlier: how many of the events that were received came in earlier runs.
    """

    name: str
    state: str
    attempt: int = 0
    retry_at: float = 0.0
    received: int = 0
    written: int = 0
    bytes: int = 0
    connects: int = 0
    duplicates: int = 0
    oversize: int = 0
    gaps: int = 0
    last_at: float = 0.0
    waiting_since: float = 0.0
    last_event_id: str = ""
    error: str = ""
    hint: str = ""
    note: str = ""
    reason: str = ""
    earlier: int = 0

    @property
    def text(self) -> str:
        """`note`, or the sentence of `reason`; "" where there is nothing to say."""
        return self.note or (Reason(self.reason).sentence if self.reason else "")


@dataclass(frozen=True, slots=True)
class CaptureStats:
    """The sum over all streams of a capture. `received == written + pending`, always.

    Attributes:
        streams: how many there are.
        open: how many have a connection now.
        failed: how many ended with an error.
        received: events, those of earlier runs in the same folder too.
        written: how many of them are on disk.
        pending: how many wait for the next write.
        rate: events a second over the last seconds.
        lag: seconds the oldest event waits that is not on disk yet.
        bytes, connects, duplicates, oversize, gaps: as of one stream, since this capture began.
    """

    streams: int = 0
    open: int = 0
    failed: int = 0
    received: int = 0
    written: int = 0
    pending: int = 0
    rate: float = 0.0
    lag: float = 0.0
    bytes: int = 0
    connects: int = 0
    duplicates: int = 0
    oversize: int = 0
    gaps: int = 0


class WorkerRow(TypedDict):
    """Where streams of a cluster run, how many, and their events a second."""

    name: str
    state: str
    streams: int
    rate: float


@dataclass(slots=True)
class StreamRow:
    """One stream: its latest report, where it runs, and what earlier owners of it counted."""

    name: str
    url: str
    report: StreamReport
    where: str = ""
    earlier: StreamReport | None = None
    # Replaced, never changed: a user's thread reads it while the loop adds to it.
    samples: tuple[tuple[float, int], ...] = ()
    is_leaving: bool = False

    def sample(self, now: float, received: int) -> None:
        """So many have come by now."""
        known = self.samples
        if len(known) > 1 and now - known[-2][0] < _SAMPLE_SECONDS:
            known = known[:-1]
        self.samples = (*known[1 - _SAMPLES :], (now, received))

    def rate(self) -> float:
        """Events a second over the last seconds; of a stream that is over, none."""
        now = time.monotonic()  # a wall clock may be set
        if self.report.state in (State.CLOSED, State.FAILED):
            return 0.0
        samples = self.samples
        while len(samples) > 2 and now - samples[1][0] > _RATE_SECONDS:
            samples = samples[1:]
        if len(samples) < 2:
            return 0.0
        # Up to the last report; without reports the rate fades.
        last = samples[-1][0]
        took = (last if now - last < _RATE_SECONDS / 2 else now) - samples[0][0]
        return max(samples[-1][1] - samples[0][1], 0) / took if took > 0 else 0.0

    def lag(self, now: float) -> float:
        since = self.report.waiting_since
        return max(now - since, 0.0) if since else 0.0


class StreamTable:
    """The rows of one capture, in the order its streams were given."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self.rows = {
            name: StreamRow(name, url, StreamReport(name, State.CONNECTING))
            for name, url in addresses.items()
        }

    def follow(self, addresses: Mapping[str, str]) -> None:
        """These are the streams from here on; the row of another one stays as long as it is reported of.
        `rows` is another object after that."""
        rows = {
            name: replace(row, url=addresses.get(name, row.url), is_leaving=name not in addresses)
            for name, row in self.rows.items()
        }
        for name, url in addresses.items():
            rows.setdefault(name, StreamRow(name, url, StreamReport(name, State.CONNECTING)))
        self.rows = rows

    def update(self, reports: Iterable[StreamReport], where: str = "") -> None:
        """What a fleet says now."""
        now = time.monotonic()
        reports = list(reports)
        if any(row.is_leaving for row in self.rows.values()):
            there = {report.name for report in reports}
            # Another object: a thread that iterates over the old one is not disturbed.
            self.rows = {
                name: row for name, row in self.rows.items() if not row.is_leaving or name in there
            }
        for report in reports:
            row = self.rows.get(report.name)
            if row is None:
                continue
            if report.connects < row.report.connects or row.where not in ("", where):
                # Another owner: it counts its own connections from 0.
                row.earlier = self._sum(row.earlier, row.report)
            if not report.connects and report.received < row.report.received:
                # It has not looked where to go on yet. What the owner before it had not written is gone with
                # that one, and comes again.
                known = row.report
                report = report._replace(received=known.written, written=known.written)
            row.where = where
            row.report = report
            row.sample(now, report.received)

    def fail(self, name: str, error: str, hint: str) -> None:
        """A stream that was never begun, and why."""
        self.rows[name].report = StreamReport(
            name, State.FAILED, error=error, hint=hint, reason=Reason.FAILED
        )

    def set_state(self, names: Iterable[str], state: State, error: str = "") -> None:
        """Set the state of streams that no report comes of."""
        for name in names:
            row = self.rows[name]
            if row.report.state != State.FAILED:
                row.report = row.report._replace(
                    state=state, error=error, hint="", note="", reason=""
                )

    @staticmethod
    def _sum(one: StreamReport | None, two: StreamReport) -> StreamReport:
        if one is None:
            return two
        return two._replace(**{n: getattr(one, n) + getattr(two, n) for n in _COUNTED})

    def rates(self) -> dict[str, float]:
        """Events a second, by stream."""
        return {name: row.rate() for name, row in self.rows.items()}

    @property
    def stats(self) -> CaptureStats:
        now = time.time()
        rows = self.rows.values()
        whole = [self._sum(row.earlier, row.report) for row in rows]
        received = sum(r.received for r in whole)
        written = sum(r.written for r in whole)
        return CaptureStats(
            streams=len(whole),
            open=sum(r.state in (State.OPEN, State.QUIET) for r in whole),
            failed=sum(r.state == State.FAILED for r in whole),
            received=received,
            written=written,
            pending=received - written,
            rate=round(sum(row.rate() for row in rows), 1),
            lag=round(max((row.lag(now) for row in rows), default=0.0), 3),
            **{name: sum(getattr(r, name) for r in whole) for name in _COUNTED},
        )

    def frame(self) -> pd.DataFrame:
        """One row a stream."""
        import pandas as pd

        now = time.time()
        rows = list(self.rows.values())
        whole = [self._sum(row.earlier, row.report) for row in rows]
        columns = {name: [getattr(sums, name, None) for sums in whole] for name in _COLUMNS}
        columns["rate"] = [round(row.rate(), 2) for row in rows]
        columns["last_event_at"] = [
            datetime.fromtimestamp(sums.last_at, UTC) if sums.last_at else None for sums in whole
        ]
        columns["lag"] = [round(row.lag(now), 3) for row in rows]
        columns["worker"] = [row.where for row in rows]
        columns["url"] = [row.url for row in rows]
        series = {n: pd.Series(columns[n], dtype=dtype) for n, dtype in _COLUMNS.items()}
        names = pd.Index([row.name for row in rows], name="stream", dtype="str")
        return pd.DataFrame(series).set_index(names)

    def wire(self) -> list[list[Any]]:
        """A row a stream for the page: state, rate, last event (ms), received, gaps, since when
        an event waits for the disk (ms), error, hint, worker, and what is
        odd or why it is over."""
        now = time.time()
        return [
            [
                row.report.state,
                round(row.rate(), 1),
                round(row.report.last_at * 1000),
                row.report.received,
                row.report.gaps + (row.earlier.gaps if row.earlier else 0),
                round(row.lag(now) * 1000),
                row.report.error[:_TEXT],
                row.report.hint[:_TEXT],
                row.where,
                row.report.text[:_TEXT],
            ]
            for row in self.rows.values()
        ]


# The columns of `StreamTable.frame`, and their dtypes.
_COLUMNS = {
    "state": "str",
    "rate": "float64",
    "received": "int64",
    "written": "int64",
    "last_event_at": "datetime64[us, UTC]",
    "gaps": "int64",
    "lag": "float64",
    "last_event_id": "str",
    "worker": "str",
    "url": "str",
    "error": "str",
    "hint": "str",
    "note": "str",
    "reason": "str",
    "bytes": "int64",
    "connects": "int64",
    "duplicates": "int64",
    "oversize": "int64",
    "earlier": "int64",
}
