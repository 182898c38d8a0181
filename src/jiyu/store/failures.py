"""What a driver's error means for a caller; never what it says, which may quote a transcript."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from jiyu.errors import Problem, StoreError, StoreUnavailable

#: SQLite: somebody else writes, no room, no file, a bad disk.
_SQLITE = ("BUSY", "LOCKED", "FULL", "IOERR", "CANTOPEN", "READONLY", "NOMEM", "PROTOCOL")
#: PostgreSQL, classes of SQLSTATE: connection, transaction state, rollback, resources, locks,
#: operator, system.
_POSTGRESQL = ("08", "25", "40", "53", "55", "57", "58")


def translated(error: SQLAlchemyError, place: str) -> StoreError:
    """Return our error for theirs.

    Args:
        error: What SQLAlchemy raised.
        place: The database, without its password.

    Returns:
        ``StoreUnavailable`` if the same call may succeed later.
    """
    if isinstance(error, PoolTimeout):
        return StoreUnavailable(Problem(place, None, "all connections are in use"))
    code = _code(error)
    kind = StoreUnavailable if is_outage(error) else StoreError
    return kind(Problem(place, None, f"the database refuses: {code}"))


def is_outage(error: SQLAlchemyError) -> bool:
    """Say whether the database is at fault, and not what it was asked to do."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = _code(error).removeprefix("SQLITE_")
    return (
        error.connection_invalidated
        or code.startswith(_SQLITE)
        or (len(code) == 5 and code[:2] in _POSTGRESQL)
        # psycopg has no code for a server that does not answer.
        or (isinstance(error, OperationalError) and code == type(error.orig).__name__)
    )


@contextmanager
def translating(place: str) -> Iterator[None]:
    """Raise our errors instead of SQLAlchemy's.

    Raises:
        StoreError: The database refuses.
        StoreUnavailable: It may accept the same later.
    """
    try:
        yield
    except SQLAlchemyError as error:
        # From None: the original carries the parameters, and those are what was said.
        raise translated(error, place) from None
    except sqlite3.Error as error:
        # Of the few statements that go past SQLAlchemy.
        raise translated(DBAPIError(None, None, error), place) from None


def _code(error: SQLAlchemyError) -> str:
    """Return the driver's name or number for an error."""
    cause = getattr(error, "orig", None)
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    return str(code or type(cause or error).__name__)
