"""The times that an agent agrees to in words.

The words are read by a small grammar of our own because the libraries measured (jionlp,
recognizers-text-date-time, dateparser) read about half of such promises at best, hardly any in
Traditional script or Cantonese, and take 三点建议 and 早一点 for three and one o'clock.

Where words leave the bound open (周五前, 今晚之前) the later reading is taken, so that nobody is
blamed on a doubtful one.  All wall-clock reckoning is in the zone of ``now``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import zip_longest
from typing import NamedTuple

from jiyu.text.clock import public_holidays
from jiyu.text.table import fold_plain

#: Around a time named exactly or about (三点, 三点左右) a call back is still on time.
GRACE = timedelta(minutes=15)
#: After a duration that sets no limit (十分钟后): this share of it, and at least so much.
DURATION_SHARE, DURATION_GRACE = 0.2, timedelta(minutes=5)
#: More working days than this are no promise, and would take long to count.
MOST_WORKING_DAYS = 90

_H, _DAY_END = 3600, 24 * 3600 - 1
# Part of the day: words, seconds when it begins and ends, and when a clock time of it can be.
_PARTS = {
    "凌晨|半夜|深夜|午夜": (0, 6 * _H, 0, 7 * _H),
    "上[午昼]|早上|早晨|清[早晨]|一早|朝早": (6 * _H, 12 * _H, 4 * _H, 13 * _H),
    "中午|正午|晌午": (12 * _H, 14 * _H, 10 * _H, 15 * _H),
    "下[午昼]|午后|晏昼": (12 * _H, 18 * _H, 12 * _H, 20 * _H),
    "傍晚|黄昏": (17 * _H, 18 * _H + 1800, 16 * _H, 21 * _H),
    "晚上|夜晚|晚间|夜间|夜里": (18 * _H, 22 * _H, 17 * _H, 30 * _H),
}
_SHORT = {"早": "早上", "朝": "早上", "晚": "晚上", "下班": "下午"}
_DAYS_AHEAD = (("今明", 1), ("大后", 3), ("后", 2), ("明", 1), ("听", 1))
_UNITS = (("秒", 1), ("分", 60), ("刻", 900), ("小时", _H), ("钟", _H))
_DAY_UNITS = (("月", 30), ("周", 7), ("星期", 7), ("礼拜", 7), ("天", 1), ("日", 1))
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_COUNTRIES = {"Asia/Taipei": "TW", "Asia/Hong_Kong": "HK", "Asia/Macau": "MO"}

_C = "〇零一二三四五六七八九十百廿两"
_N = f"(?:[0-9]{{1,3}}|[{_C}]{{1,5}})"
_TO = r"[到至~\-–—]{1,2}"
_WEEK = "(?:周|星期|礼拜)"
_WORDS = "|".join(_PARTS)
_MINUTES = f"(?:半|[一三]刻|[0-5]?[0-9]分|[0-5][0-9]|[零〇][{_C}]|[一二三四五]?十[{_C}]?|[{_C}]分)"
_CLOCK = (
    r"(?:(?:[01]?[0-9]|2[0-4]):[0-5][0-9](?::[0-5][0-9])?(?![0-9:])"
    rf"|{_N}(?:点|时(?=[0-9整许]|[之以]?[前后]))(?:{_MINUTES}|[{_C}]{{1,2}}个字)?分?[钟整多]?"
    rf"(?![{_C}0-9]))"
)
_DURATION = rf"""
    (?<![{_C}0-9.:这那近前头每第])(?:{_N}{_TO})?
    (?:(?P<n>[0-9]{{1,3}}\.[0-9]|{_N}|半)[多来余]?|(?=个半))
    (?P<unit>秒钟?|分钟|分(?=[之以]?[内后]|左右)|刻钟|(?:个半|半|个)?(?:小时|钟头)半?|个半?钟(?!头)
        |个?(?:工作|营业|交易)[日天]|个?半?(?:星期|礼拜)|周(?![一二三四五六日末])|个半?月|天|日(?=[之以]?内))
"""
_DAY = rf"""
    (?P<near>今明两[天日]|大?后[天日]|[明听今][天日儿]|[当即][天日]|[今明听当](?=[早晚朝])
        |昨[天日晚]|前[天日]|[寻㖊琴][日晚])
    |(?<![{_C}0-9几每])(?P<week>下下个?|下个?|这个?|本|上上?个?)?{_WEEK}(?P<weekday>(?:[一二三四五六日天]|末(?!愉快|快乐)))
    |(?P<whole>下下个?|下个?|这个?|本|上上?个?){_WEEK}
    |(?<![{_C}0-9工编单号])(?:(?P<year>[0-9]{{4}})[年/\-])?
        (?P<month>[0-9]{{1,2}}|[{_C}]{{1,3}}|下个?|这个?|本)[月/\-]
        (?P<dom>[0-9]{{1,2}}|[{_C}]{{1,3}})(?:[号日]|(?(year)(?![0-9])|(?!)))
    |(?<![{_C}0-9工编单号])(?:(?P<number>[0-9]{{1,2}}|[{_C}]{{1,3}})号
        (?![楼线店库仓柜机门院窗单码客厅馆台床房公员坐桌电文风那])|(?P<digits>[0-9]{{1,2}})日)
"""
# What a time can begin with; most characters of a text are passed over by this alone.
_FIRST = (
    f"(?=[0-9{_C}半个最至不大约差今后明听当即昨前寻㖊琴下这本上周星礼凌深午早清朝中正晌晏傍黄晚夜])"
)
# Every quantifier is bounded, so a text costs time in proportion to its length.
_TIME = re.compile(
    rf"""
    {_FIRST}(?:(?:(?P<most>最[晚迟多]|至多|不会?超过)|(?P<least>最[早快])|(?P<about>大[概约]|差不多|约))[在于是要]?)?
    (?:{_DURATION}|(?P<day>{_DAY})?(?(day)[的 t]?)
        (?P<part>{_WORDS}|(?<=[今明听当])[早晚朝]|[早晚](?={_N}点)(?!一点(?![半整钟]))
            |下班(?=[之以]?前))?(?(part)(?!好(?![的吗]))的?)
        (?:(?(day)|(?(part)|(?<![{_C}0-9.:])))
            (?:(?P<begin>{_CLOCK}|{_N}){_TO}(?P<later>{_WORDS})?)?(?P<clock>{_CLOCK}))?)
    (?:(?P<nearly>前后|左右|上下|之间)|(?P<within>[之以]?内(?![容部存地线]))
        |(?P<before>[之以]?前(?![面台往来期天]))|(?P<after>[之以过]?后(?![面台天续期日勤来])))?
    """,
    re.VERBOSE,
)
_VAGUE_MINUTES = re.compile("几(?:分钟|秒钟?)")
# 三点 may be three points: what stands before it then, and what may follow three o'clock.
_POINTS_BEFORE = re.compile(
    "(?:[第有这几述住充差快]|以下|下面|下列|注意|强调|说明|提醒|解释|做到|[讲谈]|早|晚)$"
)
_O_CLOCK_AFTER = re.compile(
    "$|的时候|[，。,.!?、;~)吧呢啊哦呀嘛可好行给我再打回联来致复跟准会到您你能方见叫通电答处就才开畀俾]"
)
_A_BIT_AFTER = re.compile("儿|点|时间|问题|意见|建议|也|都|小|心")
_ROUTINE_BEFORE = re.compile(rf"(?:时间[是为:]?|每[天日周晚月]?|{_WEEK}[一二三四五六日天]{_TO})$")
_ROUTINE_AFTER = re.compile(
    f"{_TO}{_WEEK}|(?:全天)?(?:人工)?(?:热线|客服|服务|在线|营业|值班|制|不间断)|都[能有可]|就?(?:[上下]班|[开关]门|关)"
)

Window = tuple[datetime | None, datetime]


class Agreed(NamedTuple):
    """A time named in a text.

    Attributes:
        start: First of its words, in code points of the source text.
        end: One past the last of them.
        earliest: Not before, or ``None`` if open (durations, days and parts of a day are).
        latest: The promise is kept if the call back comes no later.
    """

    start: int
    end: int
    earliest: datetime | None
    latest: datetime


def agreed_times(text: str, now: datetime) -> list[Agreed]:
    """Return the times still to come that a text names, as said at ``now`` (aware).

    What is past by its words (昨天, 十分钟前, 等了半小时), business hours (每天九点, 24小时客服),
    vague times (过几天) and days or parts of a day without an end (周五以后) are left out.
    """
    squeezed, places = _squeeze(text)
    found = list(_times(squeezed))
    agreed = []
    for match, following in zip_longest(found, found[1:]):
        start, end = match.span()
        # 半小时到一小时: what goes on in the next time leaves the bound to it.
        goes_on = following and following.start() == end + 1 and squeezed[end] in "到至~-"
        if goes_on or not _is_promise(squeezed, match):
            continue
        try:
            window = _window(match, now)
        except (OverflowError, ValueError):
            continue  # the 30th of February, or beyond the years that a datetime can hold
        if window:
            agreed.append(Agreed(places[start], places[end - 1] + 1, *window))
    return agreed


def names_time(text: str) -> bool:
    """Say whether a text names any time or duration; vague ones (过几天, 晚点) are none."""
    squeezed, _ = _squeeze(text)
    return bool(_VAGUE_MINUTES.search(squeezed)) or any(True for _ in _times(squeezed))


def _squeeze(text: str) -> tuple[str, list[int]]:
    """Fold a text and leave out its spaces, but for those between digits; with source places."""
    folded = fold_plain(text)
    places = [found.start() for found in re.finditer(r"\S|(?<=[0-9])\s(?=[0-9])", folded)]
    return "".join(folded[place] for place in places), places


def _times(text: str) -> Iterator[re.Match[str]]:
    return (match for match in _TIME.finditer(text) if _is_time(text, match))


def _is_time(text: str, match: re.Match[str]) -> bool:
    """Tell times from what only looks like them (三点建议, 有一点, 一天到晚)."""
    bounded = any(match.group("most", "nearly", "within", "before", "after"))
    if unit := match["unit"]:
        return unit != "天" or bounded or match["n"] not in {"一", "1", "半"}
    clock = match["clock"]
    if not clock or _clock(clock) >= 25 * _H:
        # 早晨 alone is the Cantonese good morning.
        return not clock and bool(match["day"] or match["part"] not in {None, "早晨"})
    if match["day"] or match["part"]:
        return not (clock == "一点" and _A_BIT_AFTER.match(text, match.end()))
    if _POINTS_BEFORE.search(text[max(0, match.start() - 2) : match.start()]):
        return False
    if bounded or match["begin"] or not clock.endswith("点"):
        return True
    return clock != "一点" and bool(_O_CLOCK_AFTER.match(text, match.end()))


def _is_promise(text: str, match: re.Match[str]) -> bool:
    """Leave out what is past by its words, and what is always so (business hours)."""
    before = text[max(0, match.start() - 6) : match.start()]
    if re.match("[昨前寻㖊琴上]", match["day"] or ""):
        return False
    if _ROUTINE_BEFORE.search(before) or _ROUTINE_AFTER.match(text, match.end()):
        return False
    # 等了半小时, 等半小时了 and 延误半小时 tell of a time that went by.
    bare = match["unit"] and not any(match.group("nearly", "within", "before", "after"))
    return not (bare and (re.search("[了误迟]$", before) or text.startswith("了", match.end())))


def _window(match: re.Match[str], now: datetime) -> Window | None:
    """Return the earliest and latest moment that the words allow, if there is a latest."""
    if match["unit"]:
        return None if match["before"] else _duration(match, now)
    day = _day(match, now.date())
    if match["clock"]:
        return _clock_window(match, now, day)
    if match["after"] or match["least"]:
        return None
    begin, end, *_ = _part(match["part"]) if match["part"] else (0, _DAY_END)
    # 中午前 alone is strict: its noon is a time of the clock.
    strict = (match["before"] or match["most"]) and match["part"] in {"中午", "正午", "晌午"}
    return None, _at(day or now.date(), begin if strict else end, now.tzinfo)


def _duration(match: re.Match[str], now: datetime) -> Window | None:
    """Read 半小时内, 十分钟后, 三天内, 3个工作日; days and longer end with their last day."""
    unit, amount = match["unit"], _amount(match["n"] or "一")
    if unit[-1] in "日天" and len(unit) > 1:
        return None, _at(_working_day(now, int(amount)), _DAY_END, now.tzinfo)
    amount += 0.5 * ("半" in unit)
    for word, days in _DAY_UNITS:
        if word in unit:
            if not any(match.group("most", "about", "nearly", "within", "after")):
                return None  # 三天没收到, 七天无理由
            last = now.date() + timedelta(math.ceil(amount * days))
            return None, _at(last, _DAY_END, now.tzinfo)
    length = timedelta(seconds=amount * next(size for word, size in _UNITS if word in unit))
    grace = timedelta(0)
    if not (match["within"] or match["most"]):
        loose = match["nearly"] or match["about"]
        grace = max(length * DURATION_SHARE, GRACE if loose else DURATION_GRACE)
    return None, (now.astimezone(UTC) + length + grace).astimezone(now.tzinfo)


def _working_day(now: datetime, count: int) -> date:
    """Return the ``count``-th working day after today, by the calendar of the zone of ``now``."""
    if count > MOST_WORKING_DAYS:
        raise ValueError(count)
    calendar = public_holidays(_COUNTRIES.get(getattr(now.tzinfo, "key", ""), "CN"))
    day = now.date()
    for _ in range(count):
        day += timedelta(1)
        while not calendar.is_working_day(day):
            day += timedelta(1)
    return day


def _day(match: re.Match[str], today: date) -> date | None:
    """Return the day that the words name, ``None`` if they name none."""
    if near := match["near"]:
        return today + timedelta(next((n for word, n in _DAYS_AHEAD if near.startswith(word)), 0))
    monday = today - timedelta(today.weekday())
    if whole := match["whole"]:
        return monday + timedelta(7 * whole.count("下") + 6)
    if match["weekday"]:
        place = "一二三四五六日天末".index(match["weekday"])
        weekday = min(place, 6)
        if week := match["week"]:
            return monday + timedelta(7 * week.count("下") + weekday)
        return today + timedelta((weekday - today.weekday()) % 7)
    text = match["dom"] or match["number"] or match["digits"]
    return _date(int(_amount(text)), match, today) if text else None


def _date(dom: int, match: re.Match[str], today: date) -> date:
    """Return the next day of that number, in the month and year that are named with it."""
    month = match["month"]
    if month and month[0] not in "下这本":
        named = date(int(match["year"] or today.year), int(_amount(month)), dom)
        return named if match["year"] or named >= today else named.replace(year=today.year + 1)
    ahead = month.startswith("下") if month else dom < today.day
    return date(
        today.year + (today.month - 1 + ahead) // 12, (today.month - 1 + ahead) % 12 + 1, dom
    )


def _clock_window(match: re.Match[str], now: datetime, day: date | None) -> Window:
    """Read a time of the clock, or two (三点到五点, 两三点)."""
    clock, part = match["clock"], match["part"]
    passed = (now - _at(now.date(), 0, now.tzinfo)).total_seconds() if not day else None
    late = early = _hour(clock, match["later"] or part, passed)
    if match["begin"]:
        early = _hour(match["begin"], part, passed)
    elif pair := re.match(f"[{_C}]([{_C}])点", clock):
        early = late - _H * ("十" not in pair[0])
    while late < early:
        late += 12 * _H
    if passed is not None and not part and late < passed:
        early, late = early + 24 * _H, late + 24 * _H
    base = day or now.date()
    first, last = _at(base, early, now.tzinfo), _at(base, late, now.tzinfo)
    if match["before"] or match["within"] or match["most"]:
        return None, last
    if match["after"] or match["least"]:
        return first, _at(base, _part_end(late, part), now.tzinfo)
    if early < late:
        return first, last
    return first - GRACE, last + (timedelta(hours=1) if clock.endswith("多") else GRACE)


def _hour(clock: str, part: str | None, passed: float | None) -> int:
    """Return the second of the day that a business means by a time of the clock.

    Args:
        clock: Its words.
        part: The part of the day that was named with it.
        passed: Seconds of today that are over, if no day was named.
    """
    read = _clock(clock)
    if part:
        _, _, low, high = _part(part)
        fits = (read + shift for shift in (-12 * _H, 0, 12 * _H, 24 * _H))
        return next((second for second in fits if low <= second < high), read)
    if clock.startswith("0") or not _H <= read < 12 * _H:
        return read
    if read < 7 * _H:
        # Who speaks at one at night means three at night.
        return read if passed is not None and passed < min(read, 6 * _H) else read + 12 * _H
    evening = 7 * _H <= read < 9 * _H and passed is not None and read < passed <= read + 12 * _H
    return read + 12 * _H if evening else read


def _part(word: str) -> tuple[int, int, int, int]:
    """Return the row of a part of the day."""
    word = _SHORT.get(word, word)
    return next(row for words, row in _PARTS.items() if re.fullmatch(words, word))


def _part_end(second: int, part: str | None) -> int:
    """Return when the part of the day ends that a second lies in."""
    if part and _part(part)[1] > second:
        return _part(part)[1]
    ends = (6 * _H, 12 * _H, 18 * _H, 22 * _H, _DAY_END)
    return next((end for end in ends if second < end), second + 2 * _H)


def _at(day: date, second: int, zone: tzinfo | None) -> datetime:
    return datetime.combine(day, time(), zone) + timedelta(seconds=second)


def _clock(text: str) -> int:
    """Return the second of the day that a time of the clock is, as written (三点 is 3:00)."""
    hour, minute = re.split("[点时:]", text + "点")[:2]
    minute = minute.rstrip("分钟整多")
    if minute == "半":
        minutes = 30.0
    elif minute.endswith("刻"):
        minutes = 15 * _amount(minute[:-1])
    elif minute.endswith("个字"):
        minutes = 5 * _amount(minute[:-2])
    else:
        minutes = _amount(minute or "0")
    return int(_amount(hour)) * _H + int(minutes) * 60


def _amount(text: str) -> float:
    """Read a number; of two neighbours (两三, 三五) the greater one, 半 is a half."""
    if text.isascii():
        return float(text)
    total = current = 0.0
    for char in text:
        if char == "半":
            current = 0.5
        elif scale := {"十": 10, "百": 100}.get(char):
            total, current = total + (current or 1) * scale, 0.0
        elif char == "廿":
            total += 20
        else:
            current = _DIGITS[char]
    return total + current
