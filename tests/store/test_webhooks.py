"""Deliveries are stored with their alert, sent at least once, and given up in the end."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import update

from jiyu.store import webhooks
from jiyu.store.database import Database
from jiyu.store.scope import Scope
from jiyu.store.tables import deliveries
from jiyu.store.webhooks import SCHEDULE, Delivery
from jiyu.store.writes import Write, store
from storing import acquired, alert, owner


def add(database: Database, url: str = "https://a.example/", **options: object) -> int:
    with database.begin() as connection:
        return webhooks.add(connection, url, "geheim", **options)  # type: ignore[arg-type]


def alerts(database: Database, *several: object, name: str = "c-1", **fields: object) -> None:
    lease = acquired(database, owner(database), name, **fields)
    with database.begin() as connection:
        store(connection, [Write(lease, alerts=several or (alert(),))])  # type: ignore[arg-type]


def claim(database: Database, **options: float) -> list[Delivery]:
    with database.begin() as connection:
        return webhooks.claim(connection, **options)  # type: ignore[arg-type]


def hurry(database: Database) -> None:
    """Let everything be due."""
    with database.begin() as connection:
        connection.execute(update(deliveries).values(due_at=0.0))


def test_an_alert_is_delivered_to_who_wants_it(database: Database) -> None:
    """By team, agent and severity; from the time on when the webhook was added."""
    alerts(database, name="before")
    wanted = [
        add(database, "https://all.example/"),
        add(database, "https://team.example/", scope=Scope(team="物流一组")),
        add(database, "https://agent.example/", scope=Scope(agent_id="A1"), severity="major"),
    ]
    add(database, "https://other.example/", scope=Scope(team="物流二组"))
    add(database, "https://severe.example/", severity="critical")
    alerts(database, alert(payload=b"42"))
    claimed = claim(database)
    assert [one.url for one in claimed] == [
        "https://all.example/",
        "https://team.example/",
        "https://agent.example/",
    ]
    assert {(one.secret, one.payload, one.attempts) for one in claimed} == {("geheim", b"42", 1)}
    with database.read() as connection:
        listed = webhooks.active(connection)
    assert [one.webhook_id for one in listed][:3] == wanted
    assert "geheim" not in repr(listed)


def test_a_repeated_alert_is_not_delivered_again(database: Database) -> None:
    """Not stored, so not sent."""
    add(database)
    who = owner(database)
    lease = acquired(database, who)
    for _ in range(2):
        with database.begin() as connection:
            store(connection, [Write(lease, alerts=(alert(),))])
    assert len(claim(database)) == 1


def test_what_is_claimed_is_nobody_elses(database: Database) -> None:
    """Two senders share the work, also at the same moment."""
    add(database)
    alerts(database, *(alert(f"f{i}") for i in range(40)))
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda _: claim(database, limit=10), range(4)))
    ids = [one.delivery_id for part in parts for one in part]
    assert len(ids) == len(set(ids))
    ids += [one.delivery_id for one in claim(database, limit=40)]
    assert sorted(ids) == list(range(1, 41))
    assert claim(database) == []


def test_a_sender_that_died_is_replaced(database: Database) -> None:
    """What it had claimed is due again, and it cannot interfere any more."""
    add(database)
    alerts(database)
    first = claim(database, seconds=1.0)[0]
    assert claim(database) == []
    time.sleep(1.05)
    second = claim(database)[0]
    assert (second.delivery_id, second.attempts) == (first.delivery_id, 2)
    with database.begin() as connection:
        webhooks.delivered(connection, first)
        assert webhooks.waiting(connection) == 1
        webhooks.delivered(connection, second)
        assert webhooks.waiting(connection) == 0


def test_failures_are_tried_again_later_and_at_last_given_up(database: Database) -> None:
    """After the last of the schedule it is dead, until somebody wants it again."""
    add(database)
    alerts(database)
    for attempt in range(1, len(SCHEDULE) + 2):
        delivery = claim(database)[0]
        assert delivery.attempts == attempt
        with database.begin() as connection:
            webhooks.failed(connection, delivery, "503")
        assert claim(database) == []
        hurry(database)
    assert claim(database) == []
    with database.begin() as connection:
        dead = webhooks.dead(connection)
        assert [(one.attempts, one.answer) for one in dead] == [(len(SCHEDULE) + 1, "503")]
        assert webhooks.redeliver(connection, dead[0].delivery_id)
        assert not webhooks.redeliver(connection, 999)
    again = claim(database)[0]
    assert again.attempts == 1
    with database.begin() as connection:
        webhooks.delivered(connection, again)
        assert webhooks.dead(connection) == []


def test_a_disabled_webhook_gets_nothing(database: Database) -> None:
    """Neither what comes nor what is waiting."""
    webhook = add(database)
    alerts(database)
    with database.begin() as connection:
        webhooks.disable(connection, webhook)
        assert webhooks.active(connection) == []
    alerts(database, name="c-2")
    assert claim(database) == []
