"""Azure: masks, channels, ticks and the form of its language service."""

from __future__ import annotations

from typing import Any

from reading import conversations, one, turns
from samples import dumped


def phrase(display: str, lexical: str | None = None, **more: Any) -> dict[str, Any]:
    """Return one recognised phrase."""
    return {"nBest": [{"display": display, "lexical": lexical}], "offsetInTicks": 5e6, **more}


def test_masked_words_are_taken_from_the_lexical_form() -> None:
    """Azure masks by default; what was said is looked for beside it, and a mask stays if not."""
    phrases = [phrase("你***。", "你妈的"), phrase("你***", "你***"), phrase("3点。", "三点")]
    found = one({"recognizedPhrases": phrases})
    assert [t.text for t in found.turns] == ["你妈的", "你***", "3点。"]
    assert found.turns[0].metadata["display"] == "你***。"
    assert found.turns[2].metadata["lexical"] == "三点"


def test_label_is_the_channel_if_there_are_several() -> None:
    """Otherwise it is the speaker, if any; a phrase without a result is none."""
    stereo = [
        phrase("您好", channel=0),
        phrase("喂", channel=1),
        {"recognitionStatus": "x", "nBest": None},
    ]
    assert [label for _, label, *_ in turns({"recognizedPhrases": stereo})] == ["0", "1"]
    mono = [phrase("您好", channel=0, speaker=2)]
    assert turns({"recognizedPhrases": mono}) == [("other", "2", "您好", 0.5)]


def test_each_conversation_of_a_request_is_read() -> None:
    """Roles are named or are participants; text is a chat."""
    items = [
        {"participantId": "p1", "role": "Customer", "text": "喂"},
        {"participantId": "agent_1", "text": "您好"},
    ]
    request = {
        "conversations": [
            {"id": str(n), "modality": "text", "conversationItems": items} for n in (1, 2)
        ]
    }
    found = conversations(dumped({"analysisInput": request}))
    assert [c.conversation_id for c in found] == ["1", "2"]
    assert [t.speaker for t in found[0].turns] == ["customer", "agent"]
    assert (found[0].channel, found[0].capabilities) == ("chat", ())
