"""Opening, migrating, and what an error tells."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, insert, select, text

from jiyu.errors import StoreError, StoreUnavailable
from jiyu.store.clock import now
from jiyu.store.database import Database
from jiyu.store.tables import audit, metadata


def test_migrations_make_the_tables_that_the_code_knows(database: Database) -> None:
    """A migrated database has exactly the columns and indexes of ``tables``."""
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_opening_again_keeps_what_is_there(url: str) -> None:
    """A second start finds the tables up to date."""
    with closing(Database(url)) as database, database.begin() as connection:
        connection.execute(insert(audit).values(at=0, actor="a", action="b", target="c"))
    with closing(Database(url)) as database, database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(audit)) == 1


def test_several_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    """One of them makes the tables, the others wait."""
    address = f"sqlite:///{tmp_path / 'new' / 'store.db'}"
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: Database(address), range(4)))
    for database in opened:
        with database.read() as connection:
            assert connection.scalar(select(func.count()).select_from(audit)) == 0
        database.close()


def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    """Tables that this version does not know are not touched."""
    with closing(Database(url)) as database, database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="revision 9999"):
        Database(url)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nonsense", "no database URL"),
        ("sqlite://", "in memory"),
        ("mysql://host/db", "neither sqlite nor postgresql"),
    ],
)
def test_urls_that_cannot_be_a_store(address: str, message: str) -> None:
    """A wrong URL says what is wrong with it."""
    with pytest.raises(StoreError, match=message):
        Database(address)


def test_a_password_is_not_shown(unused_port: int) -> None:
    """An error names the database without its password."""
    address = f"postgresql://jiyu:geheim@127.0.0.1:{unused_port}/store"
    with pytest.raises(StoreUnavailable) as caught:
        Database(address, patience=1)
    assert "geheim" not in str(caught.value)
    assert f"{unused_port}/store" in str(caught.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """Some other file is left alone."""
    other = tmp_path / "letter.txt"
    other.write_text("亲爱的" * 500, encoding="utf-8")
    with pytest.raises(StoreError, match="NOTADB"):
        Database(f"sqlite:///{other}")


def test_the_file_is_its_owners_alone(sqlite: Database, tmp_path: Path) -> None:
    """Transcripts are not for everybody on the machine."""
    assert sqlite.dialect == "sqlite"
    for file in tmp_path.glob("store.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_errors_do_not_say_what_was_to_be_stored(database: Database) -> None:
    """Neither the message nor a chained error carries parameters."""
    values = {"at": 0, "actor": None, "action": "有完没完", "target": "x"}
    with pytest.raises(StoreError) as caught, database.begin() as connection:
        connection.execute(insert(audit).values(values))
    assert "有完没完" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_two_that_read_before_they_write_do_not_meet(database: Database) -> None:
    """A transaction that writes is the only one from its beginning, or waits."""

    def add(number: int) -> None:
        for _ in range(20):
            with database.begin() as connection:
                connection.scalar(select(func.count()).select_from(audit))
                values = {"at": number, "actor": "a", "action": "b", "target": "c"}
                connection.execute(insert(audit).values(values))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(audit)) == 80


def test_a_reader_sees_one_state(database: Database) -> None:
    """What is committed while a reader reads does not show up in between."""
    count = select(func.count()).select_from(audit)
    with database.read() as reading:
        assert reading.scalar(count) == 0
        with database.begin() as writing:
            writing.execute(insert(audit).values(at=0, actor="a", action="b", target="c"))
        assert reading.scalar(count) == 0


def test_a_file_that_was_removed_is_an_outage(sqlite: Database, tmp_path: Path) -> None:
    """Nothing is written to a file that nobody can find again."""
    for file in tmp_path.glob("store.db*"):
        file.unlink()
    with pytest.raises(StoreUnavailable), sqlite.begin():
        pass
    assert not (tmp_path / "store.db").exists()


def test_the_clock_goes_on_within_a_transaction(database: Database) -> None:
    """The time is that of the statement, in seconds since 1970."""
    with database.begin() as connection:
        first = connection.scalar(select(now()))
        second = connection.scalar(select(now()))
    assert first is not None
    assert second is not None
    assert 1.7e9 < first <= second < 1e10


def test_a_commit_waits_for_the_disk_unless_told_otherwise(tmp_path: Path) -> None:
    """The default outlives a power cut."""
    for setting, level in (("full", 2), ("normal", 1)):
        database = Database(f"sqlite:///{tmp_path / setting}", synchronous=setting)
        with database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA auto_vacuum").scalar() == 2
        database.close()


def test_all_connections_in_use_is_an_outage(tmp_path: Path) -> None:
    """Who cannot get a connection in time may try again later."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}", pool=1, patience=0.1)
    in_use = pytest.raises(StoreUnavailable, match="in use")
    with database.read(), database.read(), in_use, database.read():
        pass
    database.close()


def test_an_open_file_of_another_program(tmp_path: Path) -> None:
    """A file that another program has locked is reported, not waited for without end."""
    file = tmp_path / "x.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="BUSY"):
        Database(f"sqlite:///{file}", patience=0.1)
    other.close()
