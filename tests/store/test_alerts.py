"""Alerts are stored once, and seen in order by who follows them."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from sqlalchemy import select

from jiyu.store import alerts
from jiyu.store.database import Database
from jiyu.store.scope import Scope
from jiyu.store.sequences import take
from jiyu.store.writes import Write, Written, store
from storing import acquired, alert, line, owner


def put(database: Database, *writes: Write) -> list[list[int | None]]:
    with database.begin() as connection:
        results = store(connection, writes)
    return [result.alert_ids for result in results if isinstance(result, Written)]


def test_an_alert_is_stored_once(database: Database) -> None:
    """A replay of the same input gives no second alert."""
    lease = acquired(database, owner(database))
    write = Write(lease, (line(),), (alert("f1"), alert("f1", "confirmed"), alert("f1")))
    assert put(database, write, write) == [[1, 2, None], [None, None, None]]
    assert put(database, write) == [[None, None, None]]
    with database.read() as connection:
        assert [one.alert_id for one in alerts.after(connection, 0)] == [1, 2]
        assert alerts.last_id(connection) == 2


def test_updates_of_one_finding_are_told_apart(database: Database) -> None:
    """A finding may be updated more than once."""
    lease = acquired(database, owner(database))
    updates = (alert("f1", "updated", revision=1), alert("f1", "updated", revision=2))
    assert put(database, Write(lease, alerts=updates)) == [[1, 2]]


def test_an_alert_carries_whose_it_is(database: Database) -> None:
    """Agent and team come from the conversation, so that they cannot disagree."""
    lease = acquired(database, owner(database))
    put(database, Write(lease, alerts=(alert(payload=b'{"type":"raised"}'),)))
    with database.read() as connection:
        stored = alerts.after(connection, 0)[0]
    assert (stored.agent_id, stored.team, stored.severity) == ("A1", "物流一组", "major")
    assert stored.payload == b'{"type":"raised"}'
    assert stored.created_at > 1.7e9


def test_alerts_are_filtered(database: Database) -> None:
    """By team, agent and severity, after an id, and so many at a time."""
    who = owner(database)
    for number, (agent, team) in enumerate([("A1", "t1"), ("A2", "t1"), ("A3", "t2")]):
        lease = acquired(database, who, f"c-{number}", agent_id=agent, team=team)
        both = (alert("f1", severity="minor"), alert("f2", severity="critical"))
        put(database, Write(lease, alerts=both))
    with database.read() as connection:
        seen = alerts.after(connection, 0, scope=Scope(team="t1"), severity="major")
        assert [(one.agent_id, one.severity) for one in seen] == [
            ("A1", "critical"),
            ("A2", "critical"),
        ]
        assert [one.alert_id for one in alerts.after(connection, 2, limit=2)] == [3, 4]
        assert len(alerts.after(connection, 0, scope=Scope(agent_id="A3"))) == 2


def test_a_lost_lease_leaves_no_alert(database: Database) -> None:
    """Input and alerts are stored together or not at all."""
    who = owner(database)
    old = acquired(database, who)
    acquired(database, who)
    put(database, Write(old, (line(),), (alert(),)))
    with database.read() as connection:
        assert alerts.after(connection, 0) == []


def test_nobody_who_follows_misses_an_alert(database: Database) -> None:
    """With several writers, an alert never shows up behind one that was seen."""
    who = owner(database)
    done = threading.Event()

    def write(number: int) -> None:
        lease = acquired(database, who, f"c-{number}")
        for i in range(25):
            with database.begin() as connection:
                store(connection, [Write(lease, alerts=(alert(f"f{i}"), alert(f"g{i}")))])
                # Commits come late and in any order.
                time.sleep(0.001 * ((number + i) % 3))

    def follow() -> list[int]:
        seen, last_round = [0], False
        while True:
            with database.read() as connection:
                seen += [one.alert_id for one in alerts.after(connection, seen[-1], limit=1000)]
            if last_round:
                return seen[1:]
            last_round = done.is_set()

    with ThreadPoolExecutor(5) as pool:
        following = pool.submit(follow)
        for writing in [pool.submit(write, number) for number in range(4)]:
            writing.result()
        done.set()
        seen = following.result()
    assert len(seen) == 4 * 25 * 2
    assert seen == sorted(set(seen))


def test_a_number_is_not_given_out_before_the_one_below_can_be_seen(url: str) -> None:
    """The second taker waits for the first one's commit."""
    with closing(Database(url)) as database:
        order: list[str] = []

        def second() -> None:
            with database.begin() as connection:
                assert take(connection, "x") == 2
                order.append("second")

        with ThreadPoolExecutor(1) as pool:
            with database.begin() as connection:
                assert take(connection, "x") == 1
                waiting = pool.submit(second)
                time.sleep(0.1)
                order.append("first")
            waiting.result()
        assert order == ["first", "second"]


def test_a_number_that_was_rolled_back_is_given_again(database: Database) -> None:
    """Nobody has seen it."""
    with database.engine.connect() as connection:
        transaction = connection.begin()
        assert take(connection, "x", 5) == 1
        transaction.rollback()
    with database.begin() as connection:
        assert take(connection, "x", 5) == 1
        assert take(connection, "x") == 6
        assert connection.scalar(select(1)) == 1
