"""Reading conversations: one with all that is stored of it, or lists of them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Select, select, tuple_

from jiyu.store.scope import EVERYTHING, Scope
from jiyu.store.tables import assessments, conversations, transcripts

State = Literal["open", "closed"]


class Summary(msgspec.Struct, frozen=True):
    """One line of a list.

    Attributes:
        policy_digest: The policy that it began with.
        owner: Who judges it, as long as it is open; may have died.
    """

    conversation_id: str
    agent_id: str | None
    team: str | None
    channel: str | None
    started_at: float
    opened_at: float
    closed_at: float | None
    policy_digest: str | None
    owner: str | None
    score: float | None
    grade: str | None
    fatal: bool | None

    @property
    def state(self) -> State:
        """Whether more may come."""
        return "open" if self.closed_at is None else "closed"


class Version(msgspec.Struct, frozen=True):
    """One assessment of a conversation; exactly one of a closed conversation is current."""

    policy_digest: str
    policy_name: str
    policy_version: str
    current: bool
    assessed_at: float
    score: float | None
    grade: str | None


class Cursor(msgspec.Struct, frozen=True):
    """Where a page of a list ends."""

    started_at: float
    conversation_id: str


def summary(
    connection: Connection, conversation_id: str, scope: Scope = EVERYTHING
) -> Summary | None:
    """Return what is known of a conversation; ``None`` if it is not there or out of scope."""
    where = (conversations.c.conversation_id == conversation_id, *scope.conditions(conversations))
    row = connection.execute(_summaries().where(*where)).first()
    return None if row is None else Summary(*row)


def page(
    connection: Connection,
    *,
    scope: Scope = EVERYTHING,
    since: float | None = None,
    until: float | None = None,
    state: State | None = None,
    before: Cursor | None = None,
    limit: int = 50,
) -> list[Summary]:
    """Return conversations, the latest first.

    Args:
        connection: A transaction that reads.
        scope: Whose.
        since: Started no earlier, in seconds since 1970.
        until: Started earlier than this.
        state: Only open or only closed ones.
        before: Go on after this one, see ``cursor``; steady while new ones come in.
        limit: How many at most.
    """
    c = conversations.c
    place = tuple_(c.started_at, c.conversation_id)
    wanted = list(scope.conditions(conversations))
    if since is not None:
        wanted.append(c.started_at >= since)
    if until is not None:
        wanted.append(c.started_at < until)
    if state is not None:
        wanted.append(c.closed_at.is_(None) if state == "open" else c.closed_at.is_not(None))
    if before is not None:
        wanted.append(place < tuple_(before.started_at, before.conversation_id))
    order = (c.started_at.desc(), c.conversation_id.desc())
    rows = connection.execute(_summaries().where(*wanted).order_by(*order).limit(limit))
    return [Summary(*row) for row in rows]


def cursor(last: Summary) -> Cursor:
    """Return where to go on after the last conversation of a page."""
    return Cursor(last.started_at, last.conversation_id)


def transcript(connection: Connection, conversation_id: str) -> bytes | None:
    """Return a closed conversation as JSON, as it was judged."""
    where = transcripts.c.conversation_id == conversation_id
    return connection.scalar(select(transcripts.c.payload).where(where))


def assessment(
    connection: Connection, conversation_id: str, policy_digest: str | None = None
) -> bytes | None:
    """Return an assessment as JSON: the current one, or that of a certain policy."""
    c = assessments.c
    which = c.current if policy_digest is None else c.policy_digest == policy_digest
    where = (c.conversation_id == conversation_id, which)
    return connection.scalar(select(c.payload).where(*where))


def versions(connection: Connection, conversation_id: str) -> list[Version]:
    """Return all assessments of a conversation, oldest first."""
    c = assessments.c
    columns = (c.policy_digest, c.policy_name, c.policy_version, c.current)
    rows = connection.execute(
        select(*columns, c.assessed_at, c.score, c.grade)
        .where(c.conversation_id == conversation_id)
        .order_by(c.assessed_at, c.policy_digest)
    )
    return [Version(*row) for row in rows]


def _summaries() -> Select[Any]:
    c, a = conversations.c, assessments.c
    current = (a.conversation_id == c.conversation_id) & a.current
    names = Summary.__struct_fields__
    return select(*(c[name] if name in c else a[name] for name in names)).select_from(
        conversations.outerjoin(assessments, current)
    )
