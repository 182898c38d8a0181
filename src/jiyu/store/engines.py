"""Connections: what each kind of database has to be told before it can be relied on."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from jiyu.errors import Problem, StoreError

Synchronous = Literal["full", "normal"]

#: Marks a transaction that only reads.
READ = "jiyu_read"


def parsed(url: str) -> URL:
    """Read a database URL.

    Raises:
        StoreError: It is none, or none of SQLite or PostgreSQL.
    """
    try:
        read = make_url(url)
    except ArgumentError:
        raise StoreError(Problem("database", None, "this is no database URL")) from None
    place = read.render_as_string(hide_password=True)
    match read.get_backend_name():
        case "sqlite" if read.database in (None, "", ":memory:"):
            raise StoreError(Problem(place, None, "a store in memory would not be durable"))
        case "sqlite":
            return read
        case "postgresql":
            return read.set(drivername="postgresql+psycopg")
        case other:
            raise StoreError(Problem(place, None, f"{other} is neither sqlite nor postgresql"))


def engine_for(url: URL, *, synchronous: Synchronous, patience: float, pool: int) -> Engine:
    """Make an engine; does not connect.

    Args:
        url: As ``parsed``.
        synchronous: Whether a commit of SQLite waits for the disk (``full``) or only for the
            operating system, which survives the death of the process but not a power cut.
        patience: Seconds to wait for a lock or a connection.
        pool: Connections to keep.
    """
    options: dict[str, Any] = {
        "hide_parameters": True,
        "pool_size": pool,
        "max_overflow": pool,
        "pool_timeout": patience,
    }
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, synchronous, patience, options)
    return _postgresql(url, patience, options)


def _postgresql(url: URL, patience: float, options: dict[str, Any]) -> Engine:
    wait = int(patience * 1000)
    connect = {
        "connect_timeout": max(2, int(patience)),
        # A server that vanished without a word is noticed within the same patience.
        "tcp_user_timeout": wait,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "options": f"-c lock_timeout={wait} -c idle_in_transaction_session_timeout=60000",
    }
    # The locks of ``leases`` and ``sequences`` are reasoned about at this level.
    options |= {"isolation_level": "READ COMMITTED", "pool_pre_ping": True}
    return create_engine(url, connect_args=connect, **options)


def _sqlite(url: URL, synchronous: Synchronous, patience: float, options: dict[str, Any]) -> Engine:
    file = Path(str(url.database)).absolute()
    # mode=rw: a file that was deleted under us must be an outage, not a new, empty store.
    address = f"{file.as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, timeout=patience, check_same_thread=False, isolation_level=None
        )
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        # Deleted text is overwritten, and no temporary file holds any.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -16000")
        return connection

    engine = create_engine(url, creator=connect, **options)
    event.listen(engine, "begin", _begin)

    @event.listens_for(engine, "connect")
    def remember(_connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        entry.info["file"] = _identity(file)

    @event.listens_for(engine, "checkout")
    def compare(_connection: object, entry: ConnectionPoolEntry, _proxy: object) -> None:
        if entry.info["file"] != _identity(file):
            raise DisconnectionError

    return engine


def _begin(connection: Connection) -> None:
    """Begin as the only writer at once.

    A transaction that reads first and writes later would be refused when another has written in
    between, however long it waits; four processes made 686,000 such errors where this makes none.
    """
    reading = connection.get_execution_options().get(READ)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _identity(file: Path) -> tuple[int, int] | None:
    """Return which file stands at a path now."""
    try:
        found = os.stat(file)  # noqa: PTH116 - on every checkout, and half the price of Path.stat
    except OSError:
        return None
    return found.st_dev, found.st_ino
