"""Who may do what, by every route and role; wrong keys; and how much is too much."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from jiyu.errors import InputError, LeaseLost, PolicyError, Problem, StoreError, StoreUnavailable
from jiyu.gateway import auth
from jiyu.gateway.auth import within
from jiyu.gateway.limits import Buckets, strict_json
from jiyu.gateway.problems import Refused, refusal
from jiyu.gateway.roles import ROUTES, Permit
from jiyu.gateway.settings import Settings
from jiyu.gateway.startup import check_startup
from jiyu.store import audit, keys
from jiyu.store.database import Database
from jiyu.store.scope import Scope
from jiyu.store.tables import api_keys
from serving import SAID, Running, bearer, eventually, key_of, served

ROLES = ("ingest", "agent", "reviewer", "supervisor", "admin")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, policy_dir: Path) -> Iterator[Running]:
    with served(tmp_path_factory.mktemp("doors"), policy_dir, heartbeat="1s") as running:
        yield running


@pytest.fixture(scope="module")
def by_role(server: Running) -> dict[str, str]:
    return {
        role: key_of(server.database, role, agent_id="A1" if role == "agent" else None)  # type: ignore[arg-type]
        for role in ROLES
    }


def request_of(permit: Permit) -> tuple[str, str]:
    """A request that falls under a line of the table."""
    path = permit.path.replace("{digest}", "0" * 64).replace("{webhook_id}", "77")
    path = path.replace("{delivery_id}", "77").replace("{key_id}", "nobody")
    path = path.replace("{conversation_id}", "c-1")
    query = "?follow=false&after=0" if path == "/v1/alerts" else ""
    return ("GET" if permit.method == "WS" else permit.method), path + query


@pytest.mark.parametrize("permit", ROUTES, ids=lambda p: f"{p.method} {p.path}")
@pytest.mark.parametrize("role", ROLES)
def test_the_table_decides(
    server: Running, by_role: dict[str, str], permit: Permit, role: str
) -> None:
    """Who stands in the table comes in, everybody else is told 403."""
    method, path = request_of(permit)
    if permit.method == "WS":
        pytest.skip("asked for with a WebSocket in another test")
    with server.client(by_role[role]) as client:
        status = client.request(method, path).status_code
    allowed = permit.roles is None or role in permit.roles
    assert (status == 403) == (not allowed)
    assert status not in {401, 429}
    # The judging is not there in this application, and its stand-in fails on purpose.
    assert status < 500 or path.startswith("/v1/conversations")


@pytest.mark.parametrize("permit", ROUTES, ids=lambda p: f"{p.method} {p.path}")
def test_no_key_opens_nothing(server: Running, permit: Permit) -> None:
    """No key, or one that is wrong in any part, is 401 wherever a key is needed."""
    method, path = request_of(permit)
    right = key_of(server.database, "admin")
    _, key_id, secret = right.split("_", 2)
    wrong = [
        {},
        {"Authorization": "Bearer"},
        bearer("jiyu_"),
        bearer(right[:-1] + ("a" if right[-1] != "a" else "b")),
        bearer(f"jiyu_{key_id}_"),
        bearer(f"jiyu_{'0' * 12}_{secret}"),
        bearer(right.upper()),
        bearer("jiyu_" + "x" * 5000),
        {"Authorization": right},
        {"Authorization": f"Basic {right}"},
        {"X-Api-Key": right},
        {"Cookie": f"Authorization=Bearer {right}"},
    ]
    with server.client() as client:
        for headers in wrong:
            answer = client.request(method, path, headers=headers)
            if permit.roles is None and permit.method != "WS":
                assert answer.status_code != 401
            else:
                assert answer.status_code == 401, headers
                assert answer.json()["error"]["code"] == "unauthorized"
                assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_in_the_query_is_no_key(server: Running, by_role: dict[str, str]) -> None:
    """Queries end up in logs."""
    for name in ("key", "token", "access_token", "authorization"):
        answer = httpx.get(f"{server.url}/v1/keys", params={name: by_role["admin"]})
        assert answer.status_code == 401


def test_what_is_not_in_the_table_is_not_there(server: Running, by_role: dict[str, str]) -> None:
    """A route that is missing in the table cannot be reached, not even by admins."""
    with server.client(by_role["admin"]) as client:
        assert client.get("/unlisted").status_code == 404
        assert client.get("/v1/nothing").status_code == 404
        assert client.get("//v1/keys").status_code == 404
        assert client.get("/v1/keys/").status_code == 404
        answer = client.put("/v1/keys")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
    assert httpx.get(f"{server.url}/unlisted").status_code == 401


def test_every_route_stands_in_the_table(server: Running) -> None:
    """The other way round: what is documented has a line."""
    lines = {(p.method, p.path) for p in ROUTES}
    documented = server.app.openapi()["paths"]
    for path, methods in documented.items():
        for method in methods:
            assert (method.upper(), path) in lines


def test_an_agent_sees_their_own(server: Running) -> None:
    """Asking for others is refused; asking for oneself or for nothing special is not."""
    mine = key_of(server.database, "agent", "一组", "A1")
    with server.client(mine) as client:
        for query in ({}, {"agent_id": "A1"}, {"team": "一组"}):
            answer = client.get("/v1/alerts", params={"after": 0, "follow": "false", **query})
            assert answer.status_code == 200
        for query in ({"agent_id": "A2"}, {"team": "二组"}, {"agent_id": "A1", "team": "二组"}):
            answer = client.get("/v1/alerts", params={"after": 0, "follow": "false", **query})
            assert answer.status_code == 403


def test_what_is_managed_for_all_needs_a_whole_key(server: Running) -> None:
    """The store can hold an admin of one team; such a key manages nothing."""
    with server.database.begin() as connection:
        part = keys.create(connection, "admin", "teil", Scope(team="一组"))
    with server.client(part) as client:
        for permit in ROUTES:
            if permit.whole:
                method, path = request_of(permit)
                assert client.request(method, path).status_code == 403, path


@pytest.mark.parametrize(
    ("scope", "team", "agent", "inside"),
    [
        (Scope(), None, None, True),
        (Scope("一组"), "一组", "A1", True),
        (Scope("一组"), None, "A1", False),
        (Scope("一组"), "二组", None, False),
        (Scope(None, "A1"), "二组", "A1", True),
        (Scope("一组", "A1"), "一组", "A2", False),
        (Scope("一组", "A1"), "二组", "A1", False),
    ],
)
def test_scope(scope: Scope, team: str | None, agent: str | None, inside: bool) -> None:
    """What has no team belongs to no team's scope."""
    assert within(scope, team=team, agent_id=agent) == inside


def test_a_revoked_key_ends(server: Running, by_role: dict[str, str]) -> None:
    """At once where it was revoked through the gateway; within five seconds otherwise."""
    with server.client(by_role["admin"]) as admin:
        made = admin.post("/v1/keys", json={"role": "reviewer", "label": "kurz"}).json()
        with server.client(made["key"]) as client:
            assert client.get("/v1/policies").status_code == 200
            assert admin.delete(f"/v1/keys/{made['key_id']}").status_code == 204
            assert client.get("/v1/policies").status_code == 401
            assert admin.delete(f"/v1/keys/{made['key_id']}").status_code == 404
    other = key_of(server.database, "reviewer")
    with server.client(other) as client:
        assert client.get("/v1/policies").status_code == 200
        with server.database.begin() as connection:
            keys.revoke(connection, other.split("_")[1])
        begun = time.monotonic()
        eventually(lambda: client.get("/v1/policies").status_code == 401, 6)
        assert time.monotonic() - begun < 5


def test_keys_are_compared_in_constant_time(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even for a key that there is not."""
    compared: list[int] = []
    real = hmac.compare_digest

    def spy(a: Any, b: Any) -> bool:
        compared.append(len(a))
        return real(a, b)

    monkeypatch.setattr("jiyu.store.keys.hmac.compare_digest", spy)
    for key in (key_of(server.database, "admin"), "jiyu_000000000000_x", "jiyu_nothing"):
        httpx.get(f"{server.url}/v1/keys", headers=bearer(key))
    assert compared == [32, 32, 32]


def test_the_cache_knows_no_key(server: Running, by_role: dict[str, str]) -> None:
    """What is kept in memory is a hash, and use is noted."""
    with server.client(by_role["admin"]) as client:
        client.get("/v1/keys")
    known = server.app.state.services.keys
    secret = by_role["admin"].split("_", 2)[2]
    assert secret not in repr(vars(known))

    def used() -> Any:
        with server.database.read() as connection:
            key_id = by_role["admin"].split("_")[1]
            where = api_keys.c.key_id == key_id
            return connection.scalar(select(api_keys.c.last_used_at).where(where))

    assert eventually(used)


def test_keys_are_made_and_listed(server: Running, by_role: dict[str, str]) -> None:
    """Shown once, audited, and never with what a role cannot have."""
    with server.client(by_role["admin"]) as client:
        made = client.post(
            "/v1/keys", json={"role": "agent", "label": "小林", "team": "一组", "agent_id": "A7"}
        )
        assert made.status_code == 201
        listed = client.get("/v1/keys")
        mine = next(k for k in listed.json()["keys"] if k["key_id"] == made.json()["key_id"])
        assert (mine["role"], mine["team"], mine["agent_id"]) == ("agent", "一组", "A7")
        assert made.json()["key"].split("_", 2)[2] not in listed.text
        for wrong in (
            {"role": "agent", "label": "x"},
            {"role": "admin", "label": "x", "team": "一组"},
            {"role": "reviewer", "label": "x", "agent_id": "A1"},
            {"role": "root", "label": "x"},
            {"role": "admin", "label": "x\u0000"},
            {"role": "admin", "label": "x", "more": 1},
        ):
            answer = client.post("/v1/keys", json=wrong)
            assert answer.status_code == 422
            assert set(answer.json()["error"]) <= {"code", "message", "place"}
        entries = client.get("/v1/audit", params={"target": made.json()["key_id"]}).json()
    assert [e["action"] for e in entries["entries"]] == ["key.create"]
    assert entries["entries"][0]["actor"] == by_role["admin"].split("_")[1]


def test_audit_goes_page_by_page(server: Running, by_role: dict[str, str]) -> None:
    """The latest first, each once."""
    with server.database.begin() as connection:
        for number in range(5):
            audit.record(connection, "somebody", "read", "pages", after={"n": number})
    seen: list[str] = []
    before: int | None = None
    with server.client(by_role["admin"]) as client:
        while True:
            params = {"target": "pages", "limit": 2} | ({"before_id": before} if before else {})
            page = client.get("/v1/audit", params=params).json()
            seen += [entry["after"] for entry in page["entries"]]
            before = page["before_id"]
            if before is None:
                break
        assert client.get("/v1/audit", params={"target": "a\0b"}).status_code == 422
    assert [json.loads(after)["n"] for after in seen] == [4, 3, 2, 1, 0]


# --- how much


@pytest.mark.parametrize("streamed", [False, True])
def test_a_long_body_is_refused(tmp_path: Path, policy_dir: Path, streamed: bool) -> None:
    """By its announced length, or as soon as it is too long."""
    with served(tmp_path, policy_dir, body_limit=1000) as server:
        key = key_of(server.database, "ingest")
        text = json.dumps({"text": SAID * 500}).encode()
        content: Any = iter([text[:400], text[400:]]) if streamed else text
        with server.client(key) as client:
            answer = client.post("/v1/messages", content=content)
            assert answer.status_code == 413
            assert answer.json()["error"]["code"] == "too_large"
            assert client.post("/v1/messages", content=b'{"text":"a"}').status_code == 200


def test_too_often_is_told_when_to_come_back(tmp_path: Path, policy_dir: Path) -> None:
    """429 with Retry-After, for this key and no other."""
    with served(tmp_path, policy_dir, rate=1, burst=3) as server:
        mine, other = (key_of(server.database, "ingest") for _ in range(2))
        with server.client(mine) as client:
            codes = [client.post("/v1/messages", content=b"{}") for _ in range(6)]
            assert [c.status_code for c in codes] == [200, 200, 200, 429, 429, 429]
            assert codes[-1].headers["retry-after"] == "1"
        with server.client(other) as client:
            assert client.post("/v1/messages", content=b"{}").status_code == 200


def test_who_reads_needs_less(tmp_path: Path, policy_dir: Path) -> None:
    """A screen does not ask thousands of times a second."""
    with served(tmp_path, policy_dir, reader_rate=1, reader_burst=2) as server:
        codes = {}
        for role in ("reviewer", "admin"):
            with server.client(key_of(server.database, role)) as client:  # type: ignore[arg-type]
                codes[role] = [client.get("/v1/policies").status_code for _ in range(4)]
    assert codes == {"reviewer": [200, 200, 429, 429], "admin": [200, 200, 200, 200]}


def test_buckets_fill_up_again() -> None:
    """A token comes back after its time, and no more than fit."""
    buckets = Buckets(rate=50, burst=2)
    assert [buckets.take("k") > 0 for _ in range(3)] == [False, False, True]
    time.sleep(0.05)
    assert buckets.take("k") == 0


def test_only_so_many_streams_a_key(tmp_path: Path, policy_dir: Path) -> None:
    """What stays open is counted, and given back."""
    with served(tmp_path, policy_dir, sockets_limit=2, heartbeat="0.2s") as server:
        key = key_of(server.database, "supervisor")
        with server.client(key) as client:
            streams = [client.stream("GET", "/v1/alerts") for _ in range(2)]
            for stream in streams:
                assert stream.__enter__().status_code == 200
            assert client.get("/v1/alerts", params={"follow": "false"}).status_code == 429
            for stream in streams:
                stream.__exit__(None, None, None)
            query = {"follow": "false"}
            eventually(lambda: client.get("/v1/alerts", params=query).status_code == 200)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b'"\\ud800"',
        b'"\xff"',
        b"[" * 100 + b"]" * 100,
        b"[" * 100_000,
        b"1" * 5000,
        b"",
        b"{",
        b"\xef\xbb\xbf{}",
        b"'a'",
    ],
)
def test_json_that_readers_disagree_on_is_refused(raw: bytes) -> None:
    """And whoever sent it is told why, without its words."""
    with pytest.raises(Refused) as refused:
        strict_json(raw)
    assert refused.value.status_code == 422


def test_plain_json_is_read() -> None:
    """The rest is as ever."""
    assert strict_json('{"a":[1,2.5,"\\ud83d\\ude00 好"],"b":null}'.encode()) == {
        "a": [1, 2.5, "😀 好"],
        "b": None,
    }


def test_documented_routes_read_strictly_too(server: Running, by_role: dict[str, str]) -> None:
    """FastAPI alone would take the last of two keys."""
    json_type = {"Content-Type": "application/json"}
    twice = b'{"role":"agent","role":"admin","label":"x"}'
    with server.client(by_role["admin"]) as client:
        answer = client.post("/v1/keys", content=twice, headers=json_type)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "json"


def test_headers(server: Running, by_role: dict[str, str]) -> None:
    """Nothing for another site's page, on refusals too."""
    with server.client(by_role["admin"]) as client:
        origin = {"Origin": "https://evil.example"}
        answers = [
            client.get("/v1/keys", headers=origin),
            client.get("/v1/keys", headers={"Authorization": "Bearer no", **origin}),
            client.get("/nothing", headers=origin),
            client.options("/v1/keys", headers={**origin, "Access-Control-Request-Method": "POST"}),
        ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert "server" not in answer.headers
        assert answer.headers["x-request-id"]


# --- errors


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (StoreUnavailable(Problem("db", None, SAID)), 503, True),
        (LeaseLost(Problem("c", None, SAID)), 503, True),
        (StoreError(Problem("c", None, SAID)), 422, False),
        (PolicyError(Problem("rules/own.yaml", 3, "bad")), 422, False),
        (InputError(Problem("turns[3].text", None, "too long")), 422, False),
        (ValueError(SAID), 500, False),
    ],
)
def test_errors_have_one_shape(error: Exception, status: int, retry: bool) -> None:
    """And say nothing that they should not."""
    refused = refusal(error)
    assert refused.status_code == status
    assert ("Retry-After" in (refused.headers or {})) == retry
    body = json.loads(refused.body())
    assert set(body) == {"error"}
    assert SAID not in refused.body().decode()
    if isinstance(error, PolicyError):
        assert body["error"]["problems"] == [{"place": "rules/own.yaml:3", "message": "bad"}]
    if isinstance(error, InputError):
        assert body["error"]["place"] == "turns[3].text"


def test_a_lost_store_is_503_and_comes_back(tmp_path: Path, policy_dir: Path) -> None:
    """Also for the door, which cannot say who asks; no restart is needed."""
    with served(tmp_path, policy_dir) as server:
        key = key_of(server.database, "admin")
        with server.client(key) as client:
            assert client.get("/readyz").json()["status"] == "ready"
            (tmp_path / "served.db").rename(tmp_path / "away.db")
            answer = eventually(lambda: _unavailable(client.get("/v1/keys")))
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json()["error"]["code"] == "unavailable"
            not_ready = eventually(lambda: _unavailable(client.get("/readyz")))
            assert not_ready.json()["checks"]["store"] is False
            assert client.get("/healthz").status_code == 200
            (tmp_path / "away.db").rename(tmp_path / "served.db")
            eventually(lambda: client.get("/v1/keys").status_code == 200)
            eventually(lambda: client.get("/readyz").status_code == 200)


def _unavailable(answer: httpx.Response) -> httpx.Response | None:
    return answer if answer.status_code == 503 else None


# --- the start


def test_no_key_no_start(tmp_path: Path) -> None:
    """A store without a key that works serves nobody, unless from this machine only."""
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(StoreError, match="no key yet"):
        check_startup(Settings(), database)
    with pytest.raises(InputError, match="loopback"):
        check_startup(Settings(insecure_local=True, host="0.0.0.0"), database)  # noqa: S104
    for host in ("127.0.0.1", "localhost", "::1", "127.9.9.9"):
        check_startup(Settings(insecure_local=True, host=host), database)
    key = key_of(database, "ingest")
    check_startup(Settings(host="0.0.0.0"), database)  # noqa: S104
    with database.begin() as connection:
        keys.revoke(connection, key.split("_")[1])
    with pytest.raises(StoreError, match="no key yet"):
        check_startup(Settings(), database)
    database.close()


def test_insecure_local_is_for_this_machine(tmp_path: Path, policy_dir: Path) -> None:
    """Without a key one is admin; a wrong key stays wrong, and web sites stay out."""
    with served(tmp_path, policy_dir, insecure_local=True) as server, server.client() as client:
        assert client.get("/v1/keys").status_code == 200
        assert client.get("/v1/keys", headers=bearer("jiyu_no_no")).status_code == 401
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Host": "evil.example"},
            {"Host": "127.0.0.1.evil.example:80"},
        ):
            assert client.get("/v1/keys", headers=headers).status_code == 401, headers
        assert client.get("/v1/keys", headers={"Origin": server.url}).status_code == 200


def test_many_at_once_ask_the_store_once(
    tmp_path: Path, policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hot path does not pay for the key again and again."""
    asked: list[str] = []
    real = keys.verify

    def counting(connection: Any, key: str) -> Any:
        asked.append(key)
        return real(connection, key)

    monkeypatch.setattr(auth.keys, "verify", counting)
    with served(tmp_path, policy_dir) as server:
        key = key_of(server.database, "ingest")

        def post() -> None:
            with server.client(key) as client:
                for _ in range(5):
                    assert client.post("/v1/messages", content=b"{}").status_code == 200

        threads = [threading.Thread(target=post) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(asked) <= 2
