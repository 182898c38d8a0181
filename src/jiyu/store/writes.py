"""What a live conversation has to store, and many of them in one transaction.

An alert is stored together with the line that caused it, or neither is.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from jiyu.errors import LeaseLost, Problem
from jiyu.store import alerts, journal, records
from jiyu.store.dialects import insert
from jiyu.store.leases import Head, Lease, locked
from jiyu.store.tables import snapshots


class Write(msgspec.Struct, frozen=True):
    """Belongs together: stored as a whole or not at all.

    Attributes:
        lease: Which conversation, and by what right.
        lines: What came in.
        alerts: What it led to.
        snapshot: The session after these lines.
        record: Closes the conversation.
    """

    lease: Lease
    lines: tuple[journal.Line, ...] = ()
    alerts: tuple[alerts.Alert, ...] = ()
    snapshot: bytes | None = None
    record: records.Record | None = None


class Written(msgspec.Struct, frozen=True):
    """What became of a write, which is committed.

    Attributes:
        places: Of each of its lines.
        alert_ids: Of each of its alerts; ``None`` if it was stored before.
        seq: The last line of the conversation: all up to here is durable.
    """

    places: list[journal.Place]
    alert_ids: list[int | None]
    seq: int


def store(connection: Connection, writes: Sequence[Write]) -> list[Written | LeaseLost]:
    """Store writes in order, those of one conversation or of many.

    Args:
        connection: A transaction that writes.
        writes: What to store.

    Returns:
        For each, what became of it, or that its lease is lost and nothing of it was stored.
    """
    if not writes:
        return []
    heads = locked(connection, {write.lease.conversation_id for write in writes})
    allowed = _allowed(heads, writes)
    permitted = [write for write, may in zip(writes, allowed, strict=True) if may]
    places = iter(_append_lines(connection, heads, permitted))
    results: list[Written | LeaseLost] = []
    saved: dict[str, tuple[int, bytes]] = {}
    for write, may in zip(writes, allowed, strict=True):
        name = write.lease.conversation_id
        if not may:
            message = "judged by another process, closed or erased"
            results.append(LeaseLost(Problem(name, None, message)))
            continue
        lines, head = next(places), heads[name]
        head.seq = max([head.seq, *(place.seq for place in lines)])
        if write.snapshot is not None:
            saved[name] = head.seq, write.snapshot
        results.append(Written(lines, [], head.seq))
    _save(connection, saved)
    closing = [write.record for write in permitted if write.record is not None]
    if closing:
        records.store(connection, closing)
    _append_alerts(connection, heads, writes, results)
    return results


def _allowed(heads: dict[str, Head], writes: Sequence[Write]) -> list[bool]:
    """Say which writes' leases hold; nothing follows the end of a conversation."""
    allowed = []
    for write in writes:
        head = heads.get(write.lease.conversation_id)
        may = head is not None and head.permits(write.lease)
        if head is not None and may:
            head.closed = write.record is not None
        allowed.append(may)
    return allowed


def _append_lines(
    connection: Connection, heads: dict[str, Head], writes: Sequence[Write]
) -> list[list[journal.Place]]:
    entries = []
    for write in writes:
        head = heads[write.lease.conversation_id]
        entries.append(journal.Entry(head.conversation_id, write.lines, head.seq, head.now))
    return journal.append(connection, entries)


def _save(connection: Connection, saved: dict[str, tuple[int, bytes]]) -> None:
    """Keep the newest snapshot of each conversation."""
    if not saved:
        return
    statement = insert(connection, snapshots)
    fresh = {"seq": statement.excluded.seq, "data": statement.excluded.data}
    connection.execute(
        statement.on_conflict_do_update(index_elements=["conversation_id"], set_=fresh),
        [
            {"conversation_id": name, "seq": seq, "data": data}
            for name, (seq, data) in saved.items()
        ],
    )


def _append_alerts(
    connection: Connection,
    heads: dict[str, Head],
    writes: Sequence[Write],
    results: Sequence[Written | LeaseLost],
) -> None:
    """Store the alerts of all writes at once and note their ids."""
    raised, places = [], []
    for write, result in zip(writes, results, strict=True):
        if isinstance(result, LeaseLost):
            continue
        head = heads[write.lease.conversation_id]
        for alert in write.alerts:
            raised.append(
                alerts.Raised(head.conversation_id, head.agent_id, head.team, head.now, alert)
            )
            places.append(result.alert_ids)
    if raised:
        for place, alert_id in zip(places, alerts.append(connection, raised), strict=True):
            place.append(alert_id)
