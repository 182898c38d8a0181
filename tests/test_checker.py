"""The shipped policy on hostile, odd and translated text."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opencc import OpenCC

from jiyu import Assessment, Checker, Conversation, Turn
from jiyu.authoring.examples import example_conversation

converter = cache(OpenCC)


@pytest.fixture(scope="module")
def judge() -> Checker:
    return Checker()


@pytest.fixture(scope="module")
def fragments(judge: Checker) -> list[str]:
    """Pieces of what the policy looks for: the text most likely to confuse it."""
    texts = [turn.text for conversation in examples(judge) for turn in conversation.turns]
    pieces = [
        text[i : i + size] for text in texts for size in (2, 3, 5) for i in range(0, len(text), 4)
    ]
    return sorted(
        {
            *pieces,
            "不是",
            "X就是X",
            "\ud800",
            "\n",
            "\x1f",
            "🙃",
            "[",
            "]",
            "“",
            "…",
            " ",
            "，",
            "。",
        }
    )


def places(assessment: Assessment) -> list[tuple[str, int, int, int]]:
    return [
        (finding.rule, span.turn, span.start, span.end)
        for finding in assessment.findings
        for span in finding.spans
    ]


def verdicts(assessment: Assessment) -> dict[str, str]:
    return {verdict.rule: verdict.verdict for verdict in assessment.verdicts}


def said(judge: Checker, text: str) -> Assessment:
    return judge.assess(Conversation("c", (Turn(text, "agent"),)))


def examples(judge: Checker) -> list[Conversation]:
    return [
        example_conversation(rule, example)
        for rule in judge.policy.rules
        for example in (*rule.examples.flags, *rule.examples.passes)
    ]


def converted(conversation: Conversation, conversion: str) -> Conversation:
    convert = converter(conversion).convert
    turns = (msgspec.structs.replace(t, text=convert(t.text)) for t in conversation.turns)
    return msgspec.structs.replace(conversation, turns=tuple(turns))


@pytest.mark.parametrize("conversion", ["s2t", "s2tw", "s2hk"])
def test_every_example_is_judged_the_same_in_every_script(judge: Checker, conversion: str) -> None:
    """The same verdicts at the same places, for all that the policy flags and passes."""
    written = examples(judge)
    others = [converted(conversation, conversion) for conversation in written]
    judged = zip(judge.assess_all(written), judge.assess_all(others), strict=True)
    for one, other, (here, there) in zip(written, others, judged, strict=True):
        if all(len(a.text) == len(b.text) for a, b in zip(one.turns, other.turns, strict=True)):
            assert places(there) == places(here), [turn.text for turn in other.turns]
            assert verdicts(there) == verdicts(here), [turn.text for turn in other.turns]


def test_every_example_breaks_the_same_rules_in_taiwan_wording(judge: Checker) -> None:
    """Words that change length (信息 / 資訊) change nothing either."""
    written = examples(judge)
    others = [converted(conversation, "s2twp") for conversation in written]
    judged = zip(judge.assess_all(written), judge.assess_all(others), strict=True)
    for other, (here, there) in zip(others, judged, strict=True):
        assert verdicts(there) == verdicts(here), [turn.text for turn in other.turns]


@settings(max_examples=300)
@given(data=st.data())
def test_any_text_is_judged_alike_in_every_script(
    judge: Checker, fragments: list[str], data: st.DataObject
) -> None:
    """Not only what the policy knows: fragments of it, put together at random."""
    pieces = data.draw(st.lists(st.sampled_from(fragments), max_size=8))
    text = "".join(pieces).replace("\ud800", "")
    other = converter(data.draw(st.sampled_from(["s2t", "s2tw", "s2hk"]))).convert(text)
    if len(other) == len(text):
        assert places(said(judge, other)) == places(said(judge, text))


def test_no_text_breaks_it(judge: Checker, fragments: list[str]) -> None:
    """Many random and adversarial strings: no exception, and evidence that is there."""
    random_ = random.Random(20260302)
    speakers = ("agent", "agent", "customer")
    for _ in range(12):
        conversations = [
            Conversation(
                str(number),
                tuple(
                    Turn(_odd_text(random_, fragments), random_.choice(speakers))  # type: ignore[arg-type]
                    for _ in range(8)
                ),
            )
            for number in range(500)
        ]
        assessments = judge.assess_all(conversations)
        for conversation, assessment in zip(conversations, assessments, strict=True):
            for finding in assessment.findings:
                for span in finding.spans:
                    text = conversation.turns[span.turn].text
                    assert text[span.start : span.end] == span.text != ""


def _odd_text(random_: random.Random, fragments: list[str]) -> str:
    if random_.random() < 0.3:
        return "".join(chr(random_.randrange(0x110000)) for _ in range(random_.randrange(12)))
    return "".join(random_.choices(fragments, k=random_.randrange(1, 5)))


@pytest.mark.parametrize(
    "unit",
    [
        "有完没完",
        "我不知道",
        "不是吗",
        "你你我我",
        "不想用就别用",
        "喂",
        "“不行”",
        "[呵呵]",
        "您刚才说",
        " 我",
        "，",
    ],
)
def test_time_is_linear_in_the_length_of_a_turn(judge: Checker, unit: str) -> None:
    """Sixteen times the text costs about sixteen times as much, whatever the text."""

    def seconds(count: int) -> float:
        conversation = Conversation("c", (Turn(unit * count, "agent"),))
        best = []
        for _ in range(3):
            start = time.process_time()
            judge.assess(conversation)
            best.append(time.process_time() - start)
        return min(best)

    assert seconds(8000) < 16 * 4 * seconds(500) + 0.05


def test_a_checker_may_be_shared_between_threads(judge: Checker, fragments: list[str]) -> None:
    """Eight threads get what one gets."""
    conversations = [
        Conversation(str(i), (Turn("".join(fragments[i : i + 9]), "agent"),)) for i in range(200)
    ]
    alone = [judge.assess(c) for c in conversations]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(judge.assess, conversations)) == alone


def test_an_empty_conversation_has_nothing_to_judge(judge: Checker) -> None:
    """No turns, no verdicts but not_applicable."""
    assessment = judge.assess(Conversation("c", ()))
    assert {verdict.verdict for verdict in assessment.verdicts} == {"not_applicable"}
