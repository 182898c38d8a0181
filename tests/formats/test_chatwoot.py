"""Chatwoot: notes, revisions, deletions, bots."""

from __future__ import annotations

from typing import Any

from reading import conversations
from samples import CHATWOOT, RUDE, SAID, lined


def said(*more: dict[str, Any]) -> list[tuple[str, str]]:
    """Return speakers and words of the dialogue with events behind it."""
    (found,) = conversations(lined([*CHATWOOT, *more]), "in.jsonl")
    return [(t.speaker, t.text) for t in found.turns]


def test_private_notes_are_not_said() -> None:
    """What agents write to each other, no customer sees."""
    assert len(said({**CHATWOOT[0], "id": 9, "private": True})) == 3


def test_update_is_a_revision() -> None:
    """The last text of a message counts, in its old place."""
    assert said({**CHATWOOT[0], "event": "message_updated", "content": "改了"})[0] == (
        "agent",
        "改了",
    )


def test_deleted_message_is_taken_back() -> None:
    """A message that says it was deleted is no turn."""
    gone = {**CHATWOOT[2], "event": "message_updated", "content_attributes": {"deleted": True}}
    assert RUDE not in [text for _, text in said(gone)]


def test_bot_is_a_system() -> None:
    """Outgoing messages of bots are not the agent's."""
    bot = {**CHATWOOT[0], "id": 9, "sender": {"type": "agent_bot", "name": "b"}}
    assert [speaker for speaker, _ in said(bot)].count("system") == 1


def test_other_events_say_nothing() -> None:
    """A webhook tells of conversations, too."""
    event = {"event": "conversation_status_changed", "id": 42, "status": "resolved"}
    assert [text for _, text in said(event)] == list(SAID)
    (found,) = conversations(lined([event, *CHATWOOT]), "in.json")
    assert len(found.turns) == 3
