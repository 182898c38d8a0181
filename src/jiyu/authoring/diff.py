"""What a change of policy does to conversations: verdicts gained and lost, scores moved.

Only counters and a few samples are kept, so memory does not grow with the conversations compared,
and nothing depends on their order.
"""

from __future__ import annotations

import msgspec

from jiyu.model import Assessment, Conversation, Finding, PolicyRef
from jiyu.text.personal import mask

#: Samples kept of what one rule gains, and of what it loses.
SAMPLES = 3
#: Moves of a score kept, the biggest.
BIGGEST = 10
#: Characters of evidence that a sample shows.
LONGEST = 60


class Sample(msgspec.Struct, frozen=True):
    """A finding that only one of the two policies has; ``turn`` is an index, as in a finding."""

    conversation_id: str
    turn: int
    words: str


class Tally(msgspec.Struct):
    """How many conversations a rule gained or lost, with a few of its findings there.

    A rule that was broken only through the rules that it gathers has no findings of its own, and
    so no samples: those stand with the gathered rules.
    """

    count: int = 0
    samples: list[Sample] = []

    def add(self, conversation: Conversation, assessment: Assessment, rule: str) -> None:
        """Take in a conversation that breaks a rule under one of the policies only."""
        self.count += 1
        name = conversation.conversation_id
        if len(self.samples) == SAMPLES and name >= self.samples[-1].conversation_id:
            return
        found = next((f for f in assessment.findings if f.rule == rule), None)
        if found is not None:
            samples = [*self.samples, _sample(conversation, found)]
            self.samples = sorted(samples, key=lambda s: s.conversation_id)[:SAMPLES]


class Total(msgspec.Struct):
    """In how many conversations a rule is broken, and the points that this costs in all."""

    conversations: int = 0
    points: float = 0.0

    def add(self, points: float | None) -> None:
        """Take in what the rule costs in one conversation; ``None`` if it is not broken."""
        if points is not None:
            self.conversations += 1
            self.points = _sum(self.points, points)


class RuleShift(msgspec.Struct):
    """What one rule finds under the old policy and under the new one."""

    before: Total = msgspec.field(default_factory=Total)
    after: Total = msgspec.field(default_factory=Total)
    gained: Tally = msgspec.field(default_factory=Tally)
    lost: Tally = msgspec.field(default_factory=Tally)

    @property
    def stir(self) -> int:
        """In how many conversations the verdict differs."""
        return self.gained.count + self.lost.count

    @property
    def moved(self) -> bool:
        """Whether anything differs for this rule."""
        return bool(self.stir) or self.before != self.after


class Scores(msgspec.Struct):
    """Scores under both policies, of conversations that have one under both.

    Attributes:
        compared: How many those are.
        before: Their points in all under the old policy.
        after: Under the new one.
        up: How many rose.
        down: How many fell.
        appeared: How many conversations have a score under the new policy only.
        vanished: Under the old one only.
    """

    compared: int = 0
    before: float = 0.0
    after: float = 0.0
    up: int = 0
    down: int = 0
    appeared: int = 0
    vanished: int = 0

    def add(self, before: float | None, after: float | None) -> None:
        """Take in the scores of one conversation."""
        if before is None or after is None:
            self.appeared += before is None and after is not None
            self.vanished += before is not None and after is None
            return
        self.compared += 1
        self.before = _sum(self.before, before)
        self.after = _sum(self.after, after)
        self.up += after > before
        self.down += after < before

    @property
    def means(self) -> tuple[float, float] | None:
        """The mean scores under the old and the new policy."""
        if not self.compared:
            return None
        return self.before / self.compared, self.after / self.compared


class AgentShift(msgspec.Struct):
    """Violations gained and lost by one agent, with the scores.

    What several rules say of the same words by gathering each other counts once, and advice is no
    violation.
    """

    conversations: int = 0
    gained: int = 0
    lost: int = 0
    scores: Scores = msgspec.field(default_factory=Scores)

    @property
    def stir(self) -> int:
        """How much differs: violations and scores."""
        scores = self.scores
        moves = scores.up + scores.down + scores.appeared + scores.vanished
        return self.gained + self.lost + moves

    @property
    def moved(self) -> bool:
        """Whether anything differs for this agent."""
        return self.stir > 0


class Move(msgspec.Struct, frozen=True):
    """A score that changed."""

    conversation_id: str
    agent: str | None
    before: float
    after: float


class Difference(msgspec.Struct):
    """All that differs between two policies over the conversations taken in so far.

    Attributes:
        changed: In how many conversations a verdict, a deduction or the score differs.
        rules: By rule id, every rule that is broken anywhere.
        agents: By agent id; conversations without one are under ``""``.
        biggest: The scores that moved most, the greatest distance first.
    """

    old: PolicyRef
    new: PolicyRef
    conversations: int = 0
    changed: int = 0
    rules: dict[str, RuleShift] = {}
    agents: dict[str, AgentShift] = {}
    scores: Scores = msgspec.field(default_factory=Scores)
    biggest: list[Move] = []

    def add(self, conversation: Conversation, before: Assessment, after: Assessment) -> None:
        """Take in one conversation, judged by the old and by the new policy."""
        was, now = _broken(before), _broken(after)
        for name in was.keys() | now.keys():
            shift = self.rules.setdefault(name, RuleShift())
            shift.before.add(was.get(name))
            shift.after.add(now.get(name))
            if name not in was:
                shift.gained.add(conversation, after, name)
            if name not in now:
                shift.lost.add(conversation, before, name)
        self.conversations += 1
        self.changed += was != now or before.score != after.score
        self.scores.add(before.score, after.score)
        self._add_agent(before, after)
        self._rank(before, after)

    def _add_agent(self, before: Assessment, after: Assessment) -> None:
        agent = self.agents.setdefault(before.agent_id or "", AgentShift())
        was, now = _violated(before), _violated(after)
        agent.conversations += 1
        agent.gained += len(now - was)
        agent.lost += len(was - now)
        agent.scores.add(before.score, after.score)

    def _rank(self, before: Assessment, after: Assessment) -> None:
        if before.score is None or after.score is None or before.score == after.score:
            return
        move = Move(before.conversation_id, before.agent_id, before.score, after.score)
        ranked = [*self.biggest, move]
        ranked.sort(key=lambda m: (-abs(m.after - m.before), m.conversation_id))
        self.biggest = ranked[:BIGGEST]


def _broken(assessment: Assessment) -> dict[str, float]:
    """Return the rules that are broken, each with what it costs."""
    return {v.rule: v.deduction for v in assessment.verdicts if v.verdict == "violation"}


def _violated(assessment: Assessment) -> set[str]:
    """Return the rules that have violations of their own."""
    return {f.rule for f in assessment.findings if f.kind == "violation"}


def _sum(points: float, more: float) -> float:
    """Add to the cent, so that the order of adding does not show."""
    return round(points + more, 2)


def _sample(conversation: Conversation, finding: Finding) -> Sample:
    """Show a finding without personal data, and not at any length."""
    # What a number is, the words around it say: whole turns are masked, not the evidence alone.
    pieces = (mask(conversation.turns[s.turn].text)[s.start : s.end] for s in finding.spans)
    words = " / ".join(pieces) or finding.explanation
    short = words if len(words) <= LONGEST else f"{words[:LONGEST]}…"
    return Sample(conversation.conversation_id, finding.turn, short)
