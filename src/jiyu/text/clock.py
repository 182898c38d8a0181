"""Clock values of a conversation, and public holidays."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import holidays

_LANGUAGES = {"CN": "zh_CN", "TW": "zh_TW", "HK": "zh_HK", "MO": "zh_MO"}


def aware(text: str | None, zone: ZoneInfo) -> datetime | None:
    """Read an ISO 8601 time; ``None`` if it is missing, malformed or a day only.

    Args:
        text: The time; without an offset it is local to ``zone``.
        zone: The zone of the result too, so that its hour is the hour on the wall there.
    """
    if text is None:
        return None
    try:
        date.fromisoformat(text.strip())
    except ValueError:
        try:
            read = datetime.fromisoformat(text.strip())
            return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(zone)
        except (ValueError, OverflowError):
            return None
    return None


def moment(value: float | str | None, started: datetime | None, zone: ZoneInfo) -> datetime | None:
    """Return the absolute, aware time of a turn or event.

    Args:
        value: ISO 8601, or seconds from ``started``; never negative, NaN or infinite.
        started: When the conversation began; ``None`` leaves seconds without a meaning.
        zone: The zone of the result, and of strings without an offset.
    """
    if value is None or isinstance(value, str):
        return aware(value, zone)
    if started is None or not math.isfinite(value) or value < 0:
        return None
    begun = started if started.tzinfo else started.replace(tzinfo=zone)
    try:
        return (begun.astimezone(UTC) + timedelta(seconds=value)).astimezone(zone)
    except OverflowError:
        return None


@cache
def public_holidays(country: str) -> holidays.HolidayBase:
    """Return the holidays and working days of a country, named in its own language."""
    # Imported here: it takes a tenth of a second, and few conversations ask for a holiday.
    import holidays  # noqa: PLC0415

    return holidays.country_holidays(country, language=_LANGUAGES.get(country))


def is_holiday(day: date, country: str = "CN") -> str | None:
    """Return the name of a public holiday in the country's language, or ``None``.

    A day off in exchange for a worked weekend (调休) is one; the worked weekend is none.  China
    announces those each November, so a later year has its statutory days only.

    Raises:
        NotImplementedError: The country is not known.
    """
    name: str | None = public_holidays(country).get(day)
    return name
