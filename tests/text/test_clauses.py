"""Edges of clauses, sentences and turns."""

from __future__ import annotations

import pytest

from jiyu.text.clauses import extent, in_quotes, quotations
from jiyu.text.fold import fold


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("clause", "我不知道"),
        ("sentence", "嗯我不知道你问别人"),
        ("turn", "好嗯我不知道你问别人再见"),
    ],
)
def test_the_extent_of_a_scope_ends_where_its_punctuation_is(scope: str, words: str) -> None:
    """A clause ends at a comma, a sentence at a full stop, a turn at its end."""
    block = fold(["好。嗯,我不知道,你问别人。再见"], [False])
    start = block.text.index("不知道")
    low, high = extent(block, start, start + 3, scope)  # type: ignore[arg-type]
    assert block.text[low:high] == words


@pytest.mark.parametrize(
    ("text", "word", "quoted"),
    [
        ("您说“不行”是吗", "不行", True),
        ("您說「不行」是嗎", "不行", True),
        ("“不行！”", "不行", False),
        ("不行", "不行", False),
    ],
)
def test_words_are_quoted_only_if_something_else_is_said(
    text: str, word: str, quoted: bool
) -> None:
    """A turn that is wholly in quotation marks is speech, not a quotation."""
    at = text.index(word)
    assert in_quotes(quotations(text), at, at + len(word)) is quoted
