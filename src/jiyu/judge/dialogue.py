"""A conversation as the rules see it: turns whose mentions are marked."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from jiyu.model import Mention, Span, Turn
from jiyu.text.clauses import quotations
from jiyu.text.fold import Block

#: As many turns back and ahead does any condition look.
HORIZON = 40


@dataclass(frozen=True)
class MarkedTurn:
    """One turn, its place in a folded block, and the mentions that end in it.

    Attributes:
        index: Position in the conversation, from 0.
        place: Position in the block; the turn before it in the block, if of the same speaker,
            stands right before it, so that a mention may begin there.
        before: Mentions that lie in that turn, in the coordinates of the same block.
    """

    index: int
    turn: Turn
    block: Block
    place: int
    mentions: Sequence[Mention]
    before: Sequence[Mention] = ()

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """Folded characters of the turn in its block, half-open."""
        return self.block.range_of(self.place)

    @cached_property
    def by_concept(self) -> Mapping[str, Sequence[Mention]]:
        """The mentions that end in the turn, grouped, in the order in which they were said."""
        return _grouped(self.mentions)

    @cached_property
    def _before_by_concept(self) -> Mapping[str, Sequence[Mention]]:
        return _grouped(self.before)

    @cached_property
    def quotations(self) -> Sequence[tuple[int, int]]:
        """Source characters of the turn that stand inside quotation marks."""
        return quotations(self.turn.text)

    def around(self, concept: str, low: int, high: int) -> Iterator[Mention]:
        """Yield the mentions of a concept that touch folded characters ``low`` to ``high``.

        Looks at the turn before too where the block has it.  The cost depends on how many there
        are, not on the length of the turn.
        """
        for grouped in (self._before_by_concept, self.by_concept):
            mentions = grouped.get(concept, ())
            # Mentions of one concept do not lie inside each other, so their ends rise too.
            first = bisect_left(mentions, low, key=lambda m: m.end)
            for index in range(first, len(mentions)):
                if mentions[index].start > high:
                    break
                yield mentions[index]

    def begins_before(self, mention: Mention) -> bool:
        """Say whether a mention of this turn begins in the turn before it."""
        return mention.start < self.bounds[0]

    def spans(self, mention: Mention) -> tuple[Span, ...]:
        """Return the exact evidence of a mention, a span for each turn it runs over."""
        block, (low, _) = self.block, self.bounds
        parts = [(self.index, max(mention.start, low), mention.end)]
        if self.begins_before(mention):
            _, end = block.range_of(self.place - 1)
            parts.insert(0, (self.index - 1, mention.start, end))
        return tuple(self._span(*part) for part in parts)

    def _span(self, index: int, low: int, high: int) -> Span:
        start, end = self.block.source_span(low, high)
        back = self.index - index
        return Span(index, start, end, self.block.texts[self.place - back][start:end])


@dataclass
class Dialogue:
    """The turns of one conversation so far, with what the conditions ask about them."""

    channel: str | None = None
    direction: str | None = None
    turns: list[MarkedTurn] = field(default_factory=list)
    _ordinals: list[int] = field(default_factory=list)
    _runs: int = 0
    _speaking: str = ""

    def add(self, turn: MarkedTurn) -> None:
        """Take in the next turn."""
        if turn.turn.speaker not in ("system", self._speaking):
            self._speaking = turn.turn.speaker
            self._runs += 1
        self._ordinals.append(self._runs)
        self.turns.append(turn)

    def ordinal(self, turn: MarkedTurn) -> int:
        """Return which turn of the conversation this is, from 1.

        A run of turns of one speaker counts once, and what a system says does not count.
        """
        return self._ordinals[turn.index]

    def words_before(self, turn: MarkedTurn) -> Iterator[MarkedTurn]:
        """Yield the other side's turns just before, back to this speaker's last turn."""
        speaker, reached = turn.turn.speaker, False
        for index in range(turn.index - 1, max(-1, turn.index - 1 - HORIZON), -1):
            other = self.turns[index]
            if other.turn.speaker == speaker:
                if reached:
                    return
                continue
            reached = True
            if other.turn.speaker != "system":
                yield other

    def following(self, turn: MarkedTurn, count: int) -> Iterator[MarkedTurn]:
        """Yield the speaker's next turns: the rest of this run, and ``count`` further runs."""
        runs, before = 0, turn.turn.speaker
        for other in self.turns[turn.index + 1 : turn.index + 1 + HORIZON]:
            same = other.turn.speaker == turn.turn.speaker
            runs += same and before != turn.turn.speaker
            if runs > count:
                return
            if same:
                yield other
            before = other.turn.speaker


def _grouped(mentions: Sequence[Mention]) -> Mapping[str, Sequence[Mention]]:
    grouped: dict[str, list[Mention]] = defaultdict(list)
    for mention in mentions:
        grouped[mention.concept].append(mention)
    return dict(grouped)
