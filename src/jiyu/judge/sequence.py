"""Checks of the kind ``sequence``: things said in order, each in a turn of its own."""

from __future__ import annotations

from collections.abc import Sequence as Listed

from jiyu.judge.conditions import Hit, select
from jiyu.judge.dialogue import Dialogue
from jiyu.judge.ruling import PASS, Evidence, Ruling, violation
from jiyu.policy.checks import Sequence


def judge(check: Sequence, dialogue: Dialogue) -> Ruling:
    """Say whether the steps followed one another as often as the check counts."""
    evidence, _ = chains(check, dialogue, [select([step], dialogue) for step in check.steps])
    return violation(evidence) if evidence else PASS


def chains(
    check: Sequence, dialogue: Dialogue, steps: Listed[Listed[Hit]]
) -> tuple[list[Evidence], list[list[Hit]]]:
    """Return the chains that some hits make, and the hits behind the last of them.

    A chain that was found stays as it is whatever is said later: each step is the first one that
    follows.

    Args:
        check: What makes a chain.
        dialogue: Where the hits are.
        steps: Of each step its hits, in the order of speech.
    """
    evidence: list[Evidence] = []
    left = [list(step) for step in steps]
    while chain := _chain(check, dialogue, left * check.times):
        spans = tuple(span for hit in chain for span in hit.turn.spans(hit.mention))
        evidence.append(Evidence(spans[0].turn, spans, detail=f"共 {len(chain)} 次"))
        after = chain[-1].turn.index
        left = [[hit for hit in step if hit.turn.index > after] for step in left]
    return evidence, left


def _chain(check: Sequence, dialogue: Dialogue, hits: Listed[Listed[Hit]]) -> list[Hit]:
    """Return the first chain of hits, or nothing."""
    for first in hits[0]:
        chain = [first]
        for step in hits[1:]:
            follows = next((hit for hit in step if _follows(check, dialogue, chain[-1], hit)), None)
            if follows is None:
                # What begins later ends no earlier.
                return []
            chain.append(follows)
        long = chain[-1].turn.index - first.turn.index
        if check.within is None or long < check.within:
            return chain
    return []


def _follows(check: Sequence, dialogue: Dialogue, earlier: Hit, later: Hit) -> bool:
    """Say whether a hit stands in a later turn, behind one of the other side if that matters."""
    if not check.alternating:
        return later.turn.index > earlier.turn.index
    return dialogue.ordinal(later.turn) > dialogue.ordinal(earlier.turn)
