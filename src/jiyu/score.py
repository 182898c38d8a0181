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
            the base, except under a fatal rule.
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
    raw = {name: _with_repeats(scorecard, *rules[name]) for name in sorted(rules)}
    deductions: dict[str, float] = {}
    left = dict(scorecard.caps)
    for name, full in raw.items():
        category = rules[name][0].category
        points = min(full, left.get(category, scorecard.base))
        if category in left:
            left[category] = round(left[category] - points, 2)
        deductions[name] = round(points, 2)
    fatal = any(rule.fatal for rule, _ in rules.values())
    points = 0.0 if fatal else max(0.0, round(scorecard.base - sum(deductions.values()), 2))
    grade = next(g.grade for g in scorecard.grades if points >= g.at_least)
    return Score(points, grade, fatal, deductions)


def _with_repeats(scorecard: Scorecard, rule: Rule, count: int) -> float:
    shares = scorecard.repeats
    listed = sum(shares[:count]) + shares[-1] * max(0, count - len(shares))
    return round(rule.deduction * listed, 2)
