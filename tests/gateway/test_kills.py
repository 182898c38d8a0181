"""The server is killed at random moments; its client goes on from its last acknowledgement."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from pathlib import Path

import msgspec
from sqlalchemy import select

from gatewaying import Client, Server, calls, interleaved, kills, plain, repeated
from jiyu import Checker, Conversation
from jiyu.model import Alert
from jiyu.policy.load import load_policy
from jiyu.store.database import Database
from jiyu.store.tables import alerts, journal
from live import follow


async def fed_with_kills(server: Server, clients: list[Client], times: int, seed: int) -> None:
    """Run clients to their end while the server dies again and again."""
    chance = random.Random(seed)
    # One as people talk, one as fast as the server takes it.
    pauses = [0.01, 0.0005]
    feeding = zip(clients, pauses, strict=True)
    running = asyncio.gather(*(client.run(pause=pause) for client, pause in feeding))

    async def kill() -> None:
        total = sum(len(client.lines) for client in clients)
        for n in range(times):
            # Spread over the whole run, and never at a moment of our choosing.
            share = total * (n + chance.random()) / (times + 1)
            while sum(client.acked for client in clients) < share:
                await asyncio.sleep(0.002)
            await asyncio.sleep(0.02 * chance.random())
            server.kill()
            await asyncio.to_thread(server.start)

    killing = asyncio.create_task(kill())
    await asyncio.wait_for(running, 30 + 5 * times)
    await killing


def assert_nothing_lost(url: str, clients: list[Client]) -> None:
    """Every line that was acknowledged is in the journal, once; no alert is there twice."""
    database = Database(url)
    with database.read() as connection:
        rows = connection.execute(select(journal.c.conversation_id, journal.c.key)).all()
        raised = connection.execute(select(alerts.c.alert_id, alerts.c.payload)).all()
    database.close()
    stored = [(row[0], row[1]) for row in rows]
    assert len(stored) == len(set(stored))
    for client in clients:
        segments = [line for line in client.lines if "segment_id" in line]
        for line in segments:
            key = f"s{line['revision']}:{line['segment_id']}"
            assert (line["conversation_id"], key) in stored
    assert len(stored) == sum(len(client.lines) for client in clients)
    by_conversation = defaultdict(list)
    for _, payload in raised:
        alert = msgspec.json.decode(payload, type=Alert)
        by_conversation[alert.conversation_id].append(alert)
    for some in by_conversation.values():
        # Raised, updated, confirmed or retracted in a lawful order; nothing left open.
        follow(some)
    heard = [alert["alert_id"] for client in clients for alert in client.alerts]
    assert sorted(heard) == sorted(row[0] for row in raised)


def test_a_killed_server_loses_nothing(url: str, serving: object, policy_dir: Path) -> None:
    """0 acknowledged lines lost, 0 alerts told twice or not at all, the assessments as in batch."""
    times = kills() if url.startswith("sqlite") else max(4, kills() // 4)
    server: Server = serving(url, policy_dir)  # type: ignore[operator]
    chance = random.Random(4)
    rounds = max(1, times // 12)
    halves = [calls(6 * rounds, chance), calls(60 * rounds, chance, "fast")]
    clients = [Client(server, interleaved(half, chance)) for half in halves]
    asyncio.run(fed_with_kills(server, clients, times, seed=5))
    checker = Checker(load_policy(policy_dir))
    assert sum(client.connects for client in clients) > times // 2
    for client, half in zip(clients, halves, strict=True):
        assert client.errors == []
        assert repeated(client.alerts) == []
        assert_as_in_batch(checker, client, half)
    server.stop()
    assert_nothing_lost(url, clients)


def assert_as_in_batch(checker: Checker, client: Client, some: list[Conversation]) -> None:
    """Check that each conversation was closed once, with the assessment of its whole."""
    for conversation in some:
        name = conversation.conversation_id
        assert client.closed[name] == plain(checker.assess(conversation))
        assert client.closings[name] == 1
