"""Who judges a conversation: one process at a time, known by its owner id.

A process proves that it lives by one heartbeat for all its conversations (``renew``).  Once that
has run out by the database's clock, another may take over.  Each change of hands raises the epoch
of the conversation, and every write states its epoch: whoever was only thought dead cannot write.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from secrets import token_hex
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    update,
)

from jiyu.store.clock import now
from jiyu.store.dialects import among, given, insert
from jiyu.store.journal import StoredLine, lines_after
from jiyu.store.tables import conversations, journal, owners, snapshots


class Lease(msgspec.Struct, frozen=True):
    """The right to write one conversation, until somebody else has a higher epoch."""

    conversation_id: str
    owner: str
    epoch: int


class Opening(msgspec.Struct, frozen=True):
    """What is known of a conversation when it begins.

    Attributes:
        policy_digest: The policy that judges it to its end.
        payload: The opening line, as JSON.
        started_at: Seconds since 1970 by its source's clock; the database's where it gives none.
    """

    policy_digest: str
    payload: bytes | None = None
    agent_id: str | None = None
    team: str | None = None
    channel: str | None = None
    started_at: float | None = None


class Recovered(msgspec.Struct, frozen=True):
    """An open conversation, with all that is needed to go on.

    Attributes:
        snapshot: The session as it stood after line ``seq``; ``None`` if none was saved.
        lines: What came after it.
    """

    lease: Lease
    policy_digest: str | None
    opening: bytes | None
    snapshot: bytes | None
    seq: int
    lines: list[StoredLine]


class Head(msgspec.Struct):
    """A conversation that is locked for writing, as it stands."""

    conversation_id: str
    owner: str | None
    epoch: int
    closed: bool
    agent_id: str | None
    team: str | None
    seq: int
    now: float

    def permits(self, lease: Lease) -> bool:
        """Say whether the holder of a lease may still write."""
        return not self.closed and (self.owner, self.epoch) == (lease.owner, lease.epoch)


def new_owner() -> str:
    """Return an owner id; each start of a process needs a new one."""
    return token_hex(8)


def renew(connection: Connection, owner: str, seconds: float) -> None:
    """Prolong all leases of an owner; to be committed before its first ``acquire``."""
    statement = insert(connection, owners).values(owner=owner, expires_at=now() + seconds)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["owner"], set_={"expires_at": now() + seconds}
        )
    )


def acquire(
    connection: Connection,
    conversation_id: str,
    owner: str,
    opening: Opening | None = None,
    *,
    seize: bool = False,
) -> Recovered | None:
    """Take a conversation over, or open it.

    Taking what is one's own already raises the epoch too: that is how a process starts afresh
    after a write has failed.

    Args:
        connection: A transaction that writes.
        conversation_id: Which.
        owner: Who asks; must have renewed in time.
        opening: Opens the conversation if it is not known; ``None`` takes over only.
        seize: Take it even from a process that lives, because its lines come here now; what that
            process has under way is refused and it must acquire anew.

    Returns:
        The lease and what has been stored so far; ``None`` if another process that lives holds it,
        it is closed or unknown, or the owner's own heartbeat has run out.
    """
    if opening is not None:
        _open(connection, conversation_id, opening)
    free = true() if seize else or_(conversations.c.owner == owner, ownerless())
    found = _taken(connection, [conversation_id], owner, free)
    return found[0] if found else None


def recover(connection: Connection, owner: str, limit: int = 100) -> list[Recovered]:
    """Take over open conversations that nobody judges; call again until there are none.

    Args:
        connection: A transaction that writes.
        owner: Who asks; must have renewed in time.
        limit: How many at most, so that several processes can share the work.
    """
    orphans = (
        select(conversations.c.conversation_id)
        .where(conversations.c.closed_at.is_(None), ownerless())
        .order_by(conversations.c.opened_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = connection.scalars(orphans).all()
    # Nothing is lost with them: an owner without a row counts as dead.
    connection.execute(delete(owners).where(owners.c.expires_at < now() - 3600))
    return _taken(connection, ids, owner, ownerless()) if ids else []


def describe(
    connection: Connection, lease: Lease, *, agent_id: str | None, team: str | None
) -> None:
    """Note whose an open conversation is, where that was not known when it began."""
    c = conversations.c
    held = (c.owner == lease.owner, c.epoch == lease.epoch)
    told = {"agent_id": func.coalesce(c.agent_id, agent_id), "team": func.coalesce(c.team, team)}
    where = (c.conversation_id == lease.conversation_id, *held)
    connection.execute(update(conversations).where(*where).values(told))


def release(connection: Connection, lease: Lease) -> None:
    """Give one conversation back, so that another process may take it at once."""
    held = (conversations.c.owner == lease.owner, conversations.c.epoch == lease.epoch)
    where = (conversations.c.conversation_id == lease.conversation_id, *held)
    connection.execute(update(conversations).where(*where).values(owner=None))


def release_all(connection: Connection, owner: str) -> None:
    """Give everything back; the last act of a process that stops."""
    connection.execute(delete(owners).where(owners.c.owner == owner))
    mine = (conversations.c.owner == owner, conversations.c.closed_at.is_(None))
    connection.execute(update(conversations).where(*mine).values(owner=None))


def locked(connection: Connection, conversation_ids: Collection[str]) -> dict[str, Head]:
    """Lock conversations for the rest of the transaction, always in the same order.

    The last line is read beside the lock, so it may be out of date if the lock had to be waited
    for.  Only a change of hands can cause that, and then the epoch has changed as well.
    """
    dialect = connection.dialect.name
    names = given(dialect, [(name,) for name in conversation_ids])
    rows = connection.execute(_locking(dialect), names)
    return {
        row[0]: Head(row[0], row[1], row[2], bool(row[3]), row[4], row[5], row[6] or 0, row[7])
        for row in rows
    }


@cache  # Building the statement takes as long as running it.
def _locking(dialect: str) -> Select[Any]:
    c = conversations.c
    last = (
        select(journal.c.seq)
        .where(journal.c.conversation_id == c.conversation_id)
        .order_by(journal.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    closed = c.closed_at.is_not(None)
    return (
        select(c.conversation_id, c.owner, c.epoch, closed, c.agent_id, c.team, last, now())
        .where(among(dialect, c.conversation_id))
        .order_by(c.conversation_id)
        .with_for_update(of=conversations)
    )


def _open(connection: Connection, conversation_id: str, opening: Opening) -> None:
    started = now() if opening.started_at is None else literal(opening.started_at)
    connection.execute(
        insert(connection, conversations)
        .values(
            conversation_id=conversation_id,
            agent_id=opening.agent_id,
            team=opening.team,
            channel=opening.channel,
            started_at=started,
            opened_at=now(),
            policy_digest=opening.policy_digest,
            opening=opening.payload,
            epoch=0,
        )
        .on_conflict_do_nothing()
    )


def _living() -> ColumnElement[bool]:
    return owners.c.expires_at > now()


def ownerless() -> ColumnElement[bool]:
    """Nobody judges it: it was given back, or its owner's heartbeat has run out."""
    living = select(owners.c.owner).where(_living())
    return or_(conversations.c.owner.is_(None), conversations.c.owner.not_in(living))


def _taken(
    connection: Connection, ids: Collection[str], owner: str, free: ColumnElement[bool]
) -> list[Recovered]:
    """Raise the epoch of conversations and return what is stored of them."""
    c = conversations.c
    alive = select(owners.c.owner).where(owners.c.owner == owner, _living()).exists()
    rows = connection.execute(
        update(conversations)
        .where(c.conversation_id.in_(ids), c.closed_at.is_(None), free, alive)
        .values(owner=owner, epoch=c.epoch + 1)
        .returning(c.conversation_id, c.epoch, c.policy_digest, c.opening)
    ).all()
    return [_read(connection, Lease(row[0], owner, row[1]), row[2], row[3]) for row in rows]


def _read(
    connection: Connection, lease: Lease, policy_digest: str | None, opening: bytes | None
) -> Recovered:
    if lease.epoch == 1:  # It has just been opened.
        return Recovered(lease, policy_digest, opening, None, 0, [])
    where = snapshots.c.conversation_id == lease.conversation_id
    saved = connection.execute(select(snapshots.c.data, snapshots.c.seq).where(where)).first()
    data, seq = saved if saved is not None else (None, 0)
    lines = lines_after(connection, lease.conversation_id, seq)
    return Recovered(lease, policy_digest, opening, data, seq, lines)
