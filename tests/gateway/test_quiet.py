"""What was said is in answers and in the store, and nowhere else."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from jiyu.gateway import logs
from jiyu.gateway.metrics import BUCKETS, Metrics
from jiyu.gateway.settings import Settings
from serving import SAID, bearer, key_of, raise_alerts, served
from storing import alert

PHONE = "13800138000"


def test_a_scenario_leaves_no_words(tmp_path: Path, policy_dir: Path) -> None:
    """Good, bad and broken requests, with words wherever a client could put them."""
    with served(tmp_path, policy_dir, log_level="debug") as server:
        store = server.database
        ingest, admin = key_of(store, "ingest"), key_of(store, "admin")
        payload = json.dumps({"type": "raised", "text": SAID}, ensure_ascii=False).encode()
        raise_alerts(store, alert(payload=payload), name=f"c-{SAID}", team=SAID)
        said = SAID.encode()
        with server.client(ingest) as client:
            for body in (b'{"text":"%b"}' % said, b'{"%b":1,"%b":2}' % (said, said), said, b"\xff"):
                client.post("/v1/messages", content=body)
            broken = client.post("/v1/conversations", content=said)
            assert broken.status_code == 500
            assert broken.json()["error"]["code"] == "internal"
            client.get(f"/v1/conversations/{SAID}")
            client.get("/v1/nothing", params={"q": SAID})
            client.get(f"/{SAID}")
            client.request(SAID_ASCII, "/v1/messages")
            client.post("/v1/messages", content=b"{}", headers={"X-Request-Id": "abc<script>"})
        with server.client(admin) as client:
            asked = {"team": SAID, "after": 0, "follow": "false"}
            stream = client.get("/v1/alerts", params=asked)
            assert SAID in stream.text
            client.post("/v1/keys", json={"role": SAID, "label": SAID})
            client.post("/v1/keys", json={"role": "agent", "label": SAID, SAID: SAID})
            client.post("/v1/policies", json={"files": {"policy.yaml": SAID}})
            client.post("/v1/webhooks", json={"url": f"https://127.0.0.1/{SAID_ASCII}"})
            client.get("/v1/audit", params={"limit": SAID})
            figures = client.get("/metrics").text
        httpx.get(f"{server.url}/v1/keys", headers=bearer("jiyu_" + SAID_ASCII))
    log = (tmp_path / "log").read_text()
    assert log.count("\n") > 15
    for text in (log, figures):
        for words in (SAID, SAID[:4], json.dumps(SAID)[1:-1], SAID_ASCII):
            assert words not in text
        for key in (ingest, admin):
            assert key.split("_", 2)[2] not in text


SAID_ASCII = "YOUWENMEIWAN"


def test_a_line_says_who_what_and_how_long(tmp_path: Path, policy_dir: Path) -> None:
    """By the template of the path; the id of a proxy is kept."""
    with served(tmp_path, policy_dir) as server:
        key = key_of(server.database, "ingest")
        with server.client(key) as client:
            headers = {"X-Request-Id": "proxy-1234"}
            answer = client.post("/v1/messages", content=b"{}", headers=headers)
            client.delete("/v1/conversations/c-secret-7")
        assert answer.headers["x-request-id"] == "proxy-1234"
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    first, second = (line for line in lines if line["event"] == "request")
    assert first["request"] == "proxy-1234"
    assert first["key"] == key.split("_")[1]
    assert (first["method"], first["path"], first["status"]) == ("POST", "/v1/messages", 200)
    assert first["ms"] > 0
    assert second["path"] == "/v1/conversations/{conversation_id}"
    assert second["status"] == 403


def test_an_error_is_logged_by_kind_and_place(tmp_path: Path, policy_dir: Path) -> None:
    """Enough to find it, without what it said."""
    with served(tmp_path, policy_dir) as server:
        headers = bearer(key_of(server.database, "ingest"))
        httpx.post(f"{server.url}/v1/conversations", content=SAID.encode(), headers=headers)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    (failed,) = (line for line in lines if line["event"] == "request.failed")
    assert failed["error"] == "ValueError"
    assert re.fullmatch(r"tests/serving\.py:\d+", failed["at"][-1])


def test_libraries_are_kept_short() -> None:
    """Their exceptions, and what asyncio adds to its own lines, stay out."""
    stream = io.BytesIO()
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        logs.configure(Settings(), stream)  # type: ignore[arg-type]
        library = logging.getLogger("some.library")
        library.warning("cannot read %s", SAID)
        library.error(f"task failed\nexception=ValueError({SAID})")
        try:
            raise ValueError(SAID)
        except ValueError:
            library.exception("it said")
        logging.getLogger("uvicorn.access").warning("GET /v1/%s", SAID)
        logs.log.warning("note", detail=f"电话 {PHONE}", path="/v1/keys")
    finally:
        root.handlers = handlers
        root.setLevel(level)
        logging.getLogger("uvicorn.access").disabled = False
    text = stream.getvalue().decode()
    lines = [json.loads(line) for line in text.splitlines()]
    assert SAID not in text
    assert PHONE not in text
    assert [line.get("message") for line in lines[:2]] == ["cannot read %s", "task failed"]
    assert lines[2]["error"] == "ValueError"
    assert lines[-1]["path"] == "/v1/keys"


def test_a_log_that_cannot_be_written_fails_nothing(tmp_path: Path, policy_dir: Path) -> None:
    """A full disk or a closed pipe is no reason to refuse a message."""
    with served(tmp_path, policy_dir) as server:
        stream = io.BytesIO()
        logs.configure(server.state.settings, stream)  # type: ignore[arg-type]
        stream.close()
        with server.client(key_of(server.database, "ingest")) as client:
            assert client.post("/v1/messages", content=b"{}").status_code == 200


# --- figures


def figures(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_figures_of_all_processes_are_added_up(tmp_path: Path) -> None:
    """Counters of the dead too, gauges of the living only."""
    one, two = Metrics(tmp_path), Metrics(tmp_path)
    for metrics, n in ((one, 1), (two, 10)):
        metrics.message("block", n)
        metrics.alert("T-01", "raised")
        metrics.observe("judge_seconds", 0.0007 * n, "message")
        metrics.gauge("open_sessions", lambda n=n: n)
        metrics.dump()
    found = figures(one.render().decode())
    assert found["jiyu_messages_total", (("decision", "block"),)] == 11
    assert found["jiyu_alerts_total", (("rule", "T-01"), ("state", "raised"))] == 2
    assert found["jiyu_open_sessions", ()] == 11
    assert found["jiyu_workers", ()] == 2
    assert found["jiyu_judge_seconds_count", (("kind", "message"),)] == 2
    assert found["jiyu_judge_seconds_sum", (("kind", "message"),)] == pytest.approx(0.0077)
    assert found["jiyu_judge_seconds_bucket", (("kind", "message"), ("le", "0.001"))] == 1
    assert found["jiyu_judge_seconds_bucket", (("kind", "message"), ("le", "+Inf"))] == 2
    (file,) = [f for f in tmp_path.glob("*.json") if f.name != one._file.name]  # type: ignore[union-attr]
    old = json.loads(file.read_text()) | {"at": 0}
    file.write_text(json.dumps(old))
    (tmp_path / "half.json").write_text("{")
    found = figures(one.render().decode())
    assert found["jiyu_messages_total", (("decision", "block"),)] == 11
    assert found["jiyu_open_sessions", ()] == 1
    assert found["jiyu_workers", ()] == 1


def test_times_fall_into_their_buckets() -> None:
    """An end belongs to its bucket; what is longer than all counts as well."""
    metrics = Metrics()
    for seconds in (BUCKETS[0], BUCKETS[0] * 1.01, 99.0):
        metrics.observe("commit_seconds", seconds)
    found = figures(metrics.render().decode())
    ends = [found["jiyu_commit_seconds_bucket", (("le", str(end)),)] for end in BUCKETS]
    assert ends[:2] == [1, 2]
    assert ends[-1] == 2
    assert found["jiyu_commit_seconds_bucket", (("le", "+Inf"),)] == 3


def test_metrics_need_a_key_unless_told_otherwise(tmp_path: Path, policy_dir: Path) -> None:
    """And then count what was asked by template."""
    (tmp_path / "a").mkdir()
    with served(tmp_path / "a", policy_dir) as server:
        assert httpx.get(f"{server.url}/metrics").status_code == 401
    (tmp_path / "b").mkdir()
    with served(tmp_path / "b", policy_dir, open_metrics=True) as server:
        assert httpx.get(f"{server.url}/v1/keys").status_code == 401
        found = figures(httpx.get(f"{server.url}/metrics").text)
    labels = (("method", "GET"), ("path", "/v1/keys"), ("status", "401"))
    assert found["jiyu_requests_total", labels] == 1
    assert found["jiyu_request_seconds_count", (("path", "/v1/keys"),)] == 1


def test_counting_is_cheap() -> None:
    """Some microseconds a message at the most, or it would show in the throughput."""

    async def many() -> float:
        metrics = Metrics()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(20_000):
            metrics.message("allow")
            metrics.observe("judge_seconds", 0.0003, "message")
        return (loop.time() - begun) / 20_000

    best: Any = min(asyncio.run(many()) for _ in range(3))
    assert best < 20e-6
