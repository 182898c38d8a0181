"""Compiled phrases: which literals to look for, and the bounded check around a hit.

A phrase with few alternatives and no gaps compiles to literals alone, and a hit of the automaton
*is* the match.  Any other phrase has one *anchor*, the run of words most worth looking for, and a
regular expression made here, bounded on both sides, that is run on the few characters around a hit
of the anchor.  Alternatives are not multiplied out, so a policy of many thousand ways of saying
things stays small.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import product
from math import inf, prod

from jiyu.match.automaton import Automaton
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
from jiyu.text.fold import (
    EDGE_HARD,
    EDGE_PAUSE,
    EDGE_SOFT,
    SEPARATOR,
    Block,
    fold,
    mark_class,
)
from jiyu.text.table import wording_variants

#: From this many characters on, words may run across a comma that the recogniser put in.
LONG_ENOUGH = 4
#: So many writings of a whole phrase go into the automaton at most; above, an anchor of it does.
MOST_WRITINGS = 40
#: So many writings of an anchor go into the automaton at most.
MOST_ANCHORS = 60
#: So many words besides its anchor does a quick look ask for.
MOST_NEEDS = 2
# The characters that make up half of what agents say, and how often others are met.
_COMMON = frozenset(
    "的您我是有请了还单可以好问吗这到帮个么不你订亲要没为什时发后给在会就那一下上都来能"
)
_OFTEN, _SELDOM = 1e-2, 5e-4
#: Stands before an option that is not the head of its phrase; no text of a policy contains it.
_BEFORE = "\u3400"
_NOWHERE: frozenset[int] = frozenset()
_PUNCTUATION = re.compile("[,，。？！?!；;]")


@dataclass(frozen=True, slots=True)
class Literal:
    """A folded literal and what its folding left out.

    Attributes:
        text: Folded characters.
        breaks: Offsets at which a sentence may end inside it.
        particles: Offsets after which some particle must have been left out; -1 is before it.
        repeats: Offsets at which the character must have been repeated (天天).
    """

    text: str
    breaks: frozenset[int] = frozenset()
    particles: frozenset[int] = frozenset()
    repeats: frozenset[int] = frozenset()

    def fits(self, block: Block, start: int) -> bool:
        """Say whether what the folding left out of the literal is there in the block too."""
        if not self.particles and not self.repeats:
            return True
        return all(block.particles[start + i] for i in self.particles) and all(
            block.repeats[start + i] for i in self.repeats
        )

    def source(self, first: int, inner: int) -> str:
        """Return a regular expression over characters and their marks.

        Args:
            first: Strongest edge that may stand before the literal.
            inner: Strongest edge that may stand inside it, except at its breaks.
        """
        before = f"(?<={mark_class(EDGE_HARD, particle=True)})" if -1 in self.particles else ""
        return before + "".join(
            re.escape(char)
            + mark_class(
                EDGE_HARD if at in self.breaks else first if at == 0 else inner,
                particle=at in self.particles,
                repeat=at in self.repeats,
            )
            for at, char in enumerate(self.text)
        )


Folded = Mapping[tuple[bool, str], Sequence[Literal]]


def fold_options(wanted: Iterable[tuple[bool, str]]) -> dict[tuple[bool, str], list[Literal]]:
    """Fold options of phrases as text is folded, with their Taiwan or mainland wording added.

    Where the same character stands on both sides of a comma (你问我,我问谁), it folds to one if the
    text has no comma there, so such an option has two forms.

    Args:
        wanted: Options, each with whether it stands at the head of its phrase.  A particle there is
            a word; anywhere else it is one that the text leaves out.
    """
    keys = list(dict.fromkeys(wanted))
    written = [text if head else _BEFORE + text for head, text in keys]
    broken = [index for index, text in enumerate(written) if _PUNCTUATION.search(text)]
    unbroken = [_PUNCTUATION.sub("", written[index]) for index in broken]
    block = fold([*written, *unbroken], [False] * (len(written) + len(unbroken)))
    forms = [[_literal(block, index, head)] for index, (head, _) in enumerate(keys)]
    for number, index in enumerate(broken, len(keys)):
        bare = _literal(block, number, keys[index][0])
        if bare.text != forms[index][0].text:
            forms[index].append(bare)
    for index, at, here, there in _rewordings(block):
        if index < len(keys):
            offset = at if keys[index][0] else at - 1
            known = forms[index]
            known += [
                _reworded(o, offset, here, there) for o in known if o.text.startswith(here, offset)
            ]
    return dict(zip(keys, forms, strict=True))


def _literal(block: Block, index: int, head: bool) -> Literal:
    """Read one option and what its folding left out from a block of options."""
    low, high = block.range_of(index)
    low += 0 if head else 1
    size, text = high - low, block.texts[index][0 if head else 1 :]
    breaks: frozenset[int] = frozenset()
    if _PUNCTUATION.search(text):
        inner = {i for i in range(1, size) if block.edges[low + i] >= EDGE_SOFT}
        first = {0} if _PUNCTUATION.match(text) else set()
        last = {size} if _PUNCTUATION.match(text[-1:]) else set()
        breaks = frozenset(inner | first | last)
    particles = _marked(block.particles, low - (0 if head else 1), high, low)
    return Literal(block.text[low:high], breaks, particles, _marked(block.repeats, low, high, low))


def _marked(marks: bytes, start: int, end: int, origin: int) -> frozenset[int]:
    """Return where marks are set between two places, counted from an origin."""
    here = marks[start:end]
    if 1 not in here:
        return _NOWHERE
    return frozenset(place + start - origin for place, mark in enumerate(here) if mark)


def _rewordings(block: Block) -> list[tuple[int, int, str, str]]:
    """List where a literal has another wording in Taiwan or on the mainland (信息 / 资讯).

    The rightmost come first, so that putting one in its place moves none of those still to come.
    """
    others: dict[str, list[str]] = defaultdict(list)
    for here, there in wording_variants():
        others[here].append(there)
    words = Automaton(others)
    found = sorted(words.find(block.codes), key=lambda hit: -hit[1])
    places = ((block.turn_at(start), start, words.literals[number]) for number, start in found)
    return [
        (index, start - block.range_of(index)[0], here, there)
        for index, start, here in places
        for there in others[here]
    ]


def _reworded(literal: Literal, at: int, here: str, there: str) -> Literal:
    """Put one wording in the place of another, moving the offsets behind it."""
    end, by = at + len(here), len(there) - len(here)

    def moved(offsets: frozenset[int]) -> frozenset[int]:
        return frozenset(i + by if i >= end else min(i, at + len(there)) for i in offsets)

    text = literal.text[:at] + there + literal.text[end:]
    return Literal(text, moved(literal.breaks), moved(literal.particles), moved(literal.repeats))


class Pattern:
    """One sequence of a phrase that needs a check around its anchor.

    Attributes:
        anchors: The folded texts to look for; a match contains one of them.
        before: Characters of which one must stand right before the anchor, if that is known.
        after: Characters of which one must stand right behind it, if that is known.
        needs: Sets of characters, of each of which one must stand somewhere in a match.
    """

    def __init__(self, elements: Sequence[Element], folded: Folded) -> None:
        self._elements = elements
        self._options = [_by_text(i, element, folded) for i, element in enumerate(elements)]
        first, last = self._anchor()
        self.anchors = tuple(
            dict.fromkeys("".join(texts) for texts in product(*self._options[first : last + 1]))
        )
        self.before = _next_characters(self._options[:first][::-1], -1)
        self.after = _next_characters(self._options[last + 1 :], 0)
        others = (*self._options[:first], *self._options[last + 1 :])
        needs = (_needed(options) for options in others if options and "" not in options)
        self.needs = tuple(sorted(needs, key=len)[:MOST_NEEDS])
        widths = [_width(*pair) for pair in zip(elements, self._options, strict=True)]
        self._reach = sum(widths[:first]), sum(widths[first:])
        self._tail_from = first if last + 1 < len(elements) else len(elements)

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

    # Compiled when first needed: few phrases of a policy ever come near a match.
    @cached_property
    def _regexes(self) -> list[re.Pattern[str]]:
        lengths = range(1, REFERENCE + 1) if self._references else (0,)
        return [re.compile(f"(?=({''.join(self._sources(size))}))") for size in lengths]

    @cached_property
    def _tail(self) -> re.Pattern[str] | None:
        """What must follow a hit; most hits of an anchor end here."""
        if self._references or self._tail_from == len(self._elements):
            return None
        return re.compile("".join(self._sources(0)[self._tail_from :]))

    @cached_property
    def _references(self) -> list[int]:
        return [i for i, e in enumerate(self._elements) if isinstance(e, Reference)]

    def _sources(self, size: int) -> list[str]:
        """Return the regular expressions of the elements, with references of a given length."""
        shortest = sum(min(map(len, options)) for options in self._options if options)
        usual = EDGE_SOFT if shortest >= LONG_ENOUGH - 1 else EDGE_PAUSE
        sources, limit = [], EDGE_HARD
        for index, (element, options) in enumerate(zip(self._elements, self._options, strict=True)):
            match element:
                case Words():
                    sources.append(_words_source(options, limit, usual))
                    ends = any(len(o.text) in o.breaks for group in options.values() for o in group)
                    limit = EDGE_HARD if ends else usual
                case Gap(wide):
                    limit = EDGE_SOFT if wide else EDGE_PAUSE
                    most = WIDE_GAP if wide else GAP
                    sources.append(f"(?:[^{SEPARATOR}]{mark_class(limit)}){{0,{most}}}?")
                case Slot(name):
                    char, most = BUILTIN_SLOTS[name]
                    sources.append(f"(?:{char}{mark_class(limit)}){{1,{most}}}?")
                    limit = EDGE_PAUSE
                case Reference():
                    sources.append(f"(?P<r{index}>(?:[^{SEPARATOR}]{mark_class(limit)}){{{size}}})")
                    limit = EDGE_PAUSE
        return sources

    def find(self, block: Block, hit: int) -> list[tuple[int, int]]:
        """Return matches around an anchor that begins at ``hit``; the phrase bounds the cost."""
        if self._tail and not self._tail.match(block.marked, 2 * hit):
            return []
        found: list[tuple[int, int]] = []
        before, after = self._reach
        low, high = max(0, hit - before), min(len(block.text), hit + after)
        for regex in self._regexes:
            for match in regex.finditer(block.marked, 2 * low, 2 * high):
                start, end = match.start() // 2, match.end(1) // 2
                if start > hit:
                    break
                if end > hit and self._same_references(match):
                    found.append((start, end))
        return found

    def _same_references(self, match: re.Match[str]) -> bool:
        """Say whether all places of a letter have the same characters, marks aside."""
        said: dict[str, str] = {}
        for index in self._references:
            element = self._elements[index]
            assert isinstance(element, Reference)
            chars = match[f"r{index}"][::2]
            if said.setdefault(element.letter, chars) != chars:
                return False
        return True


def literal_match(block: Block, literal: Literal, start: int) -> bool:
    """Say whether a literal found by the automaton is a match: marks and edges are right."""
    if not literal.fits(block, start):
        return False
    inner = block.edges[start + 1 : start + len(literal.text)]
    if max(inner, default=0) < EDGE_SOFT:
        return True
    long_enough = len(literal.text) >= LONG_ENOUGH
    return all(
        offset in literal.breaks or (edge == EDGE_SOFT and long_enough)
        for offset, edge in enumerate(inner, 1)
        if edge >= EDGE_SOFT
    )


Options = Mapping[str, Sequence[Literal]]


def _by_text(index: int, element: Element, folded: Folded) -> Options:
    """Group the folded options of an element by their text; empty for what is not words."""
    by_text: dict[str, list[Literal]] = {}
    if isinstance(element, Words):
        for option in element.options:
            for literal in folded[index == 0, option] if option else [Literal("")]:
                by_text.setdefault(literal.text, []).append(literal)
    return by_text


def _next_characters(options: Iterable[Options], at: int) -> frozenset[str] | None:
    """Return what may come next, seen from an anchor, or ``None`` if anything may, or nothing.

    Args:
        options: The elements on one side of the anchor, the nearest first.
        at: Which character of an option is the nearest.
    """
    found: set[str] = set()
    for texts in options:
        if not texts:
            return None
        found.update(text[at] for text in texts if text)
        if "" not in texts:
            return frozenset(found)
    return None


def _needed(options: Options) -> frozenset[str]:
    """Return a character of each option, the one that is met least."""
    return frozenset(min(text, key=lambda char: char in _COMMON) for text in options)


def _chance(options: Options) -> float:
    """Estimate how often any of some words begins at a given character of a transcript."""
    return sum(prod(_OFTEN if char in _COMMON else _SELDOM for char in text) for text in options)


def _words_source(options: Options, first: int, inner: int) -> str:
    """Return a regular expression of alternatives, the longest first."""
    ordered = sorted(options, key=len, reverse=True)
    written = (option.source(first, inner) for text in ordered for option in options[text])
    return f"(?:{'|'.join(dict.fromkeys(written))})"


def _width(element: Element, options: Options) -> int:
    """Return the most characters that an element can take."""
    match element:
        case Words():
            return max(map(len, options))
        case Gap(wide):
            return WIDE_GAP if wide else GAP
        case Slot(name):
            return BUILTIN_SLOTS[name][1]
        case Reference():
            return REFERENCE


def written_out(elements: Sequence[Element]) -> Words | None:
    """Return all writings of a phrase that has few, or ``None``."""
    words = [element for element in elements if isinstance(element, Words)]
    if len(words) < len(elements) or prod(len(w.options) for w in words) > MOST_WRITINGS:
        return None
    return reduce(joined_words, words)
