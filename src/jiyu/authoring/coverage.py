"""Which rules judge each row of the norm, and which rows no conversation can show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from jiyu.errors import Problem
from jiyu.policy.schema import Policy, Row


class Covered(NamedTuple):
    """One row of the norm with what judges it.

    Attributes:
        row_id: Its number in the norm.
        text: The norm's words, shortened.
        by: Rules and categories of rules that judge it, the rule of its own id first.
        reason: Why no conversation can show whether it was kept, if none can.
    """

    row_id: str
    text: str
    by: tuple[str, ...]
    reason: str

    @property
    def missing(self) -> bool:
        """Whether nothing judges it and nobody says why."""
        return not self.by and not self.reason


def coverage(policy: Policy) -> list[Covered]:
    """Return every row that the policy lists, in its order."""
    ids = {rule.id for rule in policy.rules}
    judging = ids | {rule.category for rule in policy.rules}

    def covered(row_id: str, row: Row) -> Covered:
        own = (row_id,) if row_id in ids else ()
        others = (name for name in row.by if name in judging and name != row_id)
        return Covered(row_id, row.text, (*own, *others), row.reason)

    return [covered(row_id, row) for row_id, row in policy.rows.items()]


def missing_rows(policy: Policy) -> Iterator[Problem]:
    """Yield a problem for each row without a judge or a reason, and for each that has both."""
    for row in coverage(policy):
        file, line = policy.origins[f"row {row.row_id}"]
        if row.missing:
            yield Problem(file, line, f"{row.row_id}: judged by no rule, and no reason why not")
        elif row.by and row.reason:
            names = "、".join(row.by)
            yield Problem(file, line, f"{row.row_id}: judged by {names}, yet with a reason why not")
