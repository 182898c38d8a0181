"""What a change of policy does to conversations: verdicts gained and lost, scores moved.

Only counters and a few samples are kept, so memory does not grow with the conversations compared.
"""

from __future__ import annotations

import msgspec

from jiyu.model import Assessment, Finding, PolicyRef
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
    """How many verdicts of one rule changed one way, with a few of the findings."""

    count: int = 0
    samples: list[Sample] = []

    def add(self, assessment: Assessment, rule: str) -> None:
        """Take in a conversation that breaks a rule under one of the policies only."""
        self.count += 1
        if len(self.samples) < SAMPLES:
            verdict = next(v for v in assessment.verdicts if v.rule == rule)
            found = next((f for f in assessment.findings if f.finding_id in verdict.findings), None)
            if found is not None:
                self.samples.append(_sample(assessment, found))


class RuleShift(msgspec.Struct):
    """What one rule finds under the new policy only, and what under the old one only."""

    gained: Tally = msgspec.field(default_factory=Tally)
    lost: Tally = msgspec.field(default_factory=Tally)


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
        self.before += before
        self.after += after
        self.up += after > before
        self.down += after < before

    @property
    def means(self) -> tuple[float, float] | None:
        """The mean scores under the old and the new policy."""
        if not self.compared:
            return None
        return self.before / self.compared, self.after / self.compared


class AgentShift(msgspec.Struct):
    """Violations gained and lost by one agent, with the scores."""

    conversations: int = 0
    gained: int = 0
    lost: int = 0
    scores: Scores = msgspec.field(default_factory=Scores)

    @property
    def moved(self) -> bool:
        """Whether anything differs for this agent."""
        scores = self.scores
        counts = (self.gained, self.lost, scores.up, scores.down)
        return any(counts) or bool(scores.appeared or scores.vanished)


class Move(msgspec.Struct, frozen=True):
    """A score that changed."""

    conversation_id: str
    agent: str | None
    before: float
    after: float


class Difference(msgspec.Struct):
    """All that differs between two policies over the conversations taken in so far.

    Attributes:
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

    def add(self, before: Assessment, after: Assessment) -> None:
        """Take in one conversation, judged by the old and by the new policy."""
        was, now = _broken(before), _broken(after)
        agent = self.agents.setdefault(before.agent_id or "", AgentShift())
        for name in sorted(now - was):
            self.rules.setdefault(name, RuleShift()).gained.add(after, name)
        for name in sorted(was - now):
            self.rules.setdefault(name, RuleShift()).lost.add(before, name)
        self.conversations += 1
        self.changed += was != now or before.score != after.score
        agent.conversations += 1
        agent.gained += len(now - was)
        agent.lost += len(was - now)
        for scores in (self.scores, agent.scores):
            scores.add(before.score, after.score)
        self._rank(before, after)

    def _rank(self, before: Assessment, after: Assessment) -> None:
        if before.score is None or after.score is None or before.score == after.score:
            return
        move = Move(before.conversation_id, before.agent_id, before.score, after.score)
        ranked = [*self.biggest, move]
        ranked.sort(key=lambda m: abs(m.after - m.before), reverse=True)
        self.biggest = ranked[:BIGGEST]


def _broken(assessment: Assessment) -> set[str]:
    return {v.rule for v in assessment.verdicts if v.verdict == "violation"}


def _sample(assessment: Assessment, finding: Finding) -> Sample:
    """Show a finding without personal data, and not at any length."""
    words = mask(" / ".join(span.text for span in finding.spans))
    short = words if len(words) <= LONGEST else f"{words[:LONGEST]}…"
    return Sample(assessment.conversation_id, finding.turn, short)
