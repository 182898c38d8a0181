"""Policies: folders of files by their digest, never changed, one of them active."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, select

from jiyu.errors import Problem, StoreError
from jiyu.model import PolicyRef
from jiyu.store.clock import now
from jiyu.store.dialects import insert, insert_rows
from jiyu.store.sequences import take
from jiyu.store.tables import activations, policies, policy_files


class StoredPolicy(msgspec.Struct, frozen=True):
    """A policy that was added."""

    ref: PolicyRef
    added_by: str
    added_at: float


class Activation(msgspec.Struct, frozen=True):
    """Since when a policy judges what begins; ``activation_id`` grows."""

    activation_id: int
    digest: str
    activated_by: str
    activated_at: float


def add(connection: Connection, ref: PolicyRef, files: Mapping[str, bytes], actor: str) -> bool:
    """Add a policy that has been validated.

    Args:
        connection: A transaction that writes.
        ref: Its name, version and digest.
        files: Content by path within its folder, ``/`` between the parts.
        actor: Who adds it.

    Returns:
        False if it was there before.
    """
    values = {
        "digest": ref.digest,
        "name": ref.name,
        "version": ref.version,
        "added_by": actor,
        "added_at": now(),
    }
    statement = insert(connection, policies).values(values).on_conflict_do_nothing()
    if connection.scalar(statement.returning(policies.c.digest)) is None:
        return False
    rows = [{"digest": ref.digest, "path": p, "content": c} for p, c in sorted(files.items())]
    insert_rows(connection, policy_files, rows)
    return True


def files(connection: Connection, digest: str) -> dict[str, bytes]:
    """Return the files of a policy, empty if it is not there."""
    c = policy_files.c
    rows = connection.execute(select(c.path, c.content).where(c.digest == digest).order_by(c.path))
    return {row[0]: row[1] for row in rows}


def listing(connection: Connection) -> list[StoredPolicy]:
    """Return all policies, the oldest first."""
    c = policies.c
    columns = (c.name, c.version, c.digest, c.added_by, c.added_at)
    rows = connection.execute(select(*columns).order_by(c.added_at, c.digest))
    return [StoredPolicy(PolicyRef(row[0], row[1], row[2]), row[3], row[4]) for row in rows]


def activate(connection: Connection, digest: str, actor: str) -> Activation | None:
    """Let a policy judge all that begins from now on.

    Returns:
        What was active before.

    Raises:
        StoreError: There is no such policy.
    """
    known = select(policies.c.digest).where(policies.c.digest == digest)
    if connection.scalar(known) is None:
        raise StoreError(Problem(digest, None, "no policy has this digest"))
    # First: it holds off everybody else who activates, so that "before" is what it says.
    number = take(connection, "activations")
    before = active(connection)
    values = {
        "activation_id": number,
        "digest": digest,
        "activated_by": actor,
        "activated_at": now(),
    }
    connection.execute(activations.insert().values(values))
    return before


def active(connection: Connection) -> Activation | None:
    """Return what judges now; ``None`` if nothing was ever activated."""
    found = history(connection, limit=1)
    return found[0] if found else None


def history(connection: Connection, limit: int = 100) -> list[Activation]:
    """Return what was activated, the latest first."""
    c = activations.c
    columns = (c.activation_id, c.digest, c.activated_by, c.activated_at)
    rows = connection.execute(select(*columns).order_by(c.activation_id.desc()).limit(limit))
    return [Activation(*row) for row in rows]
