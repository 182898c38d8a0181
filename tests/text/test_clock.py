"""Times as sources write them, and the days on which nobody works."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiyu.text.clock import aware, is_holiday, moment

CHINA, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-03-02T09:14:05", "2026-03-02T09:14:05+08:00"),
        ("2026-03-02 09:14", "2026-03-02T09:14:00+08:00"),
        ("2026-03-02T09:14:05+08:00", "2026-03-02T09:14:05+08:00"),
        ("2026-03-02T01:14:05Z", "2026-03-02T09:14:05+08:00"),
        ("2026-03-01T20:14:05-05:00", "2026-03-02T09:14:05+08:00"),
    ],
)
def test_a_time_is_read_in_the_policys_zone(written: str, read: str) -> None:
    """Without an offset it is local; with one, the hour is the hour on the wall there."""
    known = aware(written, CHINA)
    assert known is not None
    assert known.isoformat() == read


@pytest.mark.parametrize(
    "written", [None, "", "soon", "2026-03-02", "20260302", "09:14", "2026-13-40T99:00", "NaN"]
)
def test_what_is_no_time_is_none(written: str | None) -> None:
    """A day alone is no time, and nothing raises."""
    assert aware(written, CHINA) is None


@given(st.text(max_size=30))
def test_no_text_breaks_the_reader(written: str) -> None:
    """Whatever a source writes."""
    known = aware(written, CHINA)
    assert known is None or known.tzinfo is not None


@given(st.one_of(st.floats(), st.integers(-(10**12), 10**15).map(float)))
def test_seconds_that_cannot_be_are_none(seconds: float) -> None:
    """Negative, NaN, infinite and endless ones."""
    started = aware("2026-03-02T09:00:00", CHINA)
    known = moment(seconds, started, CHINA)
    assert known is None or (seconds >= 0 and known.tzinfo is not None)


def test_seconds_count_across_a_change_of_clocks() -> None:
    """An hour is 3,600 seconds, also in the night in which the clocks go forward."""
    started = aware("2026-03-08T01:30:00", NEW_YORK)
    later = moment(3600.0, started, NEW_YORK)
    assert later is not None
    assert later.isoformat() == "2026-03-08T03:30:00-04:00"
    assert moment(3600.0, None, NEW_YORK) is None


@pytest.mark.parametrize(
    ("day", "country", "free"),
    [
        (date(2026, 2, 17), "CN", True),  # 春节
        (date(2026, 2, 20), "CN", True),  # 调休
        (date(2026, 2, 28), "CN", False),  # a worked Saturday
        (date(2026, 3, 2), "CN", False),
        (date(2026, 10, 10), "TW", True),
        (date(2026, 10, 10), "CN", False),
        (date(2026, 7, 1), "HK", True),
        (date(2026, 12, 20), "MO", True),
    ],
)
def test_holidays_are_those_of_the_country(day: date, country: str, free: bool) -> None:
    """With the days off in exchange for a worked weekend."""
    assert (is_holiday(day, country) is not None) is free
