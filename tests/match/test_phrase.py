"""The phrase language."""

from __future__ import annotations

import pytest

from jiyu.errors import PhraseError
from jiyu.match.phrase import Gap, Reference, Slot, Words, parse

SLOTS = {"you": ("{你|您}{们|}",), "loop": ("<loop>",), "two": ("一", "二")}


def test_alternatives_are_joined_with_what_stands_beside_them() -> None:
    """Plain words on either side go into each alternative; alternatives are not multiplied."""
    assert parse("甲{乙|丙}丁", SLOTS) == [[Words(("甲乙丁", "甲丙丁"))]]
    assert parse("{甲|乙}{丙|}", SLOTS) == [[Words(("甲", "乙")), Words(("丙", ""))]]


def test_alternatives_are_written_out_where_a_character_may_repeat_at_the_seam() -> None:
    """Folding would make one character of the two."""
    assert parse("{看|查}{看|}", SLOTS) == [[Words(("看看", "看", "查看", "查"))]]


def test_slots_of_the_policy_are_alternatives() -> None:
    """A word list may stand in a phrase, and its entries are phrases."""
    assert parse("<you>好", SLOTS) == [[Words(("你", "您")), Words(("们好", "好"))]]
    assert parse("<two>好", SLOTS) == [[Words(("一好", "二好"))]]


def test_gaps_references_and_built_in_slots_stay_elements() -> None:
    """What cannot be written out is checked around a hit."""
    assert parse("不想X就别X…<number>……号", SLOTS) == [
        [
            Words(("不想",)),
            Reference("X"),
            Words(("就别",)),
            Reference("X"),
            Gap(False),
            Slot("number"),
            Gap(True),
            Words(("号",)),
        ]
    ]


def test_a_letter_in_a_latin_word_is_no_reference() -> None:
    """微信 is also written VX."""
    assert parse("加VX", SLOTS) == [[Words(("加VX",))]]


def test_a_gap_inside_alternatives_parts_the_phrase() -> None:
    """Branches that are not plain words become sequences of their own."""
    assert parse("{甲…乙|丙}丁", SLOTS) == [
        [Words(("丙丁",))],
        [Words(("甲",)), Gap(False), Words(("乙丁",))],
    ]


@pytest.mark.parametrize(
    "phrase",
    [
        "",
        "  ",
        "{甲",
        "甲}",
        "甲|乙",
        "<nobody>",
        "<loop>",
        "…",
        "<number>",
        "X",
        "{甲|}",
        "甲<",
        "<甲",
    ],
)
def test_what_is_not_a_phrase_is_refused_with_its_text(phrase: str) -> None:
    """The author sees the phrase that is wrong."""
    with pytest.raises(PhraseError) as caught:
        parse(phrase, SLOTS)
    assert caught.value.problems[0].source == phrase
