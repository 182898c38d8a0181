"""Both databases, and writers to them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from jiyu.store.database import Database
from jiyu.store.writer import Writer


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """An empty store in a file."""
    database = Database(f"sqlite:///{tmp_path / 'store.db'}", patience=0.3)
    yield database
    database.close()


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    """A writer of an empty store."""
    writer = Writer(database)
    yield writer
    writer.close()


@pytest.fixture
def unused_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
