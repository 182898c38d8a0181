"""Google Speech-to-Text v2: the results of a batch recognition.

Read: ``BatchRecognizeResults`` of the v2 API as its reference describes it, plain or inside a
response that names its files; no real file was seen.  Times are texts such as ``1.200s``, and
one of nought is left out.  Speakers are labels of words or, of recordings with several
channels, ``channelTag``.  The models leave fillers out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from jiyu.formats.build import Word, in_order, label_of, rest, shaped, spoken, turn, turns_of
from jiyu.formats.source import refused
from jiyu.formats.times import duration
from jiyu.model import Conversation, Turn


class _Word(msgspec.Struct):
    word: str = ""
    startOffset: str | None = None
    endOffset: str | None = None
    speakerLabel: str | None = None


class _Alternative(msgspec.Struct):
    transcript: str = ""
    words: list[_Word] = []


class _Result(msgspec.Struct):
    alternatives: list[_Alternative] = []
    channelTag: float | None = None
    resultEndOffset: str | None = None


class _Results(msgspec.Struct):
    results: list[_Result]


def _inner(value: Any) -> Iterator[tuple[str | None, Any]]:
    """Yield the results of each file with its name; a plain result has none."""
    results = value.get("results")
    if isinstance(results, list):
        yield None, value
    elif isinstance(results, dict):
        for uri, file in results.items():
            inline = file.get("inlineResult", file) if isinstance(file, dict) else None
            transcript = inline.get("transcript") if isinstance(inline, dict) else None
            if isinstance(transcript, dict) and isinstance(transcript.get("results"), list):
                yield uri, transcript


def is_google(value: Any) -> bool:
    """Recognise results that are lists of alternatives."""
    for _, inner in _inner(value):
        return any(isinstance(r, dict) and "alternatives" in r for r in inner["results"][:5])
    return False


def read_google(value: Any, name: str) -> Iterator[Conversation]:
    """Yield a conversation for each file that was recognised."""
    files = list(_inner(value))
    if not files:
        raise refused("there is nothing said in it")
    for uri, inner in files:
        results = shaped(inner, _Results).results
        turns: list[Turn] = []
        for raw, result in zip(inner["results"], results, strict=True):
            turns += _turns(result, rest(raw, _Result))
        yield spoken(uri or name, in_order(turns), rest(inner, _Results))


def _turns(result: _Result, metadata: dict[str, Any]) -> Iterator[Turn]:
    best = result.alternatives[0] if result.alternatives else _Alternative()
    channel = label_of(result.channelTag) if result.channelTag else None
    words = [
        Word(
            w.word,
            channel or w.speakerLabel,
            duration(w.startOffset or "0s"),
            duration(w.endOffset),
        )
        for w in best.words
    ]
    if len({word.label for word in words}) > 1:
        yield from turns_of(words, apart=False)
        return
    yield from turn(
        best.transcript,
        words[0].label if words else channel,
        metadata,
        start=words[0].start if words else None,
        end=words[-1].end if words else None,
    )
