"""Small things to store, for tests."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from jiyu.model import Assessment, Conversation, Finding, PolicyRef, Span, Turn, Verdict
from jiyu.store import leases
from jiyu.store.alerts import Alert
from jiyu.store.database import Database
from jiyu.store.journal import Line
from jiyu.store.leases import Lease, Opening
from jiyu.store.records import Record

ZONE = ZoneInfo("Asia/Shanghai")


def line(segment: str = "s1", revision: int = 0, text: str = "您好") -> Line:
    """A segment."""
    return Line("segment", text.encode(), segment_id=segment, revision=revision)


def alert(finding_id: str = "f1", type_: str = "raised", **fields: Any) -> Alert:
    """An alert."""
    values: dict[str, Any] = {"rule": "T-01", "severity": "major", "payload": b"{}"}
    return Alert(type_, finding_id, **(values | fields))


def opening(**fields: Any) -> Opening:
    """The opening of a conversation of one agent."""
    values: dict[str, Any] = {"policy_digest": "d1", "agent_id": "A1", "team": "物流一组"}
    return Opening(**(values | fields))


def owner(database: Database, seconds: float = 60.0) -> str:
    """A process that lives."""
    name = leases.new_owner()
    with database.begin() as connection:
        leases.renew(connection, name, seconds)
    return name


def acquired(database: Database, who: str, name: str = "c-1", **fields: Any) -> Lease:
    """Open a conversation."""
    with database.begin() as connection:
        taken = leases.acquire(connection, name, who, opening(**fields))
    assert taken is not None
    return taken.lease


def finding(finding_id: str = "f1", rule: str = "T-01", text: str = "有完没完") -> Finding:
    """A finding in the first turn."""
    return Finding(
        finding_id=finding_id,
        rule=rule,
        category="rude",
        severity="major",
        speaker="agent",
        turn=0,
        spans=(Span(0, 0, len(text), text),),
        at=1.5,
        state="confirmed",
        explanation="一、1",
    )


def record(name: str = "c-1", digest: str = "d1", **fields: Any) -> Record:
    """A conversation in which one rule was broken, one kept, and two say nothing."""
    text = fields.pop("text", "有完没完")
    values: dict[str, Any] = {
        "agent_id": "A1",
        "team": "物流一组",
        "score": 90.0,
        "grade": "A",
        "fatal": False,
        "verdicts": (
            Verdict("T-01", "violation", 10.0, ("f1",)),
            Verdict("T-02", "pass"),
            Verdict("T-03", "not_applicable"),
            Verdict("T-04", "not_assessable", reason="没有时间"),
        ),
        "findings": (finding(text=text),),
    }
    started_at = fields.pop("started_at", "2026-03-02T09:14:05+08:00")
    assessment = Assessment(
        conversation_id=name, policy=PolicyRef("small", "1", digest), **(values | fields)
    )
    conversation = Conversation(
        name,
        (Turn(text, speaker="agent"),),
        channel="phone",
        agent_id=assessment.agent_id,
        team=assessment.team,
        started_at=started_at,
    )
    return Record.of(conversation, assessment, ZONE)
