"""What a policy may say: concepts, rules with their examples, scorecard, and what each row is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, field_validator, model_validator

from jiyu.model import Capability, Channel, Direction, PolicyRef, Severity, Speaker
from jiyu.policy.checks import (
    AnyCheck,
    Cue,
    Forbid,
    Limit,
    Lines,
    Names,
    Protect,
    Require,
    Says,
)
from jiyu.policy.checks import Sequence as SequenceCheck
from jiyu.policy.checks import Strict as _Strict


class Concept(_Strict):
    """A named set of phrases.

    Attributes:
        title: What a reader calls it.
        phrases: One phrase a line, in the phrase language; ``#`` begins a comment.
        exceptions: Phrases that contain or overlap one of the above and mean something else.
    """

    title: str = ""
    phrases: Lines = Field(min_length=1)
    exceptions: Lines = Field(default=(), alias="except")


class ConceptFile(_Strict):
    """One file of ``concepts/``."""

    slots: Mapping[str, Lines] = {}
    concepts: Mapping[str, Concept] = {}


class Example(_Strict):
    """A conversation that a rule must flag or pass.

    Written as a block of lines ``客：…`` and ``服：…`` (the agent's too without a prefix), or as a
    mapping with such a block under ``turns`` and what else matters.  A line may carry times and
    audio events: ``服 3.2-5.0 [yawn]：…``, or ``服 @09:14:30：…`` in a chat.
    """

    turns: tuple[Mapping[str, Any], ...] = Field(min_length=1)
    channel: Channel | None = None
    direction: Direction | None = None
    started_at: str | None = None
    ended_at: str | None = None
    ended_by: str | None = None
    capabilities: tuple[Capability, ...] | None = None
    events: tuple[Mapping[str, Any], ...] = ()

    @property
    def shown(self) -> str:
        """The dialogue in one line."""
        names = {"agent": "服", "customer": "客", "system": "系", "other": "他"}
        return " / ".join(f"{names[turn['speaker']]}：{turn['text']}" for turn in self.turns)


_SPEAKERS: Mapping[str, Speaker] = {
    "客": "customer",
    "服": "agent",
    "系": "system",
    "他": "other",
}
_LINE = re.compile(
    r"(?P<who>[客服系他])(?:\s+(?P<start>-?[\d.]+)-(?P<end>-?[\d.]+)|\s+@(?P<at>[\d:]+))?"
    r"(?P<tags>(?:\s*\[\w+\])*)\s*[：:](?P<text>.*)"
)
#: The day on which chats in examples take place: a Monday, and no holiday.
_EXAMPLE_DAY = "2026-03-02"


def _dialogue(text: str, day: str) -> tuple[Mapping[str, Any], ...]:
    turns: list[Mapping[str, Any]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        found = _LINE.fullmatch(line)
        if found is None:
            turns.append({"speaker": "agent", "text": line})
            continue
        turn: dict[str, Any] = {"speaker": _SPEAKERS[found["who"]], "text": found["text"].strip()}
        if found["start"]:
            turn |= {"start": float(found["start"]), "end": float(found["end"])}
        if found["at"]:
            turn["at"] = f"{day}T{found['at']}"
        if found["tags"].strip():
            turn["tags"] = tuple(re.findall(r"\w+", found["tags"]))
        turns.append(turn)
    return tuple(turns)


def _example(value: object) -> object:
    if isinstance(value, str):
        return {"turns": _dialogue(value, _EXAMPLE_DAY)}
    if isinstance(value, Mapping) and isinstance(value.get("turns"), str):
        day = str(value.get("started_at") or _EXAMPLE_DAY)[:10]
        return {**value, "turns": _dialogue(value["turns"], day)}
    return value


Dialogue = Annotated[Example, BeforeValidator(_example)]


class Examples(_Strict):
    """Dialogues that a rule must flag, and look-alikes that it must pass."""

    flags: tuple[Dialogue, ...] = ()
    passes: tuple[Dialogue, ...] = ()


class Escalation(_Strict):
    """What makes a breach of a rule graver.

    Attributes:
        says: Words that do, anyone's, anywhere in the conversation.
        severity: What the findings are then.
    """

    says: tuple[Cue, ...]
    severity: Severity


class _Head(_Strict):
    """What every rule says of itself, whatever its kind.

    Attributes:
        id: Permanent; the row of the norm.
        title: The norm's own words, or a name for the family.
        clause: Where the norm says it.
        deduction: Points that the first finding costs.
        fatal: One finding sets the score to 0.
        advice: What should have been offered and was not; never deducts.
        instead: The norm's standard phrase for the situation.
        escalates: What makes a breach graver.
        also: Further checks; what breaks any of them breaks the rule.
    """

    id: str = Field(pattern=r"^[A-Z]{1,4}-?[0-9][0-9A-Za-z.]*(-[0-9A-Za-z]+)?$")
    title: str
    clause: str
    category: str
    severity: Severity
    deduction: float = Field(ge=0, le=100)
    fatal: bool = False
    advice: bool = False
    instead: str = ""
    escalates: Escalation | None = None
    also: tuple[AnyCheck, ...] = ()
    examples: Examples = Examples()

    @cached_property
    def checks(self) -> tuple[AnyCheck, ...]:
        """The rule's own check and those under ``also``."""
        return (cast("AnyCheck", self), *self.also)

    @property
    def every_concept(self) -> frozenset[str]:
        """Every concept that the rule names, in whatever place."""
        raised = self.escalates.says if self.escalates else ()
        named = (*(check.concepts for check in self.checks), *(cue.concepts for cue in raised))
        return frozenset(name for names in named for name in names)

    @property
    def every_cue(self) -> tuple[Says, ...]:
        """Every way of saying that the rule looks for."""
        raised = self.escalates.says if self.escalates else ()
        return (*(cue for check in self.checks for cue in check.cues), *raised)

    @model_validator(mode="after")
    def _advice_is_free(self) -> Self:
        if self.advice and (self.deduction or self.fatal):
            raise ValueError("advice never deducts")
        return self


class ForbidRule(_Head, Forbid):
    """A rule whose own check forbids words."""

    @model_validator(mode="after")
    def _default_concept(self) -> Self:
        given = self.says or (() if self.gathers else (Says(),))
        named = tuple(
            item if item.concept else item.model_copy(update={"concept": (self.id,)})
            for item in given
        )
        object.__setattr__(self, "says", named)
        return self


class RequireRule(_Head, Require):
    """A rule whose own check requires words."""


class LimitRule(_Head, Limit):
    """A rule whose own check limits a measure."""


class SequenceRule(_Head, SequenceCheck):
    """A rule whose own check looks for things said in order."""


class ProtectRule(_Head, Protect):
    """A rule whose own check protects personal data."""


Rule = ForbidRule | RequireRule | LimitRule | SequenceRule | ProtectRule


class RuleFile(_Strict):
    """One file of ``rules/``."""

    rules: tuple[Annotated[Rule, Field(discriminator="kind")], ...]


class Row(_Strict):
    """One row of the norm, with what judges it.

    Attributes:
        text: The norm's words, shortened.
        by: Rules that judge it, if none has its id.
        reason: Why no conversation can show whether it was kept.
    """

    text: str
    by: Names = ()
    reason: str = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.by and self.reason:
            raise ValueError("a row is judged by rules or cannot be judged, not both")
        return self


class NormFile(_Strict):
    """``norm.yaml``: every row of the norm, so that none is silently missing."""

    rows: Mapping[str, Row] = {}


class Category(_Strict):
    """A family of rules."""

    title: str
    clause: str


class Blocking(_Strict):
    """From which severity on a message is not to be sent, by channel; below it is a warning."""

    chat: Severity | Literal["never"] = "critical"
    phone: Severity | Literal["never"] = "never"


class Header(_Strict):
    """``policy.yaml``: what the policy is.

    Attributes:
        blocking: What must not be sent at all; what was said on the phone cannot be held back.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: str
    title: str
    source: str
    timezone: str = "Asia/Shanghai"
    country: Literal["CN", "TW", "HK", "MO"] = "CN"
    categories: Mapping[str, Category]
    blocking: Blocking = Blocking()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("no such time zone") from None
        return name

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which times without an offset are read."""
        return ZoneInfo(self.timezone)


class Grade(_Strict):
    """A band of the score."""

    grade: str
    at_least: float = Field(ge=0, le=100)


class Scorecard(_Strict):
    """``scorecard.yaml``: how findings become a score.

    Attributes:
        base: Points before any deduction.
        caps: Most that one category can cost.
        repeats: Share of a rule's deduction that its 1st, 2nd, 3rd … finding costs; the last
            share holds for all that follow.
        grades: Bands, best first; the last must begin at 0.
    """

    base: float = Field(default=100.0, gt=0, le=100)
    caps: Mapping[str, float] = {}
    repeats: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(default=(1.0,), min_length=1)
    grades: tuple[Grade, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        bounds = [grade.at_least for grade in self.grades]
        if bounds != sorted(bounds, reverse=True) or bounds[-1] != 0:
            raise ValueError("grades must go from the best down to one that begins at 0")
        if list(self.repeats) != sorted(self.repeats, reverse=True):
            raise ValueError("repeats must not rise")
        return self


def phrase_origin(concept: str, phrase: str) -> str:
    """Return the key under which ``Policy.origins`` has the place of a phrase."""
    return f"phrase {concept}: {phrase}"


class Policy(_Strict):
    """Everything a company decides, checked as a whole; immutable.

    Attributes:
        digest: SHA-256 over its files, in hexadecimal.
        slots: Word lists that phrases may name.
        rows: The rows of the norm, by id; empty if the policy does not list them.
        origins: File and line of each slot, concept, phrase and rule.
    """

    header: Header
    digest: str
    slots: Mapping[str, Lines]
    concepts: Mapping[str, Concept]
    rules: tuple[Rule, ...]
    rows: Mapping[str, Row]
    scorecard: Scorecard
    origins: Mapping[str, tuple[str, int]]

    @property
    def ref(self) -> PolicyRef:
        """How an assessment names this policy."""
        return PolicyRef(self.header.name, self.header.version, self.digest)

    def phrase_place(self, concept: str, phrase: str) -> tuple[str, int]:
        """Return file and line of a phrase, or of its concept if that is all that is known."""
        known = self.origins.get(phrase_origin(concept, phrase))
        return known or self.origins.get(f"concept {concept}", (self.header.name, 1))

    def rule(self, rule_id: str) -> Rule:
        """Return a rule by its id.

        Raises:
            KeyError: There is none of that id.
        """
        return next((r for r in self.rules if r.id == rule_id), None) or _missing(rule_id)


def _missing(rule_id: str) -> Rule:
    raise KeyError(rule_id)
