"""`EventFilter`: which events to see, one value for Python and for the page.

It decides about the events it is given, one by one or as an Arrow table, and never keeps or changes any.
`js/src/filter/filter.ts` is its mirror; both run the cases of `tests/vectors/filter-cases.json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc

from ..basics import unchangeable
from ..checks import number, truth
from ..errors import InvalidFilter
from ..visible import quoted_repr
from .caseless import scatter, search_caseless
from .conditions import Condition, conditions_of, mask_of, passes
from .regex import refuse_half, translate

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class EventLike(Protocol):
    """What `matches` looks at: an `Event` or anything shaped like one."""

    @property
    def type(self) -> str: ...
    @property
    def data(self) -> str: ...
    @property
    def received_at(self) -> datetime | None: ...


@unchangeable
@dataclass(frozen=True, slots=True, init=False, repr=False)
class EventFilter:
    """Which events to see; `EventFilter()` lets everything through. All conditions must hold.

    Attributes:
        types: only events of these types; None for all. One `str` means that one type.
        exclude_types: no events of these types.
        text: only events whose `data` has this text; "" for all.
        exclude: no events whose `data` has this text; "" for none.
        regex: `text` and `exclude` are patterns, in the syntax RE2 and JavaScript share.
        case: capital and small letters differ. Otherwise plain text compares `lower()`, and
            patterns compare by Unicode simple case folding.
        where: conditions on the fields of JSON payloads, which must all hold, as (path, operator,
            value): `[("price", ">", 100), ("symbol", "in", ["BTC", "ETH"])]`. Operators: ==, !=, <,
            <=, >, >=, in, contains (a text has this text, a list this value, an object this key)
            and exists (`("error", "exists", False)` for those without). A number in quotes counts
            where the value is a number. What is no JSON object, or has no such path, has no value,
            like null: it passes `== None`, `in` with None, `exists False`, and != with anything but
            None, and no other. Capitals count. `{"symbol": "BTC"}` is
            short for ==, and for in where the value is a list.
        since, until: bounds on `received_at`, since <= received_at < until, kept as aware UTC
            datetimes. A datetime without a zone is local time, and a date is its midnight; so with
            ISO 8601 text and pandas' Timestamp. An event whose `received_at` is None passes no bound.

    Raises:
        TypeError: an argument of the wrong type, by name.
        InvalidFilter: a condition that cannot work; a pattern outside the shared syntax, naming the construct; a time that is
            none; text that no event can hold.
    """

    types: frozenset[str] | None
    exclude_types: frozenset[str]
    text: str
    exclude: str
    regex: bool
    case: bool
    since: datetime | None
    until: datetime | None
    where: tuple[Condition, ...]

    def __init__(
        self,
        types: Iterable[str] | None = None,
        exclude_types: Iterable[str] = frozenset(),
        text: str = "",
        exclude: str = "",
        regex: bool = False,
        case: bool = False,
        since: date | str | None = None,
        until: date | str | None = None,
        where: Iterable[object] | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "types", None if types is None else _names("types", types))
        put(self, "exclude_types", _names("exclude_types", exclude_types))
        put(self, "regex", truth("regex", regex, "a bool"))
        put(self, "case", truth("case", case, "a bool"))
        put(self, "text", _needle("text", text, regex))
        put(self, "exclude", _needle("exclude", exclude, regex))
        put(self, "since", _time("since", since))
        put(self, "until", _time("until", until))
        put(self, "where", conditions_of(where))

    def __repr__(self) -> str:
        nothing = EventFilter()
        told = ", ".join(
            f"{f.name}={quoted_repr(value)}"
            for f in fields(self)
            if (value := getattr(self, f.name)) != getattr(nothing, f.name)
        )
        return f"EventFilter({told})"

    def matches(self, event: EventLike) -> bool:
        """Whether this one event passes."""
        if self.types is not None and event.type not in self.types:
            return False
        if event.type in self.exclude_types:
            return False
        if (self.since or self.until) and not self._in_time(event.received_at):
            return False
        if self.text and not self._found(self.text, event.data):
            return False
        if self.exclude and self._found(self.exclude, event.data):
            return False
        return not self.where or passes(self.where, event.data)

    def _in_time(self, at: datetime | None) -> bool:
        if at is None:
            return False
        at = at.astimezone(UTC)
        return not ((self.since and at < self.since) or (self.until and at >= self.until))

    def mask(self, table: pa.Table) -> pa.ChunkedArray | None:
        """Which rows of `table` (columns type, data, received_at) pass; None where all do.

        It runs in Arrow, in time linear in the data and without the GIL; only candidate rows for
        text with σ or a dot above, and what `where` looks at, are decided in Python.
        """
        gate = self._gate_and_text(table)
        if not self.where:
            return gate
        if gate is None:
            return mask_of(self.where, table["data"])
        return scatter(gate, mask_of(self.where, table["data"].filter(gate)))

    def _gate_and_text(self, table: pa.Table) -> pa.ChunkedArray | None:
        gate = self._gate(table)
        if not (self.text or self.exclude):
            return gate
        data = table["data"]
        # Where types and times leave little, searching only that is worth a copy of it.
        narrow = gate is not None and 2 * (pc.sum(gate).as_py() or 0) < len(table)
        if narrow:
            data = data.filter(gate)
        hits = None
        if self.text:
            hits = self._search(self.text, data)
        if self.exclude:
            free = pc.invert(self._search(self.exclude, data))
            hits = free if hits is None else pc.and_(hits, free)
        if narrow:
            return scatter(gate, hits)
        return hits if gate is None else pc.and_(hits, gate)

    def to_wire(self) -> dict[str, Any]:
        """This filter as JSON can carry it: sorted lists, times in milliseconds since 1970, and
        conditions as `[path, operator, value]`."""
        return {
            "types": None if self.types is None else sorted(self.types),
            "exclude_types": sorted(self.exclude_types),
            "text": self.text,
            "exclude": self.exclude,
            "regex": self.regex,
            "case": self.case,
            "since": _to_ms(self.since),
            "until": _to_ms(self.until),
            "where": [one.to_wire() for one in self.where],
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """The filter that `to_wire` (or the page) wrote; a key left out has its default."""
        if not isinstance(wire, Mapping):
            raise TypeError(f"a filter must be a mapping, not {type(wire).__name__}")
        values = dict(wire)
        unknown = values.keys() - {f.name for f in fields(cls)}
        if unknown:
            raise InvalidFilter(f"unknown filter key {min(map(str, unknown))!r}")
        for name in ("since", "until"):
            values[name] = _from_ms(name, values.get(name))
        return cls(**values)

    def _gate(self, table: pa.Table) -> pa.ChunkedArray | None:
        """What needs no look at the text."""
        parts = []
        kinds = table["type"]
        if self.types is not None:
            parts.append(pc.is_in(kinds, value_set=pa.array(sorted(self.types), kinds.type)))
        if self.exclude_types:
            hidden = pa.array(sorted(self.exclude_types), kinds.type)
            parts.append(pc.invert(pc.is_in(kinds, value_set=hidden)))
        times = table["received_at"]
        if self.since is not None:
            parts.append(pc.greater_equal(times, pa.scalar(self.since, times.type)))
        if self.until is not None:
            parts.append(pc.less(times, pa.scalar(self.until, times.type)))
        gate = None
        for part in parts:
            known = part.fill_null(False)
            gate = known if gate is None else pc.and_(gate, known)
        return gate

    def _found(self, needle: str, data: str) -> bool:
        if not self.regex:
            return needle in data if self.case else needle.lower() in data.lower()
        try:
            value = pa.scalar(data, pa.large_string())
        except UnicodeEncodeError:
            # Half characters come by no wire, only by a hand-made event: read it as one would come.
            well_formed = data.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            value = pa.scalar(well_formed, pa.large_string())
        hit: bool = self._search(needle, value).as_py()
        return hit

    def _search(self, needle: str, data: Any) -> Any:
        """Which of `data` (a scalar or a chunked array) have the needle."""
        if self.regex:
            pattern = translate(needle)
            return pc.match_substring_regex(data, pattern, ignore_case=not self.case)
        if self.case:
            return pc.match_substring(data, needle)
        return search_caseless(needle.lower(), data)


def _names(field: str, value: object) -> frozenset[str]:
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, Iterable) or isinstance(value, bytes):
        raise TypeError(f"{field} must be a set of event types, not {type(value).__name__}")
    names = list(value)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{field} must hold str, not {type(name).__name__}")
        refuse_half(field, name)
    return frozenset(names)


def _needle(field: str, value: object, regex: bool) -> str:
    if not isinstance(value, str):
        hint = "; for a pattern write regex=True" if isinstance(value, re.Pattern) else ""
        raise TypeError(f"{field} must be a str, not {type(value).__name__}{hint}")
    refuse_half(field, value)
    if regex:
        try:
            translate(value)
        except InvalidFilter as error:
            if field == "text":
                raise
            raise InvalidFilter(f"{field}: {error.message}", hint=error.hint) from None
    return value


def _time(field: str, value: object) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            hint = "Write it like 2026-01-31T12:00:00+00:00."
            raise InvalidFilter(f"{field} is no ISO 8601 time: {value!r}", hint=hint) from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise TypeError(f"{field} must be a datetime, not {type(value).__name__}")
    # pandas' NaT is a datetime too, one that is not equal to itself.
    if value != value:
        raise InvalidFilter(f"{field} is not a time", hint="Write None for no bound.")
    # A Timestamp has nanoseconds, received_at has not: what lies between two microseconds rounds
    # up, which lets the same events through on both bounds.
    spare = getattr(value, "nanosecond", 0)
    try:
        aware = value.astimezone(UTC) if value.tzinfo else _local(value).astimezone(UTC)
        exact = datetime(*aware.timetuple()[:6], aware.microsecond, UTC)
        return exact + _MICROSECOND if spare else exact
    except (OverflowError, ValueError):
        raise InvalidFilter(f"{field} lies outside the years 1 to 9999") from None


def _local(value: datetime) -> datetime:
    # Rebuilt, because a naive Timestamp refuses astimezone.
    return datetime(*value.timetuple()[:6], value.microsecond, fold=value.fold).astimezone()


# Milliseconds as a float keep every microsecond of the years 1830 to 2109.
def _to_ms(value: datetime | None) -> float | None:
    return None if value is None else (value - _EPOCH) // _MICROSECOND / 1000


def _from_ms(field: str, value: object) -> datetime | None:
    if value is None:
        return None
    milliseconds = number(field, value, "milliseconds")
    try:
        return _EPOCH + timedelta(microseconds=round(milliseconds * 1000))
    except OverflowError:
        # A float has no room for the last microseconds of the year 9999.
        return (
            datetime.max.replace(tzinfo=UTC)
            if milliseconds > 0
            else datetime.min.replace(tzinfo=UTC)
        )
    except ValueError:
        raise InvalidFilter(f"{field} is not a time", hint="Write null for no bound.") from None
