"""API keys: the store knows their hashes only.

A key is 32 random bytes, so one pass of SHA-256 is as good as a slow hash: there is nothing to
guess.  Its first part is no secret; it finds the row, and may stand in logs.
"""

from __future__ import annotations

import hashlib
import hmac
from secrets import token_hex, token_urlsafe
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, insert, or_, select, update

from jiyu.errors import Problem, StoreError
from jiyu.store.clock import now
from jiyu.store.scope import Scope
from jiyu.store.tables import api_keys

Role = Literal["ingest", "agent", "reviewer", "supervisor", "admin"]

#: Of no key: compared with when there is no such row, so that it takes as long.
_NOTHING = bytes(32)


class Key(msgspec.Struct, frozen=True):
    """What a key allows.

    Attributes:
        key_id: The part of the key that is no secret.
        scope: Whose data; an ``agent`` sees their own only.
    """

    key_id: str
    role: Role
    scope: Scope
    label: str
    created_at: float
    revoked_at: float | None
    last_used_at: float | None


def create(connection: Connection, role: Role, label: str, scope: Scope) -> str:
    """Make a key and return it; it is never seen again.

    Raises:
        StoreError: A key of an agent does not say whose, or another's does.
    """
    if (role == "agent") != (scope.agent_id is not None):
        raise StoreError(Problem(label, None, "an agent's key has an agent_id, no other has"))
    key_id, secret = token_hex(6), token_urlsafe(32)
    values = {
        "key_id": key_id,
        "hash": _hash(secret),
        "role": role,
        "team": scope.team,
        "agent_id": scope.agent_id,
        "label": label,
        "created_at": now(),
    }
    connection.execute(insert(api_keys).values(values))
    return f"jiyu_{key_id}_{secret}"


def verify(connection: Connection, key: str) -> Key | None:
    """Return what a key allows, ``None`` if it is wrong or revoked."""
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    row = None
    # PostgreSQL would refuse other characters, and no key has them.
    if prefix == "jiyu" and key_id.isascii() and key_id.isalnum():
        row = connection.execute(select(api_keys).where(api_keys.c.key_id == key_id)).first()
    stored = _NOTHING if row is None else row.hash
    same = hmac.compare_digest(_hash(secret), stored)
    if row is None or not same or row.revoked_at is not None:
        return None
    return _key(row)


def touch(connection: Connection, key_id: str, every: float = 60.0) -> None:
    """Note that a key is in use, not more often than every so many seconds."""
    used = api_keys.c.last_used_at
    stale = or_(used.is_(None), used < now() - every)
    where = (api_keys.c.key_id == key_id, stale)
    connection.execute(update(api_keys).where(*where).values(last_used_at=now()))


def revoke(connection: Connection, key_id: str) -> bool:
    """End a key; false if there is no such key, or it has ended before."""
    where = (api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
    return connection.execute(update(api_keys).where(*where).values(revoked_at=now())).rowcount > 0


def listing(connection: Connection) -> list[Key]:
    """Return all keys, the oldest first, revoked ones too."""
    order = (api_keys.c.created_at, api_keys.c.key_id)
    return [_key(row) for row in connection.execute(select(api_keys).order_by(*order))]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _key(row: Any) -> Key:
    return Key(
        key_id=row.key_id,
        role=row.role,
        scope=Scope(row.team, row.agent_id),
        label=row.label,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
