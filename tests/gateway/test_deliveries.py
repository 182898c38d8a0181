"""Webhooks arrive signed, at least once, and never where they should not go."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import update

from jiyu.gateway.addresses import Unreachable, checked, resolved
from jiyu.gateway.problems import Refused
from jiyu.gateway.signing import sign, verify
from jiyu.store import webhooks
from jiyu.store.database import Database
from jiyu.store.tables import deliveries
from serving import Running, eventually, key_of, raise_alerts, served
from storing import alert

PAYLOAD = json.dumps({"type": "raised", "finding": {"spans": "有完没完"}}).encode()


class Receiver:
    """An HTTP server that answers as it is told and keeps what it got."""

    def __init__(self, *answers: int | Callable[[Any], None]) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        remaining = list(answers)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version: ClassVar[str] = "HTTP/1.1"  # type: ignore[misc]

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                answer = remaining.pop(0) if remaining else 200
                if callable(answer):
                    answer(self)
                    return
                self.send_response(answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?x=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def receiving(*answers: Any) -> Iterator[Receiver]:
    receiver = Receiver(*answers)
    try:
        yield receiver
    finally:
        receiver.close()


@pytest.fixture
def server(
    tmp_path: Path, policy_dir: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Running]:
    """On either database."""
    monkeypatch.setattr("jiyu.gateway.delivery._LOOK", 0.1)
    options = {"db": url, "webhook_private": True, "webhook_timeout": "1s"}
    with served(tmp_path, policy_dir, **options) as running:
        yield running


def add(server: Running, url: str, **fields: Any) -> dict[str, Any]:
    with server.client(key_of(server.database, "admin")) as client:
        answer = client.post("/v1/webhooks", json={"url": url, **fields})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


def hurry(database: Database) -> None:
    """Let everything that waits be due now."""
    with database.begin() as connection:
        where = deliveries.c.state == "pending"
        connection.execute(update(deliveries).where(where).values(due_at=0.0))


def states(database: Database) -> list[str]:
    with database.read() as connection:
        rows = connection.execute(deliveries.select().order_by(deliveries.c.delivery_id))
        return [row.state for row in rows]


def test_fails_and_arrives_in_the_end(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed anew each time, under one idempotency key."""
    monkeypatch.setattr("jiyu.gateway.delivery._REST", 0.0)
    with receiving(500, 302, 404, 429) as receiver:
        made = add(server, receiver.url)
        raise_alerts(server.database, alert(payload=PAYLOAD))
        for attempt in range(1, 6):
            eventually(lambda n=attempt: len(receiver.got) == n)
            time.sleep(0.05)
            hurry(server.database)
        eventually(lambda: states(server.database) == ["delivered"])
    assert len(receiver.got) == 5
    headers = [h for h, _ in receiver.got]
    assert {h["Idempotency-Key"] for h in headers} == {"jiyu-alert-1"}
    assert [h["Jiyu-Attempt"] for h in headers] == ["1", "2", "3", "4", "5"]
    for sent, body in receiver.got:
        assert body == PAYLOAD
        assert sent["Content-Type"] == "application/json"
        assert verify(made["secret"], body, sent["Jiyu-Signature"], time.time())
        assert not verify("whsec_other", body, sent["Jiyu-Signature"], time.time())
        assert not verify(made["secret"], body + b" ", sent["Jiyu-Signature"], time.time())


def test_given_up_listed_and_sent_once_more(server: Running) -> None:
    """The last answer is told; a redelivery is a new beginning."""
    admin = key_of(server.database, "admin")
    with receiving(500, 500) as receiver, server.client(admin) as client:
        add(server, receiver.url)
        raise_alerts(server.database, alert(payload=PAYLOAD))
        eventually(lambda: receiver.got)
        with server.database.begin() as connection:
            values = {"attempts": len(webhooks.SCHEDULE), "due_at": 0.0}
            connection.execute(update(deliveries).values(values))
        eventually(lambda: states(server.database) == ["dead"])
        dead = client.get("/v1/webhooks/dead").json()["deliveries"]
        assert [(d["alert_id"], d["answer"]) for d in dead] == [(1, "500")]
        path = f"/v1/webhooks/deliveries/{dead[0]['delivery_id']}/redeliver"
        assert client.post(path).status_code == 202
        eventually(lambda: states(server.database) == ["delivered"])
        assert len(receiver.got) == 3
        assert client.post("/v1/webhooks/deliveries/99/redeliver").status_code == 404
        assert client.get("/v1/webhooks/dead").json()["deliveries"] == []


def test_only_what_is_wanted_and_only_while_it_is(server: Running) -> None:
    """Filters, the list without secrets, and the end of a webhook."""
    admin = key_of(server.database, "admin")
    with receiving() as receiver, server.client(admin) as client:
        made = add(server, receiver.url, team="甲", severity="major")
        raise_alerts(server.database, alert("a", severity="critical"), name="1", team="乙")
        raise_alerts(server.database, alert("b", severity="minor"), name="2", team="甲")
        raise_alerts(server.database, alert("c", severity="major"), name="3", team="甲")
        eventually(lambda: states(server.database) == ["delivered"])
        assert len(receiver.got) == 1
        listed = client.get("/v1/webhooks")
        assert made["secret"] not in listed.text
        assert listed.json()["webhooks"][0]["team"] == "甲"
        path = f"/v1/webhooks/{made['webhook_id']}"
        assert client.delete(path).status_code == 204
        assert client.delete(path).status_code == 404
        raise_alerts(server.database, alert("d", severity="major"), name="4", team="甲")
        time.sleep(0.3)
        assert len(receiver.got) == 1
        assert client.get("/v1/webhooks").json()["webhooks"] == []
        entries = client.get("/v1/audit").json()["entries"]
    acts = [e["action"] for e in entries if e["target"] == str(made["webhook_id"])]
    assert acts == ["webhook.disable", "webhook.add"]


def test_one_that_hangs_does_not_hold_up_others(server: Running) -> None:
    """Nor a stream, nor a request."""

    def hang(handler: Any) -> None:
        time.sleep(2.5)
        handler.close_connection = True

    with receiving(*[hang] * 50) as slow, receiving() as quick:
        add(server, slow.url)
        add(server, quick.url)
        for number in range(12):
            raise_alerts(server.database, alert(payload=PAYLOAD), name=f"h-{number}")
        begun = time.monotonic()
        eventually(lambda: len(quick.got) == 12)
        assert time.monotonic() - begun < 2.0
        with server.client(key_of(server.database, "admin")) as client:
            assert client.get("/healthz").elapsed.total_seconds() < 0.5


def test_an_endless_answer_is_not_read(server: Running) -> None:
    """Its status is all that counts."""

    def endless(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**12))
        handler.end_headers()
        try:
            for _ in range(1000):
                handler.wfile.write(b"x" * 65536)
        except OSError:
            pass

    with receiving(endless) as receiver:
        add(server, receiver.url)
        raise_alerts(server.database, alert(payload=PAYLOAD))
        eventually(lambda: states(server.database) == ["delivered"])


def test_a_redirect_is_not_followed(server: Running) -> None:
    """It might lead inside."""
    with receiving() as inner:

        def elsewhere(handler: Any) -> None:
            handler.send_response(307)
            handler.send_header("Location", inner.url)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with receiving(elsewhere) as receiver:
            add(server, receiver.url)
            raise_alerts(server.database, alert(payload=PAYLOAD))
            eventually(lambda: receiver.got)
            time.sleep(0.2)
    assert inner.got == []


def test_private_addresses_are_not_connected_to(tmp_path: Path, policy_dir: Path) -> None:
    """By default; even if the name was fine when it was added."""
    with receiving() as receiver, served(tmp_path, policy_dir) as server:
        with server.database.begin() as connection:
            for host in ("localhost", "127.0.0.1"):
                port = receiver.server.server_address[1]
                webhooks.add(connection, f"https://{host}:{port}/", "whsec_x")
        raise_alerts(server.database, alert(payload=PAYLOAD))

        def answers() -> set[str]:
            with server.database.read() as connection:
                rows = connection.execute(deliveries.select())
                return {row.answer for row in rows}

        eventually(lambda: answers() == {"unreachable: private address"})
    assert receiver.got == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fd00::1]/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://user:pw@example.com/",
        "https://example.com/#x",
        "https://exa mple.com/",
        "https://example.com\\@127.0.0.1/",
        "https:///path",
        "https://[::1",
        "https://example.com:99999/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "例子",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    """As far as it shows in the URL."""
    with pytest.raises(Refused):
        checked(url, private=False)


@pytest.mark.parametrize("url", ["https://example.com/hook?x=1", "https://8.8.8.8:8443/"])
def test_urls_that_are_taken(url: str) -> None:
    """As they are."""
    assert checked(url, private=False) == url


@pytest.mark.parametrize(
    ("answers", "allowed"),
    [
        (["10.0.0.1"], False),
        (["93.184.216.34", "127.0.0.1"], False),
        (["::1"], False),
        (["93.184.216.34"], True),
    ],
)
def test_names_are_resolved_once(
    answers: list[str], allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every address must be public, and the one looked at is the one connected to."""

    async def run() -> str:
        async def fake(*_: Any, **__: Any) -> list[Any]:
            return [(2, 1, 6, "", (address, 443)) for address in answers]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fake)
        return (await resolved("https://name.example/", private=False)).address

    if allowed:
        assert asyncio.run(run()) == answers[0]
    else:
        with pytest.raises(Unreachable):
            asyncio.run(run())


def test_signatures_grow_old() -> None:
    """Who records one cannot send it again next week."""
    header = sign("s", b"{}", 1000.0)
    assert verify("s", b"{}", header, 1200.0)
    assert not verify("s", b"{}", header, 1400.0)
    assert not verify("s", b"{}", header.replace("t=1000", "t=1300"), 1400.0)
    for wrong in ("", "t=1,v1=", "v1=" + "0" * 64, header + ",v1=x", "t=1000,v1=" + "é" * 64):
        assert not verify("s", b"{}", wrong, 1000.0)
