"""Alibaba NLS and Tingwu: letter case, numbers as text, sentences of words."""

from __future__ import annotations

from reading import one, turns
from samples import ALIYUN, TINGWU


def test_letter_case_and_numbers_as_text() -> None:
    """A sibling feed writes everything differently."""
    sentence = {
        "x": 0,
        "beginTime": "500",
        "endTime": "900",
        "text": "您好",
        "channelId": "1",
    }
    assert turns({"sentences": [sentence]}) == [("other", "1", "您好", 0.5)]


def test_underscores_do_not_matter() -> None:
    """Nor does the response around the result."""
    sentence = {"text": "您好", "begin_time": 500, "end_time": 900, "channel_id": 0}
    value = {"statusCode": 1, "result": {"sentences": [sentence]}}
    assert turns(value) == [("other", "0", "您好", 0.5)]


def test_nls_promises_fillers_and_tingwu_does_not() -> None:
    """Tingwu filters fillers and profanity unless told not to."""
    assert one(ALIYUN).capabilities == ("timestamps", "verbatim_fillers")
    assert one(TINGWU).capabilities == ("timestamps",)


def test_tingwu_sentences_are_turns() -> None:
    """A paragraph of two sentences is two turns; a mask stays in the text."""
    words = [
        {"SentenceId": 1, "Start": 0, "End": 100, "Text": "您好，"},
        {"SentenceId": 1, "Start": 100, "End": 200, "Text": "请讲。"},
        {"SentenceId": 2, "Start": 900, "End": 1000, "Text": "***"},
    ]
    value = {"Paragraphs": [{"SpeakerId": "1", "Words": words}]}
    assert turns(value) == [("other", "1", "您好，请讲。", 0.0), ("other", "1", "***", 0.9)]


def test_what_else_is_told_is_kept() -> None:
    """Speech rate and emotion stay with their sentence."""
    assert one(ALIYUN).turns[0].metadata["speechrate"] == 300
    assert one(ALIYUN).metadata["bizduration"] == 8000
    assert one(TINGWU).metadata["AudioInfo"]["Duration"] == 8000
