"""From deductions to a score; pure, and blind to the order of findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from jiyu.policy.schema import Rule, Scorecard


class Score(NamedTuple):
    """A score with how it came about.

    Attributes:
        score: Points, from 0 to the scorecard's base.
        grade: The band it falls into.
        fatal: Whether a fatal rule set it to 0.
        deductions: Points by rule, after repeats and caps; they add up to what is missing from
            the base, to the cent.
    """

    score: float
    grade: str
    fatal: bool
    deductions: Mapping[str, float]


def score(scorecard: Scorecard, broken: Iterable[tuple[Rule, int]]) -> Score:
    """Score one conversation.

    Args:
        scorecard: Caps, repeats and bands.
        broken: Each rule that was broken, with the number of its findings.
    """
    rules = {rule.id: (rule, count) for rule, count in broken if count > 0}
    deductions: dict[str, float] = {}
    left, caps = scorecard.base, dict(scorecard.caps)
    # What is fatal takes all that the others leave, so that the breakdown adds up.
    for name in sorted(rules, key=lambda name: (rules[name][0].fatal, name)):
        rule, count = rules[name]
        full = left if rule.fatal else _with_repeats(scorecard, rule, count)
        cap = left if rule.fatal else caps.get(rule.category, left)
        deductions[name] = round(min(full, cap, left), 2)
        left = round(left - deductions[name], 2)
        if rule.category in caps:
            caps[rule.category] = max(0.0, round(caps[rule.category] - deductions[name], 2))
    fatal = any(rule.fatal for rule, _ in rules.values())
    grade = next(g.grade for g in scorecard.grades if left >= g.at_least)
    return Score(left, grade, fatal, deductions)


def _with_repeats(scorecard: Scorecard, rule: Rule, count: int) -> float:
    shares = scorecard.repeats
    listed = sum(shares[:count]) + shares[-1] * max(0, count - len(shares))
    return round(rule.deduction * listed, 2)
