"""``jiyu rules``: what a policy says, for people who do not read YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def test_list_has_a_line_for_each_rule(jiyu: Any) -> None:
    """The list shows id, category, severity, deduction and title of every rule."""
    result = jiyu.inside("rules")
    assert (result.code, result.err) == (0, "")
    rows = [row.split() for row in result.text.splitlines()]
    assert rows[0] == ["测试规范", "1", "·", "5", "条规则"]
    assert rows[2:] == [
        ["T-01", "粗鲁", "极严重", "20", "你有完没完?"],
        ["T-03", "粗鲁", "严重", "10", "烦死人了"],
        ["T-05", "粗鲁", "极严重", "0", "分", "滚开"],
        ["T-02", "推诿", "轻微", "5", "不知道"],
        ["T-04", "推诿", "提示", "1", "随便"],
    ]


def test_one_rule_is_explained_in_full(jiyu: Any, policy_dir: Path) -> None:
    """One rule shows its clause, price, phrases with their place, conditions and examples."""
    result = jiyu.inside("rules", "T-02")
    words = policy_dir / "concepts" / "words.yaml"
    assert result.code == 0
    assert result.text.splitlines() == [
        "T-02 不知道",
        "  一、2 推诿",
        "  轻微，扣 5 分",
        "",
        f"  说法 T-02  {words}:8",
        "    不知道",
        "    条件：unless: remedy；answers: asks",
        "",
        "  违规的例子",
        "    客：怎么办 / 服：不知道",
        "",
        "  不算违规的例子",
        "    服：不知道",
        "    客：怎么办 / 服：不知道，我帮您查",
    ]


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ("T-01", "  应当说：给您带来不便，敬请谅解。"),
        ("T-01", "    条件：unless: negated、quoted、courteous"),
        ("T-04", "    条件：unless: negated、quoted、courteous；fills: turn"),
        ("T-05", "  极严重，扣 100 分，一次即总分为 0"),
    ],
)
def test_particulars_of_a_rule_are_shown(jiyu: Any, rule: str, part: str) -> None:
    """Standard phrase, conditions and fatality stand where a reader looks for them."""
    assert part in jiyu.inside("rules", rule).text.splitlines()


@pytest.mark.parametrize("rule", ["T-99", "t-01", ""])
def test_unknown_rule_is_exit_code_2(jiyu: Any, rule: str) -> None:
    """A rule that is not there is told on standard error."""
    result = jiyu("rules", rule)
    assert (result.code, result.out) == (2, b"")
    assert result.err == f"test-policy: no rule {rule!r}\n"


def test_policy_words_are_not_markup(jiyu: Any, tmp_path: Path, policy_dir: Path) -> None:
    """Brackets in titles and clauses are shown as the policy writes them."""
    for file in policy_dir.rglob("*.yaml"):
        copy = tmp_path / "policy" / file.relative_to(policy_dir)
        copy.parent.mkdir(parents=True, exist_ok=True)
        content = file.read_text(encoding="utf-8").replace("clause: 一、1 粗鲁", "clause: 一[red]")
        content = content.replace("title: 测试规范", 'title: "[b]规范"').replace(
            "title: 粗鲁", 'title: "[粗]"'
        )
        copy.write_text(content, encoding="utf-8")
    listed = jiyu.inside("rules", policy=tmp_path / "policy").text
    assert "[b]规范" in listed
    assert "[粗]" in listed
    assert "  一[red]" in jiyu.inside("rules", "T-01", policy=tmp_path / "policy").text.splitlines()
