"""Checks of the kind ``protect``: who says whose personal data."""

from __future__ import annotations

from collections.abc import Iterator

from jiyu.judge.dialogue import Dialogue, MarkedTurn
from jiyu.judge.ruling import PASS, Evidence, Ruling, unknown, violation
from jiyu.model import Span
from jiyu.policy.checks import Protect
from jiyu.text.personal import Personal, find_personal

#: So many characters before and after some data may say whose it is.
REACH = 24
#: A source puts these where it has taken personal data out.
_MASKED = ("已脱敏", "已脫敏", "已屏蔽", "已隐去", "已隱去")
#: So many digits at the end of a number are enough to know it again.
_TAIL = 4


def judge(check: Protect, dialogue: Dialogue) -> Ruling:
    """Say whether the agent disclosed somebody's data."""
    evidence: list[Evidence] = []
    for turn in dialogue.agent_turns:
        evidence += disclosed(check, dialogue, turn)
    if evidence:
        return violation(evidence)
    if any(mask in turn.turn.text for turn in dialogue.agent_turns for mask in _MASKED):
        return unknown("客服说的个人资料已被脱敏")
    return PASS


def disclosed(check: Protect, dialogue: Dialogue, turn: MarkedTurn) -> list[Evidence]:
    """Return the data that one turn of the agent discloses; nothing said later changes it."""
    told = [item for item in find_personal(turn.turn.text) if item.kind in check.data]
    return [
        Evidence(turn.index, (_span(turn, item),), detail=f"说出了{_KINDS[item.kind]}")
        for item in told
        if _discloses(check, dialogue, turn, item)
    ]


def _discloses(check: Protect, dialogue: Dialogue, turn: MarkedTurn, item: Personal) -> bool:
    """Decide whose the data is: by the words around it, then by what the customer asked for."""
    whose = _nearest(check, turn, item) or _asked_for(check, dialogue, turn)
    if whose == "others":
        return True
    if whose or _customer_said(dialogue, turn, item):
        return False
    return item.kind in check.unlabelled


def _asked_for(check: Protect, dialogue: Dialogue, turn: MarkedTurn) -> str:
    """Return whose data the customer had just asked for, or nothing."""
    asked = list(dialogue.words_before(turn))
    for name in ("others", "public"):
        if any(other.mentions_any(getattr(check, name)) for other in asked):
            return name
    return ""


def _nearest(check: Protect, turn: MarkedTurn, item: Personal) -> str:
    """Return whose the words nearest to some data say that it is, or nothing."""
    best, whose = REACH + 1, ""
    for name in ("others", "own", "public"):
        for start, end in _places(turn, getattr(check, name)):
            distance = item.start - end if end <= item.start else start - item.end
            if max(0, distance) < best:
                best, whose = max(0, distance), name
    return whose


def _places(turn: MarkedTurn, concepts: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Yield where in the source of a turn some concepts are mentioned."""
    for concept in concepts:
        for mention in turn.by_concept.get(concept, ()):
            span = turn.spans(mention)[-1]
            yield span.start, span.end


def _customer_said(dialogue: Dialogue, turn: MarkedTurn, item: Personal) -> bool:
    """Say whether the customer gave the same data before, or its last digits."""
    said = turn.turn.text[item.start : item.end]
    for other in dialogue.turns[: turn.index]:
        if other.turn.speaker != "customer":
            continue
        if said in other.turn.text:
            return True
        known = [each.digits for each in find_personal(other.turn.text)]
        if item.digits and any(_same_number(item.digits, digits) for digits in known):
            return True
    return False


def _same_number(one: str, other: str) -> bool:
    return one == other or (len(other) >= _TAIL and one.endswith(other[-_TAIL:]))


def _span(turn: MarkedTurn, item: Personal) -> Span:
    return Span(turn.index, item.start, item.end, turn.turn.text[item.start : item.end])


_KINDS = {
    "mobile": "手机号码",
    "landline": "电话号码",
    "hotline": "服务热线",
    "id_number": "身份证号码",
    "bank_card": "银行卡号",
    "address": "地址",
    "email": "邮箱",
    "account": "帐号",
    "tail": "尾号",
}
