"""Rocket.Chat: who is who, dates of MongoDB, what is left over."""

from __future__ import annotations

from reading import one
from samples import BEGIN, ROCKETCHAT


def test_dates_of_a_database_are_read() -> None:
    """Exports write times as MongoDB does, in milliseconds or as text."""
    for date in (BEGIN * 1000, "2026-03-02T01:14:05Z"):
        messages = [
            {"msg": "您好", "ts": {"$date": date}, "agentId": "a", "u": {"username": "lin"}}
        ]
        found = one({"messages": messages})
        assert (found.turns[0].at, found.agent_id) == ("2026-03-02T01:14:05+00:00", "lin")


def test_system_messages_and_leftovers() -> None:
    """A message with a type is the system's; the rest of the session is kept."""
    closing = {"msg": "再见", "ts": "2026-03-02T01:15:00Z", "t": "livechat-close"}
    found = one({**ROCKETCHAT, "messages": [*ROCKETCHAT["messages"], closing]})
    assert found.turns[-1].speaker == "system"
    assert found.metadata["visitor"] == {"username": "guest-1"}
    assert found.agent_id == "lin"
