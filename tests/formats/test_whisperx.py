"""WhisperX: speakers that are missing, and what whisper writes."""

from __future__ import annotations

from reading import one, turns


def test_speaker_of_most_words_stands_in() -> None:
    """A segment without a speaker has that of most of its words, or none."""
    words = [
        {"word": "a", "speaker": "S1"},
        {"word": "b", "speaker": "S0"},
        {"word": "c", "speaker": "S1"},
    ]
    segments = [
        {"start": 1, "end": 2, "text": "您好", "words": words},
        {"start": 0.2, "end": 0.9, "text": "喂", "words": [{"word": "喂"}]},
    ]
    assert turns({"segments": segments}) == [
        ("other", None, "喂", 0.2),
        ("other", "S1", "您好", 1.0),
    ]


def test_whisper_is_the_same_without_speakers() -> None:
    """Its own fields are kept, and no fillers are promised."""
    segment = {"id": 0, "seek": 0, "start": 0.0, "end": 1.0, "text": "好", "no_speech_prob": 0.1}
    found = one({"text": "好", "segments": [segment], "language": "zh"})
    assert found.capabilities == ("timestamps",)
    assert found.metadata == {"language": "zh"}
    assert found.turns[0].metadata == {"id": 0, "seek": 0, "no_speech_prob": 0.1}
