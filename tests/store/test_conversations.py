"""Lists of conversations, page by page, for whom they concern."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jiyu.store import conversations, records
from jiyu.store.conversations import cursor, page, summary
from jiyu.store.database import Database
from jiyu.store.leases import new_owner
from jiyu.store.scope import Scope
from storing import acquired, owner, record


def test_what_is_out_of_scope_is_not_there(database: Database) -> None:
    """Another team's conversation looks like none."""
    acquired(database, owner(database))
    with database.read() as connection:
        assert summary(connection, "c-1", Scope(team="物流一组")) is not None
        assert summary(connection, "c-1", Scope(team="物流二组")) is None
        assert summary(connection, "c-1", Scope(team="物流一组", agent_id="A2")) is None
        assert summary(connection, "c-9") is None
        assert page(connection, scope=Scope(agent_id="A2")) == []


def test_a_list_can_be_narrowed(database: Database) -> None:
    """By state and time; an open conversation has no score yet."""
    acquired(database, owner(database), "live", started_at=3000.0)
    with database.begin() as connection:
        records.ingest(connection, [record("done", started_at="1970-01-01T00:16:40Z")])
    with database.read() as connection:
        assert [(one.conversation_id, one.score) for one in page(connection)] == [
            ("live", None),
            ("done", 90.0),
        ]
        assert [one.conversation_id for one in page(connection, state="open")] == ["live"]
        assert [one.conversation_id for one in page(connection, state="closed")] == ["done"]
        assert [one.conversation_id for one in page(connection, since=2000.0)] == ["live"]
        assert [one.conversation_id for one in page(connection, until=1000.0)] == []
        assert [one.conversation_id for one in page(connection, until=1001.0)] == ["done"]
        assert conversations.transcript(connection, "live") is None


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 5))
def test_pages_put_together_are_the_whole_list(
    database: Database, starts: list[int], size: int
) -> None:
    """Each conversation stands on one page, also where many began at the same moment."""
    who, team = owner(database), new_owner()
    for number, start in enumerate(starts):
        acquired(database, who, f"{team}-{number}", team=team, started_at=float(start))
    names, last = [], None
    with database.read() as connection:
        while some := page(connection, scope=Scope(team=team), before=last, limit=size):
            names += [(one.started_at, one.conversation_id) for one in some]
            last = cursor(some[-1])
    expected = [(float(start), f"{team}-{number}") for number, start in enumerate(starts)]
    assert names == sorted(expected, reverse=True)
