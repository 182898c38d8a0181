"""Who did what, and nothing of what was said."""

from __future__ import annotations

from jiyu.store import audit
from jiyu.store.database import Database


def test_acts_are_listed_latest_first(database: Database) -> None:
    """With who, when, what, and before and after."""
    with database.begin() as connection:
        audit.record(connection, "k1", "policy.activate", "d2", before="d1", after={"digest": "d2"})
        audit.record(connection, "k2", "read", "c-1")
        audit.record(connection, "k3", "read", "c-2")
    with database.read() as connection:
        entries = audit.entries(connection)
        assert [one.actor for one in entries] == ["k3", "k2", "k1"]
        assert (entries[2].before, entries[2].after) == ("d1", '{"digest":"d2"}')
        assert entries[0].at > 1.7e9
        assert [one.actor for one in audit.entries(connection, target="c-1")] == ["k2"]
        older = audit.entries(connection, before_id=entries[0].audit_id, limit=1)
        assert [one.actor for one in older] == ["k2"]


def test_a_fingerprint_does_not_tell() -> None:
    """Equal texts have equal ones, and that is all."""
    one = audit.fingerprint("有完没完".encode())
    assert one == audit.fingerprint("有完没完".encode())
    assert one != audit.fingerprint("有完没完。".encode())
    assert one.startswith("sha256:")
    assert len(one) == 71
