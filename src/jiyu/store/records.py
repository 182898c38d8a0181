"""Finished conversations: the transcript, every assessment of it, and rows to count in SQL.

An assessment says something on each of 145 rules, mostly "pass".  Rows are made of violations and
of what could not be judged; all verdicts together are one string, a letter a rule, in the order of
the policy's ``rule_sets``.  The assessment itself is kept whole beside them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, case, delete, func, select, update

from jiyu.errors import Problem, StoreError
from jiyu.model import SEVERITIES, Assessment, Conversation, Judgement
from jiyu.store import dialects
from jiyu.store.clock import now
from jiyu.store.dialects import among, given
from jiyu.store.tables import (
    assessments,
    conversations,
    findings,
    rule_sets,
    transcripts,
    verdicts,
)
from jiyu.text.clock import aware

#: The letter of each verdict in ``codes``; a rule that was not judged is ``-``.
CODES: dict[Judgement, str] = {
    "violation": "v",
    "pass": "p",
    "not_applicable": "n",
    "not_assessable": "x",
}
_ROWS: tuple[Judgement, ...] = ("violation", "not_assessable")
_JUDGED = (assessments, verdicts, findings)


class Record(msgspec.Struct, frozen=True):
    """A conversation with its assessment, encoded by the caller so that the writer need not.

    Attributes:
        transcript: The conversation as JSON.
        payload: The assessment as JSON.
        started_at: Seconds since 1970; ``None`` if the source does not say.
    """

    assessment: Assessment
    channel: str | None
    started_at: float | None
    transcript: bytes
    payload: bytes

    @classmethod
    def of(cls, conversation: Conversation, assessment: Assessment, zone: ZoneInfo) -> Record:
        """Encode a conversation and its assessment.

        Args:
            conversation: With all its turns and events.
            assessment: What was decided about it.
            zone: The policy's, for a start without an offset.
        """
        started = aware(conversation.started_at, zone)
        return cls(
            assessment,
            conversation.channel,
            started.timestamp() if started else None,
            msgspec.json.encode(conversation),
            msgspec.json.encode(assessment),
        )


def ingest(connection: Connection, records: Sequence[Record]) -> None:
    """Store conversations that were never live, or assess stored ones once more.

    The same policy again replaces its assessment; another policy becomes the current one and the
    history stays.

    Raises:
        StoreError: One of the conversations is being judged live.
    """
    c = conversations.c
    if not records:
        return
    dialect = connection.dialect.name
    live = connection.scalar(
        select(c.conversation_id)
        .where(among(dialect, c.conversation_id), c.closed_at.is_(None))
        .order_by(c.conversation_id)
        .limit(1),
        given(dialect, [(record.assessment.conversation_id,) for record in records]),
    )
    if live is not None:
        raise StoreError(Problem(live, None, "this conversation is still open"))
    store(connection, records)


def store(connection: Connection, records: Sequence[Record]) -> None:
    """Store conversations and close them; the caller knows that they are its own to write."""
    # Of several in one call the last one counts.
    latest = {record.assessment.conversation_id: record for record in records}
    records = [latest[name] for name in sorted(latest)]
    _close(connection, records)
    _give_way(connection, records)
    orders = _rule_orders(connection, records)
    present = connection.scalar(select(now()))
    begun = _begun(connection, latest)
    rows: dict[Table, list[dict[str, object]]] = {table: [] for table in _JUDGED}
    for record in records:
        shared = _shared(record, begun[record.assessment.conversation_id])
        codes = _codes(record.assessment, orders[record.assessment.policy.digest])
        rows[assessments].append(shared | _assessment(record, codes, present))
        rows[verdicts] += [shared | row for row in _verdicts(record.assessment)]
        rows[findings] += [shared | row for row in _findings(record.assessment)]
    for table, values in rows.items():
        dialects.insert_rows(connection, table, values)


def _close(connection: Connection, records: Sequence[Record]) -> None:
    """Store what is known of the conversations themselves."""
    statement = dialects.insert(connection, conversations)
    fresh = statement.excluded
    present = connection.scalar(select(now()))
    rows = [
        {
            "conversation_id": record.assessment.conversation_id,
            "agent_id": record.assessment.agent_id,
            "team": record.assessment.team,
            "channel": record.channel,
            "started_at": present if record.started_at is None else record.started_at,
            "opened_at": present,
            "closed_at": present,
            "policy_digest": record.assessment.policy.digest,
            "epoch": 0,
        }
        for record in records
    ]
    told = ("agent_id", "team", "channel")
    changed: dict[str, ColumnElement[Any]] = {
        name: func.coalesce(fresh[name], conversations.c[name]) for name in told
    }
    changed["closed_at"] = func.coalesce(conversations.c.closed_at, fresh.closed_at)
    # Equal: the source does not say when it began, and what is stored knows better.
    unsaid = fresh.started_at == fresh.opened_at
    changed["started_at"] = case((unsaid, conversations.c.started_at), else_=fresh.started_at)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["conversation_id"], set_=changed), rows
    )
    statement = dialects.insert(connection, transcripts)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["conversation_id"], set_={"payload": statement.excluded.payload}
        ),
        [
            {"conversation_id": one.assessment.conversation_id, "payload": one.transcript}
            for one in records
        ],
    )


def _begun(connection: Connection, ids: Collection[str]) -> dict[str, float]:
    """Return when conversations began."""
    c, dialect = conversations.c, connection.dialect.name
    rows = connection.execute(
        select(c.conversation_id, c.started_at).where(among(dialect, c.conversation_id)),
        given(dialect, [(name,) for name in ids]),
    )
    return {row[0]: row[1] for row in rows}


def _give_way(connection: Connection, records: Sequence[Record]) -> None:
    """Make room: the same policy's assessment is replaced, others are no longer current."""
    dialect = connection.dialect.name
    ids = given(dialect, [(record.assessment.conversation_id,) for record in records])
    column = assessments.c.conversation_id
    known = set(connection.scalars(select(column).where(among(dialect, column)).distinct(), ids))
    again = [record.assessment for record in records if record.assessment.conversation_id in known]
    if not again:
        return
    pairs = given(dialect, [(one.conversation_id, one.policy.digest) for one in again])
    for table in _JUDGED:
        c = table.c
        same = among(dialect, c.conversation_id, c.policy_digest)
        connection.execute(delete(table).where(same), pairs)
        older = update(table).where(among(dialect, c.conversation_id), c.current)
        connection.execute(older.values(current=False), ids)


def rule_order(connection: Connection, policy_digest: str) -> list[str]:
    """Return which rule each letter of ``codes`` stands for; empty if the policy never judged."""
    where = rule_sets.c.policy_digest == policy_digest
    stored = connection.scalar(select(rule_sets.c.rules).where(where))
    return msgspec.json.decode(stored, type=list[str]) if stored else []


def _rule_orders(connection: Connection, records: Collection[Record]) -> dict[str, list[str]]:
    """Return the order of the rules of each policy, as its first assessment had it."""
    firsts = {record.assessment.policy.digest: record.assessment for record in records}
    orders = {}
    for digest, assessment in firsts.items():
        order = rule_order(connection, digest)
        if not order:
            rules = msgspec.json.encode([verdict.rule for verdict in assessment.verdicts])
            statement = dialects.insert(connection, rule_sets)
            connection.execute(
                statement.values(policy_digest=digest, rules=rules).on_conflict_do_nothing()
            )
            # Another process may have been first.
            order = rule_order(connection, digest)
        orders[digest] = order
    return orders


def _shared(record: Record, started_at: float) -> dict[str, object]:
    """Return what all rows of an assessment carry, so that reports need not join."""
    assessment = record.assessment
    return {
        "conversation_id": assessment.conversation_id,
        "policy_digest": assessment.policy.digest,
        "current": True,
        "agent_id": assessment.agent_id,
        "team": assessment.team,
        "started_at": started_at,
    }


def _codes(assessment: Assessment, order: Sequence[str]) -> str:
    letters = {verdict.rule: CODES[verdict.verdict] for verdict in assessment.verdicts}
    return "".join([letters.get(rule, "-") for rule in order])


def _assessment(record: Record, codes: str, present: float | None) -> dict[str, object]:
    assessment = record.assessment
    return {
        "policy_name": assessment.policy.name,
        "policy_version": assessment.policy.version,
        "channel": record.channel,
        "assessed_at": present,
        "score": assessment.score,
        "grade": assessment.grade,
        "fatal": assessment.fatal,
        "codes": codes,
        "payload": record.payload,
    }


def _verdicts(assessment: Assessment) -> list[dict[str, object]]:
    return [
        {"rule": one.rule, "verdict": one.verdict, "deduction": one.deduction}
        for one in assessment.verdicts
        if one.verdict in _ROWS
    ]


def _findings(assessment: Assessment) -> list[dict[str, object]]:
    return [
        {
            "finding_id": one.finding_id,
            "rule": one.rule,
            "category": one.category,
            "severity": SEVERITIES.index(one.severity),
            "kind": one.kind,
            "speaker": one.speaker,
            "turn": one.turn,
            "payload": msgspec.json.encode(one),
        }
        for one in assessment.findings
    ]
