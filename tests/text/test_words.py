"""Word edges by jieba."""

from __future__ import annotations

import pytest

from jiyu.text.words import on_word_edges


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("听妈妈的话", "妈的", False),
        ("母乳喂养知识", "喂", False),
        ("手机没空间了", "没空", False),
        ("滚筒洗衣机", "滚", False),
        ("你给我滚", "滚", True),
        ("领导没空", "没空", True),
    ],
)
def test_a_hit_inside_another_word_is_not_on_word_edges(
    text: str, word: str, expected: bool
) -> None:
    """The words that a lexicon finds inside others are told from the words themselves."""
    at = text.index(word)
    assert on_word_edges(text, at, at + len(word)) is expected
