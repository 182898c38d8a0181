"""Checks of the kind ``sequence``: things said in order, each in a turn of its own."""

from __future__ import annotations

from collections.abc import Sequence as Listed

from jiyu.judge.conditions import Hit, select
from jiyu.judge.dialogue import Dialogue
from jiyu.judge.ruling import PASS, Evidence, Ruling, violation
from jiyu.policy.checks import Sequence


def judge(check: Sequence, dialogue: Dialogue) -> Ruling:
    """Say whether the steps followed one another as often as the check counts."""
    hits = [select([step], dialogue) for step in check.steps] * check.times
    evidence: list[Evidence] = []
    after = -1
    while chain := _chain(check, dialogue, hits, after):
        spans = tuple(span for hit in chain for span in hit.turn.spans(hit.mention))
        evidence.append(Evidence(spans[0].turn, spans, detail=f"共 {len(chain)} 次"))
        after = chain[-1].turn.index
    return violation(evidence) if evidence else PASS


def _chain(check: Sequence, dialogue: Dialogue, hits: Listed[Listed[Hit]], after: int) -> list[Hit]:
    """Return the first chain of hits behind a turn, or nothing."""
    for first in hits[0]:
        if first.turn.index <= after:
            continue
        chain = [first]
        for step in hits[1:]:
            follows = next((hit for hit in step if _follows(check, dialogue, chain[-1], hit)), None)
            if follows is None:
                break
            chain.append(follows)
        long = chain[-1].turn.index - first.turn.index
        if len(chain) == len(hits) and (check.within is None or long < check.within):
            return chain
    return []


def _follows(check: Sequence, dialogue: Dialogue, earlier: Hit, later: Hit) -> bool:
    """Say whether a hit stands in a later turn, behind one of the other side if that matters."""
    if not check.alternating:
        return later.turn.index > earlier.turn.index
    return dialogue.ordinal(later.turn) > dialogue.ordinal(earlier.turn)
