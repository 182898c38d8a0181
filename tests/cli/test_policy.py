"""``jiyu policy diff``: what a change of policy would do to past conversations."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Edit = Callable[..., Path]


@pytest.fixture
def edited(tmp_path: Path, policy_dir: Path) -> Edit:
    """Copy the small policy with pieces of its files replaced."""

    def edit(name: str = "new", **pieces: tuple[str, str]) -> Path:
        for file in policy_dir.rglob("*.yaml"):
            copy = tmp_path / name / file.relative_to(policy_dir)
            copy.parent.mkdir(parents=True, exist_ok=True)
            content = file.read_text(encoding="utf-8")
            old, new = pieces.get(file.stem, ("", ""))
            assert old in content
            copy.write_text(content.replace(old, new, 1), encoding="utf-8")
        return tmp_path / name

    return edit


def line(name: str, *said: str, agent: str = "A1") -> str:
    turns = [{"speaker": "agent", "text": text} for text in said]
    record = {"conversation_id": name, "agent_id": agent, "turns": turns}
    return json.dumps(record, ensure_ascii=False)


def write(file: Path, lines: Sequence[str]) -> Path:
    file.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
    return file


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Three conversations of two agents."""
    lines = [
        line("c-1", "你有完没完"),
        line("c-2", "您好", "烦死人了"),
        line("c-3", "您好", agent="B2"),
    ]
    return write(tmp_path / "calls.jsonl", lines)


DEARER = ("deduction: 20", "deduction: 30")


def cells(row: str) -> list[str]:
    return row.replace(" → ", "→").split()


def test_what_changes_is_told_by_rule_and_by_agent(
    jiyu: Any, edited: Edit, calls: Path, policy_dir: Path
) -> None:
    """Verdicts, deductions and mean scores, each as it was and as it will be."""
    new = edited(rude=DEARER, words=("烦死人", "烦死您"))
    result = jiyu.inside("policy", "diff", policy_dir, new, calls)
    assert (result.code, result.err) == (0, "")
    rows = result.text.splitlines()
    assert rows[0].startswith("旧 · old  test-policy 1 (")
    assert rows[1].startswith("新 · new  test-policy 1 (")
    assert rows[2] == "3 个会话，2 个有变化 · 2 of 3 conversation(s) changed"
    assert rows[3] == "平均分 · mean score  90.00 → 90.00，1 个升 · up，1 个降 · down"
    table = [cells(row) for row in rows if row.startswith(("T-", "A1", "B2"))]
    assert table == [
        ["T-03", "1→0", "0", "-1", "10→0", "烦死人了"],
        ["T-01", "1→1", "0", "0", "20→30", "你有完没完?"],
        ["A1", "2", "0", "-1", "85.00→85.00"],
    ]
    assert "  - T-03 c-2 第2句 烦死人" in rows
    assert rows[-2:] == ["  80 → 70  c-1（A1）", "  90 → 100  c-2（A1）"]


def test_rules_that_come_and_go_are_named_as_such(
    jiyu: Any, edited: Edit, calls: Path, policy_dir: Path
) -> None:
    """A dropped rule keeps its name in the table, and a new one is marked."""
    text = (policy_dir / "rules" / "rude.yaml").read_text(encoding="utf-8")
    start, end = text.index("  - id: T-03"), text.index("  - id: T-05")
    less = edited(rude=(text[start:end], ""), words=("  T-03: {phrases: 烦死人}\n", ""))
    gone = jiyu.inside("policy", "diff", policy_dir, less, calls).text
    assert "烦死人了（已删 · dropped）" in gone
    come = jiyu.inside("policy", "diff", less, policy_dir, calls).text
    assert "烦死人了（新 · new）" in come
    assert "  + T-03 c-2 第2句 烦死人" in come.splitlines()


def test_the_same_policy_changes_nothing(jiyu: Any, policy_dir: Path, calls: Path) -> None:
    """No table is shown where there is nothing in it."""
    result = jiyu.inside("policy", "diff", policy_dir, policy_dir, calls)
    assert (result.code, result.err) == (0, "")
    assert result.text.splitlines()[2:] == [
        "3 个会话，没有一个有变化 · 0 of 3 conversation(s) changed",
        "平均分 · mean score  90.00 → 90.00，0 个升 · up，0 个降 · down",
    ]


def test_no_conversations_are_no_changes(jiyu: Any, policy_dir: Path, tmp_path: Path) -> None:
    """An empty file has no mean score."""
    empty = write(tmp_path / "empty.jsonl", [])
    result = jiyu.inside("policy", "diff", policy_dir, policy_dir, empty)
    assert (result.code, result.err) == (0, "")
    rows = ["0 个会话，没有一个有变化 · 0 of 0 conversation(s) changed"]
    assert result.text.splitlines()[2:] == rows


def test_json_has_all_that_the_table_has(
    jiyu: Any, edited: Edit, calls: Path, policy_dir: Path
) -> None:
    """One object, with rules and agents by id."""
    new = edited(rude=DEARER, words=("烦死人", "烦死您"))
    result = jiyu("policy", "diff", policy_dir, new, calls, "--json")
    assert (result.code, result.err) == (0, "")
    told = json.loads(result.out)
    assert (told["conversations"], told["changed"]) == (3, 2)
    assert told["old"]["digest"] != told["new"]["digest"]
    assert told["rules"]["T-01"]["before"] == {"conversations": 1, "points": 20.0}
    assert told["rules"]["T-01"]["after"] == {"conversations": 1, "points": 30.0}
    sample = {"conversation_id": "c-2", "turn": 1, "words": "烦死人"}
    assert told["rules"]["T-03"]["lost"] == {"count": 1, "samples": [sample]}
    assert (told["agents"]["A1"]["lost"], told["agents"]["B2"]["lost"]) == (1, 0)
    assert (told["scores"]["before"], told["scores"]["after"]) == (270.0, 270.0)
    first = {"conversation_id": "c-1", "agent": "A1", "before": 80.0, "after": 70.0}
    assert told["biggest"][0] == first


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_line_that_cannot_be_read_is_told_with_its_place(
    jiyu: Any, policy_dir: Path, tmp_path: Path, form: list[str]
) -> None:
    """The others are compared all the same, and the exit code says that some were not."""
    lines = [line("c-1", "您好"), "{不是", line("c-1", "您好"), line("c-2", "您好")]
    calls = write(tmp_path / "calls.jsonl", lines)
    result = jiyu.inside("policy", "diff", policy_dir, policy_dir, calls, *form)
    assert result.code == 2
    told = result.err.splitlines()
    assert [row.split(": ")[0] for row in told] == [f"{calls}:2", f"{calls}:3"]
    assert "read before" in told[1]
    assert "不是" not in result.err
    assert "2 个会话" in result.text or json.loads(result.out)["conversations"] == 2


def test_conversations_may_come_from_standard_input_and_several_files(
    jiyu: Any, policy_dir: Path, calls: Path
) -> None:
    """Sources are what they are for a scan: files, folders, globs, and -."""
    more = f"{line('c-9', '您好')}\n".encode()
    result = jiyu("policy", "diff", policy_dir, policy_dir, calls, "-", stdin=more)
    assert result.code == 0
    assert "4 个会话" in result.text


@pytest.mark.parametrize("which", ["old", "new", "calls"])
def test_what_is_not_there_is_exit_code_2(
    jiyu: Any, policy_dir: Path, calls: Path, tmp_path: Path, which: str
) -> None:
    """A policy or a file that is missing is named."""
    paths = {"old": policy_dir, "new": policy_dir, "calls": calls}
    paths[which] = tmp_path / "nowhere"
    result = jiyu("policy", "diff", *paths.values())
    assert result.code == 2
    assert str(tmp_path / "nowhere") in result.err


def test_conversations_must_be_named(jiyu: Any, policy_dir: Path) -> None:
    """Two policies alone are wrong usage."""
    assert jiyu("policy", "diff", policy_dir, policy_dir).code == 2


def test_a_policy_with_a_mistake_is_told_with_its_place(
    jiyu: Any, edited: Edit, policy_dir: Path, calls: Path
) -> None:
    """A draft that cannot be loaded is not compared."""
    new = edited(words=("烦死人", "烦{死人"))
    result = jiyu.inside("policy", "diff", policy_dir, new, calls)
    assert (result.code, result.out) == (2, b"")
    assert result.err.startswith(f"{new / 'concepts' / 'words.yaml'}:")


def test_personal_data_and_control_characters_are_not_shown(
    jiyu: Any, edited: Edit, policy_dir: Path, tmp_path: Path
) -> None:
    """What is shown may be passed on, and must not steer a terminal."""
    new = edited(words=("烦死人", "打<number>"))
    said = line("c-\x1b[31m1", "打13800138000", agent="[red]甲")
    calls = write(tmp_path / "calls.jsonl", [said])
    result = jiyu.inside("policy", "diff", policy_dir, new, calls)
    assert result.code == 0
    assert "  + T-03 c- [31m1 第1句 打" in result.text
    assert "13800138000" not in result.text
    assert "[red]甲" in result.text
    assert "\x1b" not in result.text
