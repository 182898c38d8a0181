"""Rules of the kind ``forbid``: a concept is said that must not be said."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jiyu.judge.conditions import Asked, Hit, ask
from jiyu.judge.dialogue import Dialogue, MarkedTurn
from jiyu.model import Mention
from jiyu.policy.checks import Forbid, Says
from jiyu.policy.schema import Rule


@dataclass(frozen=True, slots=True)
class Candidate:
    """Words that a rule looked at, with every condition that it asked."""

    rule: Rule
    check: Forbid
    order: int
    says: Says
    turn: MarkedTurn
    mention: Mention
    asked: tuple[Asked, ...]

    @property
    def counts(self) -> bool:
        """Whether every condition holds."""
        return all(asked.holds for asked in self.asked)


class ForbidJudge:
    """The ``forbid`` checks of a policy, indexed by the concepts that begin them; immutable."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        triggers: dict[str, list[tuple[int, Rule, Forbid, Says]]] = defaultdict(list)
        for order, rule in enumerate(rules):
            for check in (c for c in rule.checks if isinstance(c, Forbid)):
                for says in check.says:
                    for concept in says.concept:
                        triggers[concept].append((order, rule, check, says))
        self._triggers: Mapping[str, Sequence[tuple[int, Rule, Forbid, Says]]] = dict(triggers)

    def candidates(self, dialogue: Dialogue) -> Iterator[Candidate]:
        """Yield all words that any rule looked at, whether they count or not."""
        for turn in dialogue.turns:
            yield from self.candidates_in(dialogue, turn)

    def candidates_in(self, dialogue: Dialogue, turn: MarkedTurn) -> Iterator[Candidate]:
        """Yield those of one turn."""
        for mention in turn.mentions:
            for order, rule, check, says in self._triggers.get(mention.concept, ()):
                if check.speaker == turn.turn.speaker:
                    asked = tuple(ask(says, Hit(dialogue, turn, mention)))
                    yield Candidate(rule, check, order, says, turn, mention, asked)

    def violations(self, dialogue: Dialogue) -> list[Candidate]:
        """Return the words that break a rule, in the order in which they were said.

        Where several rules claim the same words, one that is not general has them, then the one
        with the longest evidence, and among equals the one that the policy names first.
        """
        taken: dict[int, Claims] = defaultdict(Claims)
        counted = [c for c in self.candidates(dialogue) if c.counts]
        counted.sort(key=precedence)
        winners = [
            c for c in counted if taken[id(c.turn.block)].claim(c.mention.start, c.mention.end)
        ]
        return sorted(winners, key=lambda c: (c.turn.index, c.mention.start, c.order))


def precedence(candidate: Candidate) -> tuple[bool, int, int]:
    """Sort candidates so that of two which claim the same words the first has them."""
    mention = candidate.mention
    return candidate.check.general, mention.start - mention.end, candidate.order


class Claims:
    """Stretches of a text that are spoken for; they never overlap."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def claim(self, start: int, end: int) -> bool:
        """Claim some characters; return whether they were free."""
        index = bisect_left(self._spans, (start, end))
        before, after = self._spans[max(0, index - 1) : index], self._spans[index : index + 1]
        if any(low < end and start < high for low, high in (*before, *after)):
            return False
        self._spans.insert(index, (start, end))
        return True
