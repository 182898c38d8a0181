"""Messages of chat systems, gathered into conversations the same way for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

import msgspec

from jiyu.errors import InputError
from jiyu.formats.build import LABEL, placed, require_object
from jiyu.formats.gather import TOO_LONG, Gathered, Pieces
from jiyu.formats.source import Fault, Read, Record, Unit
from jiyu.formats.times import moment
from jiyu.model import Conversation, Event, Speaker, Turn

#: What is typed is verbatim, and every message has its time.
CAPABILITIES = ("timestamps", "verbatim_fillers")
#: A voice message was not read; words are missing there.
UNHEARD = "［听不清：语音］"
#: Messages of the same two people further apart than this, in seconds, are two conversations.
SESSION_GAP = 6 * 3600


class Message(msgspec.Struct):
    """One message, or one thing that happened between messages.

    Attributes:
        key: Whose conversation it belongs to.
        text: ``None`` if nothing is said by it.
        speaker: Who sent it.
        label: What the source calls the sender.
        at: Seconds since 1970.
        message_id: A later message of the same id is a revision.
        withdraws: The message that is taken back by this one.
        event: Something that is not speech.
        number: Line or record it was read from.
    """

    key: str
    text: str | None
    speaker: Speaker
    label: str | None = None
    at: float | None = None
    message_id: str | None = None
    withdraws: str | None = None
    event: Event | None = None
    number: int | None = None
    metadata: dict[str, Any] = {}


def shown(kind: str, text: str | None) -> str:
    """Return what stands for a message in a transcript: its text, or what kind of thing it is."""
    if text:
        return text
    return UNHEARD if kind in ("voice", "audio", "meeting_voice_call") else f"[{kind}]"


ReadSome = Callable[[Any, str], Iterable[Message]]


def messages(read_some: ReadSome, gap: float | None = None) -> Callable[..., Read]:
    """Make a reader of a format whose records are messages, or lists of messages.

    Args:
        read_some: Gets a record and the name of the source.
        gap: Seconds of silence that end a conversation; ``None`` if the source has ids for it.
    """

    def read(records: Iterable[Record | Fault], name: str) -> Read:
        with closing(Gathered(Message)) as gathered:
            for record in records:
                fault = _gather(record, name, read_some, gathered)
                if fault is not None:
                    yield fault
                if gathered.full:
                    return
            for pieces in gathered:
                yield from _units(pieces, gap)

    return read


def _gather(
    record: Record | Fault, name: str, read_some: ReadSome, gathered: Gathered[Message]
) -> Fault | None:
    """Take in the messages of a record, or say what is wrong with it."""
    if isinstance(record, Fault):
        return record
    try:
        require_object(record)
        for message in read_some(record.value, name):
            message.number = record.number
            gathered.add(message.key, message)
    except InputError as error:
        return Fault(record.number, placed(error, record.path))
    return None


def _units(pieces: Pieces[Message], gap: float | None) -> Read:
    """Yield the conversations that the messages of one key make."""
    if pieces.cut:
        yield Fault(pieces.pieces[0].number, TOO_LONG)
        return
    for sitting in _sittings(_final(pieces.pieces), gap):
        unit = _conversation(pieces.key, sitting, dated=gap is not None)
        if unit.conversation.turns:
            yield unit


def _final(sent: list[Message]) -> list[Message]:
    """Return messages as they were in the end, in the order in which they were sent."""
    withdrawn = {m.withdraws for m in sent if m.withdraws}
    kept: dict[str, Message] = {}
    for index, message in enumerate(sent):
        ident = message.message_id or f"\0{index}"
        if ident in withdrawn or message.withdraws:
            continue
        if ident in kept:
            # The revision counts, from the time at which it was first said.
            message.at = kept[ident].at
            message.number = kept[ident].number
        kept[ident] = message
    times = [m.at for m in kept.values()]
    if any(at is None for at in times):
        return list(kept.values())
    return sorted(kept.values(), key=lambda m: m.at or 0.0)


def _sittings(sent: list[Message], gap: float | None) -> Iterator[list[Message]]:
    """Cut at long silences."""
    sitting: list[Message] = []
    for message in sent:
        last = sitting[-1].at if sitting else None
        if gap and last is not None and message.at is not None and message.at - last > gap:
            yield sitting
            sitting = []
        sitting.append(message)
    if sitting:
        yield sitting


def _conversation(key: str, sent: list[Message], *, dated: bool) -> Unit:
    turns = tuple(
        Turn(
            m.text.strip(),
            speaker=m.speaker,
            at=moment(m.at),
            metadata=m.metadata | ({LABEL: m.label} if m.label else {}),
        )
        for m in sent
        if m.text and m.text.strip()
    )
    begin = moment(next((m.at for m in sent if m.at is not None), None))
    conversation = Conversation(
        f"{key}@{begin}" if dated and begin else key,
        turns,
        channel="chat",
        agent_id=next((m.label for m in sent if m.speaker == "agent" and m.label), None),
        capabilities=CAPABILITIES,
        events=tuple(m.event for m in sent if m.event),
    )
    return Unit(sent[0].number, conversation)
