"""Pieces of many conversations in any order, brought together on disk.

Exports of chats and tables mix conversations by time; memory must not grow with how many there are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from jiyu.formats.source import MAX_DOCUMENT_BYTES, refused

T = TypeVar("T", bound=msgspec.Struct)
TOO_LONG = "the conversation is too long to be one"
#: All pieces of one source together; a small file may unpack to any size.
MAX_BYTES = 4 * 1024 * 1024 * 1024


class Pieces(msgspec.Struct, Generic[T]):
    """The pieces of one conversation; cut off at the size that no conversation has."""

    key: str
    pieces: list[T]
    cut: bool = False


class Gathered(Generic[T]):
    """A multimap from conversations to pieces that lives in a temporary file."""

    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._size = 0
        # An empty name is a temporary database that vanishes with its connection.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;"
            "CREATE TABLE pieces (number INTEGER PRIMARY KEY, key TEXT, data BLOB)"
        )

    @property
    def full(self) -> bool:
        """Whether there is more than any honest file holds."""
        return self._size > MAX_BYTES

    def add(self, key: str, piece: T) -> None:
        """Take in a piece.

        Raises:
            InputError: There is more than any honest file holds.
        """
        data = msgspec.msgpack.encode(piece)
        self._size += len(data)
        if self.full:
            raise refused("unpacks to more than any export holds")
        key = key.encode("utf-8", "replace").decode()
        self._database.execute("INSERT INTO pieces (key, data) VALUES (?, ?)", (key, data))

    def __iter__(self) -> Iterator[Pieces[T]]:
        """Yield the pieces of each conversation, in the order in which they were first met."""
        self._database.execute("CREATE INDEX by_key ON pieces (key, number)")
        firsts = self._database.execute("SELECT key FROM pieces GROUP BY key ORDER BY min(number)")
        for (key,) in firsts:
            yield self._pieces(key)

    def _pieces(self, key: str) -> Pieces[T]:
        found: Pieces[T] = Pieces(key, [])
        size = 0
        rows = self._database.execute(
            "SELECT data FROM pieces WHERE key = ? ORDER BY number", (key,)
        )
        for (data,) in rows:
            size += len(data)
            if size > MAX_DOCUMENT_BYTES:
                found.cut = True
                break
            found.pieces.append(self._decoder.decode(data))
        return found

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()
