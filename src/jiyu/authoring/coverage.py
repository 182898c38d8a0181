"""Which rules judge each row of the norm, and which rows no conversation can show.

A row is judged by the rule of its own id and by those that it names.  A rule that stands for no row
is as wrong as a row without a rule: one of the two ids is then a slip of the pen.
"""

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
    """Yield what does not agree between a policy and its norm; nothing if it lists no rows.

    Rows without a judge or a reason, rows with both, names that are no rule and no category, and
    rules that stand for no row.
    """
    judges = {name for rule in policy.rules for name in (rule.id, rule.category)}
    for row in coverage(policy):
        place = _place(policy, row.row_id)
        if row.missing:
            yield Problem(*place, f"{row.row_id}: judged by no rule, and no reason why not")
        elif row.by and row.reason:
            names = "、".join(row.by)
            yield Problem(*place, f"{row.row_id}: judged by {names}, yet with a reason why not")
        for name in policy.rows[row.row_id].by:
            if name not in judges:
                yield Problem(*place, f"{row.row_id}: {name!r} is no rule, nor a category of any")
    yield from _strays(policy)


def _place(policy: Policy, row_id: str) -> tuple[str, int | None]:
    """Return file and line of a row, or the file if that is all that is known."""
    return policy.origins.get(f"row {row_id}") or (f"{policy.header.name}/norm.yaml", None)


def _strays(policy: Policy) -> Iterator[Problem]:
    """Yield rules that neither have a row of their own nor are named by one."""
    named = {name for row_id, row in policy.rows.items() for name in (row_id, *row.by)}
    for rule in policy.rules if policy.rows else ():
        if rule.id not in named and rule.category not in named:
            place = policy.origins[f"rule {rule.id}"]
            yield Problem(*place, f"{rule.id}: stands for no row of the norm")
