"""Bring a database up to the tables that this version knows."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from jiyu.errors import Problem, StoreError

#: Any number, as long as all versions of jiyu use the same.
_LOCK = 0x6A697975


def scripts() -> Config:
    """Return where the migrations stand, for Alembic and for who writes a new one."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def migrate(connection: Connection, place: str) -> None:
    """Apply what is missing, in the transaction of the connection.

    Only one process does so at a time: SQLite has one writer anyway, PostgreSQL gets a lock.

    Raises:
        StoreError: The database was written by a newer version.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    config = scripts()
    current = MigrationContext.configure(connection).get_current_revision()
    if current == ScriptDirectory.from_config(config).get_current_head():
        return
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        message = f"its tables are of revision {current}, which this version does not know"
        raise StoreError(Problem(place, None, message)) from None
