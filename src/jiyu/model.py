"""The words of jiyu as plain, frozen data.

Conversations come in, assessments go out; both are JSON on the outside and these structures on the
inside.  Spans are half-open and count code points of the *source* text.  Times are seconds from the
start of the conversation unless a field says ISO 8601.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Speaker = Literal["agent", "customer", "system", "other"]
Channel = Literal["phone", "chat"]
Direction = Literal["inbound", "outbound"]
Severity = Literal["info", "minor", "major", "critical"]
Judgement = Literal["violation", "pass", "not_applicable", "not_assessable"]
State = Literal["provisional", "confirmed", "retracted"]
FindingKind = Literal["violation", "review", "advice"]
AlertType = Literal["raised", "updated", "confirmed", "retracted"]
#: What a source can deliver.
Capability = Literal["timestamps", "hangup_party", "audio_events", "verbatim_fillers"]
#: Kinds of personal data; hotlines are public, and a tail is only a part.
PersonalKind = Literal[
    "mobile",
    "landline",
    "hotline",
    "id_number",
    "bank_card",
    "address",
    "email",
    "account",
    "tail",
]

SEVERITIES: tuple[Severity, ...] = ("info", "minor", "major", "critical")


def at_least(severity: Severity, bar: Severity) -> bool:
    """Say whether a severity is no lower than another."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(bar)


class Turn(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One stretch of one speaker as the source gives it.

    Attributes:
        text: What was said or typed, in its original script.
        speaker: Who said it.
        start: Seconds from the start of the conversation.
        end: Seconds from the start of the conversation.
        at: ISO 8601 time of a chat message, instead of ``start`` and ``end``.
        tags: Audio events as the recogniser names them (``yawn``, ``sigh`` …).
        metadata: Whatever else the source gives.
    """

    text: str
    speaker: Speaker = "other"
    start: float | None = None
    end: float | None = None
    at: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}


class Event(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Something that is not speech, such as ``hangup``, ``transfer``, ``hold``, ``resume``.

    Attributes:
        type: What happened.
        at: Seconds from the start, or ISO 8601.
        by: Whose side did it.
        due: When it was promised for (a callback).
        note: Free text of the source.
        metadata: Whatever else the source gives.
    """

    type: str
    at: float | str | None = None
    by: str | None = None
    due: float | str | None = None
    note: str | None = None
    metadata: dict[str, Any] = {}


class Conversation(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One call or chat.

    Attributes:
        conversation_id: Unique in its source.
        turns: In the order in which they began.
        capabilities: What the source can deliver (``timestamps``, ``hangup_party``,
            ``audio_events``, ``verbatim_fillers``); ``None`` is unknown, empty is nothing.
        metadata: Unknown keys of the source are kept here.
    """

    conversation_id: str
    turns: tuple[Turn, ...]
    channel: str | None = None
    agent_id: str | None = None
    team: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    ended_by: str | None = None
    direction: str | None = None
    capabilities: tuple[str, ...] | None = None
    events: tuple[Event, ...] = ()
    metadata: dict[str, Any] = {}


class Facts(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is known of a conversation besides its turns, at its beginning or later.

    Of each field the value that was given first stands; events and metadata add up.
    """

    channel: str | None = None
    agent_id: str | None = None
    team: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    ended_by: str | None = None
    direction: str | None = None
    capabilities: tuple[str, ...] | None = None
    events: tuple[Event, ...] = ()
    metadata: dict[str, Any] = {}


class Segment(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A live piece of a turn, as a recogniser or a chat system gives it.

    Attributes:
        segment_id: Unique in its conversation; later pieces of the same id replace earlier ones.
        text: All of the turn that is known so far, in its original script.
        speaker: Who says it.
        start: Seconds from the start of the conversation.
        end: Seconds from the start of the conversation.
        at: ISO 8601 time of a chat message, instead of ``start`` and ``end``.
        tags: Audio events as the recogniser names them.
        final: The recogniser will not change it any more; it is a turn.
        withdrawn: The recogniser or the sender has taken it back; ``text`` is of no account.
        metadata: Whatever else the source gives.
    """

    segment_id: str
    text: str = ""
    speaker: Speaker = "other"
    start: float | None = None
    end: float | None = None
    at: str | None = None
    tags: tuple[str, ...] = ()
    final: bool = True
    withdrawn: bool = False
    metadata: dict[str, Any] = {}

    @property
    def turn(self) -> Turn:
        """The turn that it is, if nothing changes it any more."""
        return Turn(
            self.text, self.speaker, self.start, self.end, self.at, self.tags, self.metadata
        )


class Mention(msgspec.Struct, frozen=True):
    """A phrase of a concept found in a block of folded text.

    Attributes:
        concept: Name of the concept.
        start: First folded character, counted in the block.
        end: One past the last folded character.
        phrase: The phrase as the policy writes it.
    """

    concept: str
    start: int
    end: int
    phrase: str


class Span(msgspec.Struct, frozen=True):
    """Evidence: a stretch of the source text of one turn, in code points."""

    turn: int
    start: int
    end: int
    text: str


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule broken, with the words that broke it.

    Attributes:
        finding_id: Stable hash of conversation, rule and spans.
        kind: ``review`` findings ask for a human eye, ``advice`` says what should have been
            offered; neither ever deducts.
        turn: Index of the turn in which the evidence begins.
        at: Start of that turn in seconds, where the source has times.
    """

    finding_id: str
    rule: str
    category: str
    severity: Severity
    speaker: Speaker
    turn: int
    spans: tuple[Span, ...]
    at: float | str | None
    state: State
    explanation: str
    kind: FindingKind = "violation"


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """What has become of a finding while its conversation goes on.

    Every finding is ``raised``, then ``updated`` any number of times, and at the end either
    ``confirmed`` or ``retracted``.  What was retracted may be raised anew if the words come back.

    Attributes:
        previous: Of an update, the id by which the finding was known before it; it may be the same.
    """

    type: AlertType
    conversation_id: str
    finding: Finding
    previous: str | None = None


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one rule says of one conversation; ``deduction`` is in points of the score."""

    rule: str
    verdict: Judgement
    deduction: float = 0.0
    findings: tuple[str, ...] = ()
    reason: str = ""


class PolicyRef(msgspec.Struct, frozen=True):
    """Which policy judged: a name, its author's version, and the digest of its files."""

    name: str
    version: str
    digest: str


class Assessment(msgspec.Struct, frozen=True):
    """Everything decided about one conversation."""

    conversation_id: str
    agent_id: str | None
    team: str | None
    policy: PolicyRef
    score: float | None
    grade: str | None
    fatal: bool
    verdicts: tuple[Verdict, ...]
    findings: tuple[Finding, ...]
