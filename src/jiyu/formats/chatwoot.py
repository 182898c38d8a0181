"""Chatwoot: webhook events, and exported lists of messages.

Read: Chatwoot 3–4 as its source writes them; no file of a user was seen.  ``message_type`` is a
word in webhooks and 0–3 in exports.  Private notes are skipped, ``message_updated`` is a
revision, and a deleted message is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from jiyu.formats.build import label_of, rest, shaped
from jiyu.formats.chats import Message
from jiyu.formats.source import refused
from jiyu.formats.times import epoch
from jiyu.model import Speaker

_TYPES: dict[str, Speaker] = {
    "incoming": "customer",
    "outgoing": "agent",
    "activity": "system",
    "template": "system",
    "0": "customer",
    "1": "agent",
    "2": "system",
    "3": "system",
}


class _Sender(msgspec.Struct):
    type: str | None = None
    name: str | None = None


class _Conversation(msgspec.Struct):
    id: float | str | None = None
    display_id: float | str | None = None


class _Attributes(msgspec.Struct):
    deleted: bool | None = None


class _Message(msgspec.Struct):
    id: float | str
    message_type: float | str
    content: str | None = None
    created_at: float | str | None = None
    private: bool | None = None
    event: str | None = None
    conversation_id: float | str | None = None
    conversation: _Conversation | None = None
    sender: _Sender | None = None
    content_attributes: _Attributes | None = None
    account: Any = None
    inbox: Any = None


def is_chatwoot(value: Any) -> bool:
    """Recognise a message by its type and conversation, or a list of such messages."""
    inner = value.get("payload")
    if isinstance(inner, list):
        return bool(inner) and isinstance(inner[0], dict) and is_chatwoot(inner[0])
    about = {"conversation", "conversation_id"} & value.keys()
    return {"message_type", "content"} <= value.keys() and bool(about)


def read_chatwoot(value: Any, _name: str) -> Iterator[Message]:
    """Yield the messages of a record; other events of a webhook say nothing."""
    for raw in value["payload"] if isinstance(value.get("payload"), list) else [value]:
        if not isinstance(raw, dict):
            raise refused("Expected `object`, got another value - at `$.payload[...]`")
        if "message_type" not in raw:
            continue
        message = shaped(raw, _Message)
        inner = message.conversation or _Conversation()
        key = label_of(message.conversation_id or inner.display_id or inner.id)
        if message.private or key is None:
            continue
        sender = message.sender or _Sender()
        speaker = _TYPES.get(label_of(message.message_type) or "", "other")
        if speaker == "agent" and sender.type == "agent_bot":
            speaker = "system"
        ident, at = label_of(message.id), _at(message.created_at)
        if message.content_attributes and message.content_attributes.deleted:
            yield Message(key, None, speaker, at=at, withdraws=ident)
            continue
        kept = rest(raw, _Message)
        text = message.content or ("[attachment]" if raw.get("attachments") else None)
        yield Message(key, text, speaker, sender.name, at, ident, metadata=kept)


def _at(value: float | str | None) -> float | None:
    """Return a time in seconds since 1970; webhooks write it as text."""
    return epoch(value) if isinstance(value, str) else value
