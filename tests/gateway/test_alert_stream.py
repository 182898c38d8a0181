"""Screens get every alert of theirs once, whatever happens to the line."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from jiyu.store import keys
from jiyu.store.database import Database
from serving import Running, eventually, key_of, raise_alerts, served
from storing import alert


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, policy_dir: Path) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("stream")
    with served(folder, policy_dir, heartbeat="0.3s", sockets_limit=500) as running:
        yield running


class Screen:
    """A reader of events."""

    def __init__(self, server: Running, key: str, **params: Any) -> None:
        self.events: list[tuple[int, str, dict[str, Any]]] = []
        self.comments = 0
        self._client = server.client(key, timeout=10)
        headers = params.pop("headers", {})
        context = self._client.stream("GET", "/v1/alerts", params=params, headers=headers)
        self._context = context
        self.response = context.__enter__()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        event: dict[str, str] = {}
        try:
            for line in self.response.iter_lines():
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                elif "data" in event:
                    data = json.loads(event["data"])
                    self.events.append((int(event["id"]), event["event"], data))
                    event = {}
        except httpx.HTTPError:
            pass

    @property
    def ids(self) -> list[int]:
        return [number for number, kind, _ in self.events if kind != "start"]

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def close(self) -> None:
        self.response.close()
        self._client.close()


def read(server: Running, key: str, **params: Any) -> list[tuple[int, dict[str, Any]]]:
    """What is there now."""
    with server.client(key) as client:
        answer = client.get("/v1/alerts", params={"follow": "false", "after": 0, **params})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in answer.text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "data" in lines:
            found.append((int(lines["id"]), json.loads(lines["data"])))
    return found


def test_an_alert_comes_at_once(server: Running) -> None:
    """With all that a screen needs to show it."""
    key = key_of(server.database, "supervisor")
    screen = Screen(server, key)
    eventually(lambda: screen.events)
    payload = json.dumps({"type": "raised", "conversation_id": "at-once", "finding": {"x": "好"}})
    raise_alerts(server.database, alert(payload=payload.encode()), name="at-once")
    begun = time.monotonic()
    server.app.state.services.wake()
    eventually(lambda: screen.ids)
    assert time.monotonic() - begun < 0.4
    _, kind, data = screen.events[-1]
    assert kind == "raised"
    assert data["finding"] == {"x": "好"}
    assert (data["team"], data["agent_id"]) == ("物流一组", "A1")
    screen.close()


def test_scope_and_filters(server: Running) -> None:
    """Nobody gets what is not theirs; what is asked for narrows it down."""
    store = server.database
    raise_alerts(store, alert("s1", severity="minor"), name="f-1", team="甲", agent_id="X1")
    raise_alerts(store, alert("s2", severity="critical"), name="f-2", team="甲", agent_id="X2")
    raise_alerts(store, alert("s3", severity="critical"), name="f-3", team="乙", agent_id="X3")
    raise_alerts(store, alert("s4", severity="critical"), name="f-4", team=None, agent_id=None)

    def seen(key: str, **params: Any) -> set[str | None]:
        return {data["agent_id"] for _, data in read(server, key, **params)}

    everything = seen(key_of(store, "supervisor"))
    assert {"X1", "X2", "X3", None} <= everything
    team = key_of(store, "supervisor", "甲")
    assert seen(team) == {"X1", "X2"}
    assert seen(team, agent_id="X2") == {"X2"}
    assert seen(team, severity="critical") == {"X2"}
    assert seen(key_of(store, "agent", None, "X3")) == {"X3"}
    assert seen(key_of(store, "agent", "甲", "X3")) == set()
    assert seen(key_of(store, "admin"), team="乙") == {"X3"}
    with server.client(team) as client:
        assert client.get("/v1/alerts", params={"team": "乙"}).status_code == 403
        assert client.get("/v1/alerts", params={"agent_id": "a\0"}).status_code == 422
        assert client.get("/v1/alerts", params={"severity": "bad"}).status_code == 422
        assert client.get("/v1/alerts", headers={"Last-Event-ID": "x"}).status_code == 422
        assert client.get("/v1/alerts", headers={"Last-Event-ID": "9" * 40}).status_code == 422


def test_reading_alerts_is_audited(server: Running) -> None:
    """Who looked at what."""
    key = key_of(server.database, "reviewer", "甲")
    read(server, key)
    admin = key_of(server.database, "admin")
    with server.client(admin) as client:
        entries = client.get("/v1/audit", params={"target": "alerts"}).json()["entries"]
    entry = next(e for e in entries if e["actor"] == key.split("_")[1])
    assert entry["action"] == "alerts.read"
    assert json.loads(entry["after"])["team"] == "甲"


def test_lines_that_break_lose_and_repeat_nothing(
    tmp_path: Path, policy_dir: Path, url: str
) -> None:
    """Readers come back with the last id they saw, while alerts go on in two writers."""
    with served(tmp_path, policy_dir, db=url, sockets_limit=500, heartbeat="0.2s") as server:
        _break_lines(server)


def _break_lines(server: Running) -> None:
    store = server.database
    key = key_of(store, "supervisor", "断")
    total = 120

    def write(half: int) -> None:
        for number in range(half, total, 2):
            raise_alerts(store, alert(f"b{number}"), name=f"b-{number}", team="断")
            time.sleep(0.005)

    writers = [threading.Thread(target=write, args=(half,)) for half in (0, 1)]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    headers = {"Last-Event-ID": "0"}
    end = time.monotonic() + 20
    while len(seen) < total and time.monotonic() < end:
        screen = Screen(server, key, headers=headers)
        time.sleep(0.15)
        screen.close()
        eventually(lambda s=screen: s.ended)
        seen += screen.ids
        headers = {"Last-Event-ID": str(seen[-1] if seen else 0)}
    for writer in writers:
        writer.join()
    assert len(seen) == total
    assert seen == sorted(set(seen))


def test_who_starts_without_a_position_is_told_one(server: Running) -> None:
    """What comes between the first line and the second is not lost."""
    key = key_of(server.database, "supervisor", "始")
    screen = Screen(server, key)
    eventually(lambda: screen.events)
    screen.close()
    number, kind, _ = screen.events[0]
    assert kind == "start"
    raise_alerts(server.database, alert("between"), name="between", team="始")
    again = Screen(server, key, headers={"Last-Event-ID": str(number)})
    eventually(lambda: again.ids)
    assert [kind for _, kind, _ in again.events] == ["raised"]
    again.close()


def test_alerts_of_another_process_are_seen(server: Running) -> None:
    """Stored by somebody else, without a word to this one."""
    other = Database(server.state.settings.db)
    key = key_of(server.database, "supervisor", "别")
    screen = Screen(server, key)
    eventually(lambda: screen.events)
    raise_alerts(other, alert("elsewhere"), name="elsewhere", team="别")
    eventually(lambda: screen.ids, 3)
    screen.close()
    other.close()


def test_a_quiet_line_is_kept_alive(server: Running) -> None:
    """Comments, which no reader takes for an event."""
    screen = Screen(server, key_of(server.database, "supervisor", "静"))
    eventually(lambda: screen.comments >= 2)
    assert screen.ids == []
    screen.close()


def test_a_stream_ends_with_its_key(server: Running) -> None:
    """A revoked key reads no further."""
    key = key_of(server.database, "supervisor")
    screen = Screen(server, key)
    eventually(lambda: screen.events)
    with server.database.begin() as connection:
        keys.revoke(connection, key.split("_")[1])
    begun = time.monotonic()
    eventually(lambda: screen.ended, 8)
    assert time.monotonic() - begun < 5
    screen.close()


def test_a_reader_that_does_not_read_holds_up_nobody(server: Running) -> None:
    """Its page waits; others get theirs, and memory does not grow with what it leaves."""
    store = server.database
    key = key_of(store, "supervisor", "慢")
    address = httpx.URL(server.url)
    with socket.create_connection((address.host, address.port or 80)) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = "GET /v1/alerts?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        line.sendall(f"{request}Authorization: Bearer {key}\r\n\r\n".encode())
        big = json.dumps({"type": "raised", "x": "长" * 20_000}).encode()
        for part in range(10):
            several = [alert(f"big{part}-{n}", payload=big) for n in range(50)]
            raise_alerts(store, *several, name=f"big-{part}", team="慢")
        quick = Screen(server, key, after=0)
        eventually(lambda: len(quick.ids) == 500, 20)
        quick.close()


def test_draining_ends_streams(tmp_path: Path, policy_dir: Path) -> None:
    """A server that is about to leave lets its readers go, and takes no new ones."""
    with served(tmp_path, policy_dir, heartbeat="0.2s") as server:
        key = key_of(server.database, "supervisor")
        screen = Screen(server, key)
        eventually(lambda: screen.events)
        loop = server.app.state.services
        loop._loop.call_soon_threadsafe(loop.drain)
        eventually(lambda: screen.ended, 3)
        with server.client(key) as client:
            assert client.get("/v1/alerts").status_code == 503
            assert client.get("/readyz").json()["checks"]["serving"] is False
        screen.close()
