"""A small policy with every kind of rule, and what alerts may do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jiyu import Assessment, Checker
from jiyu.model import Alert, Facts, Finding, Segment
from support import checker, rule

RULES = [
    rule("A-1"),
    rule("A-2", category="evasion", says=[{"unless": ["remedy", "quoted"], "ends": "clause"}]),
    rule("A-3", says=[{"fills": "turn", "answers": "complaint"}]),
    rule("A-4", general=True, says=[{"concept": ["A-4"], "unless": ["negated", "quoted"]}]),
    rule("A-5", says=[{"concept": ["A-5"], "on_line": True}]),
    rule(
        "A-6",
        channel="phone",
        escalates={"says": [{"concept": "complaint"}], "severity": "critical"},
    ),
    rule("B-1", kind="require", opening=2, needs=[{"title": "问候", "any": "hello"}]),
    rule(
        "B-2",
        kind="require",
        when=[{"concept": "complaint", "speaker": "customer"}],
        within=1,
        needs=[{"title": "道歉", "any": "courtesy"}],
    ),
    rule("B-3", kind="require", closing=1, needs=[{"title": "再见", "any": "bye"}]),
    rule("C-1", kind="limit", measure="interruption", at_least=1.0, channel="phone"),
    rule("C-2", kind="limit", measure="tag", at_least=1, tags=["yawn"]),
    rule("C-3", kind="limit", measure="transfers", at_least=2),
    rule("D-1", kind="sequence", steps=[{"concept": "maybe"}], times=2, alternating=True),
    rule("E-1", kind="protect", data=["mobile"], unlabelled=["mobile"]),
]
CONCEPTS = {
    "A-1": {"phrases": "有完没完\n不想X就别X\n不是…吗", "except": "不是这样吗"},
    "A-2": "不知道",
    "A-3": "{没错|对没错}",
    "A-4": "完没完没完\n没完没了有完",
    "A-5": "随便",
    "A-6": "滚开",
    "hello": "您好",
    "bye": "再见",
    "maybe": "大概",
}


def small(folder: Path) -> Checker:
    """Return a checker of the policy."""
    return checker(folder, RULES, CONCEPTS)


def says(segment_id: str, text: str, speaker: str = "agent", **fields: object) -> Segment:
    """Return a final segment."""
    return Segment(segment_id, text, speaker, **fields)  # type: ignore[arg-type]


def partial(segment_id: str, text: str, speaker: str = "agent", **fields: object) -> Segment:
    """Return a segment that is not final."""
    return Segment(segment_id, text, speaker, final=False, **fields)  # type: ignore[arg-type]


def kinds(alerts: Iterable[Alert]) -> list[tuple[str, str]]:
    """Return what happened to findings of which rules."""
    return [(alert.type, alert.finding.rule) for alert in alerts]


def follow(alerts: Iterable[Alert]) -> dict[str, Finding]:
    """Follow alerts as a consumer does, who keeps what is open; return what was confirmed."""
    unsettled: set[str] = set()
    confirmed: dict[str, Finding] = {}
    for alert in alerts:
        name = alert.finding.finding_id
        assert name not in confirmed
        match alert.type:
            case "raised":
                assert name not in unsettled
                unsettled.add(name)
            case "updated":
                assert alert.previous is not None
                unsettled.remove(alert.previous)
                assert name not in unsettled
                unsettled.add(name)
            case "confirmed":
                unsettled.remove(name)
                confirmed[name] = alert.finding
            case "retracted":
                unsettled.remove(name)
        states = {"confirmed": "confirmed", "retracted": "retracted"}
        assert alert.finding.state == states.get(alert.type, "provisional")
    assert not unsettled
    return confirmed


def assert_settled(alerts: Iterable[Alert], assessment: Assessment) -> None:
    """Check that all alerts together say what the assessment says."""
    final = {finding.finding_id: finding for finding in assessment.findings}
    assert follow(alerts).keys() == final.keys()


NOTHING = Facts()
