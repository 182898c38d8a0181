"""Contact Lens and Call Analytics: roles, events, what is left over."""

from __future__ import annotations

from reading import one
from samples import CALL_ANALYTICS, CONTACT_CHAT, CONTACT_VOICE


def test_roles_come_from_the_participants() -> None:
    """Chat and voice name roles beside ids; bots are systems, supervisors agents."""
    people = [("a", "SUPERVISOR"), ("b", "CUSTOM_BOT"), ("c", "CUSTOMER")]
    value = {
        "Channel": "VOICE",
        "Participants": [{"ParticipantId": i, "ParticipantRole": r} for i, r in people],
        "Transcript": [
            {"ParticipantId": i, "Content": "x", "BeginOffsetMillis": n, "EndOffsetMillis": n + 1}
            for n, (i, _) in enumerate(people)
        ],
    }
    assert [t.speaker for t in one(value).turns] == ["agent", "system", "customer"]


def test_what_is_promised() -> None:
    """A chat is verbatim, a call has times, and neither tells who hung up."""
    assert one(CONTACT_CHAT).capabilities == ("timestamps", "verbatim_fillers")
    assert one(CONTACT_VOICE).capabilities == ("timestamps",)
    assert one(CONTACT_VOICE).channel == "phone"


def test_nothing_is_lost() -> None:
    """Joining and leaving, loudness and whatever else there is are kept."""
    assert one(CONTACT_CHAT).metadata["events"][0]["Type"] == "EVENT"
    found = one(CALL_ANALYTICS)
    assert found.turns[0].metadata["LoudnessScores"] == [80.0]
    assert found.metadata["JobStatus"] == "COMPLETED"
