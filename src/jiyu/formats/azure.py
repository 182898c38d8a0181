"""Azure: batch transcription, and the conversation JSON of its language service.

Read: the speech-to-text batch result of v3.x (as documented; no real file seen) and
``analysisInput.conversations`` of the 2022–2024 language API (Microsoft's published sample
seen).  Offsets are ticks of 100 ns.  Azure masks profanity unless told otherwise, so where the
display form has ``**`` and the lexical form has not, the lexical form is what was said.
``nBest`` is not sorted: its first entry is the one that counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from jiyu.formats.build import in_order, label_of, rest, shaped, spoken, turn
from jiyu.formats.roles import role_of
from jiyu.formats.source import refused
from jiyu.formats.times import ticks
from jiyu.model import Conversation, Turn


class _Best(msgspec.Struct):
    lexical: str | None = None
    display: str | None = None
    #: Single words, once more.
    words: Any = None
    displayWords: Any = None


class _Phrase(msgspec.Struct):
    channel: float | None = None
    speaker: str | float | None = None
    offsetInTicks: float | None = None
    durationInTicks: float | None = None
    nBest: list[_Best] = []


class _Batch(msgspec.Struct):
    recognizedPhrases: list[_Phrase]
    combinedRecognizedPhrases: Any = None


class _Timing(msgspec.Struct):
    offset: float | None = None
    duration: float | None = None


class _Item(msgspec.Struct):
    participantId: str | float | None = None
    role: str | None = None
    text: str | None = None
    lexical: str | None = None
    conversationItemLevelTiming: _Timing | None = None
    audioTimings: Any = None


class _Conversation(msgspec.Struct):
    conversationItems: list[_Item]
    id: str | None = None
    modality: str | None = None


def is_azure_batch(value: Any) -> bool:
    """Recognise a batch transcription."""
    return isinstance(value.get("recognizedPhrases"), list)


def read_azure_batch(value: Any, name: str) -> Iterator[Conversation]:
    """Yield the conversation of one audio file."""
    phrases = shaped(value, _Batch).recognizedPhrases
    channels = {phrase.channel for phrase in phrases}
    turns: list[Turn] = []
    for raw, phrase in zip(value["recognizedPhrases"], phrases, strict=True):
        if not phrase.nBest:
            continue
        said = _said(phrase.nBest[0].display, phrase.nBest[0].lexical)
        turns += turn(
            said[0],
            label_of(phrase.channel if len(channels) > 1 else phrase.speaker),
            rest(raw, _Phrase) | said[1],
            **_times(phrase.offsetInTicks, phrase.durationInTicks),
        )
    yield spoken(name, in_order(turns), rest(value, _Batch))


def is_azure_conversation(value: Any) -> bool:
    """Recognise conversations as the language service takes them."""
    return any(
        isinstance(one, dict) and "conversationItems" in one for one in _conversations(value)
    )


def _conversations(value: Any) -> list[Any]:
    inner = value.get("analysisInput", value)
    inner = inner.get("conversations", [inner]) if isinstance(inner, dict) else []
    return inner if isinstance(inner, list) else []


def read_azure_conversation(value: Any, name: str) -> Iterator[Conversation]:
    """Yield every conversation of a request."""
    for raw in _conversations(value):
        conversation = shaped(raw, _Conversation)
        turns: list[Turn] = []
        for given, item in zip(
            raw["conversationItems"], conversation.conversationItems, strict=True
        ):
            said = _said(item.text, item.lexical)
            timing = item.conversationItemLevelTiming or _Timing()
            label = label_of(item.participantId)
            role = role_of(item.role) if item.role else role_of(label)
            turns += turn(
                said[0],
                label,
                rest(given, _Item) | said[1],
                speaker=role,
                **_times(timing.offset, timing.duration),
            )
        if not turns:
            raise refused("there is nothing said in it")
        chat = conversation.modality == "text"
        yield spoken(
            conversation.id or name,
            in_order(turns),
            rest(raw, _Conversation),
            channel="chat" if chat else None,
        )


def _times(offset: float | None, length: float | None) -> dict[str, Any]:
    end = None if offset is None or length is None else ticks(offset + length)
    return {"start": ticks(offset), "end": end}


def _said(display: str | None, lexical: str | None) -> tuple[str | None, dict[str, Any]]:
    """Choose what was said; the other form, if there is more to it, goes into the metadata."""
    if display and "**" in display and lexical and "**" not in lexical:
        return lexical, {"display": display}
    if lexical and lexical != display:
        return display or lexical, {"lexical": lexical}
    return display or lexical, {}
