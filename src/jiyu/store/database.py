"""The database: opened by URL, brought up to date, and asked for transactions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.engine import URL

from jiyu.errors import Problem, StoreError
from jiyu.store.engines import READ, Synchronous, engine_for, parsed
from jiyu.store.failures import translating
from jiyu.store.migrate import migrate


class Database:
    """An open database; shared between threads, not between processes."""

    def __init__(
        self,
        url: str,
        *,
        synchronous: Synchronous = "full",
        patience: float = 5.0,
        pool: int = 8,
    ) -> None:
        """Open a database, made if it is not there, and bring its tables up to date.

        Args:
            url: ``sqlite:///FILE`` or ``postgresql://…``.
            synchronous: For SQLite: whether a commit outlives a power cut (``full``) or only the
                process (``normal``); a group commit makes the difference small.
            patience: Seconds to wait for a lock or a connection before it counts as an outage.
            pool: Connections to keep open.

        Raises:
            StoreError: The URL is wrong, or a newer jiyu wrote this database.
            StoreUnavailable: The database cannot be reached.
        """
        parts = parsed(url)
        self.place = parts.render_as_string(hide_password=True)
        self.dialect = parts.get_backend_name()
        if self.dialect == "sqlite":
            _prepare(parts, self.place, patience)
        self.engine = engine_for(parts, synchronous=synchronous, patience=patience, pool=pool)
        # One state for all statements of a reading transaction, as SQLite has by itself.
        isolation = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = self.engine.execution_options(
            **{READ: True}, **(isolation if self.dialect == "postgresql" else {})
        )
        try:
            with self.begin() as connection:
                migrate(connection, self.place)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction that writes; commits at the end, rolls back on an error.

        Raises:
            StoreError: The database refuses.
            StoreUnavailable: It may accept the same later; whether a commit that fails so has
                taken place is not known, but nothing else of the transaction has.
        """
        with translating(self.place), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that reads one unchanging state and never waits for a writer.

        Read, leave, then work: PostgreSQL ends it after a minute without a question, and SQLite
        cannot shorten its log as long as it is open.

        Raises:
            StoreUnavailable: The database cannot be reached.
        """
        with translating(self.place), self._reading.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections; what runs on them is rolled back."""
        self.engine.dispose()


def _prepare(url: URL, place: str, patience: float) -> None:
    """Make a file of SQLite that its owner alone can read, and set what only a new one takes.

    Raises:
        StoreError: The file cannot be made or is no database.
    """
    file = Path(str(url.database))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(file, timeout=patience, isolation_level=None)) as connection:
            # Of effect before the first page is written only, hence first.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "sqlite_errorname", None) or type(error).__name__
        raise StoreError(Problem(place, None, f"cannot be opened: {reason}")) from None
