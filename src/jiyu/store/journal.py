"""The journal: every live line of an open conversation, numbered, each once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Select, select

from jiyu.store.dialects import among, given, insert_rows
from jiyu.store.tables import journal

Kind = Literal["open", "segment", "event", "close"]


class Line(msgspec.Struct, frozen=True):
    """One line of live input.

    A segment with a revision is known by these two, any other line by the number that its client
    gave it.  A line with neither is new each time.

    Attributes:
        payload: The line as JSON.
        number: The client's own number of the line within its conversation.
    """

    kind: Kind
    payload: bytes
    segment_id: str | None = None
    revision: int | None = None
    number: int | None = None

    @property
    def key(self) -> str | None:
        """What makes a repetition the same line."""
        if self.segment_id is not None and self.revision is not None:
            return f"s{self.revision}:{self.segment_id}"
        return None if self.number is None else f"n{self.number}"


class StoredLine(msgspec.Struct, frozen=True):
    """A line that is in the journal."""

    seq: int
    kind: Kind
    payload: bytes


class Place(msgspec.Struct, frozen=True):
    """Where a line stands; ``new`` is false if it stood there before."""

    seq: int
    new: bool


class Entry(msgspec.Struct, frozen=True):
    """Lines to append to one conversation, which is locked.

    Attributes:
        seq: Its last line so far.
        at: The present, by the database's clock.
    """

    conversation_id: str
    lines: Sequence[Line]
    seq: int
    at: float


def append(connection: Connection, entries: Sequence[Entry]) -> list[list[Place]]:
    """Append lines that are new and find the others.

    Args:
        connection: A transaction that has locked the conversations.
        entries: In order; a conversation may occur several times, with the same ``seq``.

    Returns:
        A place for each line of each entry.
    """
    known = _known(connection, entries)
    last: dict[str, int] = {}
    rows: list[dict[str, object]] = []
    places: list[list[Place]] = []
    for entry in entries:
        name = entry.conversation_id
        places.append([])
        for line in entry.lines:
            key = line.key
            if key is not None and (found := known.get((name, key))) is not None:
                places[-1].append(Place(found, new=False))
                continue
            last[name] = seq = last.get(name, entry.seq) + 1
            if key is not None:
                known[name, key] = seq
            rows.append(
                {
                    "conversation_id": name,
                    "seq": seq,
                    "kind": line.kind,
                    "key": key,
                    "stored_at": entry.at,
                    "payload": line.payload,
                }
            )
            places[-1].append(Place(seq, new=True))
    insert_rows(connection, journal, rows)
    return places


def lines_after(
    connection: Connection, conversation_id: str, seq: int = 0, limit: int | None = None
) -> list[StoredLine]:
    """Return the lines of a conversation after a number, in order."""
    c = journal.c
    rows = connection.execute(
        select(c.seq, c.kind, c.payload)
        .where(c.conversation_id == conversation_id, c.seq > seq)
        .order_by(c.seq)
        .limit(limit)
    )
    return [StoredLine(*row) for row in rows]


def latest(connection: Connection, conversation_id: str, limit: int) -> list[StoredLine]:
    """Return the last lines of a conversation, in order."""
    c = journal.c
    rows = connection.execute(
        select(c.seq, c.kind, c.payload)
        .where(c.conversation_id == conversation_id)
        .order_by(c.seq.desc())
        .limit(limit)
    ).all()
    return [StoredLine(*row) for row in reversed(rows)]


def keys(connection: Connection, conversation_id: str) -> dict[str, int]:
    """Return where the lines of a conversation stand that can be known when they come again."""
    c = journal.c
    where = (c.conversation_id == conversation_id, c.key.is_not(None))
    return {row[0]: row[1] for row in connection.execute(select(c.key, c.seq).where(*where))}


@cache  # Building the statement takes as long as running it.
def _lookup(dialect: str) -> Select[Any]:
    c = journal.c
    where = among(dialect, c.conversation_id, c.key)
    return select(c.conversation_id, c.key, c.seq).where(where)


def _known(connection: Connection, entries: Sequence[Entry]) -> dict[tuple[str, str], int]:
    """Find which of the keys are in the journal."""
    pairs = [
        (entry.conversation_id, line.key)
        for entry in entries
        # A conversation without lines cannot hold any of them.
        if entry.seq
        for line in entry.lines
        if line.key is not None
    ]
    if not pairs:
        return {}
    dialect = connection.dialect.name
    rows = connection.execute(_lookup(dialect), given(dialect, pairs))
    return {(row[0], row[1]): row[2] for row in rows}
