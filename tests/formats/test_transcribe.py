"""Amazon Transcribe: words with channels or labels, old and new."""

from __future__ import annotations

from typing import Any

from reading import one, turns


def item(
    text: str, start: float | None = None, end: float | None = None, **more: str
) -> dict[str, Any]:
    """Return one item as Transcribe writes it."""
    times = {} if start is None else {"start_time": str(start), "end_time": str(end)}
    return {"alternatives": [{"content": text}], "type": "x", **times, **more}


def job(**results: Any) -> dict[str, Any]:
    """Return a job with results."""
    return {"jobName": "j", "results": {"transcripts": [{"transcript": "x"}], **results}}


def test_chinese_joins_without_and_latin_with_spaces() -> None:
    """Punctuation belongs to the word before it, and to its speaker."""
    items = [
        item("您", 0, 0.2),
        item("好", 0.2, 0.4),
        item("。"),
        item("OK", 0.5, 0.6),
        item("Sir", 0.6, 0.7),
    ]
    assert turns(job(items=items)) == [("other", None, "您好。OK Sir", 0.0)]


def test_labels_of_older_files_stand_apart() -> None:
    """Speakers are looked up by the time of the word."""
    labels = {
        "segments": [
            {"speaker_label": "spk_0", "items": [{"start_time": "0.0", "speaker_label": "spk_0"}]},
            {"speaker_label": "spk_1", "items": [{"start_time": "1.0"}]},
        ]
    }
    items = [item("您好", 0.0, 0.5), item("，"), item("喂", 1.0, 1.2)]
    assert turns(job(items=items, speaker_labels=labels)) == [
        ("other", "spk_0", "您好，", 0.0),
        ("other", "spk_1", "喂", 1.0),
    ]


def test_channels_may_overlap() -> None:
    """A turn goes on while the other channel says a word, and a pause ends it."""
    channels = [
        {"channel_label": "ch_0", "items": [item("我", 0, 1), item("说", 1, 2), item("完", 9, 10)]},
        {"channel_label": "ch_1", "items": [item("嗯", 0.5, 0.7)]},
    ]
    assert turns(job(channel_labels={"channels": channels})) == [
        ("other", "ch_0", "我说", 0.0),
        ("other", "ch_1", "嗯", 0.5),
        ("other", "ch_0", "完", 9.0),
    ]


def test_masked_words_stay() -> None:
    """A vocabulary filter's stars are evidence that words are missing."""
    assert one(job(items=[item("你", 0, 1), item("***", 1, 2)])).turns[0].text == "你 ***".replace(
        " ", ""
    )


def test_without_words_the_transcript_is_one_turn() -> None:
    """A job with a transcript alone has no times."""
    found = one(job())
    assert (found.turns[0].text, found.capabilities) == ("x", ())
