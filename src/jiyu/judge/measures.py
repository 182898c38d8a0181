"""What can be measured in a conversation: pure functions of its turns, times and events.

Times are seconds.  How long customers wait is measured in ``waiting``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from jiyu.judge.conditions import Hit, fills_turn, select
from jiyu.judge.dialogue import Dialogue, MarkedTurn
from jiyu.judge.reading import Reading, Sample, sampled
from jiyu.judge.timeline import Stretch
from jiyu.judge.waiting import (
    answer_time,
    callback_delay,
    callback_hours,
    feedback_time,
    repeated_request,
)
from jiyu.model import Span
from jiyu.policy.checks import Limit, Measure

_PARTICLE = re.compile("(?<![干幹乾喇哈])[嘛喽嘍囉啰咯呗唄嘞噻]+")
_STRETCHED = re.compile(r"([\u4e00-\u9fff])\1{2,}|[～~—…]{1,}")
_WORDS_MISSING = "部分话语听不清或被屏蔽"


class Speech(NamedTuple):
    """A stretch in which somebody speaks without a pause, with the turns that it is made of."""

    start: float
    end: float
    parts: Sequence[Stretch]


def joined(stretches: Sequence[Stretch], gap: float) -> list[Speech]:
    """Join stretches of one speaker that are no further apart than ``gap`` seconds."""
    speeches: list[Speech] = []
    for stretch in sorted(stretches):
        last = speeches[-1] if speeches else None
        if last is not None and stretch.start - last.end <= gap:
            parts = (*last.parts, stretch)
            speeches[-1] = Speech(last.start, max(last.end, stretch.end), parts)
        else:
            speeches.append(Speech(stretch.start, stretch.end, (stretch,)))
    return speeches


def cut_in(start: float, customer: Sequence[Speech], tail: float) -> float | None:
    """Return how long the customer had been speaking when somebody began, or ``None``.

    Only counts if the customer goes on for more than ``tail`` seconds after it.
    """
    for speech in customer:
        if any(part.start <= start and _seconds(start, part.end) > tail for part in speech.parts):
            return _seconds(speech.start, start)
    return None


def _seconds(start: float, end: float) -> float:
    """Return a duration to the millisecond, so that 12.8 - 12.0 is no more than 0.8."""
    return round(end - start, 3)


def _interruption(check: Limit, dialogue: Dialogue) -> Reading:
    """Seconds that the customer had been speaking when the agent spoke into it."""
    timeline = dialogue.timeline
    stretches = [
        stretch
        for turn, stretch in zip(dialogue.turns, timeline.turns, strict=True)
        if turn.turn.speaker == "customer" and stretch is not None and turn.turn.at is None
    ]
    customer = joined(stretches, check.setting("gap"))
    samples: list[Sample] = []
    before: Stretch | None = None
    for turn in dialogue.agent_turns:
        stretch = timeline.turns[turn.index]
        if stretch is None or turn.turn.at is not None:
            continue
        goes_on = before is not None and stretch.start - before.end <= check.setting("gap")
        into = cut_in(stretch.start, customer, check.setting("tail"))
        # A recogniser cuts an agent's long sentence; the customer spoke into that one.
        cut = goes_on and before is not None and into is not None
        cut = cut and before is not None and before.start < stretch.start - (into or 0)
        before = stretch
        brief = _seconds(*stretch) <= check.setting("backchannel")
        if into is None or cut or turn.mentions_any(check.role("security")):
            continue
        if brief and fills_turn(dialogue, turn, check.role("backchannel")):
            continue
        samples.append(sampled(into, turn, f"客户讲了 {into:.1f} 秒时插话"))
    return Reading(samples, bool(stretches) or bool(timeline.fault), timeline.fault)


def _release(check: Limit, dialogue: Dialogue) -> Reading:
    """Seconds from the customer's farewell to the agent's hanging up; -1 without a farewell."""
    by = dialogue.released_by
    if by is None:
        return Reading((), missing="没有记录谁先挂机")
    if by != "agent":
        return Reading(())
    silent = sum(turn.mentions_any(check.role("silent_line")) for turn in dialogue.agent_turns)
    if silent >= check.setting("silent_line"):
        return Reading(())
    last = dialogue.agent_turns[-1]
    customers = [run for run in dialogue.runs if run[0].turn.speaker == "customer"]
    said = [turn for run in customers[-2:] for turn in run]
    farewells = [turn for turn in said if turn.mentions_any(check.role("farewell"))]
    if not farewells:
        return Reading([sampled(-1, last, "客户没有道别就挂机")])
    stretch = dialogue.timeline.turns[farewells[-1].index]
    released = dialogue.released_at
    if stretch is None or released is None:
        return Reading((), missing="没有挂机的时间")
    waited = _seconds(stretch.end, released)
    return Reading([sampled(waited, last, f"客户道别后 {max(0.0, waited):.1f} 秒挂机")])


def _tag(check: Limit, dialogue: Dialogue) -> Reading:
    """1 for each turn of the agent with one of some audio events that the customer can hear."""
    wanted = set(check.tags)
    return Reading(
        [
            sampled(1, turn, f"声音事件：{'、'.join(sorted(wanted & set(turn.turn.tags)))}")
            for turn in dialogue.agent_turns
            if not wanted.isdisjoint(turn.turn.tags) and dialogue.on_line(turn)
        ]
    )


def _answers(dialogue: Dialogue) -> Iterator[tuple[Sequence[MarkedTurn], MarkedTurn, float]]:
    """Yield each run of the agent that answers, with the turn answered and seconds between."""
    for before, run in zip(dialogue.runs, dialogue.runs[1:], strict=False):
        if run[0].turn.speaker != "agent" or before[0].turn.speaker != "customer":
            continue
        asked = dialogue.timeline.turns[before[-1].index]
        answered = dialogue.timeline.turns[run[0].index]
        if asked is not None and answered is not None:
            yield run, before[-1], _seconds(asked.end, answered.start)


def _answer_delay(check: Limit, dialogue: Dialogue) -> Reading:
    """Seconds before each answer of the agent that no word of waiting announced."""
    announced = {
        run[-1].index + 1
        for run in dialogue.agent_runs
        if any(turn.mentions_any(check.role("announced")) for turn in run)
    }
    samples = [
        sampled(delay, run[0], f"{delay:.1f} 秒后才应答")
        for run, asked, delay in _answers(dialogue)
        if _first_of_run(dialogue, asked) not in announced and not dialogue.held_between(asked, run)
    ]
    return Reading(samples, True, dialogue.timeline.fault)


def _first_of_run(dialogue: Dialogue, turn: MarkedTurn) -> int:
    return next(run[0].index for run in dialogue.runs if run[-1].index >= turn.index)


def _terse_reply(check: Limit, dialogue: Dialogue) -> Reading:
    """Seconds before each reply that has hardly any characters."""
    samples = [
        sampled(delay, run[0], f"{delay:.0f} 秒后只回 {sum(t.length for t in run)} 字")
        for run, _, delay in _answers(dialogue)
        if sum(turn.length for turn in run) <= check.setting("characters")
    ]
    return Reading(samples, True, dialogue.timeline.fault)


def _drawl(check: Limit, dialogue: Dialogue) -> Reading:
    """Characters a second in turns with stretched vowels, unless the customer asked for it."""
    samples: list[Sample] = []
    asked = min(
        (turn.index for name in check.role("asked_slow") for turn, _ in dialogue.said(name)),
        default=len(dialogue.turns),
    )
    for turn in dialogue.agent_turns:
        stretch = dialogue.timeline.turns[turn.index]
        if stretch is None or turn.index > asked or not _STRETCHED.search(turn.turn.text):
            continue
        seconds = _seconds(*stretch)
        if seconds >= check.setting("seconds"):
            rate = turn.length / seconds
            samples.append(sampled(rate, turn, f"每秒 {rate:.1f} 字，拖长音"))
    return Reading(samples, True, dialogue.timeline.fault)


def _particles(check: Limit, dialogue: Dialogue) -> Reading:
    """Particles and pet phrases of the agent in all, if there are enough for each turn."""
    found = [(hit.turn, hit.turn.spans(hit.mention)) for hit in select(check.says, dialogue)]
    for turn in dialogue.agent_turns:
        matches = _PARTICLE.finditer(turn.turn.text)
        found += [(turn, (Span(turn.index, *match.span(), match[0]),)) for match in matches]
    missing = _WORDS_MISSING if dialogue.words_missing("agent") else ""
    if not found or len(found) < check.setting("per_turn") * len(dialogue.agent_turns):
        return Reading((), True, missing)
    found.sort(key=lambda item: (item[0].index, item[1][0].start))
    spans = tuple(span for _, spans in found for span in spans)
    detail = f"{len(found)} 次语气词、口头禅"
    return Reading([sampled(len(found), found[0][0], detail, spans)], True, missing)


def _distinct(check: Limit, dialogue: Dialogue) -> Reading:
    """How many of some words the agent uses, each counted once."""
    enough = len(dialogue.agent_turns) >= check.setting("turns")
    first = _first_uses(check, dialogue, dialogue.agent_turns)
    spans = tuple(span for hit in first for span in hit.turn.spans(hit.mention))
    turn = first[0].turn if first else dialogue.agent_turns[0]
    missing = _WORDS_MISSING if dialogue.words_missing("agent") else ""
    if check.below is not None and not dialogue.whole:
        missing = missing or "不知道会话是否完整"
    if not enough or (missing and check.below is not None):
        return Reading((), enough, missing)
    detail = f"用了 {len(first)} 个"
    return Reading([sampled(len(first), turn, detail, spans or turn.whole_span)], True, missing)


def _distinct_in_turn(check: Limit, dialogue: Dialogue) -> Reading:
    """The same for each turn of the agent alone."""
    samples: list[Sample] = []
    for turn in dialogue.agent_turns:
        first = _first_uses(check, dialogue, [turn])
        spans = tuple(span for hit in first for span in hit.turn.spans(hit.mention))
        if first:
            samples.append(sampled(len(first), turn, f"一句里用了 {len(first)} 个", spans))
    return Reading(samples, True, _WORDS_MISSING if dialogue.words_missing("agent") else "")


def _first_uses(check: Limit, dialogue: Dialogue, turns: Sequence[MarkedTurn]) -> list[Hit]:
    """Return the first use of each word, leaving out what was explained or the customer used.

    A line of phrases is one word in several writings.
    """
    places = {turn.index for turn in turns}
    explained = check.role("explained")
    first: dict[tuple[str, str], Hit] = {}
    for hit in select(check.says, dialogue):
        key = hit.mention.concept, hit.mention.phrase
        if hit.turn.index not in places or key in first:
            continue
        if explained and (_explained(hit, explained) or _customer_used(hit, dialogue)):
            continue
        first[key] = hit
    return list(first.values())


def _explained(hit: Hit, explained: tuple[str, ...]) -> bool:
    """Say whether an explanation follows the word at once."""
    end = hit.mention.end
    return any(end <= m.start <= end + 2 for m in hit.around(explained, end, end + 2))


def _customer_used(hit: Hit, dialogue: Dialogue) -> bool:
    return any(
        turn.turn.speaker == "customer" and turn.index < hit.turn.index
        for turn, mention in dialogue.said(hit.mention.concept)
        if mention.phrase == hit.mention.phrase
    )


def _transfers(check: Limit, dialogue: Dialogue) -> Reading:  # noqa: ARG001 - one signature for all
    """How often the customer was passed on."""
    transfers = dialogue.events("transfer")
    last = dialogue.agent_turns[-1]
    at = transfers[-1].at if transfers else None
    return Reading([sampled(len(transfers), last, f"转接 {len(transfers)} 次", at=at)])


MEASURED: Mapping[Measure, Callable[[Limit, Dialogue], Reading]] = {
    "interruption": _interruption,
    "release": _release,
    "tag": _tag,
    "answer_delay": _answer_delay,
    "terse_reply": _terse_reply,
    "drawl": _drawl,
    "particles": _particles,
    "distinct": _distinct,
    "distinct_in_turn": _distinct_in_turn,
    "transfers": _transfers,
    "repeated_request": repeated_request,
    "answer_time": answer_time,
    "feedback_time": feedback_time,
    "callback_delay": callback_delay,
    "callback_hours": callback_hours,
}
