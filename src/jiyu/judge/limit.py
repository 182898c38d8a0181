"""Checks of the kind ``limit``: a measure must not go beyond its threshold."""

from __future__ import annotations

from jiyu.judge.conditions import fills_turn
from jiyu.judge.dialogue import Dialogue
from jiyu.judge.measures import MEASURED
from jiyu.judge.ruling import NEVER_CAME_UP, PASS, Evidence, Ruling, unknown, violation
from jiyu.policy.checks import Limit

#: Most pieces of evidence that one finding shows.
MOST_SPANS = 12


def judge(check: Limit, dialogue: Dialogue) -> Ruling:
    """Say whether enough values lie beyond the threshold."""
    reading = MEASURED[check.measure](check, dialogue)
    beyond = [sample for sample in reading.samples if check.beyond(sample.value)]
    if len(beyond) >= check.times:
        together = _together(check, dialogue)
        if together is not None:
            return together
        if check.times == 1:
            return violation([sample.evidence for sample in beyond])
        spans = tuple(span for sample in beyond for span in sample.evidence.spans)
        first = beyond[0].evidence
        return violation([Evidence(first.turn, spans[:MOST_SPANS], None, f"共 {len(beyond)} 次")])
    if reading.missing:
        return unknown(reading.missing)
    return PASS if reading.came_up else NEVER_CAME_UP


def _together(check: Limit, dialogue: Dialogue) -> Ruling | None:
    """Rule out what only counts together with something that is not there."""
    if not check.together and not check.together_tags:
        return None
    for turn in dialogue.agent_turns:
        if not set(check.together_tags).isdisjoint(turn.turn.tags):
            return None
        if fills_turn(dialogue, turn, check.together):
            return None
    if check.together_tags and not dialogue.can("audio_events"):
        return unknown("没有声音事件")
    return PASS
