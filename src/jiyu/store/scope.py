"""Whose data a caller may see; the one place where it becomes a condition of a query."""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, Table


class Scope(msgspec.Struct, frozen=True):
    """A part of the conversations; ``None`` is no limit.

    Attributes:
        team: Only this team's.
        agent_id: Only this agent's.
    """

    team: str | None = None
    agent_id: str | None = None

    def conditions(self, table: Table) -> list[ColumnElement[bool]]:
        """Return what the rows of a table must fulfil."""
        wanted = {"team": self.team, "agent_id": self.agent_id}
        return [table.c[name] == value for name, value in wanted.items() if value is not None]


#: No limit at all.
EVERYTHING = Scope()
