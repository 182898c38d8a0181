"""Google v2: left-out noughts, several files, channels."""

from __future__ import annotations

from reading import conversations, one, turns
from samples import GOOGLE, dumped


def test_nought_is_left_out_of_times() -> None:
    """A word without a start begins at once."""
    words = [{"endOffset": "0.500s", "word": "您好"}]
    value = {"results": [{"alternatives": [{"transcript": "您好", "words": words}]}]}
    assert turns(value) == [("other", None, "您好", 0.0)]


def test_speakers_change_within_a_result() -> None:
    """Each run of one label is a turn."""
    words = [
        {"startOffset": "0s", "endOffset": "1s", "word": "您好", "speakerLabel": "1"},
        {"startOffset": "1s", "endOffset": "2s", "word": "喂", "speakerLabel": "2"},
    ]
    value = {"results": [{"alternatives": [{"transcript": "您好喂", "words": words}]}, {}]}
    assert turns(value) == [("other", "1", "您好", 0.0), ("other", "2", "喂", 1.0)]


def test_channel_is_a_label() -> None:
    """Recordings with several channels have no speaker labels."""
    value = {"results": [{"alternatives": [{"transcript": "您好"}], "channelTag": 2}]}
    assert turns(value) == [("other", "2", "您好", None)]


def test_response_names_its_files() -> None:
    """Each file of a batch is a conversation that is called after it."""
    batch = {
        "results": {
            "gs://b/1.wav": {"inlineResult": {"transcript": GOOGLE}},
            "gs://b/2.wav": {"error": {}},
        }
    }
    assert [c.conversation_id for c in conversations(dumped(batch))] == ["gs://b/1.wav"]
    assert one({"results": {"u": {"transcript": GOOGLE}}}).conversation_id == "u"
