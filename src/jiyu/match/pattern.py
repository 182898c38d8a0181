"""Compiled phrases: which literals to look for, and the bounded check around a hit.

A phrase without gaps compiles to literals alone, and a hit of the automaton *is* the match.  Any
other phrase has one *anchor*, the run of words most worth looking for, and a regular expression
made here, bounded on both sides, that is run on the few characters around a hit of the anchor.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

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
)
from jiyu.text.fold import EDGE_SOFT, SEPARATOR, Block, fold
from jiyu.text.table import wording_variants

#: From this many characters on, words may run across a comma that the recogniser put in.
LONG_ENOUGH = 4
_PUNCTUATION = re.compile("[,，。？！?!；;]")


@dataclass(frozen=True, slots=True)
class Literal:
    """A folded literal and what its folding left out.

    Attributes:
        text: Folded characters.
        breaks: Offsets at which a sentence may end inside it.
        particles: Offsets after which some particle must have been left out.
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


def fold_literals(texts: Sequence[str]) -> dict[str, list[Literal]]:
    """Fold literals of phrases as text is folded, with their Taiwan or mainland wording added.

    Where the same character stands on both sides of a comma (你问我,我问谁), it folds to one if the
    text has no comma there, so such a literal has two forms.
    """
    unbroken = {text: _PUNCTUATION.sub("", text) for text in texts}
    written = list(dict.fromkeys([*texts, *unbroken.values()]))
    block = fold(written, [False] * len(written))
    literals = {text: _literal(block, index) for index, text in enumerate(written)}
    forms = {
        text: [literals[text]]
        if literals[text].text == literals[bare].text
        else [literals[text], literals[bare]]
        for text, bare in unbroken.items()
    }
    for index, at, here, there in _rewordings(block):
        if known := forms.get(written[index]):
            known += [_reworded(o, at, here, there) for o in known if o.text.startswith(here, at)]
    return forms


def _literal(block: Block, index: int) -> Literal:
    """Read one literal and what its folding left out from a block of literals."""
    low, high = block.range_of(index)
    size, text = high - low, block.texts[index]
    breaks = {i for i in range(1, size) if block.edges[low + i] >= EDGE_SOFT}
    breaks |= {0} if _PUNCTUATION.match(text) else set()
    breaks |= {size} if _PUNCTUATION.match(text[-1:]) else set()
    return Literal(
        block.text[low:high],
        frozenset(breaks),
        frozenset(i for i in range(size) if block.particles[low + i]),
        frozenset(i for i in range(size) if block.repeats[low + i]),
    )


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
    """One sequence of a phrase that needs a check around its anchor."""

    def __init__(
        self, elements: Sequence[Element], folded: Mapping[str, Sequence[Literal]]
    ) -> None:
        self.elements = elements
        self.options: list[dict[str, list[Literal]]] = []
        parts: list[str] = []
        widths: list[int] = []
        seen: set[str] = set()
        for index, element in enumerate(elements):
            by_text = _by_text(element, folded)
            self.options.append(by_text)
            source, width = _source(element, by_text, seen)
            parts.append(f"(?P<e{index}>{source})")
            widths.append(width)
        self.regex = re.compile(f"(?=({''.join(parts)}))")
        anchor = max(range(len(elements)), key=self._worth)
        self.anchors = tuple(self.options[anchor])
        self.reach = sum(widths[:anchor]), sum(widths[anchor:])

    def _worth(self, index: int) -> tuple[int, int]:
        """Rank elements as anchors: long literals first, then few of them."""
        options = self.options[index]
        return (min(map(len, options)), -len(options)) if options else (0, 0)

    def find(self, block: Block, hit: int) -> Iterator[tuple[int, int]]:
        """Yield matches around an anchor that begins at ``hit``; cost is bounded by the phrase."""
        before, after = self.reach
        low = max(0, hit - before)
        for match in self.regex.finditer(block.text, low, min(len(block.text), hit + after)):
            if match.start() > hit:
                return
            start, end = match.span(1)
            if end > hit and self._fits(block, match):
                yield start, end

    def _fits(self, block: Block, match: re.Match[str]) -> bool:
        start, end = match.span(1)
        literals = [
            (match.start(f"e{i}"), options[match[f"e{i}"]])
            for i, options in enumerate(self.options)
            if options and match[f"e{i}"]
        ]
        chosen = [
            (at, next((o for o in options if o.fits(block, at)), None)) for at, options in literals
        ]
        if any(literal is None for _, literal in chosen):
            return False
        if max(block.edges[start + 1 : end], default=0) < EDGE_SOFT:
            return True
        breaks = {at + i for at, literal in chosen if literal for i in literal.breaks}
        long_enough = sum(len(literal.text) for _, literal in chosen if literal) >= LONG_ENOUGH
        return all(
            position in breaks
            or (edge == EDGE_SOFT and long_enough and self._may_cross(match, position))
            for position, edge in enumerate(block.edges[start + 1 : end], start + 1)
            if edge >= EDGE_SOFT
        )

    def _may_cross(self, match: re.Match[str], position: int) -> bool:
        """Say whether a comma at this place is allowed: not in a narrow gap or a slot."""
        for index, element in enumerate(self.elements):
            low, high = match.span(f"e{index}")
            inside = low <= position <= high if high > low else False
            if inside and isinstance(element, Gap):
                return element.wide
            if inside and low < position < high and not isinstance(element, Words):
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


def _by_text(element: Element, folded: Mapping[str, Sequence[Literal]]) -> dict[str, list[Literal]]:
    """Group the folded options of an element by their text; empty for what is not words."""
    by_text: dict[str, list[Literal]] = {}
    if isinstance(element, Words):
        for option in element.options:
            for literal in folded[option] if option else [Literal("")]:
                by_text.setdefault(literal.text, []).append(literal)
    return by_text


def _source(element: Element, options: Mapping[str, object], seen: set[str]) -> tuple[str, int]:
    """Return the regular expression of an element and the most characters it can take."""
    match element:
        case Words():
            ordered = sorted(options, key=len, reverse=True)
            return "|".join(map(re.escape, ordered)), len(ordered[0])
        case Gap(wide):
            limit = WIDE_GAP if wide else GAP
            return f"[^{SEPARATOR}]{{0,{limit}}}?", limit
        case Slot(name):
            return BUILTIN_SLOTS[name]
        case Reference(letter):
            first = letter not in seen
            seen.add(letter)
            source = (
                f"(?P<{letter}>[^{SEPARATOR}]{{1,{REFERENCE}}}?)" if first else f"(?P={letter})"
            )
            return source, REFERENCE
