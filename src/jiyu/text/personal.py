"""Find personal data in one source text and mask it.

Digits are read as people give them: typed, full-width, spoken (幺三八…), in groups, partly masked.
A number is what its shape and check digit say, unless the word before it says what it is (卡号,
尾号, 运单号).  All repeats are bounded: the cost is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import mul
from typing import NamedTuple

from jiyu.model import PersonalKind


class Personal(NamedTuple):
    """Where what is; ``digits`` in ASCII without a country code, masked ones as ``*``."""

    kind: PersonalKind
    start: int
    end: int
    digits: str


class _Group(NamedTuple):
    """Digits of one script that stand together."""

    start: int
    end: int
    digits: str
    spoken: bool
    gap: str  # to the group before: "" none, " " spaces, "-" dash or bracket, "," pause, "|" far


# Spoken digits stay apart from typed ones until the groups are known: 周一13800138000.
_TYPED = {0xE000 + digit: str(digit) for digit in range(10)}
_MARKS: dict[int, int | str] = dict.fromkeys(_TYPED, "#")
_MARKS |= {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_MARKS |= {ord(c): 0xE000 + digit for digit, c in enumerate("零一二三四五六七八九")}
_MARKS |= {ord(c): 0xE000 for c in "〇○"} | {ord(c): 0xE001 for c in "幺么"}
_MARKS |= dict.fromkeys(map(ord, "●×•"), "*")
# Numerals inside a word, and 么 (what 幺 is in some Traditional text) where it is no digit.
_IN_WORDS = re.compile(
    r"(?<=[第周週期拜统統唯专專])[一二三四五六]"
    r"|一(?=[下个個样樣直起定点點些般会會切共旦次位天块塊])"
    r"|(?<=[什甚怎多那这這要])么|么(?![零〇一二三四五六七八九幺么])"
    r"|(?<!\*)\*{1,2}(?!\*)"  # **13800138000** is bold, not masked
)
_CROSSED = re.compile(r"(?<=[0-9\ue000-\ue009])[xX*星]{3,14}(?=[0-9\ue000-\ue009])")
_GROUP = re.compile(r"[0-9*]+|[\ue000-\ue009*]+")
_GAP = re.compile(r"[^\S\r\n]*(?:[-‐-―－_…~～·.()（），,、嗯呃啊哦][^\S\r\n]*){0,4}")
_LONGEST = 30

_CODE = "[号號]?[码碼]?"
_CUE = re.compile(
    "(?P<tail>尾[号號数數]|[后後末尾][三四五六几幾3-6](?:[位码碼]|[个個]字))"
    "|(?P<order>(?:[单單票][号號]|[运運]单|運單|[订訂工][单單]|快[递遞][单單]|[编編][号號]|流水"
    f"|[型货貨批][号號]|[条條][码碼]){_CODE})|(?P<parcel>快[递遞](?![员員]))"
    f"|(?P<account>[帐账帳賬][号號户戶]{_CODE})"
    f"|(?P<card>(?:卡[号號]|[银銀]行卡|[储儲]蓄卡|信用卡){_CODE})"
    f"|(?P<id>(?:身[份分][证證]|[证證]件){_CODE})"
    "|(?P<phone>[电電][话話]|手[机機]|[号號][码碼]|[联聯][系繫络絡]|[热熱][线線]|客服"
    "|[拨撥]|致[电電]|[Ww]hats[Aa]pp)"
)
_SENTENCE_END = re.compile(r"[。！？!?；;\n]")
_SIGHT = 24
_CODE_BEFORE = re.compile(
    r"(?<!tel)(?<!phone)(?<!mobile)(?<!vx)(?<!wx)(?<=[a-z])[-_#]?\Z|[￥¥$]\Z", re.IGNORECASE
)
_AMOUNT_AFTER = re.compile(r"\s?(?:[元吨噸亿億]|[公千][斤克]|kg|KG|[万萬](?!一))|[.:：]\d|[A-Za-z]")
_COUNT_AFTER = re.compile(r"\s?[块塊件个個箱票单單斤克米天次年%％分秒]")

_D = "[0-9*]"
# PersonalKind, shape, what must hold besides, and what the national number begins with.
_PHONES: tuple[tuple[PersonalKind, str, str, str], ...] = (
    ("hotline", r"([48]00\d{7}|080[09]\d{6}|1(?:0000|0010|0086|0099|2306|2315|2345))", "", ""),
    ("hotline", r"(9[56]\d{3,4}|1010\d{4}|1(?:00|11|2\d)\d\d)", "phone", ""),
    ("mobile", rf"(?:\+?86|0)?(1[3-9]{_D}{{9}})", "", ""),
    ("mobile", rf"(09{_D}{{8}})", "", ""),
    ("mobile", rf"\+8860?(9{_D}{{8}})", "", "0"),
    ("mobile", rf"\+852([5679]{_D}{{7}})", "", ""),
    # Eight digits are a mobile in Hong Kong and a landline without its code in Beijing.
    ("landline", rf"([5679]{_D}{{7}})", "phone", ""),
    ("landline", rf"(0(?:10|2\d)[1-9*]{_D}{{7}}|0[3-9]\d\d[1-9*]{_D}{{6,7}})", "", ""),
    ("landline", rf"\+86((?:10|2\d)[1-9]{_D}{{7}}|[3-9]\d\d[1-9]{_D}{{6,7}})", "", "0"),
    ("landline", rf"(0[2-8][2-9*]{_D}{{6,7}})", "parted", ""),
    ("landline", rf"\+8860?([2-8]{_D}{{7,8}})", "", "0"),
    ("landline", rf"\+852([23]{_D}{{7}})", "", ""),
)
_RESIDENT = re.compile(r"[1-8]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX]")
_MASKED_RESIDENT = re.compile(r"[1-8]\d{0,9}\*{4,17}\d{0,4}[\dX]?")
_CARD = re.compile(rf"[3-6]\d\d{_D}{{13,16}}")
# Taiwan, and Hong Kong with the check digit in brackets or not.
_LETTERED = re.compile(
    r"(?<![0-9A-Z])(?:([A-Z][ -]?[1289]\d{8})|([A-Z]{1,2}\d{6}\([0-9A]\))|([A-Z]{1,2}\d{6}[0-9A]))"
    r"(?![0-9A-Z])",
    re.IGNORECASE | re.ASCII,
)
_TAIWAN = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}"
)
_HOUSE = (
    "[0-9０-９A-Za-z一二三四五六七八九十百零〇甲乙丙丁]{1,6}(?:[-－之][0-9０-９]{1,4})?"
    "(?:(?P<bare>[号號](?![线線码碼楼樓])(?:(?<=\\d\\d\\d.)|(?![上下]午|之?前[到送发發])))"
    "|(?:[号號]?[楼樓院]|[栋棟幢座室层層弄巷组組队隊邻鄰]|[单單]元))"
    "(?:之?[0-9０-９]{1,4}(?![-0-9０-９之号號楼樓院栋棟幢座室层層弄巷组組队隊鄰单單])|[零〇一二三四五六七八九幺]{3,4}(?![号號楼樓栋棟室]))?"
)
_LEVEL = (
    "[^\\W\\d_a-zA-Z的是在到住寄往您你妳我他她它们們了请請喺佢吗嗎呢吧啊址给給从從叫]{1,12}?"
    "(?:(?P<region>省|自治[区區州]|[市县縣]|(?<![小社园園])[区區])|[区區镇鎮乡鄉村路街道巷段邨苑]"
    "|胡同|衚衕|[花家公][园園]|新城"
    "|(?P<building>[阁閣]|(?<![一二三四五六七八九十])[楼樓]|大[厦廈]|[广廣][场場]|中心))"
    "(?![省市区區县縣镇鎮乡鄉路街道村])"
)
_NUMERAL = "[0-9０-９零〇○一二三四五六七八九幺么]"
_LIKELY = re.compile(f"{_NUMERAL}.{{0,5}}{_NUMERAL}|[@＠]|{_HOUSE}")
_ADDRESS_PART = re.compile(f"(?P<house>{_HOUSE})|(?P<level>{_LEVEL})")


def find_personal(text: str) -> list[Personal]:
    """Find personal data.

    Args:
        text: Source text in either script; nothing in it can raise an error.

    Returns:
        What was found, in order; of what overlaps, the more certain.
    """
    # Most texts hold no data, and this look costs a small part of the rest.
    if not _LIKELY.search(text):
        return []
    marked = _IN_WORDS.sub(lambda match: "#" * len(match[0]), text).translate(_MARKS)
    marked = _CROSSED.sub(lambda match: "*" * len(match[0]), marked)
    shape = marked.translate(_TYPED)
    found = [Personal("email", *match.span(), "") for match in _EMAIL.finditer(shape)]
    found += _lettered(text, shape)
    for run in _runs(marked):
        found += _numbers(text, shape, run)
    found += _addresses(text)
    covered = bytearray(len(text))
    kept = []
    for personal in found:
        place = slice(personal.start, personal.end)
        if not any(covered[place]):
            covered[place] = b"\1" * (personal.end - personal.start)
            kept.append(personal)
    return sorted(kept, key=lambda personal: personal.start)


def mask(text: str) -> str:
    """Put ``*`` for each letter and digit of personal data, so that every span still holds."""
    characters = list(text)
    for kind, start, end, _ in find_personal(text):
        if kind not in {"hotline", "tail"}:
            characters[start:end] = ["*" if c.isalnum() else c for c in characters[start:end]]
    return "".join(characters)


def _runs(marked: str) -> Iterator[list[_Group]]:
    """Yield the groups of digits that only spaces, dashes and pauses part."""
    run: list[_Group] = []
    for match in _GROUP.finditer(marked):
        gap = _gap(marked[run[-1].end : match.start()]) if run else "|"
        if gap == "|" and run:
            yield run
            run = []
        run.append(_Group(*match.span(), match[0].translate(_TYPED), max(match[0]) > "9", gap))
    yield run


def _gap(between: str) -> str:
    """Say how two groups are parted (see ``_Group.gap``)."""
    if len(between) > 4 or not _GAP.fullmatch(between):
        return "|"
    if not between.strip():
        return between[:1] and " "
    return "," if any(c in "，,、嗯呃啊哦…_" for c in between) else "-"


def _numbers(text: str, shape: str, run: list[_Group]) -> Iterator[Personal]:
    """Yield the numbers of a run, the longest first at each place."""
    index = free = 0
    while index < len(run):
        lasts = _lasts(run, index, run[index - 1] if index > free else None)
        hits = (_number(text, shape, run[index : last + 1]) for last in lasts)
        hit = next(filter(None, hits), None)
        index += 1
        if hit:
            yield hit
            while index < len(run) and run[index].start < hit.end:
                index += 1
            free = index


def _lasts(run: list[_Group], index: int, before: _Group | None) -> list[int]:
    """Return with which groups a number from group ``index`` on may end, the longest first."""
    first, total, lasts = run[index], 0, []
    for last, group in enumerate(run[index : index + _LONGEST], index):
        total += len(group.digits)
        # The digits before belong to the same number: it cannot begin here.
        if total > _LONGEST or (last > index and before and _same(before, first, first.gap, group)):
            break
        after = run[last + 1] if last + 1 < len(run) else None
        if last == index or not after or not _same(after, group, after.gap, group):
            lasts.append(last)
    return lasts[::-1]


def _same(other: _Group, edge: _Group, gap: str, inner: _Group) -> bool:
    """Say whether ``other`` goes on with the number at ``edge``: digits parted and grouped alike.

    138 0013 8000 3件 ends before the 3.
    """
    alike = other.spoken == edge.spoken and len(edge.digits) <= len(other.digits) < 7
    return alike and gap in {"-", "", inner.gap}


def _number(text: str, shape: str, groups: list[_Group]) -> Personal | None:
    """Say what number some groups of digits are together."""
    digits, start, end = "".join(g.digits for g in groups), groups[0].start, groups[-1].end
    thousands = all(g.gap == "," and len(g.digits) == 3 for g in groups[1:])
    if len(groups) > 1 and thousands and len(groups[0].digits) <= 3:
        return None
    if not 3 <= len(digits) <= _LONGEST or _CODE_BEFORE.search(shape[max(0, start - 9) : start]):
        return None
    if (len(digits) == 17 or digits.count("*") > 3) and shape[end : end + 1] in {"X", "x", "叉"}:
        digits, end = digits + "X", end + 1
    if _AMOUNT_AFTER.match(shape, end) or (len(digits) < 9 and _COUNT_AFTER.match(shape, end)):
        return None
    cue, phone = _cues(text, start, end)
    hit = None if cue == "order!" else _identity(digits, cue)
    if not hit and cue != "order!":
        plus = shape[start - 1 : start] == "+" if start else False
        start -= plus
        dialled = "+" + digits if plus else re.sub("^00(?=86|852|886)", "+", digits)
        hit = _phone(dialled, {"": True, "phone": phone, "parted": phone or len(groups) > 1})
    if cue in {"account!", "card!"} and (not hit or hit[0] in {"landline", "hotline"}):
        hit = ("account", digits) if len(digits) >= (6 if cue == "account!" else 12) else None
    return Personal(hit[0], start, end, hit[1]) if hit else None


def _cues(text: str, start: int, end: int) -> tuple[str, bool]:
    """Return what the words before say a number is, and if its sentence speaks of a telephone.

    A ``!`` behind the word says that it stands right before the number.
    """
    before = _SENTENCE_END.split(text[max(0, start - _SIGHT) : start])[-1]
    after = _SENTENCE_END.split(text[end : end + _SIGHT])[0]
    found = list(_CUE.finditer(before))
    phone = any(m.lastgroup == "phone" for m in (*found, *_CUE.finditer(after)))
    if not found:
        return "", phone
    cue = str(found[-1].lastgroup)
    return cue + "!" * (len(before) - found[-1].end() <= (4 if cue == "order" else 6)), phone


def _identity(digits: str, cue: str) -> tuple[PersonalKind, str] | None:
    """Recognise a tail, an ID number or a bank card."""
    kind: PersonalKind | None = None
    whole = len(digits) in {15, 18}
    if cue == "tail!" and len(digits) <= 6:
        kind = "tail"
    elif cue.startswith(("order", "parcel")) or len(digits) < 8:
        kind = None
    elif cue == "id!" and (whole or "*" in digits):
        kind = "id_number"
    elif cue == "card!" and "*" in digits:
        kind = "bank_card"
    elif (whole and _MASKED_RESIDENT.fullmatch(digits)) or _resident(digits):
        kind = "id_number"
    elif _CARD.fullmatch(digits) and ("*" in digits or _luhn(digits)):
        kind = "bank_card"
    return (kind, digits) if kind else None


def _resident(digits: str) -> bool:
    """Check the date and the check digit; validate() refuses people of renamed counties."""
    if not _RESIDENT.fullmatch(digits):
        return False
    # Importing stdnum loads ssl, which few texts are worth.
    from stdnum.cn import ric  # noqa: PLC0415

    return ric.calc_check_digit(digits) == digits[-1]


def _luhn(digits: str) -> bool:
    from stdnum import luhn  # noqa: PLC0415

    return luhn.is_valid(digits)


def _phone(digits: str, holds: dict[str, bool]) -> tuple[PersonalKind, str] | None:
    """Recognise a telephone number; of a masked one four digits at least must be left."""
    if not 5 <= len(digits) <= 15 or len(digits) - digits.count("*") < 4:
        return None
    for kind, shape, need, lead in _PHONES:
        match = re.fullmatch(shape, digits)
        if match and holds[need]:
            return kind, lead + match[1]
    return None


def _lettered(text: str, shape: str) -> Iterator[Personal]:
    """Yield ID numbers of Taiwan (checksum) and Hong Kong, which begin with letters."""
    for match in _LETTERED.finditer(shape):
        cue, _ = _cues(text, *match.span())
        number = re.sub("[^0-9A-Z]", "", match[0].upper())
        if match[1]:
            values = divmod(_TAIWAN.index(number[0]) + 10, 10)
            weights = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)
            certain = not sum(map(mul, weights, (*values, *map(int, number[1:])))) % 10
        else:
            certain = bool(match[2])
        if cue == "id!" or (certain and not cue.startswith(("order", "parcel"))):
            yield Personal("id_number", *match.span(), number)


def _addresses(text: str) -> Iterator[Personal]:
    """Yield addresses: parts that follow each other, three at least, down to a house.

    大埔廣福道 is worth two parts, a building none before there is a place (客服中心二楼), and a
    bare 3号 after a city or district is a date or a shipment.
    """
    start, end, worth = 0, 0, 0  # end: where the last house of an address ended
    last: re.Match[str] | None = None
    for part in _ADDRESS_PART.finditer(text):
        gap = text[last.end() : part.start()] if last else "|"
        if gap not in ({"", " "} if part["house"] else {"", " ", ",", "，", "、"}):
            if end:
                yield Personal("address", start, end, "")
            start, end, worth = part.start(), 0, 0
        if part["level"]:
            worth += 1 + (len(part[0]) >= 5) if worth or not part["building"] else 0
        elif worth:
            worth += 1
            if worth > 2 and not (part["bare"] and last and last["region"]):
                end = part.end()
        else:
            start = part.end()
        last = part
    if end:
        yield Personal("address", start, end, "")
