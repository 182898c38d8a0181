"""The shipped policy against the norm that it is made from, and against real conversations."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from opencc import OpenCC

from jiyu import Checker, Conversation, Turn
from jiyu.authoring.lint import lint
from jiyu.policy.load import load_policy
from support import SHARED

converter = cache(OpenCC)
needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")

BEFORE = (
    Turn("您好，物流部，请问有什么能帮您？", "agent"),
    Turn("你们怎么还没送到，我要投诉", "customer"),
)


def halves(text: str) -> tuple[str, ...]:
    return text[: len(text) // 2], text[len(text) // 2 :]


FORMS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "as the norm prints it": lambda text: (text,),
    "Traditional": lambda text: (converter("s2t").convert(text),),
    "Taiwan": lambda text: (converter("s2twp").convert(text),),
    "Hong Kong": lambda text: (converter("s2hk").convert(text),),
    "spaced": lambda text: (" ".join(text),),
    "without punctuation": lambda text: ("".join(c for c in text if c.isalnum()),),
    "punctuation doubled": lambda text: ("".join(c * 2 if not c.isalnum() else c for c in text),),
    "with a particle": lambda text: (text.rstrip("?!。,") + "啊",),
    "pause marks": lambda text: ("_".join(text),),
    "over two turns": halves,
}


@pytest.fixture(scope="module")
def judge() -> Checker:
    return Checker()


def inventory() -> dict[str, Any]:
    norm: dict[str, Any] = json.loads((SHARED / "seed_inventory.json").read_text(encoding="utf-8"))
    return norm


def norm_rows() -> list[dict[str, Any]]:
    return [row for row in inventory()["rows"] if row["type"] == "forbidden_phrase"]


#: What must be said, not what must not: a sentence alone leaves much of that undone.
DUTIES = {"phrases", "situations", "advice"}


def rules_found(judge: Checker, turns: tuple[Turn, ...]) -> list[str]:
    findings = judge.assess(Conversation("c", turns)).findings
    said = (f for f in findings if f.turn >= len(BEFORE) and f.category not in DUTIES)
    return [finding.rule for finding in said]


def test_the_policy_lints(judge: Checker) -> None:
    """Every example comes out, every phrase can match, nothing is reckless or doubled."""
    assert [str(problem) for problem in lint(judge)] == []


def test_every_rule_has_two_examples_of_each_kind_and_one_of_all_in_traditional() -> None:
    """What a rule means can be read from its examples."""
    lacking = {}
    for rule in load_policy().rules:
        flags, passes = rule.examples.flags, rule.examples.passes
        said = "".join(turn["text"] for example in (*flags, *passes) for turn in example.turns)
        traditional = converter("t2s").convert(said) != said
        if len(flags) < 2 or len(passes) < 2 or not traditional:
            lacking[rule.id] = (len(flags), len(passes), traditional)
    assert lacking == {}


def test_every_category_is_used() -> None:
    """A category without rules would be a promise to check what is not checked."""
    policy = load_policy()
    assert {rule.category for rule in policy.rules} == set(policy.header.categories)


@needs_data
def test_every_row_of_the_norm_is_listed_in_its_order() -> None:
    """No row is silently missing, none is invented, and the numbers stand at the end."""
    norm = inventory()
    assert list(load_policy().rows) == [
        row["id"] for row in (*norm["rows"], *norm["numeric_norms"])
    ]


def test_rows_are_short_enough_for_a_table() -> None:
    """The norm's own words are abridged."""
    assert {name: row.text for name, row in load_policy().rows.items() if len(row.text) > 40} == {}


@needs_data
def test_every_forbidden_phrase_of_the_norm_is_a_rule() -> None:
    """No row of section 五 is missing."""
    assert {row["id"] for row in norm_rows()} <= {rule.id for rule in load_policy().rules}


@needs_data
@pytest.mark.parametrize("form", FORMS)
def test_every_forbidden_phrase_is_found_in_every_form_with_its_own_id(
    judge: Checker, form: str
) -> None:
    """However it is written, the phrase breaks the rule of its row."""
    wrong = {}
    for row in norm_rows():
        said = tuple(
            Turn(part, "agent")
            for part in FORMS[form](row["simplified"].replace("*", "10086"))
            if part
        )
        found = rules_found(judge, (*BEFORE, *said))
        if row["id"] not in found:
            wrong[row["id"]] = found
    assert wrong == {}


@needs_data
def test_no_forbidden_phrase_is_flagged_when_the_customer_says_it(judge: Checker) -> None:
    """The norm binds the agent."""
    for row in norm_rows():
        turns = (*BEFORE, Turn(row["simplified"], "customer"), Turn("好的", "agent"))
        assert rules_found(judge, turns) == [], row["id"]


@needs_data
def test_the_standard_phrases_of_the_norm_break_nothing(judge: Checker) -> None:
    """What the norm prescribes it cannot forbid."""
    for row in inventory()["rows"]:
        for script in ("simplified", "traditional"):
            for said in row.get(f"utterances_{script}", ()):
                assert rules_found(judge, (*BEFORE, Turn(said, "agent"))) == [], said


@needs_data
@pytest.mark.parametrize("name", ["jddc", "mobilecs", "uneed", "crosswoz"])
def test_real_conversations_give_few_findings(judge: Checker, name: str) -> None:
    """At most two bad words in 1,000 agent turns, and ten duties undone.

    Whether thanks are answered (S16.1) is left out: shops of other trades seldom do, and that is
    truly undone.
    """
    lines = (SHARED / "conversations" / f"{name}.jsonl").read_bytes().splitlines()
    conversations = [msgspec.json.decode(line, type=Conversation) for line in lines]
    agent_turns = sum(turn.speaker == "agent" for c in conversations for turn in c.turns)
    findings = [f for a in judge.assess_all(conversations) for f in a.findings]
    duties = sum(f.category in DUTIES for f in findings if f.rule != "S16.1")
    words = sum(finding.category not in DUTIES for finding in findings)
    assert words <= max(1, 0.002 * agent_turns)
    assert duties <= max(2, 0.01 * agent_turns)


@needs_data
@pytest.mark.parametrize("name", ["jddc", "mobilecs", "uneed", "crosswoz"])
def test_without_times_nothing_is_said_of_time(judge: Checker, name: str) -> None:
    """Neither broken nor kept: there is no evidence."""
    lines = (SHARED / "conversations" / f"{name}.jsonl").read_bytes().splitlines()
    conversations = [msgspec.json.decode(line, type=Conversation) for line in lines]
    assert {
        verdict.verdict
        for assessment in judge.assess_all(conversations)
        for verdict in assessment.verdicts
        if verdict.rule.startswith(("N-0", "T-02", "T-05", "S04.1", "S04.2", "S04.3"))
    } <= {"not_applicable", "not_assessable"}


PAIRS = Path(__file__).resolve().parents[2] / "benchmarks" / "pairs"


@pytest.mark.parametrize("name", ["behaviours_seen", "norms_seen"])
def test_conversations_that_differ_in_one_fact_are_told_apart(judge: Checker, name: str) -> None:
    """Nineteen of twenty verdicts are right, and model conversations break nothing."""
    lines = (PAIRS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    items = [json.loads(line) for line in lines]
    conversations = [msgspec.convert(item["conversation"], Conversation) for item in items]
    right = total = 0
    for item, assessment in zip(items, judge.assess_all(conversations), strict=True):
        verdicts = {v.rule: v.verdict for v in assessment.verdicts}
        if item.get("model"):
            assert "violation" not in verdicts.values(), assessment.conversation_id
        for rule, expected in item["expect"].items():
            clean = expected == "clean" and verdicts[rule] in ("pass", "not_applicable")
            right += clean or verdicts[rule] == expected
            total += 1
    assert right >= 0.95 * total
