"""Reading policies, and telling authors what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jiyu import Checker
from jiyu.errors import PolicyError
from jiyu.policy.load import load_policy
from support import rule, write_policy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_policy(tmp_path, [rule("A-1")], {"A-1": "有完没完  # 注释\n\n没完没了\n"})


def problems(folder: Path) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        load_policy(folder)
    return [str(problem).replace(str(folder), "P") for problem in caught.value.problems]


def test_a_policy_is_read_whole(folder: Path) -> None:
    """Phrases lose comments and blank lines; a rule looks for the concept of its own id."""
    policy = load_policy(folder)
    assert policy.concepts["A-1"].phrases == ("有完没完", "没完没了")
    assert policy.rule("A-1").says[0].concept == ("A-1",)
    assert policy.ref.name == "small"


def test_the_digest_changes_with_content_and_with_nothing_else(folder: Path) -> None:
    """Line ends do not matter, a changed word does."""
    before = load_policy(folder).digest
    file = folder / "scorecard.yaml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert load_policy(folder).digest == before
    file.write_text(file.read_text().replace("at_least: 90", "at_least: 91"))
    assert load_policy(folder).digest != before


def test_all_problems_are_reported_at_once_with_their_places(folder: Path) -> None:
    """Every file is read to its end, and every error names file, line and the text."""
    (folder / "rules/bad.yaml").write_text(
        "rules:\n"
        "  - id: A-2\n"
        "    title: 二\n"
        "    clause: 一\n"
        "    kind: forbid\n"
        "    category: questioning\n"
        "    severity: terrible\n"
        "    deduction: 10\n"
        "    colour: red\n"
        "    says: [{concept: A-1, unless: [never]}]\n",
        encoding="utf-8",
    )
    (folder / "concepts/bad.yaml").write_text(
        "concepts:\n  a: {phrases: 甲}\n  a: {phrases: 乙}\n", encoding="utf-8"
    )
    lines = problems(folder)
    assert any(p.startswith("P/rules/bad.yaml:7: ") and "terrible" in p for p in lines)
    assert any(p.startswith("P/rules/bad.yaml:9: ") and "colour" in p for p in lines)
    assert any(p.startswith("P/rules/bad.yaml:10: ") and "never" in p for p in lines)
    assert any(p.startswith("P/concepts/bad.yaml:3: ") and "written twice" in p for p in lines)


def test_what_is_defined_twice_names_both_places(folder: Path) -> None:
    """Ids are unique over all files."""
    (folder / "rules/second.yaml").write_text((folder / "rules/own.yaml").read_text())
    (line,) = problems(folder)
    message = "P/rules/second.yaml:2: rule A-1 is defined twice, first at P/rules/own.yaml:2"
    assert line == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"category": "nothing"}, "unknown category 'nothing'"),
        ({"says": [{"concept": "nothing"}]}, "unknown concept 'nothing'"),
        ({"says": [{"answers": "nobody"}]}, "unknown concept 'nobody'"),
    ],
)
def test_a_rule_may_only_name_what_there_is(
    tmp_path: Path, fields: dict[str, object], message: str
) -> None:
    """A reference to nothing is an error at the rule."""
    write_policy(tmp_path, [rule("A-1", **fields)], {"A-1": "有完没完"})
    (line,) = problems(tmp_path)
    assert message in line
    assert line.startswith("P/rules/own.yaml:2: ")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rules/own.yaml", "rules: }", "rules/own.yaml:1: "),
        ("rules/own.yaml", "just text", "valid dictionary"),
        ("scorecard.yaml", "grades: [{grade: A, at_least: 5}]", "from the best down"),
        ("scorecard.yaml", "grades: [{grade: A, at_least: 0}]\nrepeats: [0.5, 1]", "must not rise"),
        ("policy.yaml", "name: 大", "policy.yaml:1: "),
        ("concepts/own.yaml", "concepts: {甲: {phrases: '一\n\n  一'}}", "written twice: 一"),
    ],
)
def test_a_damaged_file_is_named(folder: Path, name: str, content: str, message: str) -> None:
    """YAML that is none, a wrong shape, an impossible value: each has its message."""
    (folder / name).write_text(content, encoding="utf-8")
    assert any(message in line for line in problems(folder))


def test_a_file_that_is_not_utf8_is_named(folder: Path) -> None:
    """The message says where the bytes stop making sense."""
    (folder / "rules/own.yaml").write_bytes("rules: []  # 规则".encode("gb18030"))
    assert any("not UTF-8 at byte" in line for line in problems(folder))


def test_a_folder_without_a_policy_is_none(tmp_path: Path) -> None:
    """The usual mistake, a wrong folder, has its own message."""
    assert problems(tmp_path) == ["P: no policy here: policy.yaml is missing"]


def test_every_phrase_that_is_none_is_named_with_its_line(tmp_path: Path) -> None:
    """Phrases are compiled with the policy; all errors come at once, at the line they stand in."""
    folder = write_policy(tmp_path, [rule("A-1")], {})
    (folder / "concepts/own.yaml").write_text(
        "concepts:\n  A-1:\n    phrases: |\n"
        "      有完没完\n      {甲|乙\n      # 注释\n      <谁>说\n",
        encoding="utf-8",
    )
    with pytest.raises(PolicyError) as caught:
        Checker(load_policy(folder))
    lines = [str(problem).replace(str(folder), "P") for problem in caught.value.problems]
    assert lines == [
        "P/concepts/own.yaml:5: A-1: '{' is never closed: {甲|乙",
        "P/concepts/own.yaml:7: A-1: unknown slot <谁>: <谁>说",
    ]
