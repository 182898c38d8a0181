"""Several rules over one conversation: what they owe each other, and what the source delivers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jiyu import Assessment, Checker
from jiyu.model import Event
from support import assess, checker, rule

CONCEPTS = {"rude": "有完没完", "curt": "等着", "lost": "听不懂", "kind": "您好"}


@pytest.fixture
def judge(tmp_path: Path) -> Checker:
    """Return a policy whose rules lean on each other."""
    rules = [
        rule("A-1", says=[{"concept": "rude"}], deduction=10),
        rule("A-2", says=[{"concept": "curt"}], deduction=4, category="evasion"),
        rule("B-1", gathers=["A-1"], deduction=50),
        rule("B-2", gathers=["evasion"], deduction=50),
        rule(
            "C-1",
            says=[{"concept": "curt"}],
            severity="minor",
            general=True,
            escalates={
                "says": [{"concept": "lost", "speaker": "customer"}],
                "severity": "critical",
            },
        ),
    ]
    return checker(tmp_path, rules, CONCEPTS)


def verdicts(assessment: Assessment) -> dict[str, str]:
    return {verdict.rule: verdict.verdict for verdict in assessment.verdicts}


def test_what_breaks_a_gathered_rule_breaks_the_one_that_gathers_it(judge: Checker) -> None:
    """By id or by category, with the other rule's findings, and at no further cost."""
    assessment = assess(judge, "服：有完没完")
    assert verdicts(assessment)["B-1"] == "violation"
    assert verdicts(assessment)["B-2"] == "pass"
    own, gathering = (v for v in assessment.verdicts if v.rule in ("A-1", "B-1"))
    assert own.findings == gathering.findings != ()
    assert (own.deduction, gathering.deduction) == (10, 0)
    assert assessment.score == 90
    assert "A-1" in gathering.reason
    assert verdicts(assess(judge, "服：等着"))["B-2"] == "violation"


def test_words_elsewhere_make_a_breach_graver(tmp_path: Path) -> None:
    """The severity rises with what the customer says, and only then."""
    escalates = {"says": [{"concept": "lost", "speaker": "customer"}], "severity": "critical"}
    rules = [rule("A-1", says=[{"concept": "curt"}], severity="minor", escalates=escalates)]
    judge = checker(tmp_path, rules, CONCEPTS)
    assert [f.severity for f in assess(judge, "服：等着\n客：好").findings] == ["minor"]
    assert [f.severity for f in assess(judge, "服：等着\n客：听不懂").findings] == ["critical"]
    assert assess(judge, "服：您好\n客：听不懂").findings == ()


def test_any_check_of_a_rule_breaks_it(tmp_path: Path) -> None:
    """A rule with further checks is as bad as the worst of them."""
    also = [{"kind": "limit", "measure": "transfers", "at_least": 1}]
    judge = checker(tmp_path, [rule("A-1", says=[{"concept": "rude"}], also=also)], CONCEPTS)
    events = (Event("transfer", 1.0),)
    assert verdicts(assess(judge, "服：您好"))["A-1"] == "pass"
    assert verdicts(assess(judge, "服：有完没完"))["A-1"] == "violation"
    assert verdicts(assess(judge, "服：您好", events=events))["A-1"] == "violation"
    assert len(assess(judge, "服：有完没完", events=events).findings) == 2


def test_what_two_checks_of_a_rule_see_is_one_finding(tmp_path: Path) -> None:
    """The same words cost once."""
    also = [{"kind": "forbid", "says": [{"concept": "rude"}], "general": True}]
    steps = {"kind": "sequence", "steps": [{"concept": "rude"}]}
    rules = [rule("A-1", says=[{"concept": "rude"}], also=[*also, steps], deduction=10)]
    assessment = assess(checker(tmp_path, rules, CONCEPTS), "服：有完没完")
    ids = [finding.finding_id for finding in assessment.findings]
    assert len(ids) == len(set(ids)) == 1
    assert assessment.score == 90


@pytest.mark.parametrize(
    ("fields", "text", "expected"),
    [
        ({"channel": "phone", "capabilities": ("audio_events",)}, "服：您好", "pass"),
        ({"channel": "phone", "capabilities": ()}, "服：您好", "not_assessable"),
        ({"channel": "phone"}, "服：您好", "not_assessable"),
        ({"channel": "phone", "capabilities": ()}, "服：有完没完", "violation"),
        ({"channel": "chat"}, "服：您好", "pass"),
    ],
)
def test_a_pass_needs_what_the_source_must_deliver(
    tmp_path: Path, fields: dict[str, Any], text: str, expected: str
) -> None:
    """What is visibly there counts; silence counts only where a sound would have been told."""
    rules = [rule("A-1", says=[{"concept": "rude"}], requires=["audio_events"])]
    assessment = assess(checker(tmp_path, rules, CONCEPTS), text, **fields)
    assert verdicts(assessment)["A-1"] == expected


@pytest.mark.parametrize(
    ("bound", "fields", "expected"),
    [
        ({"channel": "phone"}, {"channel": "phone"}, "violation"),
        ({"channel": "phone"}, {"channel": "chat"}, "not_applicable"),
        ({"channel": "phone"}, {}, "violation"),
        ({"direction": "outbound"}, {"direction": "outbound"}, "violation"),
        ({"direction": "outbound"}, {"direction": "inbound"}, "not_applicable"),
        ({"direction": "outbound"}, {}, "violation"),
    ],
)
def test_a_check_bound_to_a_channel_or_direction_does_not_apply_elsewhere(
    tmp_path: Path, bound: dict[str, Any], fields: dict[str, Any], expected: str
) -> None:
    """Where the source does not say, the check looks."""
    judge = checker(tmp_path, [rule("A-1", says=[{"concept": "rude"}], **bound)], CONCEPTS)
    assert verdicts(assess(judge, "服：有完没完", **fields))["A-1"] == expected


def test_advice_is_told_and_costs_nothing(tmp_path: Path) -> None:
    """A finding of the kind ``advice``, and a full score."""
    rules = [rule("A-1", says=[{"concept": "curt"}], advice=True, deduction=0)]
    assessment = assess(checker(tmp_path, rules, CONCEPTS), "服：等着")
    assert [finding.kind for finding in assessment.findings] == ["advice"]
    assert assessment.score == 100
