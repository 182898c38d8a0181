"""Checks of the kind ``require``: something that must be said, always or when it comes up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from jiyu.judge.conditions import select
from jiyu.judge.dialogue import Dialogue, MarkedTurn
from jiyu.judge.ruling import NEVER_CAME_UP, PASS, Evidence, Ruling, unknown, violation
from jiyu.model import Span
from jiyu.policy.checks import Need, Require
from jiyu.text.clock import is_holiday


@dataclass(frozen=True, slots=True)
class _Occasion:
    """One time that a duty comes up.

    Attributes:
        turn: The turn that brings it up, or beside which it comes up.
        spans: The words that do.
        window: The agent's turns in which it may be done, empty if there was no chance to.
        replies: The customer's turns that may show it done.
        at: When, if an event brings it up.
    """

    turn: int
    spans: tuple[Span, ...]
    window: Sequence[MarkedTurn]
    replies: Sequence[MarkedTurn] = ()
    at: float | str | None = None


def judge(check: Require, dialogue: Dialogue, country: str) -> Ruling:
    """Say whether what must be said was said.

    Args:
        check: What must be said.
        dialogue: The whole conversation.
        country: Whose public holidays count, as ISO 3166.
    """
    found = _occasions(check, dialogue, country)
    if isinstance(found, Ruling):
        return found
    if not found:
        return NEVER_CAME_UP
    chances = [occasion for occasion in found if occasion.window]
    if not chances:
        return Ruling("not_applicable", reason="会话到此为止，没有机会说")
    lacking = [(occasion, _lacking(check, occasion, dialogue)) for occasion in chances]
    unmet = [(occasion, needs) for occasion, needs in lacking if needs]
    if not unmet or (not check.each and len(unmet) < len(lacking)):
        return PASS
    if any(turn.words_missing for occasion, _ in unmet for turn in occasion.window):
        return unknown("部分话语听不清或被屏蔽")
    return violation([_evidence(*each) for each in (unmet if check.each else unmet[:1])])


def around(
    check: Require, dialogue: Dialogue, turn: MarkedTurn, spans: tuple[Span, ...]
) -> tuple[bool, list[Evidence]]:
    """Say of one time that a duty came up whether it was met, with the evidence if it was not.

    Neither, if there was no chance to meet it or words are missing.
    """
    occasion = _around(check, dialogue, turn, spans)
    if not occasion.window:
        return False, []
    if not (needs := _lacking(check, occasion, dialogue)):
        return True, []
    if any(other.words_missing for other in occasion.window):
        return False, []
    return False, [_evidence(occasion, needs)]


def _evidence(occasion: _Occasion, needs: Sequence[Need]) -> Evidence:
    missing = f"没有说：{'、'.join(need.title for need in needs)}"
    return Evidence(occasion.turn, occasion.spans, occasion.at, missing)


def _occasions(check: Require, dialogue: Dialogue, country: str) -> Sequence[_Occasion] | Ruling:
    if check.opening or check.closing:
        return _edge(check, dialogue)
    if check.holiday:
        return _holiday(dialogue, country)
    if check.event:
        return _by_event(check, dialogue)
    return [
        _around(check, dialogue, hit.turn, hit.turn.spans(hit.mention))
        for hit in select(check.when, dialogue)
    ]


def _edge(check: Require, dialogue: Dialogue) -> Sequence[_Occasion] | Ruling:
    """Return the beginning or the end of the conversation."""
    if not dialogue.whole:
        return unknown("不知道会话是否完整")
    runs = dialogue.agent_runs
    if check.opening:
        window = _flat(runs[: check.opening])
        return [_Occasion(window[0].index, window[0].whole_span, window)]
    last = dialogue.runs[-1]
    window = _flat(runs[-(check.closing or 1) :])
    occasion = _Occasion(window[-1].index, window[-1].whole_span, window)
    customers = last[0].turn.speaker != "agent"
    if customers and dialogue.released_by == "customer" and _lacking(check, occasion, dialogue):
        return Ruling("not_applicable", reason="客户先挂机，没有机会说")
    return [occasion]


def _holiday(dialogue: Dialogue, country: str) -> Sequence[_Occasion] | Ruling:
    moment = dialogue.timeline.moment(0.0)
    if moment is None:
        return unknown("不知道日期")
    if is_holiday(moment.date(), country) is None:
        return []
    first = dialogue.agent_turns[0]
    return [_Occasion(first.index, first.whole_span, dialogue.agent_turns)]


def _by_event(check: Require, dialogue: Dialogue) -> Sequence[_Occasion] | Ruling:
    """Return each event with the agent's turns before and after it; times must say which."""
    timeline = dialogue.timeline
    occasions: list[_Occasion] = []
    for event in dialogue.events(*check.event):
        at = timeline.seconds(event.at)
        if at is None or timeline.fault:
            return unknown(timeline.fault or "事件没有时间")
        # Turns, not runs: nobody else speaks while the customer is on hold.
        starts = [(turn, timeline.turns[turn.index]) for turn in dialogue.agent_turns]
        before = [turn for turn, stretch in starts if stretch and stretch.start <= at]
        after = [turn for turn, stretch in starts if stretch and stretch.start > at]
        near = before[-1] if before else after[0]
        window = (*before[max(0, len(before) - check.before) :], *after[: check.within])
        occasions.append(_Occasion(near.index, near.whole_span, window, at=event.at))
    return occasions


def _around(
    check: Require, dialogue: Dialogue, turn: MarkedTurn, spans: tuple[Span, ...]
) -> _Occasion:
    """Return the agent's turns around some words; the run that says them is the first after."""
    if check.anywhere:
        return _Occasion(turn.index, spans, dialogue.agent_turns, dialogue.turns)
    runs = dialogue.agent_runs
    after = next((i for i, run in enumerate(runs) if run[-1].index >= turn.index), len(runs))
    window = _flat(runs[max(0, after - check.before) : after + check.within])
    last = window[-1].index if window else turn.index
    replies = [other for other in dialogue.turns[turn.index + 1 :] if other.index <= last + 1]
    return _Occasion(turn.index, spans, window, replies)


def _flat(runs: Iterable[Sequence[MarkedTurn]]) -> list[MarkedTurn]:
    return list(chain.from_iterable(runs))


def _lacking(check: Require, occasion: _Occasion, dialogue: Dialogue) -> list[Need]:
    """Return what was not said, of all that had to be."""
    replies = (turn for turn in occasion.replies if turn.turn.speaker == "customer")
    if any(turn.mentions_any(check.accepts) for turn in replies):
        return []
    needs: list[Need] = []
    for need in check.needs:
        wanted = tuple(_wanted(need, dialogue.direction))
        if not any(
            turn.mentions_any(wanted) or (need.longer is not None and turn.length > need.longer)
            for turn in occasion.window
        ):
            needs.append(need)
    return needs


def _wanted(need: Need, direction: str | None) -> Iterator[str]:
    if direction != "outbound" or not need.outbound:
        yield from need.any
    if direction != "inbound":
        yield from need.outbound
