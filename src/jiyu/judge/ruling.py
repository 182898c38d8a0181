"""What a check comes to: a judgement, with its evidence, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jiyu.model import Judgement, Span

#: Of several checks of one rule the gravest judgement is the rule's.
_GRAVEST: Sequence[Judgement] = ("violation", "not_assessable", "pass", "not_applicable")


class Evidence(NamedTuple):
    """One breach.

    Attributes:
        turn: Index of the turn in which it begins, or beside which it stands.
        spans: The words, empty if no turn is there to point at.
        at: When, if it is an event and not the turn that says so.
        detail: What was measured or is missing, without transcript text.
    """

    turn: int
    spans: tuple[Span, ...]
    at: float | str | None = None
    detail: str = ""


class Ruling(NamedTuple):
    """What a check, or a rule as a whole, says of a conversation."""

    judgement: Judgement
    evidence: tuple[Evidence, ...] = ()
    reason: str = ""


PASS = Ruling("pass")
NEVER_CAME_UP = Ruling("not_applicable", reason="没有涉及")


def violation(evidence: Sequence[Evidence]) -> Ruling:
    """Return the ruling that something was broken."""
    return Ruling("violation", tuple(evidence))


def unknown(reason: str) -> Ruling:
    """Return the ruling that the evidence is missing, and which."""
    return Ruling("not_assessable", reason=reason)


def gravest(rulings: Iterable[Ruling]) -> Ruling:
    """Join the rulings of the checks of one rule."""
    every = list(rulings)
    if not every:
        return NEVER_CAME_UP
    worst = min(every, key=lambda ruling: _GRAVEST.index(ruling.judgement))
    return worst._replace(evidence=tuple(e for ruling in every for e in ruling.evidence))
