"""Times as files write them: ISO 8601, in UTC where they name no zone."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_time(text: str) -> datetime:
    """The time that ISO 8601 text names, aware, UTC.

    Raises:
        ValueError: it names none, or one that no datetime can hold in UTC.
    """
    at = datetime.fromisoformat(text)
    try:
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("a time is out of range") from None
