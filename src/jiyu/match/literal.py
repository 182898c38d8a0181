"""Literals of a phrase: their folding, what it leaves out of them, and when a hit is a match."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jiyu.match.automaton import Automaton
from jiyu.text.fold import EDGE_SOFT, Block, fold
from jiyu.text.table import wording_variants

#: From this many characters on, words may run across a comma that the recogniser put in.
LONG_ENOUGH = 4
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
        # Nothing stands before a block that a particle could have followed.
        return all(start + i >= 0 and block.particles[start + i] for i in self.particles) and all(
            block.repeats[start + i] for i in self.repeats
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
