"""WeCom (企业微信) conversation archive: decrypted messages, one a record.

Read: the archive SDK's messages as documented; no real file was seen.  Times are milliseconds.
Ids of people outside begin with ``wm`` or ``wo`` and are customers; everybody else is staff.  A
recall is a message of its own and takes back the one it names.  Messages of the same two people (or
of a room) more than six hours apart are two conversations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from jiyu.formats.build import rest, shaped
from jiyu.formats.chats import Message, shown
from jiyu.model import Speaker


class _Text(msgspec.Struct):
    content: str | None = None


class _Revoke(msgspec.Struct):
    pre_msgid: str | None = None


class _Message(msgspec.Struct):
    msgid: str
    sender: str | None = msgspec.field(default=None, name="from")
    action: str = "send"
    tolist: list[str] | None = None
    roomid: str | None = None
    msgtime: float | None = None
    msgtype: str | None = None
    text: _Text | None = None
    revoke: _Revoke | None = None
    seq: float | None = None


def is_wecom(value: Any) -> bool:
    """Recognise a message by its ids and receivers."""
    return {"msgid", "action"} <= value.keys() and bool({"from", "tolist", "user"} & value.keys())


def read_wecom(value: Any, _name: str) -> Iterator[Message]:
    """Yield the message of a record; a change of company (``switch``) is none."""
    raw = shaped(value, _Message)
    if raw.action == "switch" or raw.sender is None:
        return
    people = sorted({raw.sender, *(raw.tolist or ())[:1]})
    key = raw.roomid or "-".join(people)
    at = None if raw.msgtime is None else raw.msgtime / 1000
    if raw.action == "recall" or raw.msgtype == "revoke":
        taken = raw.revoke.pre_msgid if raw.revoke else None
        if taken:
            yield Message(key, None, "system", at=at, withdraws=taken)
        return
    text = shown(raw.msgtype or "unknown", raw.text.content if raw.text else None)
    kept = rest(value, _Message) | {"msgid": raw.msgid}
    outside = any(map(_is_outside, (raw.sender, *(raw.tolist or ()))))
    speaker: Speaker = "customer" if _is_outside(raw.sender) else "agent" if outside else "other"
    yield Message(key, text, speaker, raw.sender, at, raw.msgid, metadata=kept)


def _is_outside(user: str) -> bool:
    return user.startswith(("wm", "wo"))
