"""WeCom archive: recalls, rooms, voice messages, sittings."""

from __future__ import annotations

from typing import Any

from reading import conversations
from samples import lined

AT = 1772414045


def message(ident: str, sender: str, at: int, text: str | None, **more: Any) -> dict[str, Any]:
    """Return one archived message."""
    kind = {"msgtype": "text", "text": {"content": text}} if text else {}
    to = ["wmK"] if sender == "lin" else ["lin"]
    return (
        {
            "msgid": ident,
            "action": "send",
            "from": sender,
            "tolist": to,
            "msgtime": (AT + at) * 1000,
        }
        | kind
        | more
    )


def test_recalled_message_was_not_said() -> None:
    """A recall takes back the message that it names."""
    rows = [
        message("1", "lin", 0, "您好"),
        message("2", "lin", 5, "有完没完"),
        message("3", "lin", 9, None, action="recall", msgtype="revoke", revoke={"pre_msgid": "2"}),
    ]
    (found,) = conversations(lined(rows), "in.jsonl")
    assert [t.text for t in found.turns] == ["您好"]


def test_messages_are_put_in_order_and_apart() -> None:
    """Archives mix chats; a long silence begins a new conversation."""
    rows = [
        message("3", "wmK", 30, "在吗"),
        message("9", "lin", 0, "您好", tolist=["wmOther"]),
        message("1", "lin", 0, "您好"),
        message("5", "wmK", 86400, "还在吗"),
        {"msgid": "s", "action": "switch", "time": 1, "user": "x"},
    ]
    found = conversations(lined(rows), "in.jsonl")
    assert [[t.text for t in c.turns] for c in found] == [["您好", "在吗"], ["还在吗"], ["您好"]]
    assert len({c.conversation_id for c in found}) == 3


def test_what_is_no_text_is_named() -> None:
    """A voice message is words missing; a picture is a picture."""
    rows = [
        message("1", "wmK", 0, None, msgtype="voice", voice={"md5sum": "x"}),
        message("2", "lin", 1, None, msgtype="image"),
    ]
    (found,) = conversations(lined(rows), "in.jsonl")
    assert [t.text for t in found.turns] == ["［听不清：语音］", "[image]"]
    assert found.turns[0].metadata["voice"] == {"md5sum": "x"}


def test_colleagues_among_themselves_are_nobody_s_agents() -> None:
    """Without a customer in it, speakers are only told apart."""
    (found,) = conversations(lined([message("1", "lin", 0, "您好", tolist=["wang"])]), "in.jsonl")
    assert found.turns[0].speaker == "other"
    assert found.agent_id is None
