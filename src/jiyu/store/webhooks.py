"""The outbox: an alert and its deliveries are stored together, and sent afterwards.

A delivery that is claimed becomes due again by itself, so a sender may die at any point: each is
sent at least once.  The receiver tells repetitions by the alert's id.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, Connection, func, insert, literal, or_, select, update

from jiyu.model import SEVERITIES, Severity
from jiyu.store.clock import now
from jiyu.store.scope import EVERYTHING, Scope
from jiyu.store.tables import alerts, deliveries, webhooks

#: Seconds to wait after the first, second … failure; after the last one the delivery is dead.
SCHEDULE = (5.0, 30.0, 120.0, 600.0, 3600.0, 4 * 3600.0, 12 * 3600.0)


class Webhook(msgspec.Struct, frozen=True):
    """Where alerts are sent to, and which.  The secret signs; it is not here but in deliveries."""

    webhook_id: int
    url: str
    scope: Scope
    severity: Severity


class Delivery(msgspec.Struct, frozen=True):
    """One alert for one webhook, claimed by the caller."""

    delivery_id: int
    attempts: int
    url: str
    secret: str
    alert_id: int
    payload: bytes


class DeadLetter(msgspec.Struct, frozen=True):
    """A delivery that was given up."""

    delivery_id: int
    webhook_id: int
    alert_id: int
    attempts: int
    answer: str | None


def add(
    connection: Connection,
    url: str,
    secret: str,
    *,
    scope: Scope = EVERYTHING,
    severity: Severity = "info",
) -> int:
    """Add a webhook for the alerts from now on and return its id."""
    values = {
        "url": url,
        "secret": secret,
        "team": scope.team,
        "agent_id": scope.agent_id,
        "severity": SEVERITIES.index(severity),
        "created_at": now(),
    }
    statement = insert(webhooks).values(values).returning(webhooks.c.webhook_id)
    webhook_id: int = connection.execute(statement).scalar_one()
    return webhook_id


def active(connection: Connection) -> list[Webhook]:
    """Return the webhooks that are sent to."""
    c = webhooks.c
    rows = connection.execute(
        select(c.webhook_id, c.url, c.team, c.agent_id, c.severity)
        .where(c.disabled_at.is_(None))
        .order_by(c.webhook_id)
    )
    return [Webhook(row[0], row[1], Scope(row[2], row[3]), SEVERITIES[row[4]]) for row in rows]


def disable(connection: Connection, webhook_id: int) -> None:
    """Send nothing more to a webhook, not even what is waiting."""
    where = (webhooks.c.webhook_id == webhook_id, webhooks.c.disabled_at.is_(None))
    connection.execute(update(webhooks).where(*where).values(disabled_at=now()))


def enqueue(connection: Connection, first: int, last: int) -> None:
    """Make a delivery for each of a range of alerts and each webhook that wants it."""
    w, a = webhooks.c, alerts.c
    wanted = (
        w.disabled_at.is_(None),
        or_(w.team.is_(None), w.team == a.team),
        or_(w.agent_id.is_(None), w.agent_id == a.agent_id),
        w.severity <= a.severity,
        a.alert_id.between(first, last),
    )
    columns = (w.webhook_id, a.alert_id, a.conversation_id, literal("pending"), literal(0), now())
    names = ("webhook_id", "alert_id", "conversation_id", "state", "attempts", "due_at")
    connection.execute(
        insert(deliveries).from_select(
            names, select(*columns).where(*wanted).order_by(a.alert_id, w.webhook_id)
        )
    )


def claim(connection: Connection, limit: int = 50, seconds: float = 60.0) -> list[Delivery]:
    """Claim deliveries that are due.

    Args:
        connection: A transaction that writes; commit it before anything is sent.
        limit: How many at most.
        seconds: After so long without ``delivered`` or ``failed`` they are due again.
    """
    d, w, a = deliveries.c, webhooks.c, alerts.c
    due = (
        select(d.delivery_id)
        .join(webhooks, w.webhook_id == d.webhook_id)
        .where(d.state == "pending", d.due_at <= now(), w.disabled_at.is_(None))
        .order_by(d.due_at, d.delivery_id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=deliveries)
    )
    ids = connection.scalars(due).all()
    if not ids:
        return []
    values = {"attempts": d.attempts + 1, "due_at": now() + seconds}
    connection.execute(update(deliveries).where(d.delivery_id.in_(ids)).values(values))
    rows = connection.execute(
        select(d.delivery_id, d.attempts, w.url, w.secret, a.alert_id, a.payload)
        .join(webhooks, w.webhook_id == d.webhook_id)
        .join(alerts, a.alert_id == d.alert_id)
        .where(d.delivery_id.in_(ids))
        .order_by(d.delivery_id)
    )
    return [Delivery(*row) for row in rows]


def delivered(connection: Connection, delivery: Delivery) -> None:
    """Note that a delivery has arrived."""
    connection.execute(update(deliveries).where(*_claimed(delivery)).values(state="delivered"))


def failed(connection: Connection, delivery: Delivery, answer: str) -> None:
    """Note that a delivery has not arrived: later again, or never after the last of ``SCHEDULE``.

    Args:
        connection: A transaction that writes.
        delivery: As claimed; nothing happens if it was claimed again since.
        answer: A status or the name of an error; no text of the receiver's.
    """
    values: dict[str, object] = {"answer": answer}
    if delivery.attempts > len(SCHEDULE):
        values["state"] = "dead"
    else:
        values["due_at"] = now() + SCHEDULE[delivery.attempts - 1]
    connection.execute(update(deliveries).where(*_claimed(delivery)).values(values))


def dead(connection: Connection, limit: int = 100) -> list[DeadLetter]:
    """Return deliveries that were given up, newest first."""
    d = deliveries.c
    rows = connection.execute(
        select(d.delivery_id, d.webhook_id, d.alert_id, d.attempts, d.answer)
        .where(d.state == "dead")
        .order_by(d.delivery_id.desc())
        .limit(limit)
    )
    return [DeadLetter(*row) for row in rows]


def redeliver(connection: Connection, delivery_id: int) -> bool:
    """Send a delivery again, whatever became of it; false if there is none of this id."""
    values = {"state": "pending", "attempts": 0, "due_at": now(), "answer": None}
    where = deliveries.c.delivery_id == delivery_id
    return connection.execute(update(deliveries).where(where).values(values)).rowcount > 0


def waiting(connection: Connection) -> int:
    """Count the deliveries that have not arrived and are not given up."""
    statement = select(func.count()).select_from(deliveries).where(deliveries.c.state == "pending")
    return connection.scalar(statement) or 0


def _claimed(delivery: Delivery) -> tuple[ColumnElement[bool], ...]:
    d = deliveries.c
    mine = (d.delivery_id == delivery.delivery_id, d.attempts == delivery.attempts)
    return (*mine, d.state == "pending")
