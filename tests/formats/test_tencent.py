"""Tencent: nearly everything may be null."""

from __future__ import annotations

from reading import faults, one
from samples import dumped


def test_nulls_are_nothing() -> None:
    """A sentence of nulls is no turn, and a task without a result is told."""
    sentences = [
        {"FinalSentence": None, "StartMs": None, "Words": None},
        {"FinalSentence": "您好", "StartMs": None, "EndMs": None, "SpeakerId": None},
    ]
    found = one({"Data": {"TaskId": None, "ResultDetail": sentences}})
    assert [(t.text, t.start) for t in found.turns] == [("您好", None)]
    assert found.conversation_id == "in"
    told = faults(dumped({"Data": {"ResultDetail": []}}))
    assert told == [(None, "there is nothing said in it")]


def test_callback_spells_it_otherwise() -> None:
    """A callback has the details at the top."""
    detail = [{"FinalSentence": "您好", "StartMs": 500, "EndMs": 900, "SpeakerId": 1}]
    assert one({"code": 0, "resultDetail": detail}).turns[0].start == 0.5
