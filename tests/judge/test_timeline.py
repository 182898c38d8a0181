"""Times of every kind that sources give, and those that nothing can be built on."""

from __future__ import annotations

from datetime import datetime
from math import inf, nan
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiyu import Conversation, Turn
from jiyu.judge.timeline import Timeline

ZONE = ZoneInfo("Asia/Shanghai")
times = st.one_of(st.none(), st.floats(), st.floats(0, 600))
stamps = st.one_of(
    st.none(), st.text(max_size=12), st.datetimes(timezones=st.just(ZONE)).map(datetime.isoformat)
)
any_turns = st.lists(
    st.builds(Turn, st.just("好"), st.sampled_from(["agent", "customer"]), times, times, stamps),
    max_size=8,
)


def timeline(*turns: Turn, **fields: object) -> Timeline:
    return Timeline(Conversation("c", turns, **fields), turns, ZONE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spans", "fault"),
    [
        ([("agent", 0, 2), ("customer", 1, 3)], ""),
        ([("agent", 0, 2), ("customer", None, None)], "部分话语没有可用的时间"),
        ([("agent", None, None)], "没有时间"),
        ([("agent", 5, 6), ("customer", 1, 2)], "时间倒置"),
        ([("agent", 0, 6), ("agent", 2, 8)], "同一说话人的时间重叠"),
        ([("agent", 3, 2), ("customer", 4, 5)], "部分话语没有可用的时间"),
        ([("agent", -3, 2), ("customer", 4, 5)], "部分话语没有可用的时间"),
        ([("agent", nan, 2), ("customer", 4, 5)], "部分话语没有可用的时间"),
        ([("agent", 0, inf), ("customer", 4, 5)], "部分话语没有可用的时间"),
    ],
)
def test_times_that_cannot_be_are_told(
    spans: list[tuple[str, float | None, float | None]], fault: str
) -> None:
    """Missing, reversed, overlapping, negative, endless or no number at all."""
    turns = [Turn("好", who, start, end) for who, start, end in spans]  # type: ignore[arg-type]
    assert timeline(*turns).fault == fault


def test_a_source_that_says_it_has_no_times_is_taken_at_its_word() -> None:
    """But what a chat is stamped with is there."""
    assert timeline(Turn("好", "agent", 0, 1), capabilities=()).fault == "来源不提供时间"
    assert timeline(Turn("好", "agent", at="2026-03-02T09:00"), capabilities=()).fault == ""


def test_chat_stamps_and_offsets_are_seconds_from_the_start() -> None:
    """A stamp without an offset is local to the policy."""
    turns = [Turn("好", "agent", at=at) for at in ("2026-03-02T09:00:30", "2026-03-02T01:01:00Z")]
    line = timeline(*turns, started_at="2026-03-02T09:00:00+08:00")
    assert [stretch and stretch.start for stretch in line.turns] == [30, 60]
    moment = line.moment(3600)
    assert moment is not None
    assert (moment.hour, moment.minute) == (10, 0)


@given(any_turns, stamps, stamps)
def test_no_times_raise(turns: list[Turn], started: str | None, ended: str | None) -> None:
    """Whatever a source gives, there is a fault or there are times."""
    line = timeline(*turns, started_at=started, ended_at=ended)
    known = [stretch for stretch in line.turns if stretch is not None]
    assert all(stretch.start <= stretch.end for stretch in known)
    assert bool(line.fault) or len(known) == len(turns) > 0
