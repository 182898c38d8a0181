"""Policies come in by HTTP, are refused if their examples fail, and judge for all at once."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from conftest import POLICY_FILES, write_policy
from jiyu.checker import Checker
from jiyu.gateway import policies
from jiyu.gateway.problems import Refused
from jiyu.gateway.uploads import files_of
from jiyu.policy.load import load_policy
from jiyu.store import audit
from jiyu.store import policies as stored
from jiyu.store.database import Database
from serving import Running, application, eventually, key_of, running, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, policy_dir: Path) -> Iterator[Running]:
    with served(tmp_path_factory.mktemp("policies"), policy_dir) as server:
        yield server


def files(**changed: str) -> dict[str, str]:
    """The small policy as it would be sent."""
    return {
        name: dedent(changed.get(Path(name).stem, content)).lstrip()
        for name, content in POLICY_FILES.items()
    }


def version(number: str) -> str:
    return POLICY_FILES["policy.yaml"].replace('version: "1"', f'version: "{number}"')


def zipped(content: dict[str, str], folder: str = "") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(folder + name, text)
    return packed.getvalue()


def test_added_then_activated(server: Running, tmp_path: Path) -> None:
    """In JSON and as a zip it is the same; what was running keeps its own."""
    admin = key_of(server.database, "admin")
    before = server.state.current.checker
    sent = files(policy=version("2"))
    with server.client(admin, timeout=60) as client:
        made = client.post("/v1/policies", json={"files": sent})
        assert made.status_code == 201, made.text
        digest = made.json()["digest"]
        write_policy(tmp_path / "same", policy=version("2"))
        assert digest == load_policy(tmp_path / "same").digest
        again = client.post(
            "/v1/policies",
            content=zipped(sent, "my-policy/"),
            headers={"Content-Type": "application/zip"},
        )
        assert again.json() == {**made.json(), "added": False}
        assert server.state.current.checker is before
        activated = client.post(f"/v1/policies/{digest}/activate")
        assert activated.status_code == 200, activated.text
        assert server.state.current.checker.policy.digest == digest
        assert server.state.current.by_digest(before.policy.digest) is before
        listed = client.get("/v1/policies").json()
        assert (listed["active"], listed["judging"]) == (digest, digest)
        entries = client.get("/v1/audit", params={"target": digest}).json()["entries"]
    assert [e["action"] for e in entries] == ["policy.activate", "policy.add"]
    assert {e["actor"] for e in entries} == {admin.split("_")[1]}


@pytest.mark.parametrize(
    ("stem", "change", "says"),
    [
        ("rude", ("flags: [你有完没完]", "flags: [您好]"), "T-01: not flagged"),
        ("rude", ("passes: [您刚才说有完没完]", "passes: [有完没完]"), "T-01: flagged"),
        ("rude", ("passes: [您刚才说有完没完]", "passes: []"), "T-01: no example"),
        ("rude", ("severity: critical", "severity: awful"), "severity"),
        ("words", ("{你|您}", "{你|您"), "never closed"),
        ("scorecard", ("base: 100", "base: [100"), ""),
    ],
)
def test_what_fails_is_refused(
    server: Running, stem: str, change: tuple[str, str], says: str
) -> None:
    """With every problem at its place in the folder, and nothing stored."""
    name = next(n for n in POLICY_FILES if Path(n).stem == stem)
    assert change[0] in POLICY_FILES[name]
    broken = files(**{stem: POLICY_FILES[name].replace(*change, 1)})
    with server.client(key_of(server.database, "admin"), timeout=60) as client:
        count = len(client.get("/v1/policies").json()["policies"])
        answer = client.post("/v1/policies", json={"files": broken})
        assert len(client.get("/v1/policies").json()["policies"]) == count
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "policy"
    assert error["problems"]
    for problem in error["problems"]:
        assert problem["place"].startswith(name), problem
        assert "jiyu-policy-" not in problem["message"]
    assert any(says in problem["message"] for problem in error["problems"])


def test_activation_validates_again(server: Running) -> None:
    """A policy in the store may have been judged by another version of jiyu."""
    broken = files(rude=POLICY_FILES["rules/rude.yaml"].replace("[你有完没完]", "[您好]"))
    digest = "a" * 64
    ref = load_policy().ref
    ref = type(ref)("test-policy", "9", digest)
    with server.database.begin() as connection:
        raw = {name: text.encode() for name, text in broken.items()}
        stored.add(connection, ref, raw, "somebody")
    before = server.state.current.checker
    with server.client(key_of(server.database, "admin"), timeout=60) as client:
        assert client.post(f"/v1/policies/{digest}/activate").status_code == 422
        assert client.post(f"/v1/policies/{'b' * 64}/activate").status_code == 404
        assert client.post("/v1/policies/b/activate").status_code == 422
    assert server.state.current.checker is before


def test_other_processes_follow(tmp_path: Path, policy_dir: Path) -> None:
    """Within seconds, from the store alone."""
    with served(tmp_path, policy_dir) as first:
        second_database = Database(first.state.settings.db)
        app = application(first.state.settings, second_database, Checker(load_policy(policy_dir)))
        with running(app, second_database) as second:
            with first.client(key_of(first.database, "admin"), timeout=60) as client:
                sent = {"files": files(policy=version("7"))}
                digest = client.post("/v1/policies", json=sent).json()["digest"]
                assert client.post(f"/v1/policies/{digest}/activate").status_code == 200
            eventually(lambda: second.state.current.checker.policy.digest == digest, 5)
        second_database.close()


def test_reload_from_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As SIGHUP asks for: a good policy judges, a bad one changes nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = write_policy(tmp_path / "policy")
    with served(tmp_path, folder, policy=folder) as server:
        state = server.state

        def reload() -> bool:
            loop = server.app.state.services._loop
            return asyncio.run_coroutine_threadsafe(policies.reload(state), loop).result(60)

        write_policy(folder, policy=version("3"))
        assert reload()
        assert state.current.checker.policy.header.version == "3"
        write_policy(folder, rude="rules: nonsense 有完没完")
        assert not reload()
        assert state.current.checker.policy.header.version == "3"
        eventually(lambda: _audited(server.database, "policy.reload"))
    log = (tmp_path / "log").read_text()
    assert "policy.refused" in log
    assert "有完没完" not in log


def _audited(database: Database, action: str) -> bool:
    with database.read() as connection:
        return action in {entry.action for entry in audit.entries(connection)}


# --- what is sent


def sent(content: Any, kind: str = "application/json", limit: int = 100_000) -> dict[str, bytes]:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return files_of(kind, raw, limit)


def test_a_bare_folder_will_do() -> None:
    """Without "files" around it, and with a type that says more."""
    expected = {"policy.yaml": b"x", "rules/a.yaml": b"y"}
    as_text = {name: content.decode() for name, content in expected.items()}
    assert sent(as_text, "application/json; charset=utf-8") == expected
    assert sent({"files": as_text}) == expected
    assert sent(zipped(as_text), "application/zip") == expected
    assert sent(zipped(as_text | {"README.md": "no"}, "top/"), "application/zip") == expected


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        ([], "application/json", 422),
        ({}, "application/json", 422),
        ({"files": []}, "application/json", 422),
        ({"files": {"policy.yaml": 1}}, "application/json", 422),
        ({"files": {"rules/a.yaml": "x"}}, "application/json", 422),
        ({"files": {"policy.yaml": "", "../x.yaml": ""}}, "application/json", 422),
        ({"files": {"policy.yaml": "", "/etc/x.yaml": ""}}, "application/json", 422),
        ({"files": {"policy.yaml": "", "a/../../x.yaml": ""}}, "application/json", 422),
        ({"files": {"policy.yaml": "", "x.py": ""}}, "application/json", 422),
        ({"files": {"policy.yaml": "", "C:\\x.yaml": ""}}, "application/json", 422),
        ({"files": {"policy.yaml": "", "a/b\n.yaml": ""}}, "application/json", 422),
        ({"files": {f"{n}.yaml": "" for n in range(600)} | {"policy.yaml": ""}}, "", 422),
        ({"files": {"policy.yaml": "x" * 200_000}}, "application/json", 413),
        (b'{"policy.yaml":"a","policy.yaml":"b"}', "application/json", 422),
        (b"PK nothing", "application/zip", 422),
        (b"name: x", "application/yaml", 415),
        (zipped({"policy.yaml": "x" * 50_000_000}), "application/zip", 413),
        (zipped({"policy.yaml": "", "../x.yaml": ""}), "application/zip", 422),
    ],
)
def test_no_such_folder(content: Any, kind: str, status: int) -> None:
    """Refused before anything is written anywhere; a bomb is not unpacked."""
    with pytest.raises(Refused) as refused:
        sent(content, kind)
    assert refused.value.status_code == status
