"""Keys are hashed, and allow what they say."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import select

from jiyu.errors import StoreError
from jiyu.store import keys
from jiyu.store.database import Database
from jiyu.store.scope import EVERYTHING, Scope
from jiyu.store.tables import api_keys


def test_a_key_opens_what_it_says(database: Database) -> None:
    """The key comes back as its role and scope."""
    scope = Scope("物流一组", "A1")
    with database.begin() as connection:
        secret = keys.create(connection, "agent", "小林", scope)
    with database.read() as connection:
        found = keys.verify(connection, secret)
    assert found is not None
    assert (found.role, found.scope, found.label) == ("agent", scope, "小林")
    assert found.revoked_at is None


def test_the_store_does_not_know_the_key(database: Database) -> None:
    """Neither whole nor in part, beyond what finds its row."""
    with database.begin() as connection:
        secret = keys.create(connection, "admin", "first", EVERYTHING)
        row = connection.execute(select(api_keys)).one()
    _, key_id, rest = secret.split("_", 2)
    assert row.key_id == key_id
    assert rest not in repr(row)
    assert len(row.hash) == 32


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "jiyu",
        "jiyu__",
        "{secret}",
        "x_{id}_{secret}",
        "jiyu_{id}_",
        "jiyu_{id}_{secret}x",
        "jiyu_000000000000_{secret}",
        "jiyu_\0_{secret}",
        "jiyu_{id}_\ud800",
        "jiyu_段_{secret}",
    ],
)
def test_wrong_keys_open_nothing(database: Database, wrong: str) -> None:
    """Whatever is sent as a key is looked at without harm."""
    with database.begin() as connection:
        _, key_id, secret = keys.create(connection, "admin", "a", EVERYTHING).split("_", 2)
        assert keys.verify(connection, wrong.format(id=key_id, secret=secret)) is None


def test_a_revoked_key_is_over(database: Database) -> None:
    """It stays in the list, with the time."""
    with database.begin() as connection:
        secret = keys.create(connection, "ingest", "gateway", EVERYTHING)
        key_id = secret.split("_")[1]
        assert keys.revoke(connection, key_id)
        assert not keys.revoke(connection, key_id)
        assert keys.verify(connection, secret) is None
        assert keys.listing(connection)[0].revoked_at is not None


def test_use_is_noted_now_and_then(database: Database) -> None:
    """Not every request writes."""
    with database.begin() as connection:
        key_id = keys.create(connection, "ingest", "gateway", EVERYTHING).split("_")[1]
        assert keys.listing(connection)[0].last_used_at is None
        keys.touch(connection, key_id)
        first = keys.listing(connection)[0].last_used_at
        keys.touch(connection, key_id)
        assert keys.listing(connection)[0].last_used_at == first
        time.sleep(0.02)
        keys.touch(connection, key_id, every=0.01)
        second = keys.listing(connection)[0].last_used_at
    assert first is not None
    assert second is not None
    assert second > first


@pytest.mark.parametrize(("role", "scope"), [("agent", Scope("t")), ("admin", Scope(None, "A1"))])
def test_an_agents_key_says_whose(database: Database, role: keys.Role, scope: Scope) -> None:
    """An agent without a name would see everybody's, or nobody's."""
    with pytest.raises(StoreError, match="agent_id"), database.begin() as connection:
        keys.create(connection, role, "x", scope)
