"""The audit log: who did what to what, and when.  It outlives what it tells of.

``before`` and ``after`` hold a ``fingerprint`` or a few plain values, never what was said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, insert, select

from jiyu.store.clock import now
from jiyu.store.tables import audit

Values = Mapping[str, str | int | float | bool | None]


class Entry(msgspec.Struct, frozen=True):
    """One act.

    Attributes:
        actor: A key's id, or a part of jiyu itself such as ``retention``.
        before: JSON or a fingerprint of what it was.
        after: The same of what it became.
    """

    audit_id: int
    at: float
    actor: str
    action: str
    target: str
    before: str | None
    after: str | None


def record(
    connection: Connection,
    actor: str,
    action: str,
    target: str,
    *,
    before: Values | str | None = None,
    after: Values | str | None = None,
) -> None:
    """Note an act, in the same transaction as the act.

    Args:
        connection: A transaction that writes.
        actor: Who.
        action: What, such as ``erase`` or ``policy.activate``.
        target: To what; an id.
        before: What it was.
        after: What it became.
    """
    values = {
        "at": now(),
        "actor": actor,
        "action": action,
        "target": target,
        "before": _text(before),
        "after": _text(after),
    }
    connection.execute(insert(audit).values(values))


def entries(
    connection: Connection,
    *,
    target: str | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[Entry]:
    """Return acts, the latest first.

    Args:
        connection: A transaction that reads.
        target: Only those to this.
        before_id: Only older ones, for the next page.
        limit: How many at most.
    """
    wanted = []
    if target is not None:
        wanted.append(audit.c.target == target)
    if before_id is not None:
        wanted.append(audit.c.audit_id < before_id)
    order = audit.c.audit_id.desc()
    rows = connection.execute(select(audit).where(*wanted).order_by(order).limit(limit))
    return [Entry(*row) for row in rows]


def fingerprint(payload: bytes) -> str:
    """Return what identifies a text without giving it away."""
    return f"sha256:{hashlib.sha256(payload).hexdigest()}"


def _text(value: Values | str | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
