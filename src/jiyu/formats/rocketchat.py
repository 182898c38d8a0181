"""Rocket.Chat: the omnichannel webhook of a closed session, and exported rooms.

Read: Rocket.Chat 6–7 as documented; no file of a user was seen.  A message with ``agentId`` is an
agent's, one of type ``t`` is the system's, every other one the visitor's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from jiyu.formats.build import LABEL, rest, shaped, spoken
from jiyu.formats.times import epoch, moment
from jiyu.model import Conversation, Speaker, Turn


class _User(msgspec.Struct):
    username: str | None = None


class _Date(msgspec.Struct):
    date: float | str | None = msgspec.field(default=None, name="$date")


class _Message(msgspec.Struct):
    msg: str | None = None
    ts: _Date | str | float | None = None
    agentId: str | None = None
    username: str | None = None
    u: _User | None = None
    t: str | None = None


class _Agent(msgspec.Struct):
    username: str | None = None


class _Session(msgspec.Struct):
    messages: list[_Message]
    id: str | None = msgspec.field(default=None, name="_id")
    agent: _Agent | None = None


def is_rocketchat(value: Any) -> bool:
    """Recognise a list of messages with ``msg`` and ``ts``."""
    sent = value.get("messages")
    return (
        isinstance(sent, list)
        and bool(sent)
        and isinstance(sent[0], dict)
        and {"msg", "ts"} <= sent[0].keys()
    )


def read_rocketchat(value: Any, name: str) -> Iterator[Conversation]:
    """Yield the conversation of one session."""
    session = shaped(value, _Session)
    turns: list[Turn] = []
    agent = session.agent.username if session.agent else None
    for raw, message in zip(value["messages"], session.messages, strict=True):
        label = message.username or (message.u.username if message.u else None)
        speaker: Speaker = "agent" if message.agentId else "system" if message.t else "customer"
        agent = agent or (label if speaker == "agent" else None)
        if message.msg and message.msg.strip():
            kept = rest(raw, _Message) | ({LABEL: label} if label else {})
            turns.append(Turn(message.msg.strip(), speaker, at=_at(message.ts), metadata=kept))
    read = spoken(
        session.id or name,
        turns,
        {k: v for k, v in value.items() if k not in ("messages", "_id")},
        "timestamps",
        "verbatim_fillers",
        channel="chat",
    )
    yield msgspec.structs.replace(read, agent_id=agent)


def _at(value: _Date | str | float | None) -> str | None:
    inner = value.date if isinstance(value, _Date) else value
    return moment(epoch(inner) if isinstance(inner, str) else inner)
