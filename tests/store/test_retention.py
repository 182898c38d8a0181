"""What is forgotten is gone, from the tables and from the files."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from jiyu.errors import LeaseLost
from jiyu.store import audit, leases, records, retention, webhooks
from jiyu.store.database import Database
from jiyu.store.tables import conversations, journal, metadata, snapshots, transcripts
from jiyu.store.writes import Write, store
from storing import acquired, alert, finding, line, opening, owner, record

DAY = 86400.0
SAID = "你到底有完没完"


def fill(database: Database, name: str, text: str = SAID, *, closed: bool = True) -> leases.Lease:
    """Store something of everything about a conversation."""
    who = owner(database)
    lease = acquired(database, who, name, payload=text.encode())
    one = record(name, text=text, findings=(finding(text=text),))
    payload = text.encode()
    write = Write(
        lease,
        (line(text=text),),
        (alert(payload=payload),),
        snapshot=payload,
        record=one if closed else None,
    )
    with database.begin() as connection:
        store(connection, [write])
    return lease


def traces(database: Database, name: str) -> set[str]:
    """Return the tables in which a conversation is found."""
    found = set()
    with database.read() as connection:
        for table in metadata.sorted_tables:
            if "conversation_id" in table.c:
                where = table.c.conversation_id == name
                if connection.scalar(select(func.count()).select_from(table).where(where)):
                    found.add(table.name)
    return found


def in_files(folder: Path, text: str) -> list[str]:
    """Return the files that contain a text."""
    return [file.name for file in folder.iterdir() if text.encode() in file.read_bytes()]


EVERYWHERE = {
    "alerts",
    "assessments",
    "conversations",
    "deliveries",
    "findings",
    "journal",
    "snapshots",
    "transcripts",
    "verdicts",
}


def test_erased_is_gone_but_for_the_audit(database: Database) -> None:
    """No table knows the conversation; others stay; the audit has an id and a hash."""
    with database.begin() as connection:
        webhooks.add(connection, "https://a.example/", "s")
    fill(database, "c-1")
    fill(database, "c-2")
    assert traces(database, "c-1") == EVERYWHERE
    with database.begin() as connection:
        assert retention.erase(connection, "c-1", "k1")
        assert not retention.erase(connection, "c-1", "k1")
        entries = audit.entries(connection)
    assert traces(database, "c-1") == set()
    assert traces(database, "c-2") == EVERYWHERE
    assert [(one.actor, one.action, one.target) for one in entries] == [("k1", "erase", "c-1")]
    assert entries[0].before is not None
    assert entries[0].before.startswith("sha256:")


def test_a_live_conversation_that_is_erased_is_over(database: Database) -> None:
    """Its judge cannot write it back."""
    lease = fill(database, "c-1", closed=False)
    with database.begin() as connection:
        retention.erase(connection, "c-1", "k1")
        result = store(connection, [Write(lease, (line("late"),))])
    assert isinstance(result[0], LeaseLost)
    assert traces(database, "c-1") == set()


def test_erased_words_are_in_no_file(sqlite: Database, tmp_path: Path) -> None:
    """Not in free pages, and not in the log."""
    text = SAID * 400  # Over several pages.
    for number in range(5):
        fill(sqlite, f"c-{number}", text)
        fill(sqlite, f"k-{number}", "可以留下")
    assert in_files(tmp_path, SAID)
    for number in range(5):
        with sqlite.begin() as connection:
            retention.erase(connection, f"c-{number}", "k1")
    size = (tmp_path / "store.db").stat().st_size
    assert retention.scrub(sqlite, pages=10)
    assert in_files(tmp_path, SAID) == []
    assert in_files(tmp_path, "可以留下") == ["store.db"]
    assert (tmp_path / "store.db").stat().st_size < size or size < 100_000
    with sqlite.read() as connection:
        assert connection.exec_driver_sql("PRAGMA freelist_count").scalar() == 0
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_a_reader_of_an_older_state_delays_the_log(sqlite: Database, tmp_path: Path) -> None:
    """It is said that the log could not be emptied; the next time it can."""
    fill(sqlite, "c-1")
    with sqlite.read() as reading:
        reading.scalar(select(func.count()).select_from(journal))
        with sqlite.begin() as connection:
            retention.erase(connection, "c-1", "k1")
        assert not retention.scrub(sqlite, patience=0.1)
    assert retention.scrub(sqlite)
    assert in_files(tmp_path, SAID) == []


def age(database: Database, name: str, days: float) -> None:
    """Make a conversation older."""
    c = conversations.c
    older = {column: c[column] - days * DAY for column in ("started_at", "opened_at", "closed_at")}
    with database.begin() as connection:
        connection.execute(update(conversations).where(c.conversation_id == name).values(older))


def test_what_is_too_old_is_deleted(database: Database, tmp_path: Path) -> None:
    """By its end or its start; open ones only if nobody judges them."""
    recent = {"started_at": None, "text": SAID}
    with database.begin() as connection:
        some = [record(f"old-{i}", **recent) for i in range(7)]
        records.ingest(connection, [*some, record("new", **recent), record("long-ago", text=SAID)])
    for number in range(7):
        age(database, f"old-{number}", 91)
    fill(database, "live", closed=False)
    age(database, "live", 91)
    who = owner(database)
    acquired(database, who, "left")
    age(database, "left", 91)
    with database.begin() as connection:
        leases.release_all(connection, who)

    assert retention.purge(database, 90 * DAY, batch=3, pause=0.0) == 9
    left = {"new", "live"}
    with database.read() as connection:
        assert set(connection.scalars(select(conversations.c.conversation_id))) == left
        assert set(connection.scalars(select(transcripts.c.conversation_id))) == {"new"}
        purged = [one for one in audit.entries(connection) if one.action == "purge"]
    assert len(purged) == 3
    assert retention.purge(database, 90 * DAY) == 0
    assert retention.purge(database, -1.0) == 1
    if database.dialect == "sqlite":
        with database.begin() as connection:
            retention.erase(connection, "live", "k1")
        retention.scrub(database)
        assert in_files(tmp_path, SAID) == []


def test_journals_of_closed_conversations_are_trimmed(database: Database) -> None:
    """What the recogniser took back goes first; the transcript stays."""
    for number in range(5):
        fill(database, f"c-{number}")
    fill(database, "open", closed=False)
    assert retention.trim(database, DAY) == 0
    assert retention.trim(database, -1.0, batch=2, pause=0.0) == 5
    assert traces(database, "c-1") == EVERYWHERE - {"journal", "snapshots", "deliveries"}
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(snapshots)) == 1
    assert "journal" in traces(database, "open")


@pytest.mark.parametrize("state", ["open", "closed"])
def test_a_conversation_may_come_again_after_it_was_forgotten(
    database: Database, state: str
) -> None:
    """It is a new one then."""
    fill(database, "c-1", closed=state == "closed")
    with database.begin() as connection:
        retention.erase(connection, "c-1", "k1")
    who = owner(database)
    with database.begin() as connection:
        taken = leases.acquire(connection, "c-1", who, opening())
    assert taken is not None
    assert (taken.lease.epoch, taken.lines, taken.snapshot) == (1, [], None)
