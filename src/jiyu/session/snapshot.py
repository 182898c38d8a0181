"""A session as bytes: MessagePack behind a mark and a version, without any code in it."""

from __future__ import annotations

from typing import Any

import msgspec

from jiyu.errors import Problem, SessionError
from jiyu.model import Conversation, Finding, Segment

_MARK = b"jiyu-session"
#: Rises whenever what is saved, or what it means, changes.
VERSION = 1


class SavedPiece(msgspec.Struct, frozen=True, array_like=True):
    """A segment in its last revision, and whether that can change."""

    segment: Segment
    sealed: bool
    gone: bool


class Saved(msgspec.Struct, frozen=True):
    """All that cannot be worked out anew.

    Attributes:
        policy: Digest of the policy that judges.
        conversation: What is known of the conversation besides its turns.
        pieces: Its segments in the order in which they were first seen.
        unsettled: What was raised and not settled, by place.
        confirmed: Ids of what was confirmed.
    """

    policy: str
    conversation: Conversation
    pieces: list[SavedPiece]
    unsettled: dict[str, list[Finding]]
    confirmed: list[str]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Saved)


def encode(saved: Saved) -> bytes:
    """Write a snapshot; half a character, which is no text, becomes a mark of its length."""
    try:
        data = _encoder.encode(saved)
    except UnicodeEncodeError:
        data = _encoder.encode(_whole_characters(msgspec.to_builtins(saved)))
    return _MARK + bytes([VERSION]) + data


def _whole_characters(value: Any) -> Any:
    match value:
        case str():
            return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in value)
        case list() | tuple():
            return [_whole_characters(item) for item in value]
        case dict():
            return {_whole_characters(k): _whole_characters(v) for k, v in value.items()}
    return value


def decode(data: bytes, policy: str) -> Saved:
    """Read a snapshot.

    Args:
        data: What ``encode`` returned.
        policy: Digest of the policy that the session must have been judged by.

    Raises:
        SessionError: It is none, is damaged, or is of another version or policy.
    """
    head = len(_MARK)
    if data[:head] != _MARK or len(data) <= head:
        raise _error("is no saved session")
    if data[head] != VERSION:
        raise _error(f"is of version {data[head]}, this is version {VERSION}")
    try:
        saved = _decoder.decode(data[head + 1 :])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _error("is damaged") from None
    if saved.policy != policy:
        raise _error(f"was judged by policy {saved.policy[:12]}, this is {policy[:12]}")
    return saved


def _error(message: str) -> SessionError:
    return SessionError(Problem("snapshot", None, message))
