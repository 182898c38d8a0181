"""Mark the mentions of every concept of a policy in a block of folded turns."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jiyu.errors import PhraseError, Problem
from jiyu.match.automaton import Automaton
from jiyu.match.literal import Literal, fold_options, literal_match
from jiyu.match.pattern import Pattern, written_out
from jiyu.match.phrase import Element, Slots, Words, parse
from jiyu.model import Mention
from jiyu.policy.schema import phrase_origin
from jiyu.text.fold import Block


@dataclass(frozen=True, slots=True)
class ConceptPhrases:
    """What the annotator needs of a concept: its phrases, and those that only look like it."""

    phrases: Sequence[str]
    exceptions: Sequence[str] = ()


class _Entry(NamedTuple):
    """What a literal of the automaton stands for: a whole phrase, or the anchor of one.

    Attributes:
        before: See ``Pattern``, as for the next two; a first look at these ends most hits.
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
        for name, phrase, excepted, sequence in compiled:
            if isinstance(sequence, Words):
                for option in filter(None, sequence.options):
                    for literal in folded[True, option]:
                        whole = _Entry(None, None, (), name, phrase, excepted, literal)
                        entries[literal.text].append(whole)
            else:
                pattern = Pattern(sequence, folded)
                first_look = pattern.before, pattern.after, pattern.needs
                around = _Entry(*first_look, name, phrase, excepted, None, pattern)
                for text in pattern.anchors:
                    entries[text].append(around)
        entries.pop("", None)
        self._automaton = Automaton(entries)
        self._entries = tuple(tuple(entries[text]) for text in self._automaton.literals)
        self._sizes = tuple(map(len, self._automaton.literals))

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
        for entry, start, end in self._hits(block):
            if entry.pattern is not None:
                spans = entry.pattern.find(block, start, end)
            else:
                assert entry.literal is not None
                spans = iter([(start, end)] if literal_match(block, entry.literal, start) else ())
            for low, high in spans:
                turn = block.turn_at(high - 1)
                crosses = turn - block.turn_at(low)
                if crosses <= 1:
                    mention = Mention(entry.concept, low, high, entry.phrase)
                    found[turn].append(_Found(mention, entry.excepted, crosses == 1))
        return _by_turn(block, found)

    def _hits(self, block: Block) -> Iterator[tuple[_Entry, int, int]]:
        """Yield each hit that a first look does not rule out, with where it stands."""
        text, turn, reached, said = block.text, -1, 0, frozenset[str]()
        for number, start in self._automaton.find(block.codes):
            end = start + self._sizes[number]
            if end > reached:
                turn = block.turn_at(end - 1)
                reached, said = block.range_of(turn)[1], block.said_around(turn)
            left, right = text[start - 1 : start], text[end : end + 1]
            for entry in self._entries[number]:
                # Asked in place: there are a hundred of these in a sentence.
                before, after, needs, *_ = entry
                if after is not None and right not in after:
                    continue
                if before is not None and left not in before:
                    continue
                if needs and any(map(said.isdisjoint, needs)):
                    continue
                yield entry, start, end


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
        crossing = any(f.crosses for f in here)
        marked.append(TurnMentions(_resolved(here, earlier) if crossing else whole, before))
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
