"""Rules that forbid, and who gets words that several claim."""

from __future__ import annotations

from pathlib import Path

from support import checker, found, rule


def test_the_longest_evidence_has_the_words(tmp_path: Path) -> None:
    """A general rule does not take what a particular one names whole."""
    rules = [rule("A-1"), rule("A-2")]
    judge = checker(tmp_path, rules, {"A-1": "到底想", "A-2": "你到底想怎样"})
    assert found(judge, "服：你到底想怎样") == [("A-2", "你到底想怎样")]


def test_among_equals_the_rule_named_first_has_the_words(tmp_path: Path) -> None:
    """The order of the policy decides, not that of the findings."""
    judge = checker(tmp_path, [rule("B-1"), rule("A-1")], {"A-1": "烦死了", "B-1": "{烦|气}死了"})
    assert found(judge, "服：烦死了") == [("B-1", "烦死了")]


def test_a_general_rule_leaves_the_words_to_a_particular_one(tmp_path: Path) -> None:
    """Even where its own evidence is longer."""
    rules = [rule("A-1", general=True), rule("A-2")]
    judge = checker(tmp_path, rules, {"A-1": "你到底想怎样", "A-2": "到底想"})
    assert found(judge, "服：你到底想怎样") == [("A-2", "到底想")]


def test_words_that_do_not_count_for_one_rule_are_free_for_another(tmp_path: Path) -> None:
    """A condition that fails leaves the words to the shorter claim."""
    rules = [rule("A-1", says=[{"concept": "A-1", "fills": "turn"}]), rule("A-2")]
    judge = checker(tmp_path, rules, {"A-1": "真是烦死了", "A-2": "烦死了"})
    assert found(judge, "服：你真是烦死了") == [("A-2", "烦死了")]


def test_each_occurrence_is_a_finding_in_the_order_of_speech(tmp_path: Path) -> None:
    """Two rules, three places."""
    judge = checker(tmp_path, [rule("A-1"), rule("A-2")], {"A-1": "烦死了", "A-2": "闭嘴"})
    text = "服：闭嘴，烦死了\n客：啊\n服：闭嘴"
    assert [name for name, _ in found(judge, text)] == ["A-2", "A-1", "A-2"]


def test_a_rule_may_be_the_customers(tmp_path: Path) -> None:
    """The speaker is a field of the rule."""
    judge = checker(tmp_path, [rule("A-1", speaker="customer")], {"A-1": "烦死了"})
    assert found(judge, "服：烦死了\n客：烦死了") == [("A-1", "烦死了")]
