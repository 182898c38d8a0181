"""Group commit: many callers, few commits, and nothing acknowledged that is not stored."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, event, func, select, text

from jiyu.errors import LeaseLost, StoreError, StoreUnavailable
from jiyu.store import leases
from jiyu.store.database import Database
from jiyu.store.journal import Line, lines_after
from jiyu.store.leases import Lease
from jiyu.store.tables import alerts, journal
from jiyu.store.writer import Writer
from jiyu.store.writes import Write
from storing import acquired, alert, line, opening, owner

if TYPE_CHECKING:
    from databases import Server

PATIENCE = 20.0


@contextmanager
def held_up(writer: Writer) -> Iterator[None]:
    """Keep the writer's thread busy, so that what is asked meanwhile is one batch."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(_connection: Connection) -> None:
        begun.set()
        go_on.wait(PATIENCE)

    waiting = writer.call(wait)
    begun.wait(PATIENCE)
    yield
    go_on.set()
    waiting.result(PATIENCE)


def count(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(journal)) or 0


def again(writer: Writer, who: str, name: str = "c-1") -> Lease:
    """Take a conversation anew, as a gateway does after an outage, as soon as that is possible."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            taken = writer.call(leases.acquire, name, who, opening()).result(PATIENCE)
            assert taken is not None
            return taken.lease
        except StoreUnavailable:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_many_writes_share_a_commit(database: Database, writer: Writer) -> None:
    """What comes in while a commit runs goes into the next one together."""
    lease = acquired(database, owner(database))
    commits: list[int] = []
    with held_up(writer):
        futures = [writer.submit(Write(lease, (line(f"s{i}"),))) for i in range(100)]
        assert writer.depth == 100
        event.listen(database.engine, "commit", lambda _connection: commits.append(1))
    assert [future.result(PATIENCE).seq for future in futures] == list(range(1, 101))
    assert len(commits) <= 2
    assert count(database) == 100


def test_a_result_means_that_it_is_stored(database: Database, writer: Writer) -> None:
    """Another connection sees the line as soon as the future is resolved."""
    lease = acquired(database, owner(database))
    for number in range(10):
        writer.submit(Write(lease, (line(f"s{number}"),))).result(PATIENCE)
        assert count(database) == number + 1


def test_from_an_event_loop(database: Database, writer: Writer) -> None:
    """A future of the writer can be awaited; a caller who goes away stops nothing."""
    lease = acquired(database, owner(database))

    async def main() -> int:
        writer.submit_soon(Write(lease, (line("s0"),))).cancel()
        futures = [writer.submit_soon(Write(lease, (line(f"s{i}"),))) for i in range(1, 5)]
        wrapped = asyncio.wrap_future(writer.submit(Write(lease, (line("s5"),))))
        assert [one.seq for one in await asyncio.gather(*futures)] == [2, 3, 4, 5]
        with pytest.raises(LeaseLost):
            await writer.submit_soon(Write(Lease("c-9", "nobody", 1), (line(),)))
        return (await wrapped).seq

    assert asyncio.run(main()) == 6
    assert count(database) == 6


def test_an_event_loop_that_is_gone_does_no_harm(database: Database, writer: Writer) -> None:
    """What it had asked for is stored, and the writer goes on."""
    lease = acquired(database, owner(database))

    async def main() -> None:
        writer.submit_soon(Write(lease, (line("s0"),)))

    with held_up(writer):
        asyncio.run(main())
    assert writer.submit(Write(lease, (line("s1"),))).result(PATIENCE).seq == 2


def test_calls_and_writes_keep_their_order(database: Database, writer: Writer) -> None:
    """A conversation can be given back right after its last write."""
    who = owner(database)
    with held_up(writer):
        opened = writer.call(leases.acquire, "c-2", who, opening())
        lease = Lease("c-2", who, 1)
        first = writer.submit(Write(lease, (line("s1"),)))
        writer.call(leases.release, lease)
        second = writer.submit(Write(lease, (line("s2"),)))
    taken = opened.result(PATIENCE)
    assert taken is not None
    assert taken.lease == lease
    assert first.result(PATIENCE).seq == 1
    with pytest.raises(LeaseLost):
        second.result(PATIENCE)


def test_one_that_cannot_be_stored_does_not_harm_the_others(
    database: Database, writer: Writer
) -> None:
    """Each of the same batch is told its own fate, and the message does not quote it."""
    who = owner(database)
    good, bad = acquired(database, who, "c-1"), acquired(database, who, "c-2")
    with held_up(writer):
        wrong = Line("segment", None, segment_id="有完没完", revision=0)  # type: ignore[arg-type]
        futures = [
            writer.submit(Write(good, (line("s1"),))),
            writer.submit(Write(bad, (line("s1"), wrong), (alert(),))),
            writer.submit(Write(bad, (line("s2"),))),
            writer.submit(Write(good, (line("s2"),))),
        ]
    assert futures[0].result(PATIENCE).seq == 1
    with pytest.raises(StoreError) as caught:
        futures[1].result(PATIENCE)
    assert "有完没完" not in str(caught.value)
    # What follows a failed write would leave a gap.
    with pytest.raises(StoreUnavailable, match="earlier write"):
        futures[2].result(PATIENCE)
    assert futures[3].result(PATIENCE).seq == 2
    with database.read() as connection:
        assert lines_after(connection, "c-2") == []
        assert connection.scalar(select(func.count()).select_from(alerts)) == 0
    assert writer.submit(Write(again(writer, who, "c-2"), (line("s1"),))).result(PATIENCE).seq == 1


def test_text_that_is_not_unicode_is_refused(database: Database, writer: Writer) -> None:
    """Half a surrogate pair in a name cannot be stored, and does no harm."""
    lease = acquired(database, owner(database))
    with pytest.raises(StoreError):
        writer.submit(Write(lease, (line("\ud800"),))).result(PATIENCE)


def test_a_call_that_refuses_leaves_nothing(database: Database, writer: Writer) -> None:
    """What it did before is taken back, what others did stays."""
    who = owner(database)

    def refuse(connection: Connection) -> None:
        leases.acquire(connection, "c-9", who, opening())
        raise StoreError

    with held_up(writer):
        first = writer.call(leases.acquire, "c-1", who, opening())
        second = writer.call(refuse)
    assert first.result(PATIENCE) is not None
    with pytest.raises(StoreError):
        second.result(PATIENCE)
    with database.read() as connection:
        names = connection.execute(text("SELECT conversation_id FROM conversations")).scalars()
        assert names.all() == ["c-1"]


def test_a_full_queue_refuses(sqlite: Database) -> None:
    """Back-pressure: who asks too much is told at once, or waits if it wants to."""
    writer = Writer(sqlite, capacity=3)
    lease = acquired(sqlite, owner(sqlite))
    with held_up(writer):
        futures = [writer.submit(Write(lease, (line(f"s{i}"),))) for i in range(3)]
        with pytest.raises(StoreUnavailable, match="too much is waiting"):
            writer.submit(Write(lease, (line("s3"),)))
        late: list[Future[object]] = []
        patient = threading.Thread(
            target=lambda: late.append(writer.submit(Write(lease, (line("s3"),)), wait=PATIENCE))
        )
        patient.start()
    patient.join(PATIENCE)
    assert [future.result(PATIENCE).seq for future in futures] == [1, 2, 3]
    late[0].result(PATIENCE)
    writer.close()
    assert count(sqlite) == 4


def test_closing_writes_what_is_waiting(sqlite: Database) -> None:
    """A server that stops in order loses nothing, and takes nothing more."""
    writer = Writer(sqlite)
    lease = acquired(sqlite, owner(sqlite))
    futures = [writer.submit(Write(lease, (line(f"s{i}"),))) for i in range(50)]
    writer.close()
    assert all(future.done() for future in futures)
    assert count(sqlite) == 50
    with pytest.raises(StoreUnavailable, match="closed"):
        writer.submit(Write(lease, (line("late"),)))


@contextmanager
def locking(database: Database) -> Iterator[None]:
    """Somebody else has the database for himself."""
    with closing(database.engine.raw_connection()) as raw, closing(raw.cursor()) as cursor:
        if database.dialect == "sqlite":
            cursor.execute("BEGIN EXCLUSIVE")
        else:
            cursor.execute("LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE")
        yield
        raw.rollback()


def test_a_locked_database(url: str) -> None:
    """Nothing is acknowledged while it is locked, and it goes on afterwards."""
    with closing(Database(url, patience=0.3)) as database:
        who = owner(database)
        lease = acquired(database, who)
        writer = Writer(database)
        with locking(database):
            futures = [writer.submit(Write(lease, (line(f"s{i}"),))) for i in range(3)]
            for future in futures:
                with pytest.raises(StoreUnavailable):
                    future.result(PATIENCE)
        with pytest.raises(StoreUnavailable, match="earlier write"):
            writer.submit(Write(lease, (line("s9"),))).result(PATIENCE)
        fresh = again(writer, who)
        assert writer.submit(Write(fresh, (line("s0"),))).result(PATIENCE).seq == 1
        writer.close()


def fill(writer: Writer, lease: Lease) -> int:
    """Write until there is no room left and return how much was acknowledged."""
    for number in range(10_000):
        big = Line("segment", os.urandom(20_000), segment_id=f"s{number}", revision=0)
        try:
            writer.submit(Write(lease, (big,))).result(PATIENCE)
        except StoreUnavailable:
            return number
    raise AssertionError("never full")


def test_a_database_that_may_not_grow(sqlite: Database) -> None:
    """All that was acknowledged is there; once there is room it goes on."""
    who = owner(sqlite)
    lease = acquired(sqlite, who)
    sizes = {"pages": 400}

    @event.listens_for(sqlite.engine, "checkout")
    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {sizes['pages']}")

    writer = Writer(sqlite)
    number = fill(writer, lease)
    assert count(sqlite) == number > 0
    sizes["pages"] = 100_000
    fresh = again(writer, who)
    assert writer.submit(Write(fresh, (line("more"),))).result(PATIENCE).seq == number + 1
    writer.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("cannot mount a small disk here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 - where it is differs


def test_a_full_disk(small_disk: Path) -> None:
    """The same on a disk that is really full, of other files."""
    other = small_disk / "other"
    other.write_bytes(bytes(1_000_000))
    with closing(Database(f"sqlite:///{small_disk / 'store.db'}", patience=0.3)) as database:
        who = owner(database)
        lease = acquired(database, who)
        writer = Writer(database)
        number = fill(writer, lease)
        assert count(database) == number > 0
        other.unlink()
        fresh = again(writer, who)
        assert writer.submit(Write(fresh, (line("more"),))).result(PATIENCE).seq == number + 1
        writer.close()


def test_a_server_that_is_restarted(postgres: Server) -> None:
    """What was acknowledged before its death is there; the writer finds the new one by itself."""
    with closing(Database(postgres.create(template="jiyu_0"), patience=2)) as database:
        who = owner(database)
        lease = acquired(database, who)
        writer = Writer(database)
        acknowledged = 0
        stopping = threading.Timer(0.3, postgres.stop)
        stopping.start()
        with suppress(StoreUnavailable):
            while True:
                writer.submit(Write(lease, (line(f"s{acknowledged}"),))).result(PATIENCE)
                acknowledged += 1
        stopping.join(PATIENCE)
        with pytest.raises(StoreUnavailable):
            writer.call(leases.acquire, "c-1", who).result(PATIENCE)
        postgres.start()
        fresh = again(writer, who)
        # The last commit may have come through without its acknowledgement.
        last = writer.submit(Write(fresh, (line(f"s{acknowledged}"),))).result(PATIENCE)
        assert last.seq == acknowledged + 1
        assert count(database) == acknowledged + 1 > 1
        writer.close()
