"""The whole application: every route, every role, one's own team and the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from jiyu.gateway import logs
from jiyu.gateway.app import build, opened
from jiyu.gateway.roles import ROUTES
from jiyu.gateway.settings import Settings
from jiyu.store import keys
from jiyu.store.keys import Role
from serving import Running, bearer, key_of, running

TEAMS = ("一组", "二组")
ROLES: tuple[Role, ...] = ("ingest", "agent", "reviewer", "supervisor", "admin")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, policy_dir: Path) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("whole")
    chosen = Settings(
        db=f"sqlite:///{folder / 'whole.db'}",
        policy=policy_dir,
        insecure_local=True,
        sockets_limit=10_000,
        heartbeat="0.5s",
    )
    with (folder / "log").open("ab", buffering=0) as log:
        logs.configure(chosen, log)
        state = opened(chosen)
        state.settings = chosen.model_copy(update={"insecure_local": False})
        with running(build(state.settings, state), state.database) as server:
            yield server


@pytest.fixture(scope="module")
def known(server: Running) -> dict[tuple[str, str], str]:
    """Keys by role and team; admins are of no team."""
    return {
        (role, team): key_of(
            server.database,
            role,
            None if role == "admin" else team,
            "A1" if role == "agent" else None,
        )
        for role, team in product(ROLES, TEAMS)
    }


def conversation(name: str, team: str | None = "一组", agent: str | None = "A1") -> dict[str, Any]:
    turns = [{"speaker": "agent", "text": "你有完没完"}]
    said = {"conversation_id": name, "team": team, "agent_id": agent, "turns": turns}
    return {key: value for key, value in said.items() if value is not None}


@pytest.fixture(scope="module")
def stored(server: Running, known: dict[tuple[str, str], str]) -> list[str]:
    """A conversation of A1 in the first team, one of A2 in it, and one of nobody."""
    with server.client(known["admin", "一组"]) as client:
        for name, team, agent in (
            ("w-1", "一组", "A1"),
            ("w-2", "一组", "A2"),
            ("w-3", None, None),
        ):
            answer = client.post("/v1/conversations", json=conversation(name, team, agent))
            assert answer.status_code == 200, answer.text
    return ["w-1", "w-2", "w-3"]


#: Who sees w-1, w-2, w-3.
SEEN = {
    ("ingest", "一组"): "",
    ("ingest", "二组"): "",
    ("agent", "一组"): "1",
    ("agent", "二组"): "",
    ("reviewer", "一组"): "12",
    ("reviewer", "二组"): "",
    ("supervisor", "一组"): "12",
    ("supervisor", "二组"): "",
    ("admin", "一组"): "123",
    ("admin", "二组"): "123",
}


@pytest.mark.parametrize(("role", "team"), SEEN)
def test_conversations_of_others_are_not_there(
    server: Running, known: dict[tuple[str, str], str], stored: list[str], role: str, team: str
) -> None:
    """404 and not 403: that there is one is not told either."""
    with server.client(known[role, team]) as client:
        codes = {name: client.get(f"/v1/conversations/{name}") for name in [*stored, "none"]}
        listed = client.get("/v1/conversations")
    if role == "ingest":
        assert {c.status_code for c in codes.values()} == {403}
        assert listed.status_code == 403
        return
    seen = {f"w-{n}" for n in SEEN[role, team]}
    assert {name for name, c in codes.items() if c.status_code == 200} == seen
    hidden = {c.text for name, c in codes.items() if name not in seen}
    assert {c.status_code for name, c in codes.items() if name not in seen} <= {404}
    assert len(hidden) <= 1
    assert {one["conversation_id"] for one in listed.json()["conversations"]} == seen


@pytest.mark.usefixtures("stored")
def test_only_admins_erase(server: Running, known: dict[tuple[str, str], str]) -> None:
    """Nobody else, not even their own; and it is noted."""
    with server.client(known["admin", "一组"]) as admin:
        admin.post("/v1/conversations", json=conversation("e-1"))
        for role, team in product(ROLES[:-1], TEAMS):
            with server.client(known[role, team]) as client:
                assert client.delete("/v1/conversations/e-1").status_code == 403
        assert admin.delete("/v1/conversations/e-1").status_code == 204
        assert admin.get("/v1/conversations/e-1").status_code == 404
        assert admin.delete("/v1/conversations/e-1").status_code == 404
        entries = admin.get("/v1/audit", params={"target": "e-1"}).json()["entries"]
    assert "erase" in {entry["action"] for entry in entries}
    assert all("有完没完" not in json.dumps(e, ensure_ascii=False) for e in entries)


@pytest.mark.usefixtures("stored")
def test_reading_is_noted(server: Running, known: dict[tuple[str, str], str]) -> None:
    """By whom, for each conversation that was seen, and not for what was not."""
    reviewer = known["reviewer", "一组"]
    with server.client(reviewer) as client:
        client.get("/v1/conversations/w-2")
        client.get("/v1/conversations/w-3")
    with server.client(known["admin", "一组"]) as admin:
        acts = {
            name: {
                (e["actor"], e["action"])
                for e in admin.get("/v1/audit", params={"target": name}).json()["entries"]
            }
            for name in ("w-2", "w-3")
        }
    assert (reviewer.split("_")[1], "conversation.read") in acts["w-2"]
    assert reviewer.split("_")[1] not in {actor for actor, _ in acts["w-3"]}


@pytest.mark.usefixtures("stored")
def test_ingest_writes_to_its_team_only(server: Running, known: dict[tuple[str, str], str]) -> None:
    """What it claims for another team, or another team's id, is refused and changes nothing."""
    admin = known["admin", "一组"]
    with server.client(admin) as client:
        before = client.get("/v1/conversations/w-1").text
    with server.client(known["ingest", "二组"]) as client:
        assert client.post("/v1/conversations", json=conversation("i-1")).status_code == 403
        taken = client.post("/v1/conversations", json=conversation("w-1", "二组"))
        assert taken.status_code == 404
        own = client.post("/v1/conversations", json=conversation("i-2", None))
        assert own.json()["team"] == "二组"
    with server.client(admin) as client:
        after = client.get("/v1/conversations/w-1").text
        assert json.loads(after) == json.loads(before)
        assert client.get("/v1/conversations/i-1").status_code == 404


def test_messages_by_role(server: Running, known: dict[tuple[str, str], str]) -> None:
    """Who may ask, and what another team's conversation tells: nothing."""
    for (role, _), key in known.items():
        with server.client(key) as client:
            answer = client.post("/v1/messages", json={"text": "你有完没完"})
        assert answer.status_code == (200 if role in {"ingest", "admin"} else 403)


@pytest.mark.parametrize("role", ["none", "wrong", *ROLES])
def test_the_socket_by_role(server: Running, known: dict[tuple[str, str], str], role: str) -> None:
    """Refused before it is opened, with the answer that HTTP would give."""
    url = server.url.replace("http", "ws") + "/v1/live"
    key = {"none": "", "wrong": "jiyu_0_0"}.get(role) or known.get((role, "一组"), "")
    headers = bearer(key) if key else {}
    if role in {"ingest", "admin"}:
        with connect(url, additional_headers=headers, proxy=None) as socket:
            socket.send(json.dumps({"seq": 1, "conversation_id": f"s-{role}", "open": {}}))
            assert json.loads(socket.recv(5)) == {"type": "ack", "seq": 1}
        return
    with pytest.raises(InvalidStatus) as refused:
        connect(url, additional_headers=headers, proxy=None).__enter__()
    status = refused.value.response.status_code
    assert status == (401 if role in {"none", "wrong"} else 403)
    assert "error" in json.loads(refused.value.response.body or b"{}")


def test_a_socket_ends_with_its_key(server: Running) -> None:
    """Within five seconds."""
    key = key_of(server.database, "ingest")
    url = server.url.replace("http", "ws") + "/v1/live"
    with connect(url, additional_headers=bearer(key), proxy=None) as socket:
        with server.database.begin() as connection:
            keys.revoke(connection, key.split("_")[1])
        with pytest.raises(Exception, match="1008"):
            socket.recv(7)


def test_alerts_of_a_live_conversation(server: Running, known: dict[tuple[str, str], str]) -> None:
    """Raised on a socket, seen on the screens of the team, not on the other's."""
    url = server.url.replace("http", "ws") + "/v1/live"
    name = {"conversation_id": "live-1"}
    lines = [
        {**name, "open": {"agent_id": "A1", "team": "一组"}},
        {**name, "segment_id": "s1", "speaker": "agent", "text": "你有完没完", "final": True},
        {**name, "close": True},
    ]
    with connect(url, additional_headers=bearer(known["ingest", "一组"]), proxy=None) as socket:
        for seq, line in enumerate(lines, 1):
            socket.send(json.dumps({"seq": seq, **line}))
        while json.loads(socket.recv(10)) != {"type": "ack", "seq": 3}:
            pass
    asked = {"after": 0, "follow": "false"}
    for (role, team), key in known.items():
        with server.client(key) as client:
            answer = client.get("/v1/alerts", params=asked)
        if role == "ingest":
            assert answer.status_code == 403
        else:
            assert ("live-1" in answer.text) == (team == "一组" or role == "admin")
    with server.client(known["admin", "一组"]) as client:
        figures = client.get("/metrics").text
    assert 'jiyu_alerts_total{rule="T-01",state="confirmed"}' in figures
    assert "有完没完" not in figures


def test_every_route_is_in_the_table(server: Running) -> None:
    """And every line of the table is a route."""
    documented = {
        (method.upper(), path)
        for path, methods in server.app.openapi()["paths"].items()
        for method in methods
    }
    lines = {(p.method, p.path) for p in ROUTES}
    assert documented <= lines
    assert lines - documented == {("WS", "/v1/live"), ("GET", "/openapi.json")}


# --- schemathesis


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("role", ["none", *ROLES])
def test_anything_by_the_document(
    server: Running, known: dict[tuple[str, str], str], role: str
) -> None:
    """Whatever the document allows, and much that it does not, is never an error of ours."""
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json", headers={})
    headers = bearer(known[role, "一组"]) if role != "none" else {}
    statuses: dict[str, set[int]] = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        label = operation.label
        # Policies are compiled for seconds each; a stream would have to be waited for.
        if label in {"POST /v1/policies", "GET /v1/alerts"}:
            continue
        seen = statuses.setdefault(label, set())

        given(case=operation.as_strategy())(_calling(headers, seen))()
    table = {f"{p.method} {p.path}": p for p in ROUTES}
    for label, seen in statuses.items():
        permit = table[label]
        if permit.roles is None:
            assert not seen & {401, 403}, label
        elif role == "none":
            assert seen == {401}, label
        elif role not in permit.roles:
            assert seen == {403}, label
        elif permit.whole:
            assert not seen & {401, 403}, label


def _calling(headers: dict[str, str], seen: set[int]) -> Callable[[Any], None]:
    """Return what is to be done with each request that is thought up."""

    @settings(
        max_examples=8,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Any) -> None:
        answer = case.call(headers=headers, timeout=10)
        seen.add(answer.status_code)
        assert answer.status_code < 500, answer.text

    return check
