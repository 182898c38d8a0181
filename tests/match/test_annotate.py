"""Mentions of concepts: one table, run over every way in which text may be written."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opencc import OpenCC

from jiyu.match.annotate import Annotator, ConceptPhrases
from jiyu.text.fold import fold

SLOTS = {"you": ("{你|您}{们|}",)}
converter = cache(OpenCC)

# name, phrases, text, what is mentioned in the Simplified text
TABLE = [
    ("literal", ["有完没完"], "你有完没完", ["有完没完"]),
    ("twice", ["烦死了"], "烦死了真是烦死了", ["烦死了", "烦死了"]),
    ("alternatives", ["{到底|究竟}想{怎样|怎么样}"], "你究竟想怎么样", ["究竟想怎么样"]),
    ("longest wins", ["怎么", "怎么样"], "想怎么样", ["怎么样"]),
    ("slot", ["<you>烦不烦"], "你们烦不烦", ["你们烦不烦"]),
    ("gap", ["不是…说过了吗"], "我不是早就跟你说过了吗", ["不是早就跟你说过了吗"]),
    ("gap too long", ["不是…说过了吗"], "不是这个样子的我昨天已经说过了吗", []),
    ("wide gap", ["又不是我……找我"], "又不是我弄丢的你老是来找我", ["又不是我弄丢的你老是来找我"]),
    ("reference", ["不想X就别X"], "不想用就别用", ["不想用就别用"]),
    ("reference differs", ["不想X就别X"], "不想用就别买", []),
    ("longer reference", ["X就是X"], "不行就是不行", ["不行就是不行"]),
    ("number", ["你打<number>去问"], "你打一零零八六去问", ["你打一零零八六去问"]),
    ("repeated character", ["天天打"], "你天天打电话", ["天天打"]),
    ("not repeated", ["天天打"], "白天打电话", []),
    ("traditional phrase", ["領導不在"], "领导不在", ["领导不在"]),
    ("wording", ["信息错误"], "信息错误", ["信息错误"]),
    ("several clauses", ["我说过了,怎么还问"], "我说过了怎么还问", ["我说过了怎么还问"]),
]

FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "spaced": " ".join,
    "wide spaced": "\u3000".join,
    "s2t": lambda text: converter("s2t").convert(text),
    "s2tw": lambda text: converter("s2tw").convert(text),
    "s2hk": lambda text: converter("s2hk").convert(text),
    "s2twp": lambda text: converter("s2twp").convert(text),
    "punctuated": lambda text: f"，，{text}！！",
    "pauses": "_".join,
    "ellipses": "…".join,
    "zero width": "\u200b".join,
    "particle": lambda text: text + "啊",
    "sentences around": lambda text: f"好的。{text}。嗯",
    "stretched": lambda text: text[:1] * 3 + text[1:],
}


def mentions(phrases: list[str], texts: list[str], *, joined: bool = True) -> list[str]:
    annotator = Annotator({"c": ConceptPhrases(phrases)}, SLOTS)
    block = fold(texts, [joined] * len(texts))
    found = [m for turn in annotator.annotate(block) for m in turn.mentions]
    # One that lies in the first turn and inside one that runs over both is no mention of its own.
    outer = [
        m
        for m in found
        if not any(o.start <= m.start and m.end <= o.end and o is not m for o in found)
    ]
    return [block.text[m.start : m.end] for m in outer]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("phrases", "text", "expected"), [row[1:] for row in TABLE], ids=lambda _: ""
)
def test_a_phrase_is_found_however_it_is_written(
    form: str, phrases: list[str], text: str, expected: list[str]
) -> None:
    """Script, spacing, punctuation, pauses, particles and stretching change nothing."""
    if form == "stretched" and text.startswith("天天"):
        pytest.skip("the first character is repeated already")
    found = mentions(phrases, [FORMS[form](text)])
    if form == "s2twp" and phrases == ["信息错误"]:
        expected = ["资讯错误"]
    assert [word.strip() for word in found] == [e.replace("天天", "天") for e in expected]


@pytest.mark.parametrize(
    ("phrases", "text", "expected"), [row[1:] for row in TABLE], ids=lambda _: ""
)
def test_a_phrase_is_found_split_over_two_turns_at_any_place(
    phrases: list[str], text: str, expected: list[str]
) -> None:
    """A recogniser may end a turn in the middle of a phrase."""
    if "天天" in text or text.count("烦死了") > 1:
        pytest.skip("a repeat that runs over two turns is two words")
    for cut in range(1, len(text)):
        assert mentions(phrases, [text[:cut], text[cut:]]) == expected


def test_a_phrase_never_runs_over_two_speakers() -> None:
    """What the customer begins the agent does not end."""
    assert mentions(["有完没完"], ["你有完", "没完"], joined=False) == []


def test_a_phrase_never_runs_over_three_turns() -> None:
    """Evidence has at most two spans."""
    assert mentions(["有完没完"], ["有", "完", "没完"]) == []


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("急什么", "您别着急，什么时候到的", False),
        ("急什么", "急，什么", False),
        ("你问我,我问谁", "你问我？我问谁！", True),
        ("你问我,我问谁", "你问我我问谁", True),
        ("你问我,我问谁", "你问我问谁", False),
        ("你有没有搞错", "你，有没有搞错", True),
        ("你有没有搞错", "你有。没有搞错", False),
        ("不是…吗", "不是的，您看可以吗", False),
        ("去投诉吧", "去投诉的时候", False),
        ("去投诉吧", "去投诉啊", True),
        ("{你|您}{去|就去|快去|赶紧去}{投诉|告}{吧|呗}", "你去投诉的时候", False),
        ("{你|您}{去|就去|快去|赶紧去}{投诉|告}{吧|呗}", "你去投诉呀", True),
        ("不是…去投诉吧", "不是让你去投诉的", False),
        ("{你|您}问{我|我们},{我|我们}问谁", "你问我我问谁", True),
        ("您能……{吗|呢|一下}", "您能稍等吗", True),
        ("您能……{吗|呢|一下}", "您能稍等呢", True),
        ("您能……{吗|呢|一下}", "您能稍等", False),
        ("{对|是}{,没错|}", "是。没错", True),
        ("{你|您|}{快|}{闭嘴|收声}{吧|行不行}", "好。闭嘴行不行", True),
        ("{你|您|}{快|}{闭嘴|收声}{吧|行不行}", "你。闭嘴行不行", True),
        ("{啊|哦|}是{吗|嘛}", "哦是吗", True),
        ("不是…去投诉吧", "不是让你去投诉吧", True),
    ],
)
def test_a_short_phrase_does_not_run_over_punctuation(phrase: str, text: str, found: bool) -> None:
    """Two clauses that happen to stand side by side are not a phrase."""
    assert bool(mentions([phrase], [text])) is found


def test_an_exception_takes_back_what_it_touches() -> None:
    """Longer words that contain a phrase can be told apart from it."""
    annotator = Annotator({"c": ConceptPhrases(["急什么"], ["急什么时候"])}, {})
    texts = ["你急什么", "等着急什么时候用"]
    found = annotator.annotate(fold(texts, [False, False]))
    assert [len(turn.mentions) for turn in found] == [1, 0]


@given(
    texts=st.lists(st.text("你有完没不是吗想用就别 ,。", max_size=8), min_size=1, max_size=6),
    data=st.data(),
)
def test_a_turn_is_marked_the_same_with_and_without_what_comes_later(
    texts: list[str], data: st.DataObject
) -> None:
    """What a turn mentions depends on it and the turn before it alone."""
    concepts = {
        "a": ConceptPhrases(["有完没完", "你有", "完"], ["没完有"]),
        "b": ConceptPhrases(["不是…吗", "不想X就别X"]),
    }
    annotator = Annotator(concepts, {})
    joined = [False, *data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))]
    whole = fold(texts, joined[: len(texts)])
    for turn, marked in enumerate(annotator.annotate(whole)):
        first = turn - 1 if joined[turn] else turn
        pair = fold(texts[first : turn + 1], [False, True][: turn + 1 - first])
        shift = whole.range_of(first)[0]
        alone = annotator.annotate(pair)[-1]
        for one, other in zip(marked, alone, strict=True):
            assert [(m.concept, m.start - shift, m.end - shift) for m in one] == [
                (m.concept, m.start, m.end) for m in other
            ]
