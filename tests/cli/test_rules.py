"""``jiyu rules``: what a policy says, for people who do not read YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from support import rule, write_policy


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


KINDS: dict[str, dict[str, Any]] = {
    "W-1": {"kind": "forbid", "speaker": "other", "general": True, "gathers": ["evasion"]}
    | {"says": [{"concept": "complaint", "fills": "turn"}]},
    "S-1": {"kind": "require", "opening": 2, "accepts": "courtesy"}
    | {"needs": [{"title": "问候", "any": "filler", "outbound": "remedy", "longer": 30}]},
    "S-2": {"kind": "require", "closing": 3, "needs": [{"title": "道别", "any": "filler"}]},
    "S-3": {"kind": "require", "holiday": True, "needs": [{"title": "祝福", "any": "filler"}]},
    "S-4": {"kind": "require", "event": "hold", "before": 3, "within": 0, "each": True}
    | {"needs": [{"title": "征询", "any": "filler"}]},
    "S-5": {"kind": "require", "when": [{"speaker": "customer", "concept": "complaint"}]}
    | {"anywhere": True, "needs": [{"title": "致谢", "any": "filler"}]},
    "L-1": {"kind": "limit", "measure": "tag", "at_least": 1, "times": 2, "tags": ["drawl"]}
    | {"channel": "phone", "requires": ["audio_events"]},
    "L-2": {"kind": "limit", "measure": "release", "below": 3, "direction": "inbound"}
    | {"roles": {"farewell": ["courtesy"]}},
    "L-3": {"kind": "limit", "measure": "answer_delay", "over": 4, "together": ["filler"]}
    | {"together_tags": ["sigh"]},
    "Q-1": {"kind": "sequence", "steps": [{"concept": "complaint"}], "times": 3}
    | {"alternating": True, "within": 12},
    "P-1": {"kind": "protect", "data": ["mobile", "address"], "unlabelled": ["mobile"]}
    | {"own": "polite_request", "others": "reporting", "public": "remedy"},
    "X-1": {"advice": True, "deduction": 0, "says": [{"concept": "complaint"}]}
    | {"also": [{"kind": "limit", "measure": "transfers", "over": 2}]}
    | {"escalates": {"says": [{"concept": "negation"}], "severity": "critical"}},
}


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy with a rule for each kind of check."""
    folder = tmp_path_factory.mktemp("kinds")
    return write_policy(folder, [rule(name, **fields) for name, fields in KINDS.items()], {})


@pytest.mark.parametrize(
    ("rule_id", "parts"),
    [
        ("W-1", ["谁：有人说", "条件：unless: negated、quoted、courteous；fills: turn"]),
        ("W-1", ["同一处话已违反更具体的规则时，算那条的"]),
        ("W-1", ["违反其中任何一条也违反本条，不另扣分：evasion"]),
        ("S-1", ["必须说 · require", "何时：会话开头，客服的前 2 句", "须说 问候"]),
        ("S-1", ["说法 filler", "或呼出时说 remedy", "或一句话超过 30 字", "或客户说 courtesy"]),
        ("S-2", ["何时：会话结尾，客服的后 3 句"]),
        ("S-3", ["何时：节假日，整个会话"]),
        ("S-4", ["何时：发生 hold，客服之前 3 句、之后 0 句，每次都要"]),
        ("S-5", ["何时：有下面的话，整个会话", "客户说 complaint", "条件：无"]),
        ("L-1", ["不得超限 · limit", "量度：tag（有这些声音事件的客服话语）"]),
        ("L-1", ["超限：≥ 1，满 2 次", "声音事件：drawl", "渠道：phone"]),
        ("L-1", ["来源须提供：audio_events"]),
        ("L-2", ["超限：< 3", "farewell courtesy", "参数：silent_line = 2", "方向：inbound"]),
        ("L-3", ["超限：> 4", "还须有声音事件：sigh", "或有整句 filler"]),
        ("Q-1", ["不得依次发生 · sequence", "各步依次出现 3 遍，两步之间对方说过话，不超过 12 句"]),
        ("Q-1", ["第 1 步", "客服说 complaint"]),
        ("P-1", ["不得泄露 · protect", "资料：mobile、address", "没说是谁的也算：mobile"]),
        ("P-1", ["别人的 reporting", "客户自己的（可以） polite_request", "公开的（可以） remedy"]),
        ("X-1", ["严重，扣 0 分，只是建议", "又 · also：不得超限 · limit"]),
        ("X-1", ["量度：transfers（转接次数）", "有这些话时加重为极严重", "客服说 negation"]),
    ],
)
def test_every_kind_of_check_is_explained(
    jiyu: Any, every_kind: Path, rule_id: str, parts: list[str]
) -> None:
    """When it comes up, what is looked for, and what bounds it stand in words, each on a line."""
    result = jiyu.inside("rules", rule_id, policy=every_kind)
    assert (result.code, result.err) == (0, "")
    rows = [row.strip() for row in result.text.splitlines()]
    for part in parts:
        assert any(row == part or row.startswith(f"{part} ") for row in rows), result.text


def norm(folder: Path, rows: dict[str, Any]) -> Path:
    """Write the small policy with these rows of its norm."""
    rules = [rule("A-1"), rule("B-1", category="evasion")]
    write_policy(folder, rules, {"A-1": "有完没完", "B-1": "随便吧"})
    written = yaml.safe_dump({"rows": rows}, allow_unicode=True, sort_keys=False)
    (folder / "norm.yaml").write_text(written, encoding="utf-8")
    return folder


ROWS = {
    "A-1": {"text": "你有完没完"},
    "B-0": {"text": "推诿[b]", "by": ["evasion", "A-1"]},
    "M-1": {"text": "爱岗敬业", "reason": "心态，看不出"},
}


def test_coverage_shows_every_row_with_its_judges_or_the_reason(jiyu: Any, tmp_path: Path) -> None:
    """Rows stand in the order of the norm; categories are named in words."""
    result = jiyu.inside("rules", "--coverage", policy=norm(tmp_path / "p", ROWS))
    assert (result.code, result.err) == (0, "")
    rows = [row.split() for row in result.text.splitlines()]
    assert rows[1:4] == [
        ["A-1", "你有完没完", "A-1"],
        ["B-0", "推诿[b]", "evasion（推诿）、A-1"],
        ["M-1", "爱岗敬业", "心态，看不出"],
    ]
    assert "共 3 条：2 条有规则判定，1 条无法从会话判定，0 条缺" in result.text


def test_coverage_with_a_missing_row_is_exit_code_1(jiyu: Any, tmp_path: Path) -> None:
    """A row that nobody judges stands out, and a build can tell."""
    policy = norm(tmp_path / "p", ROWS | {"M-2": {"text": "微笑"}})
    result = jiyu.inside("rules", "--coverage", policy=policy)
    assert result.code == 1
    assert ["M-2", "微笑", "缺", "·", "missing"] in [r.split() for r in result.text.splitlines()]
    assert "1 条缺" in result.text


def test_coverage_needs_the_rows_of_a_norm(jiyu: Any) -> None:
    """A policy that lists none has nothing to show."""
    result = jiyu.inside("rules", "--coverage")
    assert (result.code, result.out) == (2, b"")
    assert "norm.yaml" in result.err
