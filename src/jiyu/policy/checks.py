"""The closed set of checks a rule may be made of, and the conditions under which words count.

A check is one of five kinds: ``forbid`` (said what must not be), ``require`` (not said what must
be), ``limit`` (a measure beyond its threshold), ``sequence`` (events in order) and ``protect``
(somebody's data disclosed).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from jiyu.model import Capability, Channel, Direction, PersonalKind, Speaker

Scope = Literal["clause", "sentence", "turn"]
Escape = Literal["negated", "quoted", "polite", "remedy", "courteous"]


class Strict(BaseModel):
    """Plain data of a policy: nothing unknown is taken, nothing is ever changed."""

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


class Says(Strict):
    """One way in which a concept is said, and the conditions under which it counts.

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
        longer: The turn has more folded characters than this.
        no_time: The turn names no time and no duration; vague ones (过几天) are none.
        on_line: Only while the customer can hear it: not on hold, nor after the hang-up.
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
    longer: int | None = Field(default=None, ge=1)
    no_time: bool = False
    on_line: bool = False
    channel: Channel | None = None
    direction: Direction | None = None

    @property
    def concepts(self) -> tuple[str, ...]:
        """Every concept that this item names."""
        return (*self.concept, *self.answers, *self.not_answering, *self.near, *self.without)


class Cue(Says):
    """Words that are looked for without being forbidden, so nothing excuses them by itself.

    Attributes:
        speaker: Who says them.
    """

    speaker: Speaker = "agent"
    unless: tuple[Escape, ...] = ()


class Check(Strict):
    """What all kinds of check have in common.

    Attributes:
        channel: Only conversations of this channel (or of an unknown one) are looked at.
        direction: Only conversations of this direction, or of an unknown one.
        requires: Without these capabilities of the source, finding nothing on the phone says
            nothing: ``not_assessable``.
    """

    channel: Channel | None = None
    direction: Direction | None = None
    requires: tuple[Capability, ...] = ()

    @property
    def cues(self) -> tuple[Says, ...]:
        """Every way of saying that this check looks for."""
        return ()

    @property
    def concepts(self) -> tuple[str, ...]:
        """Every concept that this check names."""
        return tuple(name for cue in self.cues for name in cue.concepts)


class Forbid(Check):
    """A concept that must not be said.

    Attributes:
        speaker: Who must not say it.
        general: The rule covers a whole family of wordings; where a rule that is not general
            claims some of the same words, they are that rule's.
        says: The ways of saying it; the concept of the rule's id if none is given.
        gathers: Ids or categories of other rules; what breaks one of them breaks this rule too,
            at no further cost.
    """

    kind: Literal["forbid"]
    speaker: Speaker = "agent"
    general: bool = False
    says: tuple[Says, ...] = ()
    gathers: Names = ()

    @property
    def cues(self) -> tuple[Says, ...]:
        """The ways of saying."""
        return self.says


class Need(Strict):
    """One of the things that must be said.

    Attributes:
        title: What is missing if it is not said.
        any: Any of these concepts will do.
        outbound: In a call that the agent makes, one of these will do instead.
        longer: So will a turn of more folded characters than this.
    """

    title: str
    any: Names = ()
    outbound: Names = ()
    longer: int | None = Field(default=None, ge=1)


class Require(Check):
    """Something that the agent must say, always or when it comes up.

    Without ``when`` and ``event`` the duty is the conversation's: within its first ``opening`` or
    last ``closing`` agent turns, or on a holiday.  Turns of one speaker in a row count once.

    Attributes:
        opening: The duty is for the first n agent turns.
        closing: It is for the last n.
        holiday: It comes up on public holidays of the policy's country.
        when: Words that bring it up, anyone's.
        event: Events that bring it up (``hold``, ``resume``).
        before: How many agent turns before that count.
        within: How many after it count, the agent's own turn with the words being the first.
            Around an event every turn counts, also of those in a row.
        anywhere: The whole conversation counts.
        each: Every time that it comes up needs its own; otherwise one is enough for all.
        needs: What must be said, all of it.
        accepts: Words of the customer that show the duty done.
    """

    kind: Literal["require"]
    opening: int | None = Field(default=None, ge=1)
    closing: int | None = Field(default=None, ge=1)
    holiday: bool = False
    when: tuple[Cue, ...] = ()
    event: Names = ()
    before: int = Field(default=0, ge=0)
    within: int = Field(default=2, ge=0)
    anywhere: bool = False
    each: bool = False
    needs: tuple[Need, ...] = Field(min_length=1)
    accepts: Names = ()

    @property
    def cues(self) -> tuple[Says, ...]:
        """What brings the duty up."""
        return self.when

    @property
    def concepts(self) -> tuple[str, ...]:
        """Every concept that this check names."""
        needed = (name for need in self.needs for name in (*need.any, *need.outbound))
        return (*super().concepts, *needed, *self.accepts)

    @model_validator(mode="after")
    def _comes_up(self) -> Self:
        if sum(map(bool, (self.opening, self.closing, self.holiday, self.when, self.event))) != 1:
            raise ValueError("exactly one of opening, closing, holiday, when, event is needed")
        return self


Measure = Literal[
    "interruption",
    "release",
    "tag",
    "answer_delay",
    "terse_reply",
    "drawl",
    "particles",
    "distinct",
    "distinct_in_turn",
    "transfers",
    "repeated_request",
    "answer_time",
    "feedback_time",
    "callback_delay",
    "callback_hours",
]
#: For each measure the concepts that it asks for by role, and its settings with their defaults.
MEASURES: Mapping[Measure, tuple[frozenset[str], Mapping[str, float]]] = {
    "interruption": (
        frozenset({"backchannel", "security"}),
        {"tail": 0.4, "backchannel": 0.8, "gap": 0.5},
    ),
    "release": (frozenset({"farewell", "silent_line"}), {"silent_line": 2}),
    "tag": (frozenset(), {}),
    "answer_delay": (frozenset({"announced"}), {}),
    "terse_reply": (frozenset(), {"characters": 3}),
    "drawl": (frozenset({"asked_slow"}), {"seconds": 1.5}),
    "particles": (frozenset(), {"per_turn": 1}),
    "distinct": (frozenset({"explained"}), {"turns": 1}),
    "distinct_in_turn": (frozenset({"explained"}), {}),
    "transfers": (frozenset(), {}),
    "repeated_request": (frozenset({"request", "holding"}), {"likeness": 0.6, "turns": 6}),
    "answer_time": (frozenset({"request", "holding", "coordination", "undecided"}), {}),
    "feedback_time": (
        frozenset({"request", "holding", "coordination", "promise", "undecided"}),
        {},
    ),
    "callback_delay": (frozenset({"promise", "holding", "undecided"}), {}),
    "callback_hours": (
        frozenset({"promise", "undecided"}),
        {"morning": 9, "noon": 12, "afternoon": 15, "evening": 18},
    ),
}


class Limit(Check):
    """A measure that must not go beyond a threshold.

    Attributes:
        measure: What is measured; ``judge/measures.py`` says in which unit.
        at_least: A value from this on breaks the limit.
        over: A value above this does.
        below: A value below this does.
        times: So many values beyond the threshold break the rule.
        says: Which words are counted.
        tags: Which audio events are counted.
        together: It only counts if one of these concepts is all that some agent turn says, or an
            agent turn has one of ``together_tags``.
        together_tags: See there.
        roles: Concepts that the measure asks for, by role.
        settings: Settings of the measure that differ from its defaults.
    """

    kind: Literal["limit"]
    measure: Measure
    at_least: float | None = None
    over: float | None = None
    below: float | None = None
    times: int = Field(default=1, ge=1)
    says: tuple[Cue, ...] = ()
    tags: Names = ()
    together: Names = ()
    together_tags: Names = ()
    roles: Mapping[str, Names] = {}
    settings: Mapping[str, float] = {}

    @property
    def cues(self) -> tuple[Says, ...]:
        """The words that are counted."""
        return self.says

    @property
    def concepts(self) -> tuple[str, ...]:
        """Every concept that this check names."""
        named = (name for names in self.roles.values() for name in names)
        return (*super().concepts, *named, *self.together)

    def beyond(self, value: float) -> bool:
        """Say whether a value breaks the limit."""
        return (
            (self.at_least is not None and value >= self.at_least)
            or (self.over is not None and value > self.over)
            or (self.below is not None and value < self.below)
        )

    def setting(self, name: str) -> float:
        """Return a setting, or its default."""
        return self.settings.get(name, MEASURES[self.measure][1][name])

    def role(self, name: str) -> tuple[str, ...]:
        """Return the concepts of a role."""
        return self.roles.get(name, ())

    @model_validator(mode="after")
    def _known(self) -> Self:
        roles, settings = MEASURES[self.measure]
        unknown = sorted((self.roles.keys() - roles) | (self.settings.keys() - settings.keys()))
        if unknown:
            raise ValueError(f"the measure {self.measure} knows no {'、'.join(unknown)}")
        if all(bound is None for bound in (self.at_least, self.over, self.below)):
            raise ValueError("a threshold is needed: at_least, over or below")
        return self


class Sequence(Check):
    """Things said in order, by either side.

    Attributes:
        steps: What is said, one after the other, each in a turn of its own.
        times: How often the steps follow one another.
        alternating: The other side speaks between any two.
        within: Most turns of the conversation from the first to the last; no bound if left out.
    """

    kind: Literal["sequence"]
    steps: tuple[Cue, ...] = Field(min_length=1)
    times: int = Field(default=1, ge=1)
    alternating: bool = False
    within: int | None = Field(default=None, ge=1)

    @property
    def cues(self) -> tuple[Says, ...]:
        """The steps."""
        return self.steps


class Protect(Check):
    """Personal data that the agent must not disclose.

    Whose data it is decides: the customer's own may be confirmed, what is public may be told,
    somebody else's may not; data of the kinds in ``unlabelled`` may not even if nobody is named.

    Attributes:
        data: Kinds of personal data.
        unlabelled: Kinds that are somebody's even if the agent does not say whose.
        own: Concepts that say the data is the customer's own.
        others: Concepts that say it is somebody else's.
        public: Concepts that say it is the company's, or meant to be told.
    """

    kind: Literal["protect"]
    data: tuple[PersonalKind, ...] = Field(min_length=1)
    unlabelled: tuple[PersonalKind, ...] = ()
    own: Names = ()
    others: Names = ()
    public: Names = ()

    @property
    def concepts(self) -> tuple[str, ...]:
        """Every concept that this check names."""
        return (*self.own, *self.others, *self.public)


AnyCheck = Annotated[Forbid | Require | Limit | Sequence | Protect, Field(discriminator="kind")]
