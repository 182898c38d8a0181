"""Policies are kept as they are, and one at a time is active."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from jiyu.errors import StoreError
from jiyu.model import PolicyRef
from jiyu.store import policies
from jiyu.store.database import Database

FILES = {"policy.yaml": "name: 小规范\n".encode(), "rules/own.yaml": b"rules: []\n"}


def add(database: Database, digest: str) -> bool:
    with database.begin() as connection:
        return policies.add(connection, PolicyRef("small", "1", digest), FILES, "k1")


def test_files_come_back_byte_by_byte(database: Database) -> None:
    """The digest stays right."""
    assert add(database, "d1")
    with database.read() as connection:
        assert policies.files(connection, "d1") == FILES
        assert policies.files(connection, "d2") == {}
        stored = policies.listing(connection)
    assert [(one.ref.digest, one.ref.name, one.added_by) for one in stored] == [
        ("d1", "small", "k1")
    ]


def test_the_same_policy_is_added_once(database: Database) -> None:
    """Content with the same digest is the same."""
    assert add(database, "d1")
    assert not add(database, "d1")


def test_one_is_active(database: Database) -> None:
    """The last one that was activated, with what was before."""
    add(database, "d1")
    add(database, "d2")
    with database.begin() as connection:
        assert policies.active(connection) is None
        assert policies.activate(connection, "d1", "k1") is None
        before = policies.activate(connection, "d2", "k2")
        assert before is not None
        assert before.digest == "d1"
        now = policies.active(connection)
        assert now is not None
        assert (now.digest, now.activated_by) == ("d2", "k2")
        policies.activate(connection, "d1", "k1")
        assert [one.digest for one in policies.history(connection)] == ["d1", "d2", "d1"]


def test_what_was_not_added_cannot_be_active(database: Database) -> None:
    """Nothing changes."""
    with pytest.raises(StoreError, match="d9"), database.begin() as connection:
        policies.activate(connection, "d9", "k1")


def test_activations_at_the_same_time_form_a_chain(database: Database) -> None:
    """Each one's "before" is the one right before it."""
    add(database, "d0")
    with database.begin() as connection:
        policies.activate(connection, "d0", "k")

    def activate(number: int) -> int:
        with database.begin() as connection:
            before = policies.activate(connection, "d0", str(number))
        assert before is not None
        return before.activation_id

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(activate, range(12))) == list(range(1, 13))
