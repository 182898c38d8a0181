"""Conditions: each with words that count and the same words that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support import checker, found, rule

BARE = {"w": "{不知道|没空|什么|听我说}"}

# condition, dialogue in which the words count, dialogue in which they do not
CASES: list[tuple[dict[str, Any], str, str]] = [
    ({}, "服：不知道", "客：不知道"),
    ({}, "服：不知道", "服：我没有说不知道"),
    ({}, "服：不知道", "服：您刚才说不知道"),
    ({}, "服：您刚才说过。不知道", "服：您说的是“不知道”对吗"),
    ({}, "服：不知道这些话", "服：不知道这种话"),
    ({"unless": []}, "服：我没有说不知道", "服：好"),
    ({"fills": "turn"}, "服：不知道！", "服：我不知道"),
    ({"fills": "turn"}, "服：嗯，哎呀，不知道啊先生", "服：好。不知道。"),
    ({"fills": "sentence"}, "服：好。不知道。", "服：好，不知道。"),
    ({"fills": "clause"}, "服：好，不知道，再见", "服：好，我不知道您，再见"),
    ({"fills": "clause"}, "服：好 不知道 再见", "服：真不知道，再见"),
    ({"starts": "clause"}, "服：好，不知道您", "服：我不知道"),
    ({"ends": "clause"}, "服：我不知道，您", "服：不知道您"),
    ({"ends": "clause"}, "服：我不知道啊您", "服：不知道您"),
    ({"ends": "turn"}, "服：好的，我不知道嗯", "服：不知道，好的"),
    ({"word": True}, "服：领导没空", "服：手机没空间"),
    ({"from_turn": 2}, "服：好\n客：啊\n服：不知道", "服：不知道\n客：啊\n服：好"),
    ({"from_turn": 2}, "客：啊\n服：不知道", "服：好\n服：不知道"),
    ({"from_turn": 2}, "系：欢迎\n客：啊\n服：不知道", "系：欢迎\n服：不知道"),
    ({"to_turn": 1}, "服：不知道\n客：啊", "服：好\n客：啊\n服：不知道"),
    ({"longer": 6}, "服：不知道单号是哪个", "服：不知道啊啊啊啊，嗯"),
    ({"no_time": True}, "服：不知道，过几天吧", "服：不知道，明天上午三点告诉您"),
    ({"answers": "complaint"}, "客：我要投诉\n服：不知道", "客：谢谢\n服：不知道"),
    (
        {"answers": "complaint"},
        "客：投诉\n系：欢迎\n客：快点\n服：不知道",
        "客：投诉\n服：好\n客：嗯\n服：不知道",
    ),
    ({"not_answering": "complaint"}, "客：谢谢\n服：不知道", "客：我要投诉\n服：不知道"),
    ({"near": "complaint"}, "服：不知道，你投诉好了", "服：不知道。你投诉好了"),
    ({"near": "complaint", "scope": "turn"}, "服：不知道。你投诉好了", "服：不知道。好"),
    ({"without": "complaint"}, "服：不知道。你投诉好了", "服：不知道，你投诉好了"),
    ({}, "服：不知道", "服：抱歉，不知道"),
    ({"unless": ["courteous"]}, "服：不知道\n服：谢谢您", "服：不知道。谢谢您"),
    ({"unless": ["polite"]}, "服：听我说", "服：麻烦您听我说"),
    ({"unless": ["polite"]}, "服：请您稍等。听我说", "服：不好意思，请您听我说"),
    ({"unless": ["remedy"]}, "服：不知道", "服：不知道，我帮您查"),
    ({"unless": ["remedy"]}, "服：不知道\n客：啊\n服：好", "服：不知道\n客：啊\n服：我帮您问"),
    ({"unless": ["remedy"]}, "服：不知道\n客：啊\n客：我帮您查", "服：不知道\n服：我帮您查"),
    (
        {"unless": ["remedy"]},
        "服：不知道\n客：啊\n服：好\n客：嗯\n服：我帮您查",
        "服：不知道\n客：啊\n服：我给您查",
    ),
    (
        {"unless": ["remedy"], "remedy_turns": 0},
        "服：不知道\n客：啊\n服：我帮您查",
        "服：不知道\n服：我帮您查",
    ),
]


@pytest.mark.parametrize(("says", "counts", "excused"), CASES)
def test_a_condition_tells_the_two_dialogues_apart(
    tmp_path: Path, says: dict[str, Any], counts: str, excused: str
) -> None:
    """The same words count in the one and are excused in the other."""
    judge = checker(tmp_path, [rule("A-1", says=[{"concept": "w", **says}])], BARE)
    assert found(judge, counts) != []
    assert found(judge, excused) == []


@pytest.mark.parametrize(("field", "value"), [("channel", "phone"), ("direction", "outbound")])
def test_a_rule_of_one_channel_or_direction_leaves_the_others_alone(
    tmp_path: Path, field: str, value: str
) -> None:
    """What is not known about a conversation does not excuse it."""
    judge = checker(tmp_path, [rule("A-1", says=[{"concept": "w", field: value}])], BARE)
    assert found(judge, "服：不知道", **{field: value}) != []
    assert found(judge, "服：不知道") != []
    assert found(judge, "服：不知道", **{field: "other"}) == []


def test_words_split_over_two_turns_have_the_conditions_of_both(tmp_path: Path) -> None:
    """A condition on the whole turn holds for both turns that the words run over."""
    judge = checker(tmp_path, [rule("A-1", says=[{"concept": "w", "fills": "turn"}])], BARE)
    assert found(judge, "服：不知\n服：道") == [("A-1", "不知道")]
    assert found(judge, "服：真不知\n服：道") == []
