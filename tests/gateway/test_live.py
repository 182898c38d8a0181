"""Live conversations over the socket of a real server."""

from __future__ import annotations

import asyncio
import json
import random
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema_rs import Draft202012Validator
from websockets.asyncio.client import connect

from gatewaying import Client, Line, Server, Serving, calls, interleaved, plain, repeated
from jiyu import Checker, Conversation
from jiyu.gateway.schemas import live_schema
from jiyu.model import Alert
from jiyu.policy.load import load_policy
from live import assert_settled

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "calls.jsonl"


@pytest.fixture(scope="module")
def small(policy_dir: Path) -> Checker:
    return Checker(load_policy(policy_dir))


def run(*clients: Client, **options: Any) -> None:
    """Let clients send everything they have."""

    async def all_of_them() -> None:
        await asyncio.gather(*(client.run(**options) for client in clients))

    asyncio.run(asyncio.wait_for(all_of_them(), 60))


def segment(name: str, text: str, conversation: str = "c-1", **more: Any) -> Line:
    said = {"conversation_id": conversation, "segment_id": name, "speaker": "agent", "text": text}
    return {**said, "final": True, **more}


async def exchange(server: Server, *lines: Line | str) -> list[Line]:
    """Send lines as they are and return what is answered, up to the last acknowledgement."""
    frames: list[Line] = []
    async with connect(server.live, proxy=None) as socket:
        for line in lines:
            await socket.send(line if isinstance(line, str) else json.dumps(line))
        last = len(lines)
        while not frames or frames[-1] != {"type": "ack", "seq": last}:
            frames.append(json.loads(await asyncio.wait_for(socket.recv(), 10)))
    return frames


def told(frames: list[Line], kind: str) -> list[Line]:
    return [frame for frame in frames if frame["type"] == kind]


@pytest.fixture
def server(serving: Serving, tmp_path: Path, policy_dir: Path) -> Server:
    return serving(f"sqlite:///{tmp_path / 'store.db'}", policy_dir)


def test_the_example_calls_come_out_as_in_batch(serving: Serving, tmp_path: Path) -> None:
    """Cut into partials and mixed on one socket, by the shipped policy."""
    server = serving(f"sqlite:///{tmp_path / 'store.db'}", None)
    lines = EXAMPLES.read_bytes().splitlines()
    examples = [msgspec.json.decode(line, type=Conversation) for line in lines]
    client = Client(server, interleaved(examples, random.Random(1)))
    run(client)
    checker = Checker()
    assert len(examples) == 16
    for example in examples:
        name = example.conversation_id
        assessment = checker.assess(example)
        assert client.closed[name] == plain(assessment)
        of_it = [alert for alert in client.alerts if alert["conversation_id"] == name]
        assert_settled(msgspec.convert(of_it, list[Alert]), assessment)
        stored = server.get(f"/v1/conversations/{name}").json()
        assert stored["assessment"] == plain(assessment)
        assert stored["transcript"]["turns"] == plain(example)["turns"]
    assert client.errors == []


def test_a_client_that_replays_hears_nothing_twice(
    url: str, serving: Serving, policy_dir: Path, small: Checker
) -> None:
    """Half is sent, then all of it once more from the beginning, over another socket."""
    server = serving(url, policy_dir)
    some = calls(6, random.Random(2))
    lines = interleaved(some, random.Random(3), revisions=False)
    first, second = Client(server, lines), Client(server, lines)
    run(first, upto=len(lines) // 2)
    second.acked = first.acked
    run(second)
    assert repeated(first.alerts + second.alerts) == []
    for conversation in some:
        name = conversation.conversation_id
        closed = {**first.closed, **second.closed}
        assert closed[name] == plain(small.assess(conversation))
    # A third time, from the start: no line is new, so no alert is.
    third = Client(server, lines)
    run(third)
    assert third.errors == []
    known = {alert["alert_id"]: alert for alert in first.alerts + second.alerts}
    assert {alert["alert_id"]: alert for alert in third.alerts} == known


def test_a_line_sent_twice_counts_once(server: Server) -> None:
    """By its revision, by its number, or by its seq and content; on one socket or on two."""
    event = {"conversation_id": "c-1", "event": {"type": "transfer", "at": 1.0}}
    lines = [
        {"seq": 1, **segment("s1", "有完没完", revision=1)},
        {"seq": 2, **segment("s1", "有完没完", revision=1)},
        {"seq": 3, **event, "number": 7},
        {"seq": 4, **event, "number": 7},
        {"seq": 5, **event},
        {"seq": 5, **event},
        {"seq": 7, **event},
    ]
    frames = asyncio.run(exchange(server, *lines))
    raised = told(frames, "raised")
    assert len(raised) == 1
    again = asyncio.run(
        exchange(server, lines[0], {"seq": 2, "conversation_id": "c-1", "close": True})
    )
    # It was acknowledged to somebody else, so this socket is told, and the number is the same.
    assert told(again, "raised") == raised
    transcript = server.get("/v1/conversations/c-1").json()["transcript"]
    assert len(transcript["events"]) == 3
    assert len(transcript["turns"]) == 1


def test_bad_lines_are_set_aside(server: Server) -> None:
    """Each is answered with its number, none with what it said, and the rest goes on."""
    frames = asyncio.run(
        exchange(
            server,
            "nonsense 有完没完",
            {"seq": 2, "conversation_id": "c-1"},
            {"seq": 3, **segment("s1", "有完没完", speaker="robot 有完没完")},
            {"seq": 4, **segment("", "有完没完")},
            {"seq": 5, **segment("s" * 201, "有完没完")},
            {"seq": 6, **segment("s\0", "有完没完")},
            {"seq": 7, **segment("s1", "没\ud800完")},
            {"seq": 8, **segment("s1", "没" * 20_001)},
            {"seq": 9, **segment("s1", "有完没完")},
            {"seq": 10, "conversation_id": "c-1", "close": True},
            {"seq": 11, **segment("s2", "有完没完")},
        )
    )
    errors = told(frames, "error")
    assert [error["seq"] for error in errors] == [*range(1, 9), 11]
    assert not any("完" in error["message"] for error in errors)
    assert len(told(frames, "closed")) == 1


def test_frames_are_as_the_schema_says(server: Server) -> None:
    """What is sent and what is answered fits the published JSON Schema."""
    schema = server.get("/v1/live/schema.json").json()
    assert schema == plain(live_schema())
    valid = Draft202012Validator(schema)
    lines = [
        {"seq": 1, "conversation_id": "c-1", "open": {"agent_id": "A1", "channel": "phone"}},
        {"seq": 2, **segment("s1", "有完没完", final=False, revision=1)},
        {"seq": 3, "conversation_id": "c-1", "event": {"type": "hangup", "by": "agent"}},
        {"seq": 4, **segment("s1", "有完没完")},
        {"seq": 5, "conversation_id": "c-1", "close": True, "ended_by": "agent"},
    ]
    for frame in [*lines, *asyncio.run(exchange(server, *lines))]:
        valid.validate(frame)


def test_a_conversation_goes_on_in_another_process(
    url: str, serving: Serving, policy_dir: Path, small: Checker
) -> None:
    """Two servers share a store; the lines of each conversation change between them."""
    servers = [serving(url, policy_dir), serving(url, policy_dir)]
    some = calls(4, random.Random(6))
    lines = interleaved(some, random.Random(7))
    alerts: list[Line] = []
    closed: dict[str, Any] = {}
    step = max(1, len(lines) // 8)
    for number, begin in enumerate(range(0, len(lines), step)):
        client = Client(servers[number % 2], lines[begin : begin + step])
        run(client)
        alerts += client.alerts
        closed |= client.closed
    assert repeated(alerts) == []
    for conversation in some:
        assert closed[conversation.conversation_id] == plain(small.assess(conversation))


def test_two_processes_that_get_the_same_lines_at_once(
    url: str, serving: Serving, policy_dir: Path, small: Checker
) -> None:
    """They take conversations from each other; whatever comes of it is as in batch."""
    servers = [serving(url, policy_dir), serving(url, policy_dir)]
    some = calls(3, random.Random(8))
    lines = interleaved(some, random.Random(9))
    clients = [Client(server, lines) for server in servers]
    run(*clients)
    for client in clients:
        assert repeated(client.alerts) == []
        assert client.errors == []
        for conversation in some:
            name = conversation.conversation_id
            assert client.closed[name] == plain(small.assess(conversation))
    assert {a["alert_id"] for a in clients[0].alerts} == {a["alert_id"] for a in clients[1].alerts}


def test_worker_processes_share_a_store(
    serving: Serving, tmp_path: Path, policy_dir: Path, small: Checker
) -> None:
    """Two of them behind one port; one is killed, and its clients go on with the others."""
    server = serving(f"sqlite:///{tmp_path / 'store.db'}", policy_dir, "--workers", "2")
    some = calls(12, random.Random(15))
    lines = [interleaved(some[i::4], random.Random(i)) for i in range(4)]
    clients = [Client(server, part) for part in lines]

    async def killed_halfway() -> None:
        feeding = [asyncio.create_task(client.run(pause=0.01)) for client in clients]
        while clients[0].acked < len(clients[0].lines) // 2:
            await asyncio.sleep(0.002)
        server.kill_worker()
        await asyncio.wait_for(asyncio.gather(*feeding), 60)

    asyncio.run(killed_halfway())
    for i, client in enumerate(clients):
        assert client.errors == []
        assert repeated(client.alerts) == []
        for conversation in some[i::4]:
            name = conversation.conversation_id
            assert client.closed[name] == plain(small.assess(conversation))
    assert server.stop() == 0


def test_whose_it_is_may_be_said_later(server: Server) -> None:
    """Alerts from then on belong to the team."""
    lines = [
        {"seq": 1, **segment("s1", "您好")},
        {"seq": 2, "conversation_id": "c-1", "open": {"team": "T1", "agent_id": "A1"}},
        {"seq": 3, **segment("s2", "有完没完")},
    ]
    asyncio.run(exchange(server, *lines))
    summary = server.get("/v1/conversations/c-1").json()["summary"]
    assert (summary["team"], summary["agent_id"], summary["state"]) == ("T1", "A1", "open")


def test_an_asked_end_acknowledges_and_hands_over(
    url: str, serving: Serving, policy_dir: Path, small: Checker
) -> None:
    """SIGTERM in the middle: the exit is clean, and another server goes on at once."""
    server = serving(url, policy_dir)
    some = calls(8, random.Random(10))
    client = Client(server, interleaved(some, random.Random(11)))

    async def ended_halfway() -> None:
        sending = asyncio.create_task(client.run(pause=0.004))
        while client.acked < len(client.lines) // 2:
            await asyncio.sleep(0.002)
        assert await asyncio.to_thread(server.stop) == 0
        await asyncio.to_thread(server.start)
        await asyncio.wait_for(sending, 30)

    asyncio.run(ended_halfway())
    # A client that comes back while the server is still ending is sent away once more.
    assert client.connects >= 2
    assert client.errors == []
    assert repeated(client.alerts) == []
    for conversation in some:
        assert client.closed[conversation.conversation_id] == plain(small.assess(conversation))
    assert '"level":"error"' not in server.log, server.log


def test_idle_conversations_are_closed(serving: Serving, tmp_path: Path, policy_dir: Path) -> None:
    """Their socket is told, and so is nobody's of one that a dead process has left."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    server = serving(url, policy_dir, "--idle", "1s")

    async def wait_for_it() -> Line:
        async with connect(server.live, proxy=None) as socket:
            await socket.send(json.dumps({"seq": 1, **segment("s1", "有完没完")}))
            while True:
                frame: Line = json.loads(await asyncio.wait_for(socket.recv(), 10))
                if frame["type"] == "closed":
                    return frame

    frame = asyncio.run(wait_for_it())
    assert [finding["rule"] for finding in frame["assessment"]["findings"]] == ["T-01"]
    assert server.get("/v1/conversations/c-1").json()["summary"]["state"] == "closed"
    asyncio.run(exchange(server, {"seq": 1, **segment("s1", "有完没完", "c-2")}))
    server.kill()
    server.start()
    end = time.monotonic() + 20
    while server.get("/v1/conversations/c-2").json()["summary"]["state"] == "open":
        assert time.monotonic() < end
        time.sleep(0.2)


def test_an_erased_conversation_does_not_come_back(server: Server) -> None:
    """What its source still sends is refused, here and after a restart."""
    first = [{"seq": 1, **segment("s1", "有完没完")}]
    asyncio.run(exchange(server, *first))
    assert server.delete("/v1/conversations/c-1").status_code == 204
    frames = asyncio.run(exchange(server, {"seq": 1, **segment("s2", "有完没完")}))
    assert told(frames, "error") != []
    assert server.get("/v1/conversations/c-1").status_code == 404


def test_a_thousand_conversations_at_once(server: Server, small: Checker) -> None:
    """All of them are open at the same time, on four sockets."""
    chance = random.Random(12)
    some = calls(1000, chance, turns=3)
    lines = [interleaved(some[i::4], chance, revisions=False) for i in range(4)]
    # All open first, so that a thousand are open together.
    clients = [Client(server, sorted(part, key=lambda line: "open" not in line)) for part in lines]
    run(*clients)
    for i, client in enumerate(clients):
        for conversation in some[i::4]:
            assert client.closed[conversation.conversation_id]["findings"] == plain(
                small.assess(conversation).findings
            )


def test_a_store_that_is_away_holds_clients_up(
    serving: Serving, tmp_path: Path, policy_dir: Path, small: Checker
) -> None:
    """Nothing is acknowledged, requests are told to come again, and then it goes on by itself."""
    import sqlite3

    file = tmp_path / "store.db"
    server = serving(f"sqlite:///{file}", policy_dir)
    some = calls(6, random.Random(13))
    client = Client(server, interleaved(some, random.Random(14)))

    async def outage() -> None:
        await client.run(upto=10)
        lock = sqlite3.connect(file, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        sending = asyncio.create_task(client.run())
        body = plain(some[0]) | {"conversation_id": "batch"}
        answer = await asyncio.to_thread(server.post, "/v1/conversations", body)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert client.acked == 10
        lock.execute("ROLLBACK")
        lock.close()
        await asyncio.wait_for(sending, 30)

    asyncio.run(outage())
    assert client.connects == 2
    assert client.errors == []
    assert repeated(client.alerts) == []
    for conversation in some:
        assert client.closed[conversation.conversation_id] == plain(small.assess(conversation))
