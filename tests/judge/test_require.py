"""Duties: when they come up, where they may be done, and what is not known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jiyu import Checker, Conversation
from jiyu.model import Event, Turn
from support import checker, dialogue, rule

CONCEPTS = {
    "hello": "{您好|你好}",
    "name": "我是小<name>",
    "offer": "能帮您",
    "purpose": "给您回电",
    "bye": "再见",
    "thanks": "感谢",
    "welcome": "不客气",
    "clear": "明白了",
    "consent": "愿意等",
}
WHOLE: dict[str, Any] = {"started_at": "2026-03-02T09:00:00+08:00"}


def verdict(judge: Checker, text: str, **fields: Any) -> tuple[str, str]:
    """Return verdict and, of a violation, the words that are its evidence."""
    assessment = judge.assess(Conversation("c", dialogue(text), **fields))
    words = "/".join(span.text for f in assessment.findings for span in f.spans)
    return assessment.verdicts[0].verdict, words


def duty(folder: Path, **fields: Any) -> Checker:
    return checker(folder, [rule("A-1", kind="require", **fields)], CONCEPTS)


OPENING: dict[str, Any] = {
    "opening": 2,
    "needs": [
        {"title": "问候", "any": "hello"},
        {"title": "帮助", "any": "offer", "outbound": "purpose"},
    ],
}


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("服：您好，有什么能帮您", WHOLE, "pass"),
        ("服：您好\n客：在吗\n服：能帮您什么", WHOLE, "pass"),
        ("服：您好\n客：在吗\n服：在\n客：嗯\n服：能帮您什么", WHOLE, "violation"),
        ("服：能帮您什么", WHOLE, "violation"),
        ("服：您好，给您回电", WHOLE | {"direction": "outbound"}, "pass"),
        ("服：您好，能帮您什么", WHOLE | {"direction": "outbound"}, "violation"),
        ("服：您好，给您回电", WHOLE | {"direction": "inbound"}, "violation"),
        ("服：您好，给您回电", WHOLE, "pass"),
        ("服：在", {}, "not_assessable"),
        ("服：［听不清］在", WHOLE, "not_assessable"),
        ("客：在吗", WHOLE, "not_applicable"),
    ],
)
def test_an_opening_is_due_in_the_first_turns_of_a_whole_conversation(
    tmp_path: Path, text: str, fields: dict[str, Any], expected: str
) -> None:
    """Who called decides what is due; an excerpt has no beginning to judge."""
    assert verdict(duty(tmp_path, **OPENING), text, **fields)[0] == expected


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("服：好\n客：嗯\n服：再见", WHOLE, "pass"),
        ("服：再见\n客：等等\n服：好\n客：嗯\n服：好", WHOLE, "violation"),
        ("服：好\n客：拜", WHOLE | {"ended_by": "customer"}, "not_applicable"),
        ("服：好\n客：拜", WHOLE | {"ended_by": "agent"}, "violation"),
    ],
)
def test_a_closing_is_due_unless_the_customer_hung_up(
    tmp_path: Path, text: str, fields: dict[str, Any], expected: str
) -> None:
    """Nobody can say goodbye into a line that is dead."""
    needs = [{"title": "再见", "any": "bye"}]
    assert verdict(duty(tmp_path, closing=2, needs=needs), text, **fields)[0] == expected


REPLY: dict[str, Any] = {
    "when": [{"speaker": "customer", "concept": "thanks"}],
    "within": 1,
    "needs": [{"title": "不客气", "any": "welcome", "longer": 8}],
    "accepts": "clear",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("客：感谢\n服：不客气", ("pass", "")),
        ("客：感谢\n服：好", ("violation", "感谢")),
        ("客：感谢\n服：好\n客：嗯\n服：不客气", ("violation", "感谢")),
        ("客：感谢\n服：应该的应该做的事情", ("pass", "")),
        ("客：感谢\n服：好\n客：明白了", ("pass", "")),
        ("客：感谢\n服：好\n客：感谢\n服：不客气", ("pass", "")),
        ("服：感谢\n客：好", ("not_applicable", "")),
        ("服：好\n客：感谢", ("not_applicable", "")),
        ("客：感谢\n服：***", ("not_assessable", "")),
    ],
)
def test_a_reply_is_due_in_the_turns_after_what_brings_it_up(
    tmp_path: Path, text: str, expected: tuple[str, str]
) -> None:
    """The evidence is what the customer said; without a turn to reply in, nothing is due."""
    assert verdict(duty(tmp_path, **REPLY), text) == expected


def test_where_each_time_counts_every_unmet_one_is_a_finding(tmp_path: Path) -> None:
    """One reply does not do for three thanks."""
    judge = duty(tmp_path, **REPLY, each=True)
    text = "客：感谢\n服：好\n客：感谢\n服：不客气\n客：感谢你\n服：好"
    assert verdict(judge, text) == ("violation", "感谢/感谢")


HOLD = (Event("hold", 20.0), Event("resume", 60.0))


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        ((1.0, 10.0, 70.0), "pass"),
        ((1.0, 30.0, 70.0), "violation"),
        ((1.0, None, 70.0), "not_assessable"),
        ((None, None, None), "not_assessable"),
        ((10.0, 1.0, 70.0), "not_assessable"),
    ],
)
def test_times_say_what_was_said_before_a_hold(
    tmp_path: Path, starts: tuple[float | None, ...], expected: str
) -> None:
    """Consent after the music has begun is none; without times nobody knows."""
    needs = [{"title": "征询", "any": "consent"}]
    judge = duty(tmp_path, event="hold", before=3, within=0, needs=needs)
    texts = ("您好", "您愿意等吗", "好了")
    turns = tuple(
        Turn(text, "agent", start, None if start is None else start + 2)
        for text, start in zip(texts, starts, strict=True)
    )
    assessment = judge.assess(Conversation("c", turns, events=HOLD))
    assert assessment.verdicts[0].verdict == expected
    if expected == "violation":
        assert [finding.at for finding in assessment.findings] == [20.0]


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2025-10-01", "violation"), ("2025-10-15", "not_applicable"), (None, "not_assessable")],
)
def test_a_holiday_greeting_is_due_by_the_calendar(
    tmp_path: Path, day: str | None, expected: str
) -> None:
    """National Day, a Wednesday, and no date at all."""
    judge = duty(tmp_path, holiday=True, needs=[{"title": "节日", "any": "bye"}])
    started = None if day is None else f"{day}T10:00:00+08:00"
    assert verdict(judge, "服：您好", started_at=started)[0] == expected
