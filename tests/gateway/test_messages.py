"""Messages judged before they are sent, and whole conversations, by a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from websockets.asyncio.client import connect

from gatewaying import Server, plain
from jiyu import Checker, Conversation, Turn
from jiyu.gateway.messages import Message, judged
from jiyu.policy.load import load_policy
from jiyu.store import audit, keys
from jiyu.store.database import Database
from jiyu.store.scope import Scope


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, policy_dir: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("messages")
    server = Server(f"sqlite:///{folder / 'store.db'}", policy_dir, folder)
    server.start()
    yield server
    server.end()


@pytest.fixture(scope="module")
def small(policy_dir: Path) -> Checker:
    return Checker(load_policy(policy_dir))


def call(name: str, *texts: str, **fields: Any) -> dict[str, Any]:
    """A conversation of the agent's."""
    turns = [{"speaker": "agent", "text": text} for text in texts]
    return {"conversation_id": name, "turns": turns, **fields}


@pytest.mark.parametrize(
    ("message", "decision", "rules", "suggestion"),
    [
        ({"text": "您好"}, "allow", [], None),
        ({"text": "有完没完"}, "block", ["T-01"], "给您带来不便，敬请谅解。"),
        ({"text": "有完没完", "channel": "phone"}, "warn", ["T-01"], "给您带来不便，敬请谅解。"),
        ({"text": "有完没完", "speaker": "customer"}, "allow", [], None),
        ({"text": "烦死人了"}, "warn", ["T-03"], None),
        ({"text": "不知道"}, "allow", [], None),
        (
            {"text": "不知道", "context": [{"speaker": "customer", "text": "怎么办"}]},
            "warn",
            ["T-02"],
            None,
        ),
        # What was wrong before is not wrong with this one.
        (
            {"text": "好的", "context": [{"speaker": "agent", "text": "有完没完"}]},
            "allow",
            [],
            None,
        ),
    ],
)
def test_what_becomes_of_a_message(
    server: Server, message: Any, decision: str, rules: list[str], suggestion: str | None
) -> None:
    """Blocked from the policy's severity for the channel on, with the norm's own phrase."""
    answer = server.post("/v1/messages", message)
    assert answer.status_code == 200
    said = answer.json()
    assert said["decision"] == decision
    assert [finding["rule"] for finding in said["findings"]] == rules
    assert said["suggestion"] == suggestion
    batch = server.post("/v1/messages", {"messages": [message, {"text": "您好"}]}).json()
    assert [one["decision"] for one in batch["results"]] == [decision, "allow"]


def test_a_policy_says_what_blocks(tmp_path: Path) -> None:
    """By channel; ``never`` only ever warns."""
    from conftest import POLICY_FILES, write_policy

    header = dedent(POLICY_FILES["policy.yaml"]) + "blocking: {chat: never, phone: major}\n"
    checker = Checker(load_policy(write_policy(tmp_path, policy=header)))
    assert judged(checker, Message("有完没完"), ()).decision == "warn"
    assert judged(checker, Message("烦死人了", channel="phone"), ()).decision == "block"
    assert judged(checker, Message("随便", channel="phone"), ()).decision == "warn"


def test_a_message_is_judged_within_a_live_conversation(server: Server) -> None:
    """The turns of the conversation that it names are its context."""

    async def ask() -> dict[str, Any]:
        async with connect(server.live, proxy=None) as socket:
            line = {"conversation_id": "chat-1", "segment_id": "1", "speaker": "customer"}
            await socket.send(json.dumps({"seq": 1, **line, "text": "怎么办", "final": True}))
            assert json.loads(await socket.recv())["type"] == "ack"
            body = {"text": "不知道", "conversation_id": "chat-1"}
            answer = await asyncio.to_thread(server.post, "/v1/messages", body)
            said: dict[str, Any] = answer.json()
            return said

    assert [finding["rule"] for finding in asyncio.run(ask())["findings"]] == ["T-02"]


@pytest.mark.parametrize(
    ("body", "status", "place"),
    [
        (b"nonsense", 422, "body"),
        (b'{"text": "a", "text": "b"}', 422, "body"),
        (b'{"txt": "a"}', 422, None),
        (b'{"text": 1}', 422, "text"),
        (b'{"text": "a", "speaker": "robot"}', 422, "speaker"),
        (b'{"messages": [{"text": "a"}, {"text": 1}]}', 422, "messages[1].text"),
        (json.dumps({"text": "没" * 20_001}).encode(), 413, "text"),
        (b'{"text": "' + b"a" * 2_000_001 + b'"}', 413, None),
    ],
)
def test_bad_bodies_are_refused_with_their_place(
    server: Server, body: bytes, status: int, place: str | None
) -> None:
    """And never with what they say."""
    import httpx

    answer = httpx.post(f"{server.http}/v1/messages", content=body, trust_env=False)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error.get("place") == place
    assert "没没" not in answer.text


def test_a_whole_conversation(server: Server, small: Checker) -> None:
    """Assessed as in batch, kept unless told otherwise, listed, read and erased."""
    body = call("whole-1", "有完没完", "好的", agent_id="A1", team="T1", channel="phone")
    turns = (Turn("有完没完", "agent"), Turn("好的", "agent"))
    conversation = Conversation("whole-1", turns, agent_id="A1", team="T1", channel="phone")
    expected = plain(small.assess(conversation))
    assert server.post("/v1/conversations?store=false", body).json() == expected
    assert server.get("/v1/conversations/whole-1").status_code == 404
    assert server.post("/v1/conversations", body).json() == expected
    assert server.post("/v1/conversations", body).json() == expected
    stored = server.get("/v1/conversations/whole-1").json()
    assert stored["assessment"] == expected
    assert stored["summary"]["state"] == "closed"
    assert [turn["text"] for turn in stored["transcript"]["turns"]] == ["有完没完", "好的"]
    assert server.delete("/v1/conversations/whole-1").status_code == 204
    assert server.delete("/v1/conversations/whole-1").status_code == 404
    assert server.get("/v1/conversations/whole-1").status_code == 404


def test_pages_of_a_list_are_complete(server: Server) -> None:
    """No conversation is missing or there twice."""
    names = {f"page-{i}" for i in range(7)}
    for name in names:
        server.post("/v1/conversations", call(name, "您好", team="pages"))
    found: list[str] = []
    query = "?team=pages&limit=3"
    while True:
        page = server.get(f"/v1/conversations{query}").json()
        found += [one["conversation_id"] for one in page["conversations"]]
        if page["next"] is None:
            break
        query = f"?team=pages&limit=3&after={page['next']}"
    assert sorted(found) == sorted(names)
    assert server.get("/v1/conversations?after=nonsense").status_code == 422


def test_a_live_conversation_is_not_overwritten(server: Server) -> None:
    """409, as somebody judges it."""

    async def open_it() -> None:
        async with connect(server.live, proxy=None) as socket:
            await socket.send('{"seq": 1, "conversation_id": "open-1", "open": {}}')
            assert json.loads(await socket.recv())["type"] == "ack"

    asyncio.run(open_it())
    assert server.post("/v1/conversations", call("open-1", "您好")).status_code == 409
    assert server.get("/v1/conversations/open-1").json()["assessment"] is None


def test_the_document_names_every_route(server: Server) -> None:
    """The hot routes too, with examples."""
    document = server.get("/openapi.json").json()
    assert document["paths"]["/v1/messages"]["post"]["requestBody"]
    assert {"get", "delete"} <= document["paths"]["/v1/conversations/{conversation_id}"].keys()
    assert document["components"]["schemas"]["MessageIn"]["examples"]
    assert document["components"]["schemas"]["ConversationIn"]["examples"]


def test_a_team_sees_and_writes_its_own(tmp_path: Path, policy_dir: Path) -> None:
    """Keys of a team: other teams' conversations are not there, live or whole."""
    import httpx

    url = f"sqlite:///{tmp_path / 'store.db'}"
    database = Database(url)
    with database.begin() as connection:
        made = {
            name: keys.create(connection, role, name, Scope(team))
            for name, role, team in (
                ("in-1", "ingest", "one"),
                ("in-2", "ingest", "two"),
                ("see-1", "reviewer", "one"),
                ("see-2", "reviewer", "two"),
                ("admin", "admin", None),
            )
        }
    folder = tmp_path / "server"
    folder.mkdir()
    server = Server(url, policy_dir, folder, secure=True)
    server.start()
    heads = {name: {"Authorization": f"Bearer {key}"} for name, key in made.items()}

    def ask(who: str, method: str, path: str, **options: Any) -> httpx.Response:
        address = f"{server.http}{path}"
        return httpx.request(method, address, headers=heads[who], trust_env=False, **options)

    async def say(who: str, **line: Any) -> list[dict[str, Any]]:
        frames: list[dict[str, Any]] = []
        async with connect(server.live, proxy=None, additional_headers=heads[who]) as socket:
            await socket.send(json.dumps({"seq": 1, "conversation_id": "live", **line}))
            while not frames or frames[-1]["type"] != "ack":
                frames.append(json.loads(await socket.recv()))
        return frames

    try:
        body = call("c", "有完没完")
        assert ask("in-1", "POST", "/v1/conversations", json=body).json()["team"] == "one"
        assert ask("in-2", "POST", "/v1/conversations", json=body).status_code == 404
        claimed = call("d", "您好", team="two")
        assert ask("in-1", "POST", "/v1/conversations", json=claimed).status_code == 403
        assert ask("see-1", "GET", "/v1/conversations/c").status_code == 200
        assert ask("see-2", "GET", "/v1/conversations/c").status_code == 404
        assert ask("see-2", "GET", "/v1/conversations").json()["conversations"] == []
        assert ask("see-1", "DELETE", "/v1/conversations/c").status_code == 403
        assert ask("in-1", "GET", "/v1/conversations/c").status_code == 403
        segment = {"segment_id": "s1", "speaker": "agent", "text": "有完没完", "final": True}
        kinds = [[f["type"] for f in asyncio.run(say(who, **segment))] for who in ("in-1", "in-2")]
        assert kinds == [["raised", "ack"], ["error", "ack"]]
        wrong = asyncio.run(say("in-1", conversation_id="other", open={"team": "two"}))
        assert wrong[0]["type"] == "error"
        asyncio.run(say("in-1", close=True))
        assert ask("see-1", "GET", "/v1/conversations/live").json()["summary"]["team"] == "one"
        assert ask("admin", "DELETE", "/v1/conversations/live").status_code == 204
        with database.read() as connection:
            acts = [(e.action, e.target) for e in audit.entries(connection)]
        assert ("erase", "live") in acts
        assert ("conversation.read", "c") in acts
    finally:
        server.end()
        database.close()
    assert "完没" not in server.log
