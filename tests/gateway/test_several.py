"""Several processes behind one port are one gateway."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from conftest import POLICY_FILES, write_policy
from gatewaying import Server, Serving
from serving import eventually


def version(number: str) -> str:
    return POLICY_FILES["policy.yaml"].replace('version: "1"', f'version: "{number}"')


def judging(server: Server) -> set[str]:
    """The policies of the processes that happen to answer."""
    return {server.get("/v1/policies").json()["judging"] for _ in range(12)}


def figure(server: Server, name: str) -> float:
    families = text_string_to_metric_families(server.get("/metrics").text)
    return sum(s.value for f in families for s in f.samples if s.name == name)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return write_policy(tmp_path / "policy")


def test_several_are_one(tmp_path: Path, folder: Path, serving: Serving) -> None:
    """Figures are added up; a policy that one activates, or SIGHUP, reaches all; a bad one none."""
    server = serving(f"sqlite:///{tmp_path / 'store.db'}", folder, "--workers", "2")
    eventually(lambda: figure(server, "jiyu_workers") == 2)
    for _ in range(20):
        assert server.post("/v1/messages", {"text": "您好"}).status_code == 200
    eventually(lambda: figure(server, "jiyu_messages_total") == 20)

    (before,) = judging(server)
    other = write_policy(tmp_path / "other", policy=version("2"))
    files = {name: (other / name).read_text(encoding="utf-8") for name in POLICY_FILES}
    digest = server.post("/v1/policies", {"files": files}).json()["digest"]
    assert server.post(f"/v1/policies/{digest}/activate", None).status_code == 200
    _within(server, {digest})

    # The folder as it is: back to what it says.
    _hang_up(server)
    _within(server, {before})
    write_policy(folder, policy=version("3"))
    _hang_up(server)
    eventually(lambda: judging(server) & {before, digest} == set())
    (third,) = judging(server)
    write_policy(folder, rude="rules: nonsense")
    _hang_up(server)
    eventually(lambda: "policy.refused" in server.log)
    time.sleep(0.5)
    assert judging(server) == {third}


def _within(server: Server, expected: set[Any], seconds: float = 8.0) -> None:
    eventually(lambda: judging(server) == expected, seconds)


def _hang_up(server: Server) -> None:
    assert server._process is not None
    os.kill(server._process.pid, signal.SIGHUP)


def test_one_alone_reads_its_policy_anew(tmp_path: Path, folder: Path, serving: Serving) -> None:
    """The same without a parent."""
    server = serving(f"sqlite:///{tmp_path / 'store.db'}", folder)
    (before,) = judging(server)
    write_policy(folder, policy=version("5"))
    _hang_up(server)
    eventually(lambda: judging(server) != {before})
    write_policy(folder, rude="rules: nonsense")
    after = judging(server)
    _hang_up(server)
    eventually(lambda: "policy.refused" in server.log)
    assert judging(server) == after
    assert server.stop() == 0
