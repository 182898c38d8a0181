"""WhisperX JSON, and the JSON of whisper itself, which is the same without speakers.

Read: WhisperX 3.x as its source writes it; no file of a user was seen.  Times are in seconds, and a
segment has no speaker where diarisation overlapped with nothing.  Whisper leaves out fillers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from jiyu.formats.build import in_order, rest, shaped, spoken, turn
from jiyu.formats.times import seconds
from jiyu.model import Conversation


class _Word(msgspec.Struct):
    speaker: str | None = None


class _Segment(msgspec.Struct):
    text: str
    start: float | None = None
    end: float | None = None
    speaker: str | None = None
    words: list[_Word] | None = None


class _Result(msgspec.Struct):
    segments: list[_Segment]
    #: The same words once more.
    word_segments: Any = None
    text: Any = None


def is_whisperx(value: Any) -> bool:
    """Recognise a list of segments with text and seconds."""
    segments = value.get("segments")
    return (
        isinstance(segments, list)
        and bool(segments)
        and isinstance(segments[0], dict)
        and {"text", "start"} <= segments[0].keys()
        and "recognizedPhrases" not in value
    )


def read_whisperx(value: Any, name: str) -> Iterator[Conversation]:
    """Yield the conversation of one result."""
    result = shaped(value, _Result)
    turns = [
        one
        for raw, segment in zip(value["segments"], result.segments, strict=True)
        for one in turn(
            segment.text,
            segment.speaker or _mostly(segment.words or []),
            rest(raw, _Segment),
            start=seconds(segment.start),
            end=seconds(segment.end),
        )
    ]
    yield spoken(name, in_order(turns), rest(value, _Result))


def _mostly(words: list[_Word]) -> str | None:
    """Return the speaker of most words of a segment that has none itself."""
    speakers = Counter(word.speaker for word in words if word.speaker)
    return speakers.most_common(1)[0][0] if speakers else None
