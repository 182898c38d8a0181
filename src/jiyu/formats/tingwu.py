"""Alibaba Cloud Tingwu: the transcription of a file.

Read: the result of API 2023-09-30 as documented; no real file was seen.  Times are
milliseconds, the text stands in words that name their sentence.  Tingwu filters profanity and
drops fillers unless told not to: fillers are not promised, and ``***`` stays in the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import msgspec

from jiyu.formats.build import in_order, joined, label_of, rest, shaped, spoken, turn
from jiyu.formats.times import milliseconds
from jiyu.model import Conversation, Turn


class _Word(msgspec.Struct):
    Text: str = ""
    SentenceId: str | float | None = None
    Start: float | None = None
    End: float | None = None


class _Paragraph(msgspec.Struct):
    Words: list[_Word] = []
    SpeakerId: str | float | None = None


class _Transcription(msgspec.Struct):
    Paragraphs: list[_Paragraph]
    AudioSegments: Any = None


class _Result(msgspec.Struct):
    Transcription: _Transcription
    TaskId: str | None = None


def _inner(value: Any) -> Any:
    return value if "Transcription" in value else {"Transcription": value}


def is_tingwu(value: Any) -> bool:
    """Recognise a transcription in paragraphs."""
    transcription = _inner(value)["Transcription"]
    return isinstance(transcription, dict) and isinstance(transcription.get("Paragraphs"), list)


def read_tingwu(value: Any, name: str) -> Iterator[Conversation]:
    """Yield the conversation of one task, a turn for each sentence."""
    raw = _inner(value)
    result = shaped(raw, _Result)
    turns: list[Turn] = []
    for given, paragraph in zip(
        raw["Transcription"]["Paragraphs"], result.Transcription.Paragraphs, strict=True
    ):
        metadata = rest(given, _Paragraph)
        for _, group in groupby(paragraph.Words, key=lambda word: word.SentenceId):
            words = list(group)
            turns += turn(
                joined(word.Text for word in words),
                label_of(paragraph.SpeakerId),
                metadata,
                start=milliseconds(words[0].Start),
                end=milliseconds(words[-1].End),
            )
    metadata = rest(raw, _Result) | rest(raw["Transcription"], _Transcription)
    yield spoken(result.TaskId or name, in_order(turns), metadata)
