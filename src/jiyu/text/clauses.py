"""Where clauses, sentences and turns begin and end, asked around a place in a folded block."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal

from jiyu.text.fold import EDGE_HARD, EDGE_PAUSE, EDGE_SOFT, Block

Scope = Literal["clause", "sentence", "turn"]
#: Characters on each side of a place that belong to its clause or sentence at most.
SIGHT = 200

_QUOTES = re.compile(r"“[^“”]*”|‘[^‘’]*’|「[^「」]*」|『[^『』]*』|\"[^\"]*\"|《[^《》]*》")
_STRENGTH = {"clause": EDGE_SOFT, "sentence": EDGE_HARD, "turn": EDGE_HARD + 1}


def extent(block: Block, start: int, end: int, scope: Scope) -> tuple[int, int]:
    """Return the clause, sentence or turn around folded characters ``start`` to ``end``.

    Turns of one speaker that follow each other part sentences, whatever punctuation they have.
    No more than ``SIGHT`` characters on each side are looked at.
    """
    strength = _STRENGTH[scope]
    low = max(start - SIGHT, block.range_of(block.turn_at(start))[0])
    high = min(end + SIGHT, block.range_of(block.turn_at(end - 1))[1])
    edges = block.edges
    while start > low and edges[start] < strength:
        start -= 1
    while end < high and edges[end] < strength:
        end += 1
    return start, end


def is_edge(block: Block, position: int, bounds: tuple[int, int], scope: Scope) -> bool:
    """Say whether a place parts clauses (a pause is enough), sentences or turns."""
    if position <= bounds[0] or position >= bounds[1]:
        return True
    if scope == "clause":
        # A particle that was left out closes its clause as a comma would.
        return block.edges[position] >= EDGE_PAUSE or bool(block.particles[position - 1])
    return scope == "sentence" and block.edges[position] >= EDGE_HARD


def quotations(text: str) -> list[tuple[int, int]]:
    """Return what stands inside quotation marks, marks included, unless it is all that is said."""
    said = len(text.rstrip("。！？!?. "))
    spans = (found.span() for found in _QUOTES.finditer(text))
    return [(low, high) for low, high in spans if low > 0 or high < said]


def in_quotes(spans: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """Say whether source characters lie inside one of the quotations of their turn."""
    index = bisect_right(spans, start, key=lambda span: span[0]) - 1
    return index >= 0 and spans[index][0] < start and end < spans[index][1]
