"""The many ways in which formats write times, as seconds or ISO 8601."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2}(?:[.,]\d{1,9})?)")
_DURATION = re.compile(r"(-?\d+(?:\.\d+)?)s")
_DATE = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[T ]?\s*(\d{1,2})[:：时](\d{1,2})(?:[:：分](\d{1,2}(?:\.\d{1,9})?)秒?)?分?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?)?"
)
#: Larger numbers of seconds or milliseconds are moments and not offsets.
_EPOCH_S, _EPOCH_MS = 1e9, 1e11
_LAST = 4e9


def seconds(value: float | None) -> float | None:
    """Return a finite, rounded number of seconds."""
    return round(value, 3) if value is not None and math.isfinite(value) else None


def milliseconds(value: float | None) -> float | None:
    """Return milliseconds as seconds."""
    return None if value is None else seconds(value / 1000)


def ticks(value: float | None) -> float | None:
    """Return ticks of 100 ns as seconds."""
    return None if value is None else seconds(value / 1e7)


def duration(value: str | None) -> float | None:
    """Return a protobuf duration such as ``1.200s`` as seconds."""
    found = _DURATION.fullmatch(value or "")
    return seconds(float(found[1])) if found else None


def clock(value: str) -> float | None:
    """Return ``[H:]MM:SS[.mmm]`` as seconds."""
    found = _CLOCK.fullmatch(value.strip())
    if not found:
        return None
    hours, minutes, rest = found.groups()
    return seconds(int(hours or 0) * 3600 + int(minutes) * 60 + float(rest.replace(",", ".")))


def moment(value: float | None) -> str | None:
    """Return seconds or milliseconds since 1970 as ISO 8601 in UTC."""
    if value is None or not math.isfinite(value):
        return None
    since = value / 1000 if value >= _EPOCH_MS else value
    if not 0 <= since <= _LAST:
        return None
    return datetime.fromtimestamp(since, UTC).isoformat()


def iso(value: str) -> str | None:
    """Return a written date and time as ISO 8601; without an offset if it has none."""
    found = _DATE.fullmatch(value.strip())
    if not found:
        return None
    year, month, day, hour, minute, second, zone = found.groups()
    try:
        read = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0))
        read += timedelta(seconds=float(second or 0))
        offset = datetime.fromisoformat(f"2000-01-01T00:00{zone}").tzinfo if zone else None
    except (ValueError, OverflowError):
        return None
    return read.replace(tzinfo=offset).isoformat()


def epoch(value: str) -> float | None:
    """Return ISO 8601 as seconds since 1970; without an offset it is UTC, as servers write it."""
    text = iso(value.removesuffix(" UTC"))
    if text is None:
        return None
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def when(value: Any, unit: float = 1.0) -> float | str | None:
    """Read the cell of a table: seconds from the start, or ISO 8601; ``None`` if neither.

    Args:
        value: A number, a text, or what a spreadsheet calls a time or a date.
        unit: Seconds of one unit of a bare number.
    """
    if isinstance(value, str):
        number = _number(value)
        if number is None:
            at = clock(value)
            return at if at is not None else iso(value)
        value = number
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return moment(value) if abs(value) >= _EPOCH_S else seconds(value * unit)
    return _of_sheet(value)


def _of_sheet(value: Any) -> float | str | None:
    """Read what a spreadsheet or a database calls a time or a date."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00"
    if isinstance(value, time):
        value = datetime.combine(date.min, value) - datetime.min
    return seconds(value.total_seconds()) if isinstance(value, timedelta) else None


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
