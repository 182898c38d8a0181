"""What a policy may say: concepts, rules of the closed kinds, conditions, scorecard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from jiyu.model import Channel, Direction, PolicyRef, Severity, Speaker

Scope = Literal["clause", "sentence", "turn"]
Escape = Literal["negated", "quoted", "polite", "remedy", "courteous"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _lines(value: object) -> object:
    """Split a block of text into its lines, without comments and blank ones."""
    if not isinstance(value, str):
        return value
    lines = (line.partition("#")[0].strip() for line in value.splitlines())
    return tuple(line for line in lines if line)


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _without_repeats(lines: tuple[str, ...]) -> tuple[str, ...]:
    repeated = sorted({line for line in lines if lines.count(line) > 1})
    if repeated:
        raise ValueError(f"written twice: {'、'.join(repeated)}")
    return lines


Lines = Annotated[tuple[str, ...], BeforeValidator(_lines), AfterValidator(_without_repeats)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]


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


class Says(_Strict):
    """One way in which a forbidden concept is said, and the conditions under which it counts.

    Attributes:
        concept: A mention of any of these begins the question.
        fills: The mention is all that its clause, sentence or turn says, fillers aside.
        starts: It stands at the beginning of its clause, sentence or turn.
        ends: It stands at the end.
        word: Both its ends fall between words, as jieba cuts them.
        from_turn: Not before the n-th turn of the conversation, counted from 1; turns of one
            speaker in a row count once.
        to_turn: Not after it.
        answers: The other side's words just before mention one of these.
        not_answering: They mention none of these.
        near: One of these is mentioned in the same ``scope``.
        without: None of these is.
        scope: What ``near`` and ``without`` look at.
        unless: What excuses the words: a negation before them, quoting, a polite form, a remedy
            in the same turn or the speaker's next ``remedy_turns`` turns, courtesy in the same
            turn.
        channel: Only in this channel.
        direction: Only in calls of this direction.
    """

    concept: Names = ()
    fills: Scope | None = None
    starts: Scope | None = None
    ends: Scope | None = None
    word: bool = False
    from_turn: int | None = Field(default=None, ge=1)
    to_turn: int | None = Field(default=None, ge=1)
    answers: Names = ()
    not_answering: Names = ()
    near: Names = ()
    without: Names = ()
    scope: Scope = "sentence"
    unless: tuple[Escape, ...] = ("negated", "quoted", "courteous")
    remedy_turns: int = Field(default=1, ge=0)
    channel: Channel | None = None
    direction: Direction | None = None

    @property
    def concepts(self) -> tuple[str, ...]:
        """Every concept that this item names."""
        return (*self.concept, *self.answers, *self.not_answering, *self.near, *self.without)


class ExampleTurn(_Strict):
    """One turn of an example dialogue."""

    speaker: Speaker
    text: str


_PREFIXES: Mapping[str, Speaker] = {"客": "customer", "服": "agent", "系": "system"}


def _dialogue(value: object) -> object:
    """Read ``客：…`` and ``服：…`` lines; a line without such a prefix is the agent's."""
    if not isinstance(value, str):
        return value
    turns = []
    for line in filter(None, map(str.strip, value.splitlines())):
        prefixed = line[:1] in _PREFIXES and line[1:2] in {"：", ":"}
        speaker = _PREFIXES[line[0]] if prefixed else "agent"
        turns.append(ExampleTurn(speaker=speaker, text=line[2:].strip() if prefixed else line))
    return tuple(turns)


Dialogue = Annotated[tuple[ExampleTurn, ...], BeforeValidator(_dialogue), Field(min_length=1)]


class Examples(_Strict):
    """Dialogues that a rule must flag, and look-alikes that it must pass."""

    flags: tuple[Dialogue, ...] = ()
    passes: tuple[Dialogue, ...] = ()


class ForbidRule(_Strict):
    """A concept that must not be said.

    Attributes:
        id: Permanent; the row of the norm.
        title: The norm's own words, or a name for the family.
        clause: Where the norm says it.
        deduction: Points that the first finding costs.
        fatal: One finding sets the score to 0.
        general: The rule covers a whole family of wordings; where a rule that is not general
            claims some of the same words, they are that rule's.
        instead: The norm's standard phrase for the situation.
        says: The ways of saying it; the concept of the same id if none is given.
    """

    id: str = Field(pattern=r"^[A-Z]{1,4}-?[0-9][0-9A-Za-z.]*(-[0-9A-Za-z]+)?$")
    title: str
    clause: str
    kind: Literal["forbid"]
    category: str
    severity: Severity
    deduction: float = Field(ge=0, le=100)
    fatal: bool = False
    general: bool = False
    speaker: Speaker = "agent"
    instead: str = ""
    says: tuple[Says, ...] = ()
    examples: Examples = Examples()

    @model_validator(mode="after")
    def _default_concept(self) -> Self:
        named = tuple(
            item if item.concept else item.model_copy(update={"concept": (self.id,)})
            for item in self.says or (Says(),)
        )
        object.__setattr__(self, "says", named)
        return self


Rule = ForbidRule


class RuleFile(_Strict):
    """One file of ``rules/``."""

    rules: tuple[Rule, ...]


class Category(_Strict):
    """A family of rules."""

    title: str
    clause: str


class Header(_Strict):
    """``policy.yaml``: what the policy is."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: str
    title: str
    source: str
    timezone: str = "Asia/Shanghai"
    categories: Mapping[str, Category]


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
        origins: File and line of each slot, concept, phrase and rule.
    """

    header: Header
    digest: str
    slots: Mapping[str, Lines]
    concepts: Mapping[str, Concept]
    rules: tuple[Rule, ...]
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
