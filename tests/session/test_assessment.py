"""Assessments: evidence that is missing, and the same outcome live and after."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiyu import Checker, Conversation, Turn
from jiyu.model import Segment
from support import assess, checker, dialogue, rule

RULES = [
    rule("A-1"),
    rule("A-2", category="evasion", says=[{"unless": ["remedy", "quoted"], "ends": "clause"}]),
    rule("A-3", says=[{"fills": "turn", "answers": "complaint"}]),
    rule("A-4", says=[{"near": "complaint", "scope": "sentence"}]),
]
CONCEPTS = {
    "A-1": {"phrases": "有完没完\n不想X就别X\n不是…吗", "except": "不是这样吗"},
    "A-2": "不知道",
    "A-3": "{没错|对没错}",
    "A-4": "随便",
}
PIECES = [
    "有完",
    "没完",
    "不知道",
    "我帮您",
    "查",
    "不是",
    "吗",
    "不想用",
    "就别用",
    "没错",
    "投诉",
]
TEXTS = st.lists(st.sampled_from([*PIECES, "，", "。", " ", "随便", "您说", "嗯", "这样"])).map(
    "".join
)
TURNS = st.lists(
    st.builds(Turn, TEXTS, st.sampled_from(["agent", "agent", "customer", "system", "other"])),
    max_size=9,
)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    return checker(tmp_path_factory.mktemp("policy"), RULES, CONCEPTS)


@given(turns=TURNS)
def test_turn_by_turn_is_the_same_as_all_at_once(judge: Checker, turns: list[Turn]) -> None:
    """A live session closes with the assessment that batch gives."""
    session = judge.open("c")
    for number, turn in enumerate(turns):
        session.feed(Segment(str(number), turn.text, turn.speaker))
    assert session.close() == judge.assess(Conversation("c", tuple(turns)))


@given(conversations=st.lists(TURNS, max_size=5))
def test_conversations_judged_together_do_not_touch(
    judge: Checker, conversations: list[list[Turn]]
) -> None:
    """One pass over many conversations gives what each gives alone."""
    named = [Conversation(str(n), tuple(turns)) for n, turns in enumerate(conversations)]
    assert judge.assess_all(named) == [judge.assess(c) for c in named]


@given(turns=TURNS)
def test_evidence_is_exactly_where_the_spans_say(judge: Checker, turns: list[Turn]) -> None:
    """A span's text is what stands at its place in the source."""
    for finding in judge.assess(Conversation("c", tuple(turns))).findings:
        for span in finding.spans:
            assert turns[span.turn].text[span.start : span.end] == span.text != ""
            assert turns[span.turn].speaker == "agent"


def test_words_over_two_turns_have_two_spans(judge: Checker) -> None:
    """Each span lies in its own turn."""
    (finding,) = assess(judge, "服：你 有 完\n服：，没完啊").findings
    assert [(s.turn, s.start, s.end, s.text) for s in finding.spans] == [
        (0, 2, 5, "有 完"),
        (1, 1, 3, "没完"),
    ]


def test_an_id_depends_on_conversation_rule_and_place_alone(judge: Checker) -> None:
    """The same fact has the same id, another fact another."""
    turns = dialogue("服：有完没完")
    first, again = (judge.assess(Conversation("c", turns)).findings[0] for _ in range(2))
    other = judge.assess(Conversation("d", turns)).findings[0]
    assert first.finding_id == again.finding_id != other.finding_id


def verdicts(judge: Checker, text: str) -> set[str]:
    return {verdict.verdict for verdict in assess(judge, text).verdicts}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("服：您好", "pass"),
        ("客：您好", "not_applicable"),
        ("他：您好", "not_assessable"),
        ("服：［听不清］好的", "not_assessable"),
        ("服：你这个***", "not_assessable"),
        ("客：***\n服：好的", "pass"),
        ("服：手机号［已脱敏］收到", "pass"),
    ],
)
def test_missing_evidence_is_never_a_pass(judge: Checker, text: str, verdict: str) -> None:
    """Where the agent's words are missing or nobody is known to be the agent, jiyu says so."""
    assert verdicts(judge, text) == {verdict}


def test_a_conversation_that_cannot_be_judged_has_no_score(judge: Checker) -> None:
    """No evidence is not 100 points."""
    assessment = assess(judge, "他：您好")
    assert (assessment.score, assessment.grade) == (None, None)


def test_what_was_found_stands_even_where_words_are_missing(judge: Checker) -> None:
    """A violation that was heard is one; only the clean verdicts are in doubt."""
    assessment = assess(judge, "服：有完没完［听不清］")
    assert [v.verdict for v in assessment.verdicts] == ["violation", *["not_assessable"] * 3]
    assert assessment.score == 90
