"""The fold table."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opencc import OpenCC

from jiyu.text.table import fold_plain, fold_table, variant_classes, wording_variants

CONVERSIONS = ("s2t", "s2tw", "s2hk", "t2s", "tw2s", "hk2s", "t2tw", "t2hk")

converter = cache(OpenCC)


@pytest.mark.parametrize("conversion", CONVERSIONS)
@given(text=st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), max_size=12))
def test_a_text_and_its_conversion_fold_alike(conversion: str, text: str) -> None:
    """OpenCC may turn a text into another script; both fold to the same characters."""
    assert fold_plain(converter(conversion).convert(text)) == fold_plain(text)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("幹嘛", "干嘛"),
        ("乾嘛", "干嘛"),
        ("甚麼", "什么"),
        ("什麽", "什么"),
        ("妳", "你"),
        ("囉囉", "喽喽"),
        ("著了瞭着", "着了了着"),
        ("裡裏里", "里里里"),
        ("ＡＢｃ１２", "abc12"),
        ("唔關我事", "唔关我事"),
        ("係", "系"),
    ],
)
def test_variants_that_mean_the_same_fold_to_the_simplified_form(text: str, folded: str) -> None:
    """The reviewed cases fold as a reader would write them in Simplified."""
    assert fold_plain(text) == folded


@pytest.mark.parametrize(("one", "other"), [("你", "您"), ("吗", "嘛"), ("吗", "妈"), ("喂", "畏")])
def test_characters_that_differ_in_meaning_stay_apart(one: str, other: str) -> None:
    """Folding never joins what a rule must tell apart."""
    assert fold_plain(one) != fold_plain(other)


def test_folding_twice_changes_nothing() -> None:
    """Every folded code point folds to itself."""
    table = fold_table() & 0xFFFFFF
    assert (table[table] == table).all()


def test_groups_of_variants_are_disjoint_and_small() -> None:
    """The closure has not run together what does not belong together."""
    groups = variant_classes()
    assert sum(map(len, groups)) == len(set().union(*groups))
    assert max(map(len, groups)) <= 9


def test_taiwan_wording_is_known_in_both_directions_of_reading() -> None:
    """A mainland word is linked with its Taiwan counterpart, both folded."""
    assert ("信息", "资讯") in wording_variants()
