"""What lint says of a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jiyu.authoring.lint import lint
from support import checker, rule

GOOD = {"flags": ["你有完没完", "妳有完沒完"], "passes": ["您说有完没完", "好"]}


def messages(folder: Path, rules: list[dict[str, Any]], concepts: dict[str, Any]) -> list[str]:
    return [p.message for p in lint(checker(folder, rules, concepts))]


def test_a_good_policy_has_no_problems(tmp_path: Path) -> None:
    """Rules with both kinds of examples, phrases that are found."""
    assert messages(tmp_path, [rule("A-1", examples=GOOD)], {"A-1": "有完没完"}) == []


@pytest.mark.parametrize("kind", ["flags", "passes"])
def test_a_rule_without_both_kinds_of_examples_does_not_lint(tmp_path: Path, kind: str) -> None:
    """What a rule forbids and what it does not must both be shown."""
    examples = GOOD | {kind: []}
    lines = messages(tmp_path, [rule("A-1", examples=examples)], {"A-1": "有完没完"})
    assert lines == [f"A-1: no example under {kind!r}"]


def test_an_example_that_is_not_flagged_fails(tmp_path: Path) -> None:
    """The rule that should have found it is named."""
    examples = GOOD | {"flags": ["好的"]}
    lines = messages(tmp_path, [rule("A-1", examples=examples)], {"A-1": "有完没完"})
    assert lines == ["A-1: not flagged: 好的"]


def test_a_look_alike_that_is_flagged_by_any_rule_fails(tmp_path: Path) -> None:
    """A pass is a pass for the whole policy."""
    rules = [
        rule("A-1", examples=GOOD | {"passes": ["烦死了"]}),
        rule("A-2", examples={"flags": ["烦死了"], "passes": ["好"]}),
    ]
    lines = messages(tmp_path, rules, {"A-1": "有完没完", "A-2": "烦死了"})
    assert lines == ["A-1: flagged by A-2: 烦死了"]


def test_a_phrase_that_can_never_match_is_named(tmp_path: Path) -> None:
    """Its own exceptions take everything back."""
    concepts = {"A-1": {"phrases": "有完没完\n没完没了", "except": "没完没了"}}
    lines = messages(tmp_path, [rule("A-1", examples=GOOD)], concepts)
    assert lines == ["A-1: can never match: 没完没了"]


def test_a_phrase_that_another_rule_covers_is_named(tmp_path: Path) -> None:
    """Two rules must not claim the same words under the same conditions."""
    rules = [rule("A-1", examples=GOOD), rule("A-2", examples=GOOD | {"flags": ["你有完没完啊"]})]
    lines = messages(tmp_path, rules, {"A-1": "有完没{完|了}", "A-2": "有完没完"})
    assert any(line.startswith("A-2: already covered by A-1") for line in lines)


@pytest.mark.parametrize(
    ("phrase", "what"), [("喂", "a single character"), ("知道", "everyday word")]
)
def test_everyday_words_need_a_condition(tmp_path: Path, phrase: str, what: str) -> None:
    """A word that stands in every second call cannot be forbidden as such."""
    examples = {"flags": [phrase], "passes": ["好"]}
    free = messages(tmp_path / "a", [rule("A-1", examples=examples)], {"A-1": phrase})
    assert any(what in line for line in free)
    says = [{"concept": "A-1", "fills": "turn"}]
    bound = messages(tmp_path / "b", [rule("A-1", says=says, examples=examples)], {"A-1": phrase})
    assert bound == []


def test_a_problem_has_its_place(tmp_path: Path) -> None:
    """An editor can jump to it."""
    (problem,) = lint(
        checker(tmp_path, [rule("A-1", examples=GOOD | {"passes": []})], {"A-1": "有完没完"})
    )
    assert problem.source.endswith("rules/own.yaml")
    assert problem.line == 2
