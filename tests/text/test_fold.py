"""Folding blocks of turns, with every offset kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiyu.text.fold import EDGE_HARD, EDGE_NONE, EDGE_PAUSE, EDGE_SOFT, SEPARATOR, Block, fold
from jiyu.text.table import CODE_MASK, fold_table

ANY_TEXT = st.text(max_size=40)
CHINESE = st.text(
    "你有完没完烦死了吗啊呀吧嘛干什么 ,，。!?！_…～[]［］「」abＡ1１一二喂", max_size=30
)


def one(text: str) -> Block:
    return fold([text], [False])


def words(block: Block, turn: int = 0) -> str:
    low, high = block.range_of(turn)
    return block.text[low:high]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("你 有 完 没 完", "你有完没完"),
        ("你有完沒完", "你有完没完"),
        ("你，，有完没完？？", "你有完没完"),
        ("你_有…完～没完", "你有完没完"),
        ("烦烦烦死了", "烦死了"),
        ("有完没完啊啊", "有完没完"),
        ("对啊,没错", "对没错"),
        ("啊？干嘛呀", "啊干嘛"),
        ("幹嘛", "干嘛"),
        ("等呢個單呢", "等呢个单"),
        ("單呢，個個都係", "单个都系"),
        ("\u200b你\ufeff好", "你好"),
        ("10086", "10086"),
        ("一一得一", "一一得一"),
        ("", ""),
        ("。。。", ""),
    ],
)
def test_what_carries_no_words_is_left_out(text: str, folded: str) -> None:
    """Spaces, punctuation, pauses, stretches and final particles do not stand in the text."""
    assert words(one(text)) == folded


def test_a_bracketed_code_is_a_thing_and_not_words() -> None:
    """An emoji code cannot be read as what its letters say."""
    assert "呵" not in words(one("好的[呵呵]谢谢"))
    assert len(words(one("好的[呵呵]收到"))) == 5


@given(texts=st.lists(st.one_of(ANY_TEXT, CHINESE), max_size=6), data=st.data())
def test_every_folded_character_points_to_the_source_character_it_came_from(
    texts: list[str], data: st.DataObject
) -> None:
    """source[i] of any folded character folds to that very character."""
    joined = data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    block = fold(texts, joined)
    table = fold_table()
    for turn, text in enumerate(texts):
        low, high = block.range_of(turn)
        offsets = [int(block.source[i]) for i in range(low, high)]
        assert offsets == sorted(set(offsets))
        for position, offset in zip(range(low, high), offsets, strict=True):
            char = block.text[position]
            assert char == "\ufffc" or int(table[ord(text[offset])]) & CODE_MASK == ord(char)


@given(texts=st.lists(CHINESE, min_size=1, max_size=6), data=st.data())
def test_a_turn_folds_the_same_alone_and_among_others(
    texts: list[str], data: st.DataObject
) -> None:
    """What stands around a turn does not change its folded words."""
    joined = data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    block = fold(texts, joined)
    assert [words(block, i) for i in range(len(texts))] == [words(one(text)) for text in texts]


def test_turns_of_one_speaker_touch_and_others_are_parted() -> None:
    """A phrase can run over a join, and over nothing else."""
    block = fold(["你有完", "没完", "好"], [False, True, False])
    assert block.text == f"你有完没完{SEPARATOR}好{SEPARATOR}"


def test_edges_tell_pauses_commas_and_sentence_ends_apart() -> None:
    """The strength of what was left out is kept beside the text."""
    block = one("一 二,三。四")
    assert list(block.edges[1:4]) == [EDGE_PAUSE, EDGE_SOFT, EDGE_HARD]


def test_spaces_between_all_words_mean_nothing() -> None:
    """A recogniser that spaces every character has not paused at each."""
    assert set(one("你 有 完 没 完").edges[1:5]) == {EDGE_NONE}


def test_a_lone_surrogate_is_text_like_any_other() -> None:
    """No code point makes folding fail."""
    assert words(one("你\ud800好")) == "你好"


@pytest.mark.parametrize(
    ("text", "words", "span"),
    [("好，谢谢", "谢", (2, 4)), ("烦烦烦死了", "烦死", (0, 4)), ("死了了，了", "死了", (0, 3))],
)
def test_evidence_takes_in_every_repeat_of_a_stretched_character(
    text: str, words: str, span: tuple[int, int]
) -> None:
    """谢谢 is shown whole, though it folds to one character."""
    block = one(text)
    start = block.text.index(words)
    assert block.source_span(start, start + len(words)) == span
