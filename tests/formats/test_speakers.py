"""Who is the agent where only labels are known: said, implied, inferred, or left open."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiyu import Checker, Conversation, Turn
from jiyu.formats.canonical import decode, read_lines
from jiyu.formats.speakers import MARGIN, Naming, by_label, name_speakers
from jiyu.model import Speaker
from support import SHARED

CHECKER = Checker()
ENGINE = CHECKER.engine
DIALOGUE = (
    ("a", "您好，物流部，我是小林，请问有什么可以帮您"),
    ("b", "我的货怎么还没到，你们帮我查一下"),
    ("a", "好的，请您稍等，我帮您查询一下"),
    ("b", "什么时候能到"),
    ("a", "给您带来不便，非常抱歉，我马上帮您核实，查到以后给您回复"),
)


def talk(
    *said: tuple[str | None, str], speakers: dict[str | None, Speaker] | None = None
) -> Conversation:
    """Return a conversation of labels and words."""
    known = speakers or {}
    return Conversation(
        "c",
        tuple(
            Turn(
                text, known.get(label, "other"), metadata={"speaker_label": label} if label else {}
            )
            for label, text in said
        ),
    )


def named(conversation: Conversation, *agents: str) -> list[str]:
    """Return the speakers as they come out."""
    (found,) = name_speakers([conversation], ENGINE, Naming(agents))
    return [turn.speaker for turn in found.turns]


def test_agent_is_inferred_from_the_norm_s_own_words() -> None:
    """Greeting, department, offer, help: whoever speaks so is the agent, under either label."""
    expected = ["agent", "customer", "agent", "customer", "agent"]
    assert named(talk(*DIALOGUE)) == expected
    swapped = [("b" if label == "a" else "a", text) for label, text in DIALOGUE]
    assert named(talk(*swapped)) == expected


def test_traditional_script_is_the_same() -> None:
    """Concepts are found in both scripts."""
    said = [("0", "您好，請問有什麼可以幫您"), ("1", "我的貨還沒到"), ("0", "請您稍等，我幫您查詢")]
    assert named(talk(*said))[:2] == ["agent", "customer"]


@pytest.mark.parametrize(
    "conversation",
    [
        talk(("a", "您好"), ("b", "您好"), ("a", "嗯"), ("b", "好的")),
        talk(("a", DIALOGUE[0][1])),
        talk((None, DIALOGUE[0][1]), (None, DIALOGUE[1][1])),
        talk(*DIALOGUE, ("c", DIALOGUE[0][1] * 2)),
        talk(("a", DIALOGUE[0][1]), ("b", DIALOGUE[0][1])),
    ],
    ids=["no lead", "one voice", "no labels", "three voices", "both alike"],
)
def test_doubt_is_no_guess(conversation: Conversation) -> None:
    """Below the margin, and with more or fewer than two voices, everybody stays open."""
    assert set(named(conversation)) == {"other"}


def test_what_is_open_is_not_assessable() -> None:
    """An open speaker never makes a rule pass."""
    assessment = CHECKER.assess(talk(("a", "有完没完"), ("b", "好的")))
    judged = {v.verdict for v in assessment.verdicts}
    assert "pass" not in judged
    assert "not_assessable" in judged


def test_a_short_third_voice_stays_open() -> None:
    """A cough that a recogniser took for a speaker does not spoil the rest."""
    assert named(talk(*DIALOGUE, ("c", "嗯")))[-1] == "other"
    assert named(talk(*DIALOGUE, ("c", "嗯")))[0] == "agent"


def test_user_overrides() -> None:
    """``--agent-speaker`` counts before every inference and every name, except of systems."""
    assert named(talk(*DIALOGUE), "b")[:2] == ["customer", "agent"]
    known: dict[str | None, Speaker] = {"a": "customer", "s": "system"}
    assert named(talk(("a", "x"), ("b", "y"), ("s", "z"), speakers=known), "a") == [
        "agent",
        "customer",
        "system",
    ]
    assert named(talk(*DIALOGUE), "nobody")[0] == "agent"


def test_other_side_of_a_named_one() -> None:
    """客服 and a nickname: the one who is left is the customer."""
    known: dict[str | None, Speaker] = {"客服": "agent"}
    found = by_label(talk(("客服", "您好"), ("tb123", "喂"), speakers=known), Naming())
    assert [t.speaker for t in found.turns] == ["agent", "customer"]
    crowd = by_label(talk(("客服", "x"), ("a", "y"), ("b", "z"), speakers=known), Naming())
    assert [t.speaker for t in crowd.turns] == ["agent", "other", "other"]


def test_known_speakers_come_back_as_they_are() -> None:
    """Nothing is even copied."""
    known: dict[str | None, Speaker] = {"a": "agent", "b": "customer"}
    conversation = talk(*DIALOGUE, speakers=known)
    assert name_speakers([conversation], ENGINE, Naming())[0] is conversation


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from([t for _, t in DIALOGUE])), max_size=6
    )
)
def test_labels_themselves_mean_nothing(said: list[tuple[str | None, str]]) -> None:
    """Swapping the labels swaps nothing else."""
    swapped = [("b" if label == "a" else "a", text) for label, text in said]
    assert named(talk(*said)) == named(talk(*swapped))


@pytest.mark.skipif(not SHARED.exists(), reason="the shared conversations are not here")
def test_real_conversations() -> None:
    """A sample of real ones with labels hidden: of the decided, 98 in 100 are right."""
    chance = random.Random(MARGIN)
    right = wrong = 0
    for file in sorted((SHARED / "conversations").glob("*.jsonl")):
        with file.open("rb") as stream:
            for line in list(read_lines(stream, file.name))[::20]:
                conversation = decode(line)
                agent = chance.choice("01")
                labels = {"agent": agent, "customer": "10"[int(agent)]}
                turns = tuple(
                    msgspec.structs.replace(
                        t, speaker="other", metadata={"speaker_label": labels[t.speaker]}
                    )
                    for t in conversation.turns
                )
                hidden = msgspec.structs.replace(conversation, turns=turns)
                (found,) = name_speakers([hidden], ENGINE, Naming())
                said = {t.metadata["speaker_label"] for t in found.turns if t.speaker == "agent"}
                right += said == {agent}
                wrong += bool(said) and said != {agent}
    assert right > 40
    assert right >= 0.98 * (right + wrong)
