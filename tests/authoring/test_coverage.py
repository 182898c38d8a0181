"""Whether every row of the norm is judged, or said to be beyond judging."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from jiyu import Checker
from jiyu.authoring.coverage import Covered, coverage, missing_rows
from jiyu.authoring.lint import lint
from jiyu.errors import PolicyError
from jiyu.policy.load import load_policy
from jiyu.policy.schema import Policy
from support import rule, write_policy

EXAMPLES = {"flags": ["你有完没完", "妳有完沒完"], "passes": ["您说有完没完", "好"]}
RULES = [
    rule("A-1", examples=EXAMPLES),
    rule("B-1", category="evasion", examples=EXAMPLES | {"flags": ["随便吧", "隨便吧"]}),
]
WORDS = {"A-1": "有完没完", "B-1": "随便吧"}


def listed(folder: Path, rows: dict[str, dict[str, Any]]) -> Policy:
    """Return the small policy with these rows of its norm."""
    write_policy(folder, RULES, WORDS)
    norm = yaml.safe_dump({"rows": rows}, allow_unicode=True, sort_keys=False)
    (folder / "norm.yaml").write_text(norm, encoding="utf-8")
    return load_policy(folder)


def missing(policy: Policy) -> list[str]:
    return [problem.message for problem in missing_rows(policy)]


ALL = {
    "B-0": {"text": "推诿", "by": ["evasion", "A-1"]},
    "A-1": {"text": "你有完没完"},
    "M-1": {"text": "爱岗敬业", "reason": "心态"},
}


def test_each_row_is_shown_with_what_judges_it_in_the_order_of_the_norm(tmp_path: Path) -> None:
    """A rule of the row's own id judges it without being named; else what it names, or nothing."""
    assert coverage(listed(tmp_path, ALL)) == [
        Covered("B-0", "推诿", ("evasion", "A-1"), ""),
        Covered("A-1", "你有完没完", ("A-1",), ""),
        Covered("M-1", "爱岗敬业", (), "心态"),
    ]


def test_the_rule_of_its_own_id_stands_before_those_that_a_row_names(tmp_path: Path) -> None:
    """A row may name more than its own rule, and its own rule once more."""
    rows = ALL | {"A-1": {"text": "你有完没完", "by": ["B-1", "A-1"]}}
    assert coverage(listed(tmp_path, rows))[1].by == ("A-1", "B-1")


def test_a_policy_whose_rows_and_rules_agree_has_no_problem(tmp_path: Path) -> None:
    """Every row has a judge or a reason, every rule a row."""
    policy = listed(tmp_path, ALL)
    assert missing(policy) == []
    assert lint(Checker(policy)) == []


def test_a_policy_without_a_list_of_rows_has_no_problem(tmp_path: Path) -> None:
    """Not every policy comes from a norm with numbered rows."""
    assert missing(load_policy(write_policy(tmp_path, RULES, WORDS))) == []


def test_a_row_that_nobody_judges_is_told(tmp_path: Path) -> None:
    """Silence is no reason."""
    policy = listed(tmp_path, ALL | {"M-2": {"text": "微笑"}})
    assert missing(policy) == ["M-2: judged by no rule, and no reason why not"]


def test_a_row_of_a_rule_cannot_be_beyond_judging(tmp_path: Path) -> None:
    """A reason beside a rule of the same id is out of date."""
    policy = listed(tmp_path, ALL | {"A-1": {"text": "你有完没完", "reason": "看不出"}})
    assert missing(policy) == ["A-1: judged by A-1, yet with a reason why not"]


def test_a_category_without_rules_judges_nothing(tmp_path: Path) -> None:
    """A row that only an empty category stands for is missing."""
    write_policy(tmp_path, RULES[:1], WORDS)
    (tmp_path / "norm.yaml").write_text(
        "rows: {B-0: {text: 推诿, by: evasion}, A-1: {text: 有完没完}}", encoding="utf-8"
    )
    assert missing(load_policy(tmp_path)) == [
        "B-0: judged by no rule, and no reason why not",
        "B-0: 'evasion' is no rule, nor a category of any",
    ]


def test_a_rule_that_stands_for_no_row_is_told_at_its_place(tmp_path: Path) -> None:
    """Either the rule or the row has a slip of the pen in its id."""
    rows = {"A-1": {"text": "你有完没完"}, "B-2": {"text": "随便", "reason": "看不出"}}
    (problem,) = missing_rows(listed(tmp_path, rows))
    assert problem.message == "B-1: stands for no row of the norm"
    assert problem.line is not None
    place = Path(problem.source).read_text(encoding="utf-8").splitlines()[problem.line - 1]
    assert place == "- category: evasion"


def test_lint_tells_what_is_missing_with_the_file(tmp_path: Path) -> None:
    """The list of rows is part of the policy, and linted with it."""
    (problem,) = lint(Checker(listed(tmp_path, ALL | {"M-2": {"text": "微笑"}})))
    assert problem.message.startswith("M-2: judged by no rule")
    assert problem.source.endswith("norm.yaml")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "微笑", "by": "A-2"}, "M-2: unknown rule 'A-2'"),
        ({"text": "微笑", "by": "A-1", "reason": "看不出"}, "not both"),
    ],
)
def test_a_row_that_contradicts_itself_or_the_rules_is_not_loaded(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    """What no rule is called, and what is judged and not judged, cannot be meant."""
    with pytest.raises(PolicyError, match=message):
        listed(tmp_path, ALL | {"M-2": row})
