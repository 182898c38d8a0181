"""WeChat: 微信客服 (``kf/sync_msg``) and the staff records of official accounts (``getmsglist``).

Read: both APIs as documented; no real file was seen.  In 微信客服 ``origin`` 3 is the customer, 4
the system, 5 the staff; in official accounts ``opercode`` 2002 is what staff sent and 2003 what the
customer sent.  Times are seconds.  Neither has ids of conversations: messages of one customer more
than six hours apart are two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from jiyu.formats.build import rest, shaped
from jiyu.formats.chats import Message, shown
from jiyu.formats.times import moment
from jiyu.model import Event, Speaker

_ORIGINS: dict[float | None, Speaker] = {3: "customer", 4: "system", 5: "agent"}
_OPERATIONS: dict[float | None, Speaker] = {2002: "agent", 2003: "customer"}


class _Text(msgspec.Struct):
    content: str | None = None


class _Event(msgspec.Struct):
    event_type: str | None = None
    open_kfid: str | None = None
    external_userid: str | None = None
    recall_msgid: str | None = None
    change_type: float | None = None
    new_servicer_userid: str | None = None


class _Message(msgspec.Struct):
    msgid: str | None = None
    open_kfid: str | None = None
    external_userid: str | None = None
    servicer_userid: str | None = None
    send_time: float | None = None
    origin: float | None = None
    msgtype: str | None = None
    text: _Text | None = None
    event: _Event | None = None


class _Answer(msgspec.Struct):
    msg_list: list[dict[str, Any]]


class _Record(msgspec.Struct):
    openid: str
    opercode: float
    worker: str | None = None
    time: float | None = None
    text: str | None = None


class _Records(msgspec.Struct):
    recordlist: list[dict[str, Any]]


def is_wechat_kf(value: Any) -> bool:
    """Recognise an answer of ``sync_msg``, or one of its messages."""
    return isinstance(value.get("msg_list"), list) or (
        "msgid" in value and "origin" in value and "send_time" in value
    )


def read_wechat_kf(value: Any, _name: str) -> Iterator[Message]:
    """Yield the messages and events of a record."""
    for raw in shaped(value, _Answer).msg_list if "msg_list" in value else [value]:
        message = shaped(raw, _Message)
        event = message.event or _Event()
        account = message.open_kfid or event.open_kfid
        customer = message.external_userid or event.external_userid
        if account is None or customer is None:
            continue
        key = f"{account}-{customer}"
        if message.event is not None:
            yield from _happened(key, event, message.send_time)
            continue
        speaker = _ORIGINS.get(message.origin, "other")
        label = {"customer": customer, "agent": message.servicer_userid}.get(speaker)
        text = shown(message.msgtype or "unknown", message.text.content if message.text else None)
        kept = rest(raw, _Message)
        yield Message(key, text, speaker, label, message.send_time, message.msgid, metadata=kept)


def _happened(key: str, event: _Event, at: float | None) -> Iterator[Message]:
    """Yield what an event means: a message taken back, or a transfer."""
    if event.recall_msgid:
        yield Message(key, None, "system", at=at, withdraws=event.recall_msgid)
    elif event.event_type == "session_status_change" and event.change_type == 2:
        transfer = Event("transfer", moment(at), "agent", note=event.new_servicer_userid)
        yield Message(key, None, "system", at=at, event=transfer)


def is_wechat_mp(value: Any) -> bool:
    """Recognise records of staff, or one of them."""
    return isinstance(value.get("recordlist"), list) or {"openid", "opercode"} <= value.keys()


def read_wechat_mp(value: Any, _name: str) -> Iterator[Message]:
    """Yield what was sent; other operations (taking over, waiting) say nothing."""
    for raw in shaped(value, _Records).recordlist if "recordlist" in value else [value]:
        record = shaped(raw, _Record)
        speaker = _OPERATIONS.get(record.opercode)
        if speaker is None:
            continue
        label = (record.worker or "").strip() if speaker == "agent" else record.openid
        kept = rest(raw, _Record)
        yield Message(
            record.openid, record.text, speaker, label or None, record.time, metadata=kept
        )
