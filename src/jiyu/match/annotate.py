"""Mark the mentions of every concept of a policy in a block of folded turns."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from jiyu.errors import PhraseError, Problem
from jiyu.match.automaton import Automaton
from jiyu.match.pattern import Literal, Pattern, fold_options, literal_match, written_out
from jiyu.match.phrase import Element, Slots, Words, parse
from jiyu.model import Mention
from jiyu.policy.schema import phrase_origin
from jiyu.text.fold import Block

#: Characters of a block in which most words of a policy do not occur.
FEW = 250


@dataclass(frozen=True, slots=True)
class ConceptPhrases:
    """What the annotator needs of a concept: its phrases, and those that only look like it."""

    phrases: Sequence[str]
    exceptions: Sequence[str] = ()


class _Entry(NamedTuple):
    """What a literal of the automaton stands for: a whole phrase, or the anchor of one.

    The first three are a quick look that spares the pattern most hits.

    Attributes:
        before: One of these characters must stand right before the literal.
        after: One of these must stand right behind it.
        needs: One of each of these must stand in the same turn or the one before.
    """

    before: frozenset[str] | None
    after: frozenset[str] | None
    needs: tuple[frozenset[str], ...]
    concept: str
    phrase: str
    excepted: bool
    literal: Literal | None = None
    pattern: Pattern | None = None


def _elements(sequence: Words | Sequence[Element]) -> Sequence[Element]:
    return [sequence] if isinstance(sequence, Words) else sequence


def _written(concepts: Mapping[str, ConceptPhrases]) -> Iterator[tuple[str, str, bool]]:
    """Yield every phrase with its concept, and whether it is an exception."""
    for name, concept in concepts.items():
        yield from ((name, phrase, False) for phrase in concept.phrases)
        yield from ((name, phrase, True) for phrase in concept.exceptions)


class TurnMentions(NamedTuple):
    """The mentions that end in one turn, and those of the turn that it goes on from.

    ``before`` holds the mentions that lie wholly in the turn before, if it is of the same speaker;
    both are in the coordinates of the block.
    """

    mentions: list[Mention]
    before: list[Mention]


class _Found(NamedTuple):
    mention: Mention
    excepted: bool
    crosses: bool


class Annotator:
    """All phrases of a policy, compiled; immutable and safe to share between threads."""

    def __init__(
        self, concepts: Mapping[str, ConceptPhrases], slots: Mapping[str, Sequence[str]]
    ) -> None:
        """Compile the phrases.

        Raises:
            PhraseError: Every phrase that is not well formed; a problem's source is its
                ``phrase_origin``.
        """
        parsed: list[tuple[str, str, bool, list[Element]]] = []
        problems: list[Problem] = []
        lists = Slots(slots)
        for name, phrase, excepted in _written(concepts):
            try:
                parsed += [(name, phrase, excepted, s) for s in parse(phrase, lists)]
            except PhraseError as error:
                key = phrase_origin(name, phrase)
                # The fault may lie in a slot that the phrase names.
                problems += [
                    Problem(key, None, f"{name}: {p.message}: {p.source}") for p in error.problems
                ]
        if problems:
            raise PhraseError(*problems)
        compiled = [
            (name, phrase, excepted, written_out(sequence) or sequence)
            for name, phrase, excepted, sequence in parsed
        ]
        folded = fold_options(
            (index == 0, option)
            for *_, sequence in compiled
            for index, element in enumerate(_elements(sequence))
            if isinstance(element, Words)
            for option in element.options
            if option
        )
        entries: dict[str, list[_Entry]] = defaultdict(list)
        whole = partial(_Entry, None, None, ())
        for name, phrase, excepted, sequence in compiled:
            if isinstance(sequence, Words):
                for option in filter(None, sequence.options):
                    for literal in folded[True, option]:
                        entries[literal.text].append(whole(name, phrase, excepted, literal))
            else:
                pattern = Pattern(sequence, folded)
                around = partial(_Entry, pattern.before, pattern.after, pattern.needs)
                for text in pattern.anchors:
                    entries[text].append(around(name, phrase, excepted, None, pattern))
        entries.pop("", None)
        self._automaton = Automaton(entries)
        self._entries = tuple(tuple(entries[text]) for text in self._automaton.literals)

    @property
    def literals(self) -> tuple[str, ...]:
        """The folded literals that the automaton looks for."""
        return self._automaton.literals

    def annotate(self, block: Block) -> list[TurnMentions]:
        """Return the mentions in a block, turn by turn.

        A mention lies in one turn or runs over two consecutive turns of one speaker.  Of the
        mentions of one concept, one that lies inside another is left out, and so is one that
        touches a phrase which the concept excepts.  What a turn gets depends on it and on the turn
        before it alone, so that feeding turns one by one finds the same.
        """
        found: list[list[_Found]] = [[] for _ in block.texts]
        text, literals = block.text, self._automaton.literals
        # Of a few turns it is worth while to look which characters they have.
        said = set(text) if len(text) <= FEW else None
        for number, start in self._automaton.find(block.codes):
            end = start + len(literals[number])
            left, right = text[start - 1 : start], text[end : end + 1]
            for entry in self._entries[number]:
                # Asked in place: there are a hundred of these in a sentence.
                before, after, needs, concept, phrase, excepted, literal, pattern = entry
                if before is not None and left not in before:
                    continue
                if after is not None and right not in after:
                    continue
                if said is not None and needs and any(map(said.isdisjoint, needs)):
                    continue
                if pattern is not None:
                    spans = pattern.find(block, start)
                else:
                    assert literal is not None
                    spans = [(start, end)] if literal_match(block, literal, start) else []
                for low, high in spans:
                    turn = block.turn_at(high - 1)
                    crosses = turn - block.turn_at(low)
                    if crosses <= 1:
                        mention = Mention(concept, low, high, phrase)
                        found[turn].append(_Found(mention, excepted, crosses == 1))
        return _by_turn(block, found)


def _by_turn(block: Block, found: Sequence[Sequence[_Found]]) -> list[TurnMentions]:
    """Decide of each turn which of the mentions found stand."""
    marked: list[TurnMentions] = []
    whole: list[Mention] = []
    for turn, here in enumerate(found):
        # A separator is left out of its turn's range, so touching ranges are one speaker's.
        joined = turn > 0 and block.range_of(turn - 1)[1] == block.range_of(turn)[0]
        before = whole if joined else []
        earlier = [f for f in found[turn - 1] if not f.crosses] if joined else []
        whole = _resolved([f for f in here if not f.crosses], ())
        marked.append(
            TurnMentions(
                _resolved(here, earlier) if any(f.crosses for f in here) else whole, before
            )
        )
    return marked


def _resolved(here: Sequence[_Found], earlier: Sequence[_Found]) -> list[Mention]:
    """Drop mentions that touch an exception or lie inside another one of their concept.

    Args:
        here: What ends in the turn.
        earlier: What lies in the turn before; only its exceptions matter.
    """
    kept: list[Mention] = []
    reach: dict[str, int] = {}
    exceptions = _merged(f.mention for f in (*earlier, *here) if f.excepted)
    for found in sorted(here, key=lambda f: (f.mention.start, -f.mention.end, f.mention.concept)):
        mention = found.mention
        if found.excepted or _touches(mention, exceptions.get(mention.concept, ())):
            continue
        if mention.end > reach.get(mention.concept, -1):
            kept.append(mention)
            reach[mention.concept] = mention.end
    return kept


def _merged(mentions: Iterable[Mention]) -> dict[str, list[tuple[int, int]]]:
    """Join overlapping stretches of each concept, in order."""
    merged: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for mention in sorted(mentions, key=lambda m: m.start):
        spans = merged[mention.concept]
        if spans and mention.start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], mention.end))
        else:
            spans.append((mention.start, mention.end))
    return merged


def _touches(mention: Mention, exceptions: Sequence[tuple[int, int]]) -> bool:
    index = bisect_right(exceptions, mention.start, key=lambda span: span[1])
    return index < len(exceptions) and exceptions[index][0] < mention.end
