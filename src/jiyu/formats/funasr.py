"""FunASR and SenseVoice: what ``AutoModel.generate`` returns, written down as JSON.

Read: FunASR 1.x as its source writes it; no file of a user was seen.  Times are milliseconds.  The
words of a sentence are under ``text`` or, with ``spk_mode="vad_segment"``, under ``sentence``;
without a punctuation model ``text`` may be a list.  Speakers are numbers in order of appearance.
Whether fillers are kept depends on the model, so that is not promised.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from jiyu.formats.build import in_order, joined, label_of, rest, shaped, spoken, turn
from jiyu.formats.sensevoice import heard, is_tagged
from jiyu.formats.times import milliseconds
from jiyu.model import Conversation, Turn

_Stamps = list[list[float]] | None


class _Sentence(msgspec.Struct):
    text: str | list[str] | None = None
    sentence: str | list[str] | None = None
    start: float | None = None
    end: float | None = None
    timestamp: _Stamps = None
    spk: str | float | None = None


class _Result(msgspec.Struct):
    key: str
    text: str | list[str] = ""
    timestamp: _Stamps = None
    sentence_info: list[_Sentence] | None = None
    #: The same words once more.
    raw_text: Any = None
    words: Any = None


def is_funasr(value: Any) -> bool:
    """Recognise a key with a text, and that nothing else claims it."""
    return (
        isinstance(value.get("key"), str)
        and ("sentence_info" in value or isinstance(value.get("text"), (str, list)))
        and not value.keys() & {"speaker", "msgid", "turns", "segments"}
    )


def is_sensevoice(value: Any) -> bool:
    """Recognise what FunASR writes if there are SenseVoice's marks in it."""
    return is_funasr(value) and any(map(is_tagged, _texts(value)))


def _texts(value: Any) -> Iterator[str]:
    sentences = value.get("sentence_info")
    for one in (value, *(sentences if isinstance(sentences, list) else ())):
        if isinstance(one, dict):
            yield from (t for k in ("text", "sentence") if isinstance(t := one.get(k), str))


def read_funasr(value: Any, name: str) -> Iterator[Conversation]:
    """Yield the conversation of one audio file."""
    result = shaped(value, _Result)
    turns: list[Turn] = []
    for raw, sentence in zip(
        value.get("sentence_info") or (), result.sentence_info or (), strict=True
    ):
        turns += _turn(sentence.text or sentence.sentence, sentence, rest(raw, _Sentence))
    if not turns:
        turns += _turn(result.text, _Sentence(timestamp=result.timestamp), {})
    more = ("audio_events",) if is_sensevoice(value) or any(t.tags for t in turns) else ()
    yield spoken(result.key or name, in_order(turns), rest(value, _Result), *more)


def _turn(
    text: str | list[str] | None, sentence: _Sentence, metadata: dict[str, Any]
) -> Iterator[Turn]:
    said = heard(joined(text) if isinstance(text, list) else text or "")
    stamps = [s for s in sentence.timestamp or () if len(s) == 2]
    start = stamps[0][0] if sentence.start is None and stamps else sentence.start
    end = stamps[-1][1] if sentence.end is None and stamps else sentence.end
    yield from turn(
        said.text,
        label_of(sentence.spk),
        {**metadata, **said.metadata},
        start=milliseconds(start),
        end=milliseconds(end),
        tags=said.tags,
    )
