"""What a change of policy does to conversations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from jiyu import Checker, Conversation
from jiyu.authoring.diff import BIGGEST, LONGEST, SAMPLES, Difference, Move, Sample, Total
from support import checker, dialogue, rule

WORDS = {"A-1": "有完没完", "B-1": "随便吧", "C-1": "{加我微信|加微信}"}
RUDE = rule("A-1", deduction=20)
IDLE = rule("B-1", category="evasion", deduction=8)
ADVICE = rule("C-1", severity="info", deduction=0, advice=True)
GATHERING = rule("G-1", deduction=0, gathers=["A-1"])


def policies(folder: Path, old: list[Any], new: list[Any]) -> tuple[Checker, Checker]:
    return checker(folder / "old", old, WORDS), checker(folder / "new", new, WORDS)


def said(name: str, text: str, agent: str | None = "A1") -> Conversation:
    return Conversation(name, dialogue(text), agent_id=agent)


def compared(judges: tuple[Checker, Checker], conversations: Sequence[Conversation]) -> Difference:
    old, new = judges
    difference = Difference(old.policy.ref, new.policy.ref)
    for conversation in conversations:
        difference.add(conversation, old.assess(conversation), new.assess(conversation))
    return difference


def test_a_rule_that_is_new_gains_and_one_that_is_dropped_loses(tmp_path: Path) -> None:
    """Verdicts are counted by rule, with the words in question."""
    judges = policies(tmp_path, [RUDE], [IDLE])
    found = compared(judges, [said("1", "服：你有完没完"), said("2", "客：好\n服：随便吧")])
    assert (found.conversations, found.changed) == (2, 2)
    assert found.rules["A-1"].lost.samples == [Sample("1", 0, "有完没完")]
    assert found.rules["B-1"].gained.samples == [Sample("2", 1, "随便")]
    counts = {name: (r.gained.count, r.lost.count) for name, r in found.rules.items()}
    assert counts == {"A-1": (0, 1), "B-1": (1, 0)}


def test_a_dearer_rule_moves_scores_though_no_verdict_changes(tmp_path: Path) -> None:
    """By rule, by agent and over all it can be seen where the points went."""
    judges = policies(tmp_path, [RUDE, IDLE], [RUDE | {"deduction": 30}, IDLE])
    conversations = [
        said("1", "服：你有完没完"),
        said("2", "服：您好"),
        said("3", "服：随便吧", "A2"),
        said("4", "服：你有完没完，随便吧", "A2"),
    ]
    found = compared(judges, conversations)
    assert found.changed == 2
    assert (found.rules["A-1"].before, found.rules["A-1"].after) == (Total(2, 40), Total(2, 60))
    assert found.rules["A-1"].moved
    assert not found.rules["B-1"].moved
    assert found.scores.means == (86, 81)
    assert (found.scores.up, found.scores.down) == (0, 2)
    assert found.agents["A1"].scores.means == (90, 85)
    assert found.agents["A2"].scores.means == (82, 77)
    assert found.biggest == [Move("1", "A1", 80, 70), Move("4", "A2", 72, 62)]


def test_agents_have_their_own_gains_and_losses(tmp_path: Path) -> None:
    """A conversation without an agent is nobody's, and is counted all the same."""
    judges = policies(tmp_path, [RUDE], [IDLE])
    conversations = [
        said("1", "服：你有完没完"),
        said("2", "服：随便吧"),
        said("3", "服：您好", "A2"),
        said("4", "服：随便吧", None),
    ]
    agents = compared(judges, conversations).agents
    counts = {name: (a.conversations, a.gained, a.lost) for name, a in agents.items()}
    assert counts == {"A1": (2, 1, 1), "A2": (1, 0, 0), "": (1, 1, 0)}
    assert [name for name, agent in agents.items() if agent.moved] == ["A1", ""]


def test_the_same_policy_changes_nothing(tmp_path: Path) -> None:
    """Rules that are broken under both have stayed as they are."""
    judges = policies(tmp_path, [RUDE, IDLE], [RUDE, IDLE])
    found = compared(judges, [said("1", "服：你有完没完"), said("2", "服：您好")])
    assert (found.conversations, found.changed, found.biggest) == (2, 0, [])
    assert not any(shift.moved for shift in found.rules.values())
    assert not any(agent.moved for agent in found.agents.values())


def test_no_conversation_is_no_difference(tmp_path: Path) -> None:
    """There is no mean of nothing."""
    found = compared(policies(tmp_path, [RUDE], [IDLE]), [])
    assert (found.conversations, found.changed, found.scores.means) == (0, 0, None)
    assert (found.rules, found.agents) == ({}, {})


def test_a_rule_that_gathers_another_is_counted_but_is_no_second_violation(tmp_path: Path) -> None:
    """The words stand with the rule that found them, and the agent did one thing wrong."""
    found = compared(policies(tmp_path, [IDLE], [RUDE, GATHERING]), [said("1", "服：你有完没完")])
    assert found.rules["G-1"].gained.count == 1
    assert found.rules["G-1"].gained.samples == []
    assert found.rules["A-1"].gained.samples == [Sample("1", 0, "有完没完")]
    assert found.agents["A1"].gained == 1


def test_advice_is_a_verdict_and_no_violation_of_the_agent(tmp_path: Path) -> None:
    """It costs nothing, and counts against nobody."""
    found = compared(policies(tmp_path, [RUDE], [RUDE, ADVICE]), [said("1", "服：加我微信")])
    assert found.rules["C-1"].gained.count == 1
    assert not found.agents["A1"].moved


def test_scores_that_appear_or_vanish_are_no_moves(tmp_path: Path) -> None:
    """A conversation in which no rule could decide anything has no score to compare."""
    release = {"kind": "limit", "measure": "release", "below": 3}
    judges = policies(tmp_path, [rule("T-2", **release)], [RUDE])
    conversations = [said("1", "服：您好"), said("2", "服：你有完没完")]
    found = compared(judges, conversations)
    assert (found.scores.compared, found.scores.appeared, found.scores.means) == (0, 2, None)
    back = compared((judges[1], judges[0]), conversations)
    assert (back.scores.vanished, back.agents["A1"].moved, back.biggest) == (2, True, [])


@pytest.mark.parametrize(
    ("data", "text", "number"),
    [
        ("mobile", "另一位客户的手机是13800138000", "13800138000"),
        ("account", "另一位客户的账号是350016100105250001", "350016100105250001"),
    ],
)
def test_samples_are_masked(tmp_path: Path, data: str, text: str, number: str) -> None:
    """A number is masked even where only the words around it say what it is."""
    protect = {"kind": "protect", "data": [data], "others": ["others"]}
    concepts = WORDS | {"others": "另一位客户"}
    judges = (
        checker(tmp_path / "old", [RUDE], concepts),
        checker(tmp_path / "new", [rule("R-5", **protect)], concepts),
    )
    (sample,) = compared(judges, [said("1", f"服：{text}")]).rules["R-5"].gained.samples
    assert number[3:] not in sample.words
    assert "*" in sample.words


def test_samples_are_few_and_short(tmp_path: Path) -> None:
    """However many verdicts change, and however long the words are."""
    concepts = {"A-1": "一" * 50, "B-1": "随便吧"}
    judges = (
        checker(tmp_path / "old", [IDLE], concepts),
        checker(tmp_path / "new", [IDLE, RUDE], concepts),
    )
    long = "\u200b".join("一" * 50)
    found = compared(judges, [said(str(n), f"服：{long}") for n in range(20)])
    gained = found.rules["A-1"].gained
    assert (gained.count, len(gained.samples), len(found.biggest)) == (20, SAMPLES, BIGGEST)
    assert {len(sample.words) for sample in gained.samples} == {LONGEST + 1}


def test_the_order_of_the_conversations_does_not_matter(tmp_path: Path) -> None:
    """Two people who compare the same conversations see the same."""
    dear = [RUDE | {"deduction": 20.1}, rule("C-1", deduction=0.7)]
    judges = policies(tmp_path, [RUDE, IDLE], dear)
    conversations = [
        said("1", "服：你有完没完"),
        said("2", "服：随便吧", "A2"),
        said("3", "服：随便吧"),
        said("4", "服：随便吧，加我微信", None),
        said("5", "服：随便吧"),
    ]
    orders = list(permutations(conversations))
    first = compared(judges, orders[0])
    assert [sample.conversation_id for sample in first.rules["B-1"].lost.samples] == ["2", "3", "4"]
    assert all(compared(judges, order) == first for order in orders[::7])
