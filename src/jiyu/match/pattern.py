"""Compiled phrases: which literals to look for, and the bounded check around a hit.

A phrase with few alternatives and no gaps compiles to literals alone, and a hit of the automaton
*is* the match.  Any other phrase has one *anchor*, the run of words most worth looking for, and is
tried step by step on the few characters around a hit of the anchor.  Alternatives are not
multiplied out, so a policy of many thousand ways of saying things stays small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, reduce
from itertools import product
from math import inf, prod

from jiyu.match.literal import LONG_ENOUGH, Folded, Literal
from jiyu.match.phrase import (
    BUILTIN_SLOTS,
    GAP,
    REFERENCE,
    WIDE_GAP,
    Element,
    Gap,
    Reference,
    Slot,
    Words,
    joined_words,
)
from jiyu.match.steps import Options, SomeStep, Step, WordsStep, first_way
from jiyu.text.fold import EDGE_HARD, EDGE_PAUSE, EDGE_SOFT, Block

#: So many writings of a whole phrase go into the automaton at most; above, an anchor of it does.
MOST_WRITINGS = 40
#: So many writings of an anchor go into the automaton at most.
MOST_ANCHORS = 60
#: So many words besides its anchor does the first look ask for.
MOST_NEEDS = 2
# The characters that make up half of what agents say, and how often others are met.
_COMMON = frozenset(
    "的您我是有请了还单可以好问吗这到帮个么不你订亲要没为什时发后给在会就那一下上都来能"
)
_OFTEN, _SELDOM = 1e-2, 5e-4


class Pattern:
    """One sequence of a phrase that needs a check around its anchor.

    Attributes:
        anchors: The folded texts to look for; a match contains one of them.
        before: Characters of which one stands right before the anchor; ``None`` if any may.
        after: Characters of which one stands right after it, or ``None``.
        needs: Sets of characters; a match contains one of each.
    """

    def __init__(self, elements: Sequence[Element], folded: Folded) -> None:
        self._elements = elements
        self._options = [_by_text(i, element, folded) for i, element in enumerate(elements)]
        first, last = self._anchor()
        self.anchors = tuple(
            dict.fromkeys("".join(texts) for texts in product(*self._options[first : last + 1]))
        )
        self._place = first, last + 1
        self.before = self._seam(range(first - 1, -1, -1), -1)
        self.after = self._seam(range(last + 1, len(elements)), 0)
        others = (*self._options[:first], *self._options[last + 1 :])
        needs = (_needed(options) for options in others if options and "" not in options)
        self.needs = tuple(sorted(needs, key=len)[:MOST_NEEDS])

    def _anchor(self) -> tuple[int, int]:
        """Return the run of words that is least often met in text that is no match."""
        chances = [_chance(options) for options in self._options]
        best, least = (0, 0), inf
        for first in range(len(self._elements)):
            count, chance = 1, 1.0
            for last in range(first, len(self._elements)):
                count *= len(self._options[last])
                if not self._options[last] or (count > MOST_ANCHORS and last > first):
                    break
                chance *= chances[last]
                if chance < least:
                    best, least = (first, last), chance
        return best

    @cached_property
    def _references(self) -> list[int]:
        return [i for i, e in enumerate(self._elements) if isinstance(e, Reference)]

    # Made when first needed: few phrases of a policy ever come near a match.
    @cached_property
    def _ways(self) -> list[list[Step]]:
        """The steps of the phrase, once for each length that a letter may stand for."""
        lengths = range(1, REFERENCE + 1) if self._references else (0,)
        return [list(self._steps(size)) for size in lengths]

    def _seam(self, indexes: Iterable[int], side: int) -> frozenset[str] | None:
        """Return the characters at one end of some elements, nearest first; ``None`` is any."""
        chars: set[str] = set()
        for index in indexes:
            options = self._options[index]
            if not options:
                return None
            chars.update(text[side] for text in options if text)
            if "" not in options:
                return frozenset(chars)
        return None

    def _steps(self, size: int) -> Iterator[Step]:
        """Yield the steps of the elements, with letters of a given length."""
        shortest = sum(min(map(len, options)) for options in self._options if options)
        usual = EDGE_SOFT if shortest >= LONG_ENOUGH - 1 else EDGE_PAUSE
        limit = EDGE_HARD
        for element, options in zip(self._elements, self._options, strict=True):
            match element:
                case Words():
                    yield WordsStep(options, limit, usual)
                    ends = any(len(o.text) in o.breaks for group in options.values() for o in group)
                    limit = EDGE_HARD if ends else usual
                case Gap(wide):
                    limit = EDGE_SOFT if wide else EDGE_PAUSE
                    yield SomeStep(0, WIDE_GAP if wide else GAP, limit)
                case Slot(name):
                    chars, most = BUILTIN_SLOTS[name]
                    yield SomeStep(1, most, limit, chars)
                    limit = EDGE_PAUSE
                case Reference():
                    yield SomeStep(size, size, limit)
                    limit = EDGE_PAUSE

    def find(self, block: Block, hit: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield matches around an anchor that stands from ``hit`` to ``end``.

        The cost is bounded by the phrase.
        """
        first, behind = self._place
        for steps in self._ways:
            starts: Iterable[int] = (hit,)
            if first:
                if behind < len(steps) and not first_way(steps[behind:], block, end):
                    continue
                for step in steps[first - 1 :: -1]:
                    starts = {start for at in starts for start in step.starts(block, at)}
                starts = sorted(starts)
            for start in starts:
                way = first_way(steps, block, start)
                if way and self._same_references(block, start, way):
                    yield start, way[-1]

    def _same_references(self, block: Block, start: int, way: Sequence[int]) -> bool:
        """Say whether all places of a letter have the same characters."""
        said: dict[str, str] = {}
        begins = [start, *way]
        for index in self._references:
            element = self._elements[index]
            assert isinstance(element, Reference)
            chars = block.text[begins[index] : way[index]]
            if said.setdefault(element.letter, chars) != chars:
                return False
        return True


def _by_text(index: int, element: Element, folded: Folded) -> Options:
    """Group the folded options of an element by their text; empty for what is not words."""
    by_text: dict[str, list[Literal]] = {}
    if isinstance(element, Words):
        for option in element.options:
            for literal in folded[index == 0, option] if option else [Literal("")]:
                by_text.setdefault(literal.text, []).append(literal)
    return by_text


def _needed(options: Options) -> frozenset[str]:
    """Return a character of each option, one that is seldom met."""
    return frozenset(min(text, key=lambda char: char in _COMMON) for text in options)


def _chance(options: Options) -> float:
    """Estimate how often any of some words begins at a given character of a transcript."""
    return sum(prod(_OFTEN if char in _COMMON else _SELDOM for char in text) for text in options)


def written_out(elements: Sequence[Element]) -> Words | None:
    """Return all writings of a phrase that has few, or ``None``."""
    words = [element for element in elements if isinstance(element, Words)]
    if len(words) < len(elements) or prod(len(w.options) for w in words) > MOST_WRITINGS:
        return None
    return reduce(joined_words, words)
