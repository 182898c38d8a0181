"""Forgetting: rows are deleted, and what they said is gone from the files as well.

SQLite keeps deleted text in free pages and in its log; it is told to overwrite the pages
(``secure_delete``), and ``scrub`` gives them back and empties the log.  PostgreSQL overwrites as it
goes on after a vacuum, which ``scrub`` asks for; its own log and backups are its operator's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from time import monotonic, sleep
from typing import cast

from sqlalchemy import Connection, and_, delete, or_, select

from jiyu.store import audit
from jiyu.store.clock import now
from jiyu.store.database import Database
from jiyu.store.dialects import among, given
from jiyu.store.failures import translating
from jiyu.store.leases import ownerless
from jiyu.store.tables import conversations, journal, metadata, snapshots, transcripts

#: Whatever belongs to a conversation, in the order in which writers lock it.
_OF_CONVERSATIONS = [
    conversations,
    *(t for t in metadata.sorted_tables if "conversation_id" in t.c and t is not conversations),
]


def erase(connection: Connection, conversation_id: str, actor: str) -> bool:
    """Remove every trace of a conversation but an audit entry; run ``scrub`` afterwards.

    Whoever judges it live finds its lease lost.

    Returns:
        False if there was none.
    """
    c = conversations.c
    where = c.conversation_id == conversation_id
    if connection.scalar(select(c.epoch).where(where).with_for_update()) is None:
        return False
    said = transcripts.c.conversation_id == conversation_id
    transcript = connection.scalar(select(transcripts.c.payload).where(said))
    print_ = None if transcript is None else audit.fingerprint(transcript)
    _delete(connection, [conversation_id])
    audit.record(connection, actor, "erase", conversation_id, before=print_)
    return True


def purge(database: Database, older_than: float, *, batch: int = 100, pause: float = 0.02) -> int:
    """Delete the conversations that are older than allowed, then scrub.

    Open ones go too, unless somebody judges them.

    Args:
        database: Where.
        older_than: Seconds since a conversation started or ended.
        batch: Conversations in one transaction.
        pause: Seconds to let others write in between.

    Returns:
        How many were deleted.
    """
    total = 0
    while True:
        with database.begin() as connection:
            count = _purge(connection, older_than, batch)
            if count:
                after = {"count": count, "older_than": older_than}
                audit.record(connection, "retention", "purge", "conversations", after=after)
        total += count
        if count < batch:
            break
        sleep(pause)
    if total:
        scrub(database)
    return total


def trim(database: Database, older_than: float, *, batch: int = 100, pause: float = 0.02) -> int:
    """Delete journals and snapshots of conversations that were closed a while ago.

    Their transcripts hold all that counts, without the words that a recogniser took back.

    Args:
        database: Where.
        older_than: Seconds since the end; long enough for a client that has not heard of it.
        batch: Conversations in one transaction.
        pause: Seconds to let others write in between.

    Returns:
        Of how many conversations.
    """
    total = 0
    c = conversations.c
    closed = c.closed_at < now() - older_than
    journaled = select(journal.c.seq).where(journal.c.conversation_id == c.conversation_id)
    old = select(c.conversation_id).where(closed, journaled.exists()).limit(batch)
    while True:
        with database.begin() as connection:
            ids = connection.scalars(old).all()
            for table in (journal, snapshots) if ids else ():
                where = among(database.dialect, table.c.conversation_id)
                connection.execute(delete(table).where(where), _ids(connection, ids))
        total += len(ids)
        if len(ids) < batch:
            return total
        sleep(pause)


def scrub(database: Database, *, pages: int = 1_000, patience: float = 5.0) -> bool:
    """Take deleted text out of the files too.

    Args:
        database: Which.
        pages: Pages of SQLite to give back at a time, so that others get to write in between.
        patience: Seconds to wait for those who still read an older state.

    Raises:
        StoreUnavailable: Somebody else writes all the time, or the database cannot be reached.

    Returns:
        False if somebody reads an older state for so long that SQLite's log had to stay.
    """
    with translating(database.place):
        if database.dialect == "sqlite":
            with closing(database.engine.raw_connection()) as raw:
                connection = cast("sqlite3.Connection", raw.driver_connection)
                return _scrub_sqlite(connection, pages, patience)
        names = ", ".join(table.name for table in _OF_CONVERSATIONS)
        autocommit = database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with autocommit.connect() as vacuuming:
            vacuuming.exec_driver_sql(f"VACUUM {names}")
    return True


def _scrub_sqlite(connection: sqlite3.Connection, pages: int, patience: float) -> bool:
    left, before = _free(connection), None
    # A file that somebody else has made may not be able to shrink.
    while left and left != before:
        connection.execute(f"PRAGMA incremental_vacuum({pages})").fetchall()
        left, before = _free(connection), left
    end = monotonic() + patience
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if monotonic() >= end:
            return False
        sleep(0.05)
    return True


def _free(connection: sqlite3.Connection) -> int:
    """Count the pages that hold nothing any more."""
    count: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    return count


def _purge(connection: Connection, older_than: float, limit: int) -> int:
    c = conversations.c
    bar = now() - older_than
    ended = and_(c.closed_at.is_not(None), or_(c.closed_at < bar, c.started_at < bar))
    left = and_(c.closed_at.is_(None), c.opened_at < bar, ownerless())
    statement = select(c.conversation_id).where(or_(ended, left)).limit(limit)
    ids = connection.scalars(statement.with_for_update(skip_locked=True)).all()
    _delete(connection, ids)
    return len(ids)


def _delete(connection: Connection, ids: Collection[str]) -> None:
    if not ids:
        return
    for table in _OF_CONVERSATIONS:
        where = among(connection.dialect.name, table.c.conversation_id)
        connection.execute(delete(table).where(where), _ids(connection, ids))


def _ids(connection: Connection, ids: Collection[str]) -> dict[str, object]:
    return given(connection.dialect.name, [(name,) for name in ids])
