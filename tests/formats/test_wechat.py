"""WeChat: events between messages, other operations, voice messages."""

from __future__ import annotations

from typing import Any

from reading import one
from samples import BEGIN, WECHAT_KF, WECHAT_MP


def answer(*more: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of ``sync_msg`` with something behind its messages."""
    return {**WECHAT_KF, "msg_list": [*WECHAT_KF["msg_list"], *more]}


def event(kind: str, **more: Any) -> dict[str, Any]:
    """Return an event as ``sync_msg`` lists it."""
    inner = {"event_type": kind, "open_kfid": "wk1", "external_userid": "wm1", **more}
    return {"msgid": "e", "send_time": BEGIN + 20, "origin": 4, "msgtype": "event", "event": inner}


def test_recall_and_transfer() -> None:
    """What staff took back was not said; a change of staff is a transfer."""
    found = one(answer(
        event("servicer_recall_msg", recall_msgid="m2"),
        event("session_status_change", change_type=2, new_servicer_userid="wang"),
        event("enter_session"),
    ))  # fmt: skip
    assert len(found.turns) == 2
    assert [(e.type, e.note) for e in found.events] == [("transfer", "wang")]
    assert found.agent_id == "lin"


def test_system_messages_are_the_system_s() -> None:
    """Origin 4 is neither side."""
    note = {**WECHAT_KF["msg_list"][0], "msgid": "n", "origin": 4, "send_time": BEGIN + 30}
    assert one(answer(note)).turns[-1].speaker == "system"


def test_other_operations_are_not_said() -> None:
    """Official accounts record taking over and waiting too."""
    taken = {"openid": "o1", "opercode": 1000, "time": BEGIN, "text": "", "worker": "lin@x"}
    found = one({**WECHAT_MP, "recordlist": [taken, *WECHAT_MP["recordlist"]]})
    assert len(found.turns) == 3
    assert found.agent_id == "lin@x"
