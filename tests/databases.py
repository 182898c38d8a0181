"""Both databases: SQLite in a file, and a real PostgreSQL that is started for the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from jiyu.store.database import Database

_NUMBERS = count()


@dataclass
class Server:
    """A PostgreSQL server of our own."""

    binaries: Path
    folder: Path
    port: int

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://jiyu@127.0.0.1:{self.port}/{database}"

    def run(self, program: str, *arguments: str) -> None:
        """Run a program of the server, not as root, which it refuses."""
        command = [str(self.binaries / program), *arguments]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        # Its output goes to a file: a server that inherits a pipe keeps it open for ever.
        with (self.folder / "output").open("ab") as output:
            subprocess.run(
                command, check=True, stdout=output, stderr=output, cwd=self.folder, timeout=60
            )

    def start(self) -> None:
        settings = f"-p {self.port} -F -c listen_addresses=127.0.0.1 -c max_connections=100"
        options = f"{settings} -c unix_socket_directories={self.folder}"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-w", "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def create(self, template: str | None = None) -> str:
        """Make a database and return its URL."""
        name = f"jiyu_{next(_NUMBERS)}"
        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            copied = f" TEMPLATE {template}" if template else ""
            connection.execute(text(f"CREATE DATABASE {name}{copied}"))
        engine.dispose()
        return self.url(name)


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if found:
        return found[-1].parent
    other = shutil.which("pg_ctl")
    return Path(other).parent if other else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server a test process, with an empty store as template."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="jiyu-postgres-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(binaries, folder, port)
    data = str(folder / "data")
    server.run("initdb", "-D", data, "-U", "jiyu", "-A", "trust", "-E", "UTF8", "--no-sync")
    server.start()
    try:
        Database(server.create()).close()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.create(template="jiyu_0")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """An empty store."""
    database = Database(url, patience=5.0)
    yield database
    database.close()
