"""Scores."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jiyu.policy.schema import ForbidRule, Scorecard
from jiyu.score import score
from support import SCORECARD, rule

CARD = Scorecard.model_validate(yaml.safe_load(SCORECARD))
RULES = [
    ForbidRule.model_validate(rule(f"A-{n}", category=category, deduction=deduction))
    for n, (category, deduction) in enumerate(
        [("questioning", 10), ("questioning", 3.35), ("evasion", 20), ("evasion", 15.5)]
    )
]
FATAL = ForbidRule.model_validate(rule("Z-1", deduction=1, fatal=True))
broken = st.lists(st.tuples(st.sampled_from(RULES), st.integers(0, 5)), unique_by=lambda b: b[0].id)


@given(broken, st.randoms())
def test_the_order_of_findings_does_not_matter(
    some: list[tuple[ForbidRule, int]], random: object
) -> None:
    """Shuffled findings give the same score and the same breakdown."""
    shuffled = list(some)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert score(CARD, shuffled) == score(CARD, some)


@given(broken, st.sampled_from([*RULES, FATAL]))
def test_one_more_violation_never_raises_the_score(
    some: list[tuple[ForbidRule, int]], more: ForbidRule
) -> None:
    """Whatever is added, points only go."""
    counts = dict.fromkeys([r.id for r, _ in some], 0) | {r.id: n for r, n in some}
    added = [(r, n + (r.id == more.id)) for r, n in some]
    if more.id not in counts:
        added.append((more, 1))
    assert score(CARD, added).score <= score(CARD, some).score


@given(broken)
def test_the_breakdown_adds_up_to_the_score(some: list[tuple[ForbidRule, int]]) -> None:
    """To the cent, at the floor and under a fatal rule too."""
    for more in ([], [(FATAL, 1)]):
        result = score(CARD, [*some, *more])
        assert result.score == round(100 - sum(result.deductions.values()), 2) >= 0
        assert all(points >= 0 for points in result.deductions.values())


def test_repeats_cost_less_and_a_category_has_its_cap() -> None:
    """10 + 5 for two of one rule; 30 at most for evasion."""
    assert score(CARD, [(RULES[0], 2)]).score == 85
    assert score(CARD, [(RULES[2], 1), (RULES[3], 1)]).deductions == {"A-2": 20, "A-3": 10}


@pytest.mark.parametrize(("count", "expected"), [(0, (100, "A", False)), (1, (0, "B", True))])
def test_a_fatal_rule_leaves_nothing(count: int, expected: tuple[float, str, bool]) -> None:
    """Once is enough."""
    assert score(CARD, [(FATAL, count)])[:3] == expected
