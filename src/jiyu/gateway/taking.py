"""Taking a conversation over from the store: who may, what was said, and how it is judged on."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from jiyu.checker import Checker
from jiyu.errors import SessionError
from jiyu.formats.live import Closing
from jiyu.gateway.lines import Said, read_stored
from jiyu.gateway.opened import Frame, alert_frame, closed_frame
from jiyu.model import Event, Facts, Segment
from jiyu.session import Session
from jiyu.store import alerts, audit, conversations, journal, leases
from jiyu.store.database import Database
from jiyu.store.leases import Opening, Recovered
from jiyu.store.scope import Scope
from jiyu.text.clock import aware


class Loaded(msgspec.Struct, frozen=True):
    """What the store says when a conversation is asked for.

    Attributes:
        found: It is this process's now.
        owned: Whose it is.
        closed: It has ended.
        foreign: It is not the asker's to write.
        keys: Where its lines stand.
        seq: Its last line.
    """

    found: Recovered | None = None
    owned: Scope = Scope()
    closed: bool = False
    foreign: bool = False
    keys: dict[str, int] = {}
    seq: int = 0


def load(
    connection: Connection,
    name: str,
    owner: str,
    opening: Opening | None,
    scope: Scope,
    *,
    seize: bool,
) -> Loaded:
    """Take a conversation over or open it, unless it is closed or somebody else's.

    Args:
        connection: A transaction that writes.
        name: Which.
        owner: This process.
        opening: Opens it if it is not known.
        scope: What the asker may write.
        seize: Whether to take it from a process that lives.
    """
    summary = conversations.summary(connection, name)
    if summary is not None:
        owned = Scope(summary.team, summary.agent_id)
        if not may_write(scope, owned):
            return Loaded(foreign=True)
        if summary.state == "closed":
            return Loaded(owned=owned, closed=True, keys=journal.keys(connection, name))
    elif opening is not None:
        acts = audit.entries(connection, target=name, limit=10)
        if any(act.action == "erase" for act in acts):
            # What its source still sends must not bring it back.
            return Loaded(closed=True)
        owned = Scope(opening.team, opening.agent_id)
    else:
        return Loaded()
    found = leases.acquire(connection, name, owner, opening, seize=seize)
    if found is None:
        return Loaded(owned=owned)
    keys = journal.keys(connection, name) if found.lease.epoch > 1 else {}
    last = max([found.seq, *(line.seq for line in found.lines)])
    return Loaded(found, owned, keys=keys, seq=last)


def may_write(scope: Scope, owned: Scope) -> bool:
    """Say whether a client of a team or agent may write a conversation."""
    return scope.team in (None, owned.team) and scope.agent_id in (None, owned.agent_id)


def opening_of(said: Said, scope: Scope, checker: Checker) -> Opening:
    """Return what is known of a conversation by its first line.

    What the line does not say is taken from the client's key: a key of a team opens its team's.
    """
    facts = said.facts
    agent_id, team = facts.agent_id or scope.agent_id, facts.team or scope.team
    started = aware(facts.started_at, checker.policy.header.zone)
    given = Facts(agent_id=scope.agent_id, team=scope.team)
    return Opening(
        policy_digest=checker.policy.digest,
        payload=msgspec.json.encode(given),
        agent_id=agent_id,
        team=team,
        channel=facts.channel,
        started_at=started.timestamp() if started else None,
    )


def rebuilt(checker: Checker, database: Database, found: Recovered) -> Session:
    """Return the session of a conversation as it stood after its last stored line.

    Raises:
        InputError: A line in the journal cannot be read by this version.
        StoreUnavailable: The store cannot be asked.
    """
    name, lines, session = found.lease.conversation_id, found.lines, None
    if found.snapshot is not None:
        try:
            session = Session.resume(checker.engine, found.snapshot)
        except SessionError:
            # Another version has saved it; the journal holds all that was said.
            with database.read() as connection:
                lines = journal.lines_after(connection, name)
    if session is None:
        given = Facts() if found.opening is None else msgspec.json.decode(found.opening, type=Facts)
        session = checker.open(name, given)
    for line in lines:
        for item in read_stored(line.payload).items:
            match item:
                case Facts():
                    session.learn(item)
                case Segment() | Event():
                    session.feed(item)
                case Closing():
                    # Only what was committed without its record, which cannot be.
                    session.learn(item.facts)
    return session


def told_before(database: Database, name: str, seq: int, *, closing: bool) -> list[Frame]:
    """Return what a line has led to when it came first.

    Args:
        database: Where.
        name: Whose line.
        seq: Where it stands.
        closing: Whether it closed the conversation.

    Raises:
        StoreUnavailable: The store cannot be asked.
    """
    with database.read() as connection:
        frames = [alert_frame(*one) for one in alerts.of_revision(connection, name, seq)]
        payload = conversations.assessment(connection, name) if closing else None
    if payload is not None:
        frames.append(Frame(None, closed_frame(payload).decode()))
    return frames
