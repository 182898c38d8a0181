"""What goes in and out, for the OpenAPI document; the frames of ``WS /v1/live`` as JSON Schema.

Bodies are read and written by msgspec; these models describe the same and are held against it by
the tests.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

SeverityName = Literal["info", "minor", "major", "critical"]
SpeakerName = Literal["agent", "customer", "system", "other"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Span(BaseModel):
    """A stretch of the text of one turn, half-open, in code points."""

    turn: int
    start: int
    end: int
    text: str


class FindingOut(BaseModel):
    """A rule broken, with the words that broke it."""

    finding_id: str
    rule: str
    category: str
    severity: SeverityName
    speaker: SpeakerName
    turn: int
    spans: list[Span]
    at: float | str | None
    state: Literal["provisional", "confirmed", "retracted"]
    explanation: str
    kind: Literal["violation", "review", "advice"] = "violation"


class TurnIn(_Strict):
    """One stretch of one speaker."""

    text: str
    speaker: SpeakerName = "other"
    start: float | None = None
    end: float | None = None
    at: str | None = None
    tags: list[str] = []
    metadata: dict[str, Any] = {}


class MessageIn(_Strict):
    """A message that is about to be sent."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"text": "你有完没完", "speaker": "agent", "channel": "chat"},
                {
                    "text": "不知道",
                    "context": [{"speaker": "customer", "text": "我的货什么时候到？"}],
                },
            ]
        },
    )

    text: str
    speaker: SpeakerName = "agent"
    channel: Literal["phone", "chat"] = "chat"
    conversation_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    context: list[TurnIn] | None = None


class MessagesIn(_Strict):
    """Many messages, each judged by itself."""

    messages: list[MessageIn]


class JudgedOut(BaseModel):
    """What to do with a message, and why."""

    decision: Literal["allow", "warn", "block"]
    findings: list[FindingOut]
    suggestion: str | None = Field(description="What the norm says in this situation.")


class ResultsOut(BaseModel):
    """One result a message, in order."""

    results: list[JudgedOut]


class EventIn(BaseModel):
    """Something that is not speech."""

    type: str
    at: float | str | None = None
    by: str | None = None
    due: float | str | None = None
    note: str | None = None


class FactsIn(BaseModel):
    """What is known of a conversation besides its turns."""

    channel: str | None = None
    agent_id: str | None = None
    team: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    ended_by: str | None = None
    direction: str | None = None
    capabilities: list[str] | None = None


class ConversationIn(FactsIn):
    """One call or chat; unknown keys are kept under ``metadata``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "conversation_id": "c-1",
                    "channel": "phone",
                    "agent_id": "A017",
                    "team": "物流一组",
                    "started_at": "2026-03-02T09:14:05+08:00",
                    "turns": [{"speaker": "agent", "text": "你有完没完", "start": 0.4, "end": 2.0}],
                }
            ]
        }
    )

    conversation_id: Annotated[str, Field(min_length=1, max_length=200)]
    turns: list[TurnIn]
    channel: Literal["phone", "chat"] | None = None
    events: list[EventIn] = []
    metadata: dict[str, Any] = {}


class PolicyOut(BaseModel):
    """Which policy judged."""

    name: str
    version: str
    digest: str


class VerdictOut(BaseModel):
    """What one rule says of the conversation."""

    rule: str
    verdict: Literal["violation", "pass", "not_applicable", "not_assessable"]
    deduction: float = 0.0
    findings: list[str] = []
    reason: str = ""


class AssessmentOut(BaseModel):
    """Everything decided about one conversation."""

    conversation_id: str
    agent_id: str | None
    team: str | None
    policy: PolicyOut
    score: float | None
    grade: str | None
    fatal: bool
    verdicts: list[VerdictOut]
    findings: list[FindingOut]


class SummaryOut(BaseModel):
    """One line of a list."""

    conversation_id: str
    state: Literal["open", "closed"]
    agent_id: str | None
    team: str | None
    channel: str | None
    started_at: float = Field(description="Seconds since 1970.")
    opened_at: float
    closed_at: float | None
    policy_digest: str | None
    score: float | None
    grade: str | None
    fatal: bool | None


class ConversationOut(BaseModel):
    """What is stored of a conversation; an open one has neither assessment nor transcript yet."""

    summary: SummaryOut
    assessment: AssessmentOut | None
    transcript: dict[str, Any] | None


class PageOut(BaseModel):
    """A page of a list, the latest first; ``next`` asks for the one after it."""

    conversations: list[SummaryOut]
    next: str | None


class ErrorOut(BaseModel):
    """What is wrong, never with what was said."""

    code: str
    message: str
    place: str | None = None


class ProblemOut(BaseModel):
    """The answer to everything that is not done."""

    error: ErrorOut


class _Line(BaseModel):
    seq: int = Field(ge=0, description="The client's number of the line, growing.")
    conversation_id: Annotated[str, Field(min_length=1, max_length=200)]
    number: int | None = Field(None, description="Its number within the conversation.")


class OpenLine(_Line):
    """Opens a conversation; may be left out."""

    open: FactsIn


class SegmentLine(_Line):
    """A piece of a turn, partial or final."""

    segment_id: str
    text: str = ""
    speaker: SpeakerName = "other"
    start: float | None = None
    end: float | None = None
    at: str | None = None
    tags: list[str] = []
    final: bool = True
    withdrawn: bool = False
    revision: int | None = Field(None, description="Grows with each version of the segment.")


class EventLine(_Line):
    """Something that is not speech."""

    event: EventIn


class CloseLine(_Line, FactsIn):
    """Ends a conversation."""

    close: Literal[True]


class AckFrame(BaseModel):
    """All lines up to ``seq`` are durable, or were set aside with an error."""

    type: Literal["ack"]
    seq: int


class AlertFrame(BaseModel):
    """What has become of a finding."""

    type: Literal["raised", "updated", "confirmed", "retracted"]
    alert_id: int = Field(description="Grows; the same alert has the same id, always.")
    conversation_id: str
    finding: FindingOut
    previous: str | None = None


class ClosedFrame(BaseModel):
    """The last message of a conversation."""

    type: Literal["closed"]
    assessment: AssessmentOut


class ErrorFrame(BaseModel):
    """A line was set aside."""

    type: Literal["error"]
    seq: int
    message: str


ClientFrame = OpenLine | SegmentLine | EventLine | CloseLine
ServerFrame = AckFrame | AlertFrame | ClosedFrame | ErrorFrame


def live_schema() -> dict[str, Any]:
    """Return the JSON Schema of what goes over the socket, both ways."""
    client = TypeAdapter[Any](ClientFrame).json_schema(ref_template="#/$defs/{model}")
    server = TypeAdapter[Any](ServerFrame).json_schema(ref_template="#/$defs/{model}")
    definitions = {**client.pop("$defs"), **server.pop("$defs")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "jiyu WS /v1/live",
        "$defs": {**definitions, "client": client, "server": server},
        "oneOf": [{"$ref": "#/$defs/client"}, {"$ref": "#/$defs/server"}],
    }
