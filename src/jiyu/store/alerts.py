"""Alerts: what sessions have raised, numbered in the order in which it can be seen."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, func, select

from jiyu.model import SEVERITIES, Severity
from jiyu.store.dialects import among, given, insert_rows
from jiyu.store.scope import EVERYTHING, Scope
from jiyu.store.sequences import take
from jiyu.store.tables import alerts
from jiyu.store.webhooks import enqueue


class Alert(msgspec.Struct, frozen=True):
    """An alert to store, once for its conversation, finding, type and revision.

    Attributes:
        type: ``raised``, ``updated``, ``confirmed``, ``retracted``.
        payload: The alert as JSON.
        revision: Tells several updates of one finding apart.
    """

    type: str
    finding_id: str
    rule: str
    severity: Severity
    payload: bytes
    revision: int = 0


class StoredAlert(msgspec.Struct, frozen=True):
    """An alert as it is told to others; ``alert_id`` only ever grows."""

    alert_id: int
    conversation_id: str
    type: str
    finding_id: str
    rule: str
    severity: Severity
    agent_id: str | None
    team: str | None
    created_at: float
    payload: bytes


class Raised(msgspec.Struct, frozen=True):
    """An alert with the conversation that it belongs to, which is locked."""

    conversation_id: str
    agent_id: str | None
    team: str | None
    at: float
    alert: Alert

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What makes a repetition the same alert."""
        alert = self.alert
        return self.conversation_id, alert.finding_id, alert.type, alert.revision


def append(connection: Connection, raised: Sequence[Raised]) -> list[int | None]:
    """Store alerts that are new, with their deliveries to webhooks.

    Other transactions that store alerts wait from here on: do it last.

    Returns:
        The id of each; ``None`` if it was there before.
    """
    known = _known(connection, raised)
    new: dict[tuple[str, str, str, int], Raised] = {}
    for one in raised:
        if one.key not in known:
            new.setdefault(one.key, one)
    if not new:
        return [None] * len(raised)
    first = take(connection, "alerts", len(new))
    ids: dict[tuple[str, str, str, int], int] = {key: first + i for i, key in enumerate(new)}
    insert_rows(connection, alerts, [_row(one, ids[key]) for key, one in new.items()])
    enqueue(connection, first, first + len(new) - 1)
    # Of the same within one call, only the first is new.
    return [ids.pop(one.key, None) for one in raised]


def after(
    connection: Connection,
    alert_id: int,
    *,
    scope: Scope = EVERYTHING,
    severity: Severity = "info",
    limit: int = 100,
) -> list[StoredAlert]:
    """Return the alerts after an id, in order.

    Args:
        connection: A transaction that reads.
        alert_id: The last one that the caller has seen; 0 for all.
        scope: Whose.
        severity: No lower than this.
        limit: How many at most.
    """
    c = alerts.c
    rows = connection.execute(
        select(alerts)
        .where(c.alert_id > alert_id, c.severity >= SEVERITIES.index(severity))
        .where(*scope.conditions(alerts))
        .order_by(c.alert_id)
        .limit(limit)
    )
    return [
        StoredAlert(
            alert_id=row.alert_id,
            conversation_id=row.conversation_id,
            type=row.type,
            finding_id=row.finding_id,
            rule=row.rule,
            severity=SEVERITIES[row.severity],
            agent_id=row.agent_id,
            team=row.team,
            created_at=row.created_at,
            payload=row.payload,
        )
        for row in rows
    ]


def of_revision(
    connection: Connection, conversation_id: str, revision: int
) -> list[tuple[int, bytes]]:
    """Return ids and payloads of what a conversation has raised under a revision, in order."""
    c = alerts.c
    where = (c.conversation_id == conversation_id, c.revision == revision)
    rows = connection.execute(select(c.alert_id, c.payload).where(*where).order_by(c.alert_id))
    return [(row[0], row[1]) for row in rows]


def last_id(connection: Connection) -> int:
    """Return the id of the newest alert, 0 if there is none."""
    return connection.scalar(select(func.max(alerts.c.alert_id))) or 0


def _known(connection: Connection, raised: Sequence[Raised]) -> set[tuple[str, str, str, int]]:
    c = alerts.c
    dialect = connection.dialect.name
    pairs = {one.key[:2] for one in raised}
    where = among(dialect, c.conversation_id, c.finding_id)
    rows = connection.execute(
        select(c.conversation_id, c.finding_id, c.type, c.revision).where(where),
        given(dialect, pairs),
    )
    return {(row[0], row[1], row[2], row[3]) for row in rows}


def _row(raised: Raised, alert_id: int) -> dict[str, object]:
    alert = raised.alert
    return {
        "alert_id": alert_id,
        "conversation_id": raised.conversation_id,
        "finding_id": alert.finding_id,
        "type": alert.type,
        "revision": alert.revision,
        "rule": alert.rule,
        "severity": SEVERITIES.index(alert.severity),
        "agent_id": raised.agent_id,
        "team": raised.team,
        "created_at": raised.at,
        "payload": alert.payload,
    }
