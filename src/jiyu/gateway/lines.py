"""One line that came over a socket: what it says, and what makes a repetition the same line.

A line is known by the revision of its segment, by its ``number`` within the conversation, or, where
the client gives neither, by its ``seq`` together with its content.  The last is no more than a net:
whoever replays with the same ``seq`` is understood, and whoever starts to count anew, or feeds one
conversation over two sockets, loses nothing by it.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple

import msgspec

from jiyu.formats import canonical
from jiyu.formats.canonical import input_error, parsed
from jiyu.formats.live import Closing, Item, Message, message_of
from jiyu.model import Facts, Segment
from jiyu.store.journal import Kind, Line

#: Longest id of a conversation or segment; an index entry holds it.
ID_LIMIT = 200
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_HALF = re.compile("[\ud800-\udfff]")
_SPEAKERS = ("agent", "customer", "system", "other")


class Said(NamedTuple):
    """A line of the live protocol, read.

    Attributes:
        seq: The client's number of it on this socket.
        items: What it says, in order.
        line: As it is kept in the journal.
    """

    seq: int
    conversation_id: str
    items: tuple[Item, ...]
    line: Line

    @property
    def facts(self) -> Facts:
        """What the line says of the conversation as a whole, if it opens it."""
        return next((item for item in self.items if isinstance(item, Facts)), Facts())


class _Segment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A line that is a segment and nothing else, as nearly all are."""

    conversation_id: str
    segment_id: str
    text: str
    final: bool
    speaker: str
    start: float | None = None
    end: float | None = None
    seq: int | None = None
    revision: int | None = None
    number: int | None = None


class _Numbers(msgspec.Struct, frozen=True):
    """What numbers a line."""

    seq: int | None = None
    revision: int | None = None
    number: int | None = None


class _Seq(msgspec.Struct, frozen=True):
    """The number alone."""

    seq: int | None = None


_fast = msgspec.json.Decoder(_Segment)
_loose = msgspec.json.Decoder(dict[str, Any])
_seq = msgspec.json.Decoder(_Seq)
_encoder = msgspec.json.Encoder()
_NUMBERS = _Numbers.__struct_fields__


def read(raw: bytes, last: int) -> Said:
    """Read a line.

    Args:
        raw: JSON.
        last: ``seq`` of the line before it, to go on counting from if this one has none.

    Raises:
        InputError: It is none; the message never shows what was said.
    """
    where = canonical.Line("line", None, raw)
    numbers, message, payload = parsed(where, _read)
    _check(where, message)
    if _HALF.search(payload.decode("utf-8", "surrogatepass")):
        raise input_error(where, "half a character")
    seq = last + 1 if numbers.seq is None else numbers.seq
    return Said(seq, message.conversation_id, message.items, _line(message, payload, numbers, seq))


def seq_of(raw: bytes, last: int) -> int:
    """Return the number of a line that could not be read otherwise."""
    try:
        found = _seq.decode(raw).seq
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        found = None
    return last + 1 if found is None else found


def _read(raw: bytes) -> tuple[_Numbers, Message, bytes]:
    try:
        said = _fast.decode(raw)
    except msgspec.ValidationError:
        return _read_loosely(raw)
    if said.speaker not in _SPEAKERS:
        return _read_loosely(raw)
    segment = Segment(
        said.segment_id,
        said.text,
        said.speaker,  # type: ignore[arg-type] # looked at just above
        said.start,
        said.end,
        final=said.final,
    )
    numbers = _Numbers(said.seq, said.revision, said.number)
    kept = msgspec.structs.replace(said, seq=None, revision=None, number=None)
    return numbers, Message(said.conversation_id, (segment,)), _encoded(kept)


def _read_loosely(raw: bytes) -> tuple[_Numbers, Message, bytes]:
    data = _loose.decode(raw)
    numbers = msgspec.convert({k: data.get(k) for k in _NUMBERS}, _Numbers)
    rest = {key: value for key, value in data.items() if key not in _NUMBERS}
    return numbers, message_of(rest), _encoded(rest)


def _encoded(value: object) -> bytes:
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        # Half a character: valid JSON, and no text.
        raise msgspec.ValidationError("half a character") from None


def _check(where: canonical.Line, message: Message) -> None:
    """Refuse ids that no database can hold as a key.

    Raises:
        InputError: So it is.
    """
    names = [("conversation_id", message.conversation_id)]
    names += [
        ("segment_id", item.segment_id) for item in message.items if isinstance(item, Segment)
    ]
    for name, value in names:
        if not value.strip() or len(value) > ID_LIMIT or _CONTROL.search(value):
            raise input_error(where, f"{name}: 1 to {ID_LIMIT} characters, none of control")
    if not message.items:
        raise input_error(where, "says nothing: open, segment_id, event or close is needed")


def _line(message: Message, payload: bytes, numbers: _Numbers, seq: int) -> Line:
    kind = _kind(message)
    first = message.items[0]
    if numbers.revision is not None and isinstance(first, Segment):
        return Line(kind, payload, segment_id=first.segment_id, revision=numbers.revision)
    if numbers.number is not None:
        return Line(kind, payload, number=numbers.number)
    content = hashlib.blake2b(payload, digest_size=12).hexdigest()
    return Line(kind, payload, segment_id=f"#{content}", revision=seq)


def _kind(message: Message) -> Kind:
    if any(isinstance(item, Closing) for item in message.items):
        return "close"
    match message.items[0]:
        case Segment():
            return "segment"
        case Facts():
            return "open"
    return "event"


def read_stored(payload: bytes) -> Message:
    """Read a line of the journal again.

    Raises:
        InputError: It is no line of this version.
    """
    return parsed(
        canonical.Line("journal", None, payload), lambda raw: message_of(_loose.decode(raw))
    )
