"""``jiyu check``: one sentence, and why it counts or does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def test_rude_sentence_is_explained(jiyu: Any) -> None:
    """A violation shows rule, clause, words, phrase, every condition asked, and what to say."""
    result = jiyu.inside("check", "您好,你有完 没完啊")
    assert (result.code, result.err) == (0, "")
    assert result.text.splitlines() == [
        "您好,你有完 没完啊",
        "",
        "违规 T-01 你有完没完?（极严重）",
        "  条款：一、1 粗鲁，扣 20 分",
        "  命中：有完 没完",
        "  词条：有完没完",
        "  ✓ unless: negated",
        "  ✓ unless: quoted",
        "  ✓ unless: courteous",
        "  应当说：给您带来不便，敬请谅解。",
    ]


def test_polite_sentence_is_told_to_be_clean(jiyu: Any) -> None:
    """Where no rule looked, nothing is explained."""
    result = jiyu.inside("check", "您好，请稍等")
    assert result.text.splitlines() == ["您好，请稍等", "", "没有违规"]


@pytest.mark.parametrize(
    ("args", "rule", "last"),
    [
        (["我没有说有完没完"], "T-01", "✗ unless: negated"),
        (["您刚才说有完没完"], "T-01", "✗ unless: quoted"),
        (["不知道"], "T-02", "✗ answers: asks"),
        (["不知道，我帮您查", "--customer", "怎么办"], "T-02", "✗ unless: remedy"),
        (["随便看看"], "T-04", "✗ fills: turn"),
    ],
)
def test_why_not_names_the_condition_that_excused(
    jiyu: Any, args: list[str], rule: str, last: str
) -> None:
    """Words that were found and do not count are shown with the condition that let them pass."""
    shown = jiyu.inside("check", *args).text
    assert f"不算 {rule}" in shown
    assert last in [row.strip() for row in shown.splitlines()]
    assert shown.endswith("没有违规\n")


def test_customer_words_are_context_not_evidence(jiyu: Any) -> None:
    """``--customer`` decides what the agent answers, and is not itself judged."""
    assert "违规 T-02" in jiyu.inside("check", "不知道", "--customer", "怎么办").text
    assert jiyu.inside("check", "您好", "--customer", "有完没完").text.endswith("没有违规\n")


def test_two_phrases_are_explained_each_by_its_own(
    jiyu: Any, tmp_path: Path, policy_dir: Path
) -> None:
    """When one rule is broken twice, each finding shows the phrase that it came from."""
    for file in policy_dir.rglob("*.yaml"):
        copy = tmp_path / "policy" / file.relative_to(policy_dir)
        copy.parent.mkdir(parents=True, exist_ok=True)
        content = file.read_text(encoding="utf-8")
        changed = content.replace("phrases: 有完没完}", 'phrases: "有完没完\\n\\n讲{不|没}完"}')
        copy.write_text(changed, encoding="utf-8")
    rows = jiyu.inside("check", "有完没完，讲不完", policy=tmp_path / "policy").text.splitlines()
    assert [row.strip() for row in rows if "命中" in row] == ["命中：有完没完", "命中：讲不完"]
    phrases = [row.strip() for row in rows if "词条" in row]
    assert phrases == ["词条：有完没完", "词条：讲{不|没}完"]


def test_json_is_an_assessment(jiyu: Any) -> None:
    """``--json`` prints the assessment as a scan would, and nothing else."""
    result = jiyu.inside("check", "你有完没完", "--customer", "怎么办", "--json")
    (row,) = result.out.splitlines()
    assessment = json.loads(row)
    (finding,) = assessment["findings"]
    assert (finding["rule"], finding["turn"]) == ("T-01", 1)
    assert finding["spans"] == [{"turn": 1, "start": 1, "end": 5, "text": "有完没完"}]
    assert (assessment["score"], assessment["grade"], assessment["fatal"]) == (80.0, "B", False)
    assert jiyu.inside("check", "滚开", "--json").text.count('"fatal":true') == 1


def test_json_is_utf8_whatever_the_console(jiyu: Any) -> None:
    """Data is UTF-8 even where the console is not."""
    jiyu.env["PYTHONUTF8"], jiyu.env["PYTHONIOENCODING"] = "0", "gbk"
    try:
        assert "有完没完" in jiyu("check", "你有完没完😀", "--json").text
        shown = jiyu("check", "你有完没完\U0001f600").out.decode("gbk")
    finally:
        jiyu.env["PYTHONUTF8"] = "1"
        del jiyu.env["PYTHONIOENCODING"]
    assert "违规 T-01" in shown


@pytest.mark.parametrize(
    ("said", "bar", "code"),
    [("您好", "info", 0), ("烦死人", "critical", 0), ("烦死人", "major", 1), ("滚开", "info", 1)],
)
def test_exit_code_follows_the_bar(jiyu: Any, said: str, bar: str, code: int) -> None:
    """``--fail-on`` works as in a scan, so that a script can ask about one sentence."""
    assert jiyu.inside("check", said, "--fail-on", bar).code == code


@pytest.mark.parametrize("said", ["", " ", "[bold]滚开[/bold]", ":smile:", "\\", "\udcff有完没完"])
def test_any_words_are_shown_as_they_are(jiyu: Any, said: str) -> None:
    """Nothing in a sentence is taken for markup, and none of it breaks the command."""
    result = jiyu.inside("check", said)
    assert (result.code, result.err) == (0, "")
    assert result.text.splitlines()[0] == said.replace("\udcff", " ")


def test_words_cannot_steer_the_terminal(jiyu: Any) -> None:
    """Control characters inside the evidence are shown as blanks."""
    shown = jiyu.inside("check", "\x1b[2J有完\x07没完\x9b").text
    assert "命中：有完 没完" in shown
    assert not [c for c in shown if not c.isprintable() and c != "\n"]


def test_missing_policy_is_exit_code_2(jiyu: Any, tmp_path: Path) -> None:
    """A folder without a policy is told with its name."""
    result = jiyu("check", "您好", policy=tmp_path / "gone")
    assert (result.code, result.out) == (2, b"")
    assert f"{tmp_path / 'gone'}: no policy here" in result.err
