"""Amazon Connect Contact Lens (voice and chat) and Transcribe Call Analytics.

Read: Contact Lens VOICE-2022-11-30 and CHAT-2022-11-30 and the post-call Call Analytics of 2024;
Amazon's published samples of all three were seen.  Roles are named.  Chat messages carry absolute
times, and what happened (somebody joined, left) stands between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from jiyu.formats.build import in_order, rest, shaped, spoken, turn
from jiyu.formats.roles import role_of
from jiyu.formats.times import milliseconds
from jiyu.model import Conversation, Turn


class _Item(msgspec.Struct):
    Content: str | None = None
    ParticipantId: str | None = None
    ParticipantRole: str | None = None
    BeginOffsetMillis: float | None = None
    EndOffsetMillis: float | None = None
    AbsoluteTime: str | None = None
    #: Single words, once more.
    Items: Any = None


class _Participant(msgspec.Struct):
    ParticipantRole: str | None = None
    ParticipantId: str | None = None


class _Contact(msgspec.Struct):
    ContactId: str | None = None


class _Result(msgspec.Struct):
    Transcript: list[_Item]
    Channel: str | None = None
    Participants: list[_Participant] = []
    JobName: str | None = None
    CustomerMetadata: _Contact | None = None


def is_contact_lens(value: Any) -> bool:
    """Recognise a transcript beside participants."""
    return isinstance(value.get("Transcript"), list) and "Participants" in value


def read_contact_lens(value: Any, name: str) -> Iterator[Conversation]:
    """Yield the conversation of one contact."""
    result = shaped(value, _Result)
    roles = {p.ParticipantId: p.ParticipantRole for p in result.Participants if p.ParticipantId}
    chat = (result.Channel or "").upper() == "CHAT"
    turns: list[Turn] = []
    happened: list[Any] = []
    for raw, item in zip(value["Transcript"], result.Transcript, strict=True):
        if item.Content is None:
            happened.append(raw)
        role = item.ParticipantRole or roles.get(item.ParticipantId or "")
        turns += turn(
            item.Content,
            item.ParticipantId or role,
            rest(raw, _Item),
            speaker=role_of(role),
            start=milliseconds(item.BeginOffsetMillis),
            end=milliseconds(item.EndOffsetMillis),
            at=item.AbsoluteTime if item.BeginOffsetMillis is None else None,
        )
    metadata = rest(value, _Result, "CustomerMetadata") | {
        key: value[key] for key in ("Participants", "CustomerMetadata") if value.get(key)
    }
    if happened:
        metadata["events"] = happened
    contact = result.CustomerMetadata
    yield spoken(
        (contact and contact.ContactId) or result.JobName or name,
        in_order(turns),
        metadata,
        *(("timestamps", "verbatim_fillers") if chat else ()),
        channel="chat" if chat else "phone",
    )
