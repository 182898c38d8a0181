"""Clock values, agreed times in words, and holidays."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiyu.text import times
from jiyu.text.clock import aware, is_holiday, moment
from jiyu.text.table import fold_plain
from jiyu.text.times import agreed_times, names_time

SHANGHAI, TAIPEI, HONG_KONG = (
    ZoneInfo(f"Asia/{city}") for city in ("Shanghai", "Taipei", "Hong_Kong")
)
ZONES = (SHANGHAI, TAIPEI, HONG_KONG, ZoneInfo("UTC"))
DAY = "2025-03-05 "
NOW = DAY + "09:14"  # a Wednesday
LATE = DAY + "16:00"

# Text, said at, earliest (- is open), latest; the date is left out where it is the day it is said.
AGREED = """
半小时内给您回电          | 09:14 | -     | 09:44
半個鐘之內覆您            | 09:14 | -     | 09:44
三十分鐘內同您聯絡        | 09:14 | -     | 09:44
不超过十分钟就有结果      | 09:14 | -     | 09:24
十分钟后给您回电          | 09:14 | -     | 09:29
我過十分鐘再打畀您        | 09:14 | -     | 09:29
20分钟左右联系您          | 09:14 | -     | 09:49
两小时后给您回电          | 09:14 | -     | 11:38
一刻钟给您答复            | 09:14 | -     | 09:34
一个半小时内回复          | 09:14 | -     | 10:44
個半鐘之內覆您            | 09:14 | -     | 10:44
两个小时之内处理好        | 09:14 | -     | 11:14
兩三分鐘之內              | 09:14 | -     | 09:17
十到二十分钟之内          | 09:14 | -     | 09:34
半小时到一小时内          | 09:14 | -     | 10:14
24小时内给您结果          | 09:14 | -     | 2025-03-06 09:14
下午三点给您回电          | 09:14 | 14:45 | 15:15
下晝三點打畀您            | 09:14 | 14:45 | 15:15
三点给您回电              | 09:14 | 14:45 | 15:15
十点给您回电              | 09:14 | 09:45 | 10:15
八点给您回电              | 09:14 | 19:45 | 20:15
十点给您回电              | 16:00 | 2025-03-06 09:45 | 2025-03-06 10:15
上午十点给您回电          | 16:00 | 09:45 | 10:15
三点给您回电              | 01:00 | 02:45 | 03:15
三點半打給您              | 09:14 | 15:15 | 15:45
四點一刻給您回電          | 09:14 | 16:00 | 16:30
三點三個字打畀您          | 09:14 | 15:00 | 15:30
下午3:30给您回电          | 09:14 | 15:15 | 15:45
15:00给您回电             | 09:14 | 14:45 | 15:15
15点20分前给您回电        | 09:14 | -     | 15:20
最迟三点给您回电          | 09:14 | -     | 15:00
上午十点之前              | 09:14 | -     | 10:00
晚上8點覆您               | 09:14 | 19:45 | 20:15
晚上十二点                | 09:14 | 23:45 | 2025-03-06 00:15
中午十二点                | 09:14 | 11:45 | 12:15
三點左右給您回電          | 09:14 | 14:45 | 15:15
三点多给您回电            | 09:14 | 14:45 | 16:00
三 点 半 给 您 回 电      | 09:14 | 15:15 | 15:45
下午三点以后给您回电      | 09:14 | 15:00 | 18:00
上午十点之后              | 09:14 | 10:00 | 12:00
三点到五点给您回电        | 09:14 | 15:00 | 17:00
下午三到五点              | 09:14 | 15:00 | 17:00
9:00-11:00之间            | 09:14 | 09:00 | 11:00
两三点之间给您回电        | 09:14 | 14:00 | 15:00
上午十點至下午兩點        | 09:14 | 10:00 | 14:00
今天给您答复              | 09:14 | -     | 23:59:59
今天下午给您答复          | 09:14 | -     | 18:00
今天下班前给您答复        | 09:14 | -     | 18:00
中午前給您回電            | 09:14 | -     | 12:00
今晚覆您                  | 09:14 | -     | 22:00
傍晚给您回电              | 09:14 | -     | 18:30
明天给您答复              | 09:14 | -     | 2025-03-06 23:59:59
明天上午给您回电          | 09:14 | -     | 2025-03-06 12:00
聽日上晝覆您              | 09:14 | -     | 2025-03-06 12:00
明早九点                  | 09:14 | 2025-03-06 08:45 | 2025-03-06 09:15
后天下午两点前            | 09:14 | -     | 2025-03-07 14:00
大後天給您回覆            | 09:14 | -     | 2025-03-08 23:59:59
周五前给您答复            | 09:14 | -     | 2025-03-07 23:59:59
星期三给您答复            | 09:14 | -     | 23:59:59
周一给您答复              | 09:14 | -     | 2025-03-10 23:59:59
下週五下午三點            | 09:14 | 2025-03-14 14:45 | 2025-03-14 15:15
3月5号下午给您回电        | 09:14 | -     | 18:00
3月1号给您回电            | 09:14 | -     | 2026-03-01 23:59:59
十二號之前                | 09:14 | -     | 2025-03-12 23:59:59
下个月3号                 | 09:14 | -     | 2025-04-03 23:59:59
2025-04-01 10:00          | 09:14 | 2025-04-01 09:45 | 2025-04-01 10:15
三天内给您答复            | 09:14 | -     | 2025-03-08 23:59:59
一週內給您回覆            | 09:14 | -     | 2025-03-12 23:59:59
3个工作日内回复           | 09:14 | -     | 2025-03-10 23:59:59
三至五個工作天            | 09:14 | -     | 2025-03-12 23:59:59
"""

LOOK_ALIKES = """
我有三点建议 三点建议 一点问题 有一点慢 早一点给您 晚一点回您 快点 两点需要说明 我補充兩點，
以下三点： 第3点 百分之三点五 三点五公里 打八点五折 上午一点都不忙 下午好 早上好 3号楼
工号12号 过几天再说 尽快给您 到時候再說 一会儿给您 晚点回您 這幾天 月底 有一天 三十点 25:70
比分3:1 13800138000
早晨。 八號風球 周末愉快
"""
NOT_AGREED = (
    "十分钟前您来过电",
    "昨天下午三点您来过电",
    "上周五已经寄出",
    "等了半小時",
    "您等五分钟了",
    "延误两小时",
    "24小时客服热线",
    "工作时间是九点到六点",
    "每天九点开门",
    "分行三點半就關了",
    "每月五號過數",
    "二十四小时都能办",
    "周一到周五都有人",
    "三天没收到",
    "周五以后给您答复",
    "2月30号给您答复",
)


def _at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    whole = text if len(text) > 10 else DAY + text
    return datetime.fromisoformat(whole).replace(tzinfo=zone)


def _rows() -> list[list[str]]:
    return [[cell.strip() for cell in row.split("|")] for row in AGREED.strip().splitlines()]


@pytest.mark.parametrize("row", _rows(), ids=lambda row: f"{row[0]}@{row[1]}")
def test_agreed_time_has_its_window(row: list[str]) -> None:
    """A promise in words has the earliest and latest moment that a customer would expect."""
    text, said, earliest, latest = row
    found = agreed_times(text, _at(said))
    wanted = (None if earliest == "-" else _at(earliest), _at(latest))
    assert [(one.earliest, one.latest) for one in found] == [wanted]
    assert names_time(text)


@pytest.mark.parametrize("text", LOOK_ALIKES.split())
def test_look_alike_is_no_time(text: str) -> None:
    """Points, bits, greetings, numbers and vague words name no time."""
    assert agreed_times(text, _at("09:14")) == []
    assert not names_time(text)


@pytest.mark.parametrize("text", NOT_AGREED)
def test_time_that_is_no_promise(text: str) -> None:
    """Past times, business hours and times without an end are named but not agreed to."""
    assert agreed_times(text, _at("09:14")) == []
    assert names_time(text)


def test_some_minutes_are_a_duration() -> None:
    """几分钟 names a duration but no moment."""
    assert names_time("请您稍等几分钟")
    assert agreed_times("请您稍等几分钟", _at("09:14")) == []


def test_span_covers_the_words_in_the_source() -> None:
    """The span counts code points of the source, spaces and Traditional characters included."""
    text = "好的，我 明天 上午 給您回電，或者下午 3:30。"
    assert [text[one.start : one.end] for one in agreed_times(text, _at("09:14"))] == [
        "明天 上午",
        "下午 3:30",
    ]


@pytest.mark.parametrize(
    ("zone", "said", "latest"),
    [
        (SHANGHAI, "2025-09-30 10:00", "2025-10-09 23:59:59"),  # eight days off
        (TAIPEI, "2025-09-30 10:00", "2025-10-01 23:59:59"),
        (HONG_KONG, "2025-09-30 10:00", "2025-10-02 23:59:59"),
        (SHANGHAI, "2025-09-27 10:00", "2025-09-28 23:59:59"),  # a worked Sunday
    ],
)
def test_working_day_follows_the_calendar_of_the_zone(
    zone: ZoneInfo, said: str, latest: str
) -> None:
    """Holidays and worked weekends of the zone's country move the end of a working day."""
    (found,) = agreed_times("1个工作日内答复", _at(said, zone))
    assert found.latest == _at(latest, zone)


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_time_without_offset_is_local(zone: ZoneInfo) -> None:
    """A time without an offset is read in the zone; one with an offset is converted to it."""
    assert aware("2025-03-05T10:00:00", zone) == datetime(2025, 3, 5, 10, tzinfo=zone)
    read = aware("2025-03-05T02:00:00Z", zone)
    assert read == datetime(2025, 3, 5, 2, tzinfo=UTC)
    assert read is not None
    assert read.tzinfo is zone


@pytest.mark.parametrize(
    "text",
    [None, "", "2025-03-05", "20250305", "2025-W10-3", "10:00", "2025-02-30T10:00", "早上",
     "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "\ud800"],
)  # fmt: skip
def test_malformed_time_is_none(text: str | None) -> None:
    """What is missing, a day only, malformed or beyond the years that exist is no time."""
    assert aware(text, SHANGHAI) is None
    assert moment(text, _at("09:14"), SHANGHAI) is None


def test_seconds_count_from_the_start() -> None:
    """A number is seconds from the start of the conversation."""
    assert moment(90.5, _at("09:14"), SHANGHAI) == _at("09:14") + timedelta(seconds=90.5)
    assert moment("2025-03-05T10:00", None, SHANGHAI) == _at("10:00")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 1e300])
def test_impossible_seconds_are_none(value: float) -> None:
    """NaN, infinite, negative and endless offsets give no moment, nor does a missing start."""
    assert moment(value, _at("09:14"), SHANGHAI) is None
    assert moment(1.0, None, SHANGHAI) is None


@pytest.mark.parametrize("country", ["CN", "TW", "HK"])
@pytest.mark.parametrize("day", ["2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06"])
def test_new_year_is_a_holiday_everywhere(country: str, day: str) -> None:
    """Chinese New Year is known by name in all three calendars, 2024 to 2027."""
    assert re.search("春[节節]|年初一", is_holiday(date.fromisoformat(day), country) or "")


@pytest.mark.parametrize("year", [2024, 2025, 2026, 2027])
def test_national_days_differ(year: int) -> None:
    """1 October is a holiday in China and Hong Kong, 10 October in Taiwan."""
    assert is_holiday(date(year, 10, 1)) == "国庆节"
    assert is_holiday(date(year, 10, 1), "HK") == "國慶日"
    assert is_holiday(date(year, 10, 1), "TW") is None
    assert is_holiday(date(year, 10, 10), "TW") is not None


def test_worked_weekend_is_no_holiday() -> None:
    """A weekend worked in exchange is no holiday, the day off given for it is one."""
    assert is_holiday(date(2025, 1, 26)) is None
    assert is_holiday(date(2025, 2, 4)) is not None


def test_grammar_is_written_in_folded_characters() -> None:
    """A character that folds to another would never match, so the grammar contains none."""
    patterns = (times._TIME, times._POINTS_BEFORE, times._O_CLOCK_AFTER, times._ROUTINE_AFTER)
    han = "".join(re.findall("[\u3400-\u9fff]", "".join(one.pattern for one in patterns)))
    assert [char for char in han if fold_plain(char) != char] == []


def test_holiday_calendar_is_loaded_only_when_asked() -> None:
    """Reading times does not import the holiday calendar."""
    code = (
        "import sys; from datetime import datetime, UTC; from jiyu.text.times import agreed_times\n"
        "agreed_times('三点给您回电', datetime.now(UTC)); print('holidays' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


WORDS = st.lists(
    st.sampled_from(
        [*"三两十一点半刻分钟时天周月号年前后内到:-0259 早晚今明大下", "个工作日", "下午", "9999"]
    ),
    max_size=24,
).map("".join)
OFFSETS = st.sampled_from([*ZONES, UTC])
MOMENTS = st.one_of(
    st.datetimes(timezones=OFFSETS),
    st.sampled_from([datetime.min.replace(tzinfo=SHANGHAI), datetime.max.replace(tzinfo=TAIPEI)]),
)


@given(st.one_of(st.text(st.characters()), WORDS), MOMENTS)
def test_no_text_and_no_time_raises(text: str, now: datetime) -> None:
    """Any text at any time gives spans inside it, in order, and never an exception."""
    end = 0
    for found in agreed_times(text, now):
        assert end <= found.start < found.end <= len(text)
        assert found.earliest is None or found.earliest <= found.latest
        end = found.end
    names_time(text)


@given(st.one_of(st.text(), st.floats(), st.none()), st.none() | MOMENTS, OFFSETS)
def test_no_clock_value_raises(
    value: float | str | None, started: datetime | None, zone: ZoneInfo
) -> None:
    """Any clock value gives an aware time or none."""
    read = moment(value, started, ZoneInfo(str(zone)))
    assert read is None or read.tzinfo is not None


@pytest.mark.parametrize(
    "unit", ["三", "9", "三点", "今晚下午", "90个工作日", "最晚大", "3月", " "]
)
def test_long_text_takes_linear_time(unit: str) -> None:
    """Eight times the text costs about eight times as much, whatever it repeats."""
    costs = []
    for size in (2_000, 16_000):
        text = (unit * size)[:size]
        best = 9.0
        for _ in range(3):
            begun = time.perf_counter()
            agreed_times(text, _at("09:14"))
            best = min(best, time.perf_counter() - begun)
        costs.append(best)
    assert costs[1] < 24 * costs[0] + 0.05
