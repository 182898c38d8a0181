"""``jiyu lint``: every mistake of a policy, told with its file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Edit = Callable[[str, str, str], Path]


@pytest.fixture
def edited(tmp_path: Path, policy_dir: Path) -> Edit:
    """Copy the small policy with one piece of one file replaced."""

    def edit(name: str, old: str, new: str) -> Path:
        target = tmp_path / "policy"
        for file in policy_dir.rglob("*.yaml"):
            copy = target / file.relative_to(policy_dir)
            copy.parent.mkdir(parents=True, exist_ok=True)
            content = file.read_text(encoding="utf-8")
            if copy == target / name:
                assert old in content
                content = content.replace(old, new, 1)
            copy.write_text(content, encoding="utf-8")
        return target

    return edit


def test_good_policy_has_no_problems(jiyu: Any, policy_dir: Path) -> None:
    """Nothing on standard output, a count on the other, and exit code 0."""
    result = jiyu.inside("lint", policy_dir)
    assert (result.code, result.out) == (0, b"")
    assert "0 problem(s)" in result.err


RUDE, IDLE, WORDS = "rules/rude.yaml", "rules/idle.yaml", "concepts/words.yaml"


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "message"),
    [
        pytest.param(RUDE, "[你滚开]", "[你好]", 19, "T-05: not flagged: 你好", id="missed"),
        pytest.param(
            RUDE, "[你滚开]", "[有完没完]", 19, "not flagged, found by T-01", id="other rule's"
        ),
        pytest.param(
            RUDE, "[球滚到一边]", "[滚开吧]", 19, "T-05: flagged by T-05: 滚开吧", id="false alarm"
        ),
        pytest.param(
            RUDE, ", passes: [球滚到一边]", "", 19, "T-05: no example under 'passes'", id="passes"
        ),
        pytest.param(
            RUDE, "flags: [你滚开], ", "", 19, "T-05: no example under 'flags'", id="flags"
        ),
        pytest.param(RUDE, "category: rude", "category: x", 2, "unknown category 'x'", id="cat"),
        pytest.param(
            RUDE, "severity: critical", "severity: bad", 7, "severity: Input should", id="value"
        ),
        pytest.param(RUDE, "deduction: 20", "deduction: 200", 8, "(200)", id="range"),
        pytest.param(RUDE, "instead:", "insted:", 9, "insted: Extra inputs", id="unknown key"),
        pytest.param(RUDE, "    kind: forbid\n", "", 2, "kind: Field required", id="missing key"),
        pytest.param(RUDE, "id: T-03", "id: T-01", 11, "rule T-01 is defined twice", id="id twice"),
        pytest.param(
            RUDE, "deduction: 20", "title: x", 8, "key 'title' is written twice", id="key twice"
        ),
        pytest.param(RUDE, "rules:", "rules: [", 2, "", id="not YAML"),
        pytest.param(IDLE, "answers: asks", "answers: x", 2, "unknown concept 'x'", id="concept"),
        pytest.param(IDLE, "[remedy]", "[anger]", 10, "unless.0: Input should", id="condition"),
        pytest.param(
            WORDS, "|\n      滚开\n      滚蛋", '""', 12, "phrases: Tuple should", id="no phrases"
        ),
        pytest.param(WORDS, "滚开", "滚{开", 13, "T-05: '{' is never closed: 滚{开", id="brace"),
        pytest.param(WORDS, "滚开", "# 滚\n\n      {滚", 15, "never closed: {滚", id="line"),
        pytest.param(WORDS, "滚开", "<who>滚", 13, "T-05: unknown slot <who>", id="slot"),
        pytest.param(WORDS, "{你|您}", "{你|您", 5, "reporting: '{' is never", id="in slot"),
        pytest.param(WORDS, "滚开", "滚", 13, "a single character without a condition", id="short"),
        pytest.param(WORDS, "滚开", "我们", 13, "an everyday word without a", id="everyday"),
        pytest.param(WORDS, "滚开", "滚开\n      有完没完", 14, "covered by T-01", id="covered"),
        pytest.param(
            WORDS, "滚蛋\n", "滚开蛋\n    except: 滚开\n", 14, "can never match: 滚开蛋", id="dead"
        ),
        pytest.param(
            WORDS, "滚开", "滚开\n      滚开", 12, "written twice: 滚开", id="phrase twice"
        ),
        pytest.param("policy.yaml", 'version: "1"\n', "", 1, "version: Field", id="no version"),
        pytest.param("scorecard.yaml", "at_least: 0", "at_least: 5", 1, "grades must", id="grades"),
        pytest.param("scorecard.yaml", "{idle: 10}", "{x: 10}", None, "category 'x'", id="cap"),
    ],
)
def test_mistake_is_told_with_its_place(
    jiyu: Any, edited: Edit, name: str, old: str, new: str, line: int | None, message: str
) -> None:
    """Each kind of mistake is one line ``file:line: what``, and the exit code is 1."""
    policy = edited(name, old, new)
    result = jiyu.inside("lint", policy)
    place = f"{policy / name}:{line}: " if line else f"{policy / name}: "
    told = [row for row in result.text.splitlines() if row.startswith(place)]
    assert told, result.text
    assert any(message in row for row in told), told
    assert result.code == 1


def test_all_mistakes_are_told_at_once(jiyu: Any, tmp_path: Path, edited: Edit) -> None:
    """Mistakes of several phrases are told together, not one a run."""
    new = "滚{开\n      <x>好\n      走开}"
    result = jiyu.inside("lint", edited("concepts/words.yaml", "滚开", new))
    words = tmp_path / "policy" / "concepts" / "words.yaml"
    places = [f"{words}:{number}" for number in (13, 14, 15)]
    assert [row.split(": ")[0] for row in result.text.splitlines()] == places
    assert result.code == 1
    assert "3 problem(s)" in result.err


def test_folder_of_policies_is_linted_whole(jiyu: Any, tmp_path: Path, edited: Edit) -> None:
    """Every policy of a folder is looked at, and the problems are counted together."""
    policy = edited("rules/rude.yaml", "[你滚开]", "[你好]")
    (tmp_path / "all").mkdir()
    policy.rename(tmp_path / "all" / "a")
    edited("rules/idle.yaml", "[随便]", "[你好]").rename(tmp_path / "all" / "b")
    result = jiyu.inside("lint", tmp_path / "all")
    assert result.code == 1
    assert [row.split(": ")[1] for row in result.text.splitlines()] == ["T-05", "T-04"]
    assert "2 套规则" in result.err


def test_missing_policy_is_exit_code_2(jiyu: Any, tmp_path: Path) -> None:
    """A folder without a policy is wrong usage rather than a bad policy."""
    result = jiyu("lint", tmp_path)
    assert (result.code, result.out) == (2, b"")
    assert "no policy here" in result.err
