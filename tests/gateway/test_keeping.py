"""What is too old is deleted for good; and the keys that are made from the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from jiyu.cli import app
from jiyu.gateway import retention
from jiyu.gateway.metrics import Metrics
from jiyu.gateway.settings import Settings
from jiyu.store import audit, conversations, keys, records
from jiyu.store.database import Database
from jiyu.store.tables import conversations as table
from storing import record

DAY = 86400.0


def test_old_conversations_are_gone_from_the_files(tmp_path: Path) -> None:
    """Not only from the tables: nothing that was said can be found in any file."""
    database = Database(f"sqlite:///{tmp_path / 'store.db'}")
    said = "这句话三个月后没人再看到"
    with database.begin() as connection:
        several = [record(f"old-{n}", text=f"{said}{n}") for n in range(250)]
        records.ingest(connection, [*several, record("new", text="这句话留着")])
        old = table.c.conversation_id.startswith("old-")
        connection.execute(update(table).where(old).values(closed_at=table.c.closed_at - 91 * DAY))
        old_start = {"started_at": table.c.closed_at - 1}
        connection.execute(update(table).values(old_start))
    assert _found(tmp_path, said)
    state: Any = SimpleNamespace(
        settings=Settings(retain="90d"), database=database, metrics=Metrics()
    )
    assert asyncio.run(retention.once(state)) == 250
    assert asyncio.run(retention.once(state)) == 0
    assert not _found(tmp_path, said)
    assert _found(tmp_path, "这句话留着")
    with database.read() as connection:
        assert [one.conversation_id for one in conversations.page(connection)] == ["new"]
        acts = {entry.action for entry in audit.entries(connection)}
    assert "purge" in acts
    assert b"jiyu_purged_total 250.0" in state.metrics.render()
    database.close()


def _found(folder: Path, words: str) -> bool:
    """Look through the bytes of every file, as they may be spelt in JSON too."""
    spelt = (words.encode(), words.encode("unicode_escape"))
    return any(s in file.read_bytes() for file in folder.iterdir() for s in spelt)


def test_nothing_is_deleted_unasked(tmp_path: Path) -> None:
    """Without --retain everything stays."""
    database = Database(f"sqlite:///{tmp_path / 'store.db'}")
    with database.begin() as connection:
        records.ingest(connection, [record("old")])
        connection.execute(update(table).values(closed_at=1.0, started_at=0.0))
    state: Any = SimpleNamespace(settings=Settings(), database=database, metrics=Metrics())
    assert asyncio.run(retention.once(state)) == 0
    with database.read() as connection:
        assert conversations.page(connection)
    database.close()


# --- jiyu keys


def run(url: str, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["keys", *arguments, "--db", url])


def test_the_first_key(tmp_path: Path) -> None:
    """Made, shown once, listed without its secret, ended; each noted."""
    url = f"sqlite:///{tmp_path / 'new.db'}"
    made = run(url, "create", "--role", "admin", "--label", "我")
    assert made.exit_code == 0
    key = made.stdout.strip()
    database = Database(url)
    with database.read() as connection:
        found = keys.verify(connection, key)
    assert found is not None
    assert found.role == "admin"
    agent = run(url, "create", "--role", "agent", "--team", "一组", "--agent-id", "A1")
    listed = run(url, "list").stdout
    assert key.split("_", 2)[2] not in listed
    assert [line.split("\t")[1:4] for line in listed.splitlines()] == [
        ["admin", "*", "active"],
        ["agent", "一组/A1", "active"],
    ]
    assert run(url, "revoke", found.key_id).exit_code == 0
    with database.read() as connection:
        assert keys.verify(connection, key) is None
        assert keys.verify(connection, agent.stdout.strip()) is not None
        acts = [(entry.actor, entry.action) for entry in audit.entries(connection)]
    assert acts == [("cli", "key.revoke"), ("cli", "key.create"), ("cli", "key.create")]
    assert "revoked" in run(url, "list").stdout
    database.close()


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "--role", "root"),
        ("create", "--role", "agent"),
        ("create", "--role", "admin", "--team", "一组"),
        ("create", "--role", "reviewer", "--agent-id", "A1"),
        ("revoke", "0000"),
    ],
)
def test_keys_that_cannot_be(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Refused, and nothing is made."""
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert run(url, *arguments).exit_code != 0
    assert run(url, "list").stdout == ""
