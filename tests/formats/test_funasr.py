"""FunASR and SenseVoice: forms of text, tags and emoji."""

from __future__ import annotations

import pytest

from jiyu.formats.sensevoice import heard
from reading import one, turns


def test_text_may_be_a_list() -> None:
    """Without punctuation model the words come one by one."""
    sentence = {"text": ["有", "完", "没", "完"], "start": 0, "end": 900, "spk": 1}
    found = one([{"key": "k", "text": ["x"], "sentence_info": [sentence]}])
    assert (found.turns[0].text, found.turns[0].end) == ("有完没完", 0.9)


def test_without_sentences_the_text_is_one_turn() -> None:
    """Its stamps give its times."""
    value = {"key": "k", "text": "您好", "timestamp": [[100, 200], [200, 450]]}
    assert turns([value], "funasr") == [("other", None, "您好", 0.1)]


def test_every_result_is_a_conversation_of_its_own() -> None:
    """A list holds one result for each audio file."""
    from reading import conversations

    data = b'[{"key":"a","text":"x"},{"key":"b","text":"y"}]'
    assert [c.conversation_id for c in conversations(data)] == ["a", "b"]


@pytest.mark.parametrize(
    ("source", "text", "tags"),
    [
        ("<|zh|><|ANGRY|><|Speech|><|withitn|>你好。", "你好。", ("angry",)),
        ("<|yue|><|NEUTRAL|><|BGM|><|woitn|>你好<|Laughter|>", "你好", ("music", "laughter")),
        ("🎼😀你好😡", "你好", ("music", "laughter", "angry")),
        ("你好<|EMO_UNKNOWN|>", "你好", ()),
        ("3 < 5 | 7 > 2", "3 < 5 | 7 > 2", ()),
    ],
)
def test_marks_become_tags(source: str, text: str, tags: tuple[str, ...]) -> None:
    """Raw marks and emoji say what is heard, and are no words."""
    found = heard(source)
    assert (found.text, found.tags) == (text, tags)


@pytest.mark.parametrize("source", ["<|zh|><|SAD|> 您好<|Cough|>，我😀在", "🎼 喂🤧", "好"])
def test_source_can_be_put_together_again(source: str) -> None:
    """Every mark is kept with the place where it stood, so offsets are not lost."""
    found = heard(source)
    text = found.text
    for at, mark in reversed(found.metadata.get("removed", [])):
        text = text[:at] + mark + text[at:]
    assert text.replace(" ", "") == source.replace(" ", "")


def test_audio_events_are_promised_by_sensevoice_only() -> None:
    """What a format cannot tell is not assessable."""
    info = [{"sentence": "<|zh|><|Speech|>好", "start": 0, "end": 1}]
    assert one([{"key": "k", "text": "<|zh|>", "sentence_info": info}]).capabilities == (
        "timestamps",
        "audio_events",
    )
    assert one([{"key": "k", "text": "好"}]).capabilities == ()
