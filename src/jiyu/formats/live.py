"""Live JSON lines: what is known of a conversation, its segments, its events, its end.

One line may say several of these; they are taken in that order.  Unknown keys are kept under
``metadata``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from jiyu.formats.canonical import Line, input_error, parsed, tidied
from jiyu.model import Event, Facts, Segment


class Closing(NamedTuple):
    """The conversation has ended; what is known of it now."""

    facts: Facts


Item = Facts | Segment | Event | Closing


class Message(NamedTuple):
    """What one line says of one conversation."""

    conversation_id: str
    items: tuple[Item, ...]


class _Line(msgspec.Struct, frozen=True):
    """The keys that say what a line is about."""

    conversation_id: str
    segment_id: str | int | None = None
    open: dict[str, Any] | None = None
    event: dict[str, Any] | None = None
    close: bool = False


class _Segment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line that is a segment and nothing else, as nearly all are."""

    conversation_id: str
    segment_id: str
    text: str
    final: bool
    speaker: Any = None
    start: float | None = None
    end: float | None = None


_segment_decoder = msgspec.json.Decoder(_Segment)
_decoder = msgspec.json.Decoder(dict[str, Any])
_SPEAKERS = ("agent", "customer", "system", "other")
_KEYS = frozenset(_Line.__struct_fields__)


def decode_live(line: Line) -> Message:
    """Read a line of the live protocol.

    Raises:
        InputError: The line is none; the message never shows what was said.
    """
    message = parsed(line, _message)
    if not message.conversation_id.strip():
        raise input_error(line, "the conversation has no id")
    if not message.items:
        raise input_error(line, "says nothing: open, segment_id, event or close is needed")
    return message


def _message(raw: bytes) -> Message:
    try:
        said = _segment_decoder.decode(raw)
    except msgspec.ValidationError:
        return message_of(_decoder.decode(raw))
    if said.speaker not in _SPEAKERS:
        return message_of(_decoder.decode(raw))
    segment = Segment(
        said.segment_id, said.text, said.speaker, said.start, said.end, final=said.final
    )
    return Message(said.conversation_id, (segment,))


def message_of(data: dict[str, Any]) -> Message:
    """Read a message that is JSON already.

    Raises:
        msgspec.ValidationError: It has values that it must not have.
    """
    head = msgspec.convert({k: v for k, v in data.items() if k in _KEYS and v is not None}, _Line)
    rest = {key: value for key, value in data.items() if key not in _KEYS}
    items: list[Item] = []
    if head.open is not None:
        items.append(_facts(head.open))
    if head.segment_id is not None:
        given = tidied({**rest, "segment_id": str(head.segment_id)}, Segment)
        items.append(msgspec.convert(given, Segment))
    if head.event is not None:
        items.append(msgspec.convert(tidied(head.event, Event), Event))
    if head.close:
        items.append(Closing(_facts({} if head.segment_id is not None else rest)))
    return Message(head.conversation_id, tuple(items))


def _facts(data: dict[str, Any]) -> Facts:
    return msgspec.convert(tidied(data, Facts), Facts)
