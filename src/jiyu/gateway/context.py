"""What was said before a message, in a conversation that is going on."""

from __future__ import annotations

import asyncio

from jiyu.errors import InputError
from jiyu.gateway.lines import read_stored
from jiyu.gateway.state import State
from jiyu.gateway.taking import may_write
from jiyu.model import Segment, Turn
from jiyu.store import conversations, journal
from jiyu.store.database import Database
from jiyu.store.scope import Scope

#: Lines of a journal that hold the latest turns, partial ones among them.
_TAIL = 96


async def context_of(state: State, name: str, scope: Scope) -> tuple[Turn, ...]:
    """Return the latest turns of a conversation; none if it is not known or another's.

    Raises:
        StoreUnavailable: Another process holds it, and the store cannot be asked.
    """
    opened = state.hub.opened.get(name)
    if opened is not None and opened.held is not None:
        return opened.held.session.conversation.turns if may_write(scope, opened.owned) else ()
    return await asyncio.to_thread(_stored, state.database, name, scope)


def _stored(database: Database, name: str, scope: Scope) -> tuple[Turn, ...]:
    with database.read() as connection:
        summary = conversations.summary(connection, name, scope)
        if summary is None or summary.state == "closed":
            return ()
        lines = journal.latest(connection, name, _TAIL)
    turns: dict[str, Segment] = {}
    for line in lines:
        try:
            items = read_stored(line.payload).items
        except InputError:
            continue
        for item in items:
            if isinstance(item, Segment) and item.withdrawn:
                turns.pop(item.segment_id, None)
            elif isinstance(item, Segment) and item.final:
                turns[item.segment_id] = item
    return tuple(segment.turn for segment in turns.values())
