"""How long the customer waits: for an answer, for feedback, for the call back that was agreed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from jiyu.judge.dialogue import Dialogue, MarkedTurn
from jiyu.judge.reading import Reading, Sample, sampled
from jiyu.policy.checks import Limit
from jiyu.text.clauses import extent
from jiyu.text.times import agreed_times

#: Fewer characters than this, beside words of waiting and courtesy, answer nothing.
SUBSTANCE = 4
_NO_RECORD = "没有回电、回复的记录"


def answers(turn: MarkedTurn, holding: tuple[str, ...]) -> bool:
    """Say whether a turn says more than that somebody is still looking (还在查)."""
    low, high = turn.bounds
    covered = bytearray(high - low)
    for concept in holding:
        for mention in turn.by_concept.get(concept, ()):
            start, end = extent(turn.block, max(low, mention.start), mention.end, "clause")
            covered[max(0, start - low) : end - low] = b"\1" * (end - max(low, start))
    return covered.count(0) >= SUBSTANCE


def _asks(turn: MarkedTurn, request: tuple[str, ...]) -> bool:
    marks = any(mark in turn.turn.text for mark in "?？")
    return turn.turn.speaker == "customer" and (marks or turn.mentions_any(request))


def _waits(
    check: Limit, dialogue: Dialogue
) -> Iterator[tuple[MarkedTurn, MarkedTurn | None, Sequence[MarkedTurn]]]:
    """Yield each question with its answer, if any, and the agent's turns up to it."""
    question: MarkedTurn | None = None
    said: list[MarkedTurn] = []
    for turn in dialogue.turns:
        if question is None:
            if _asks(turn, check.role("request")):
                question, said = turn, []
        elif turn.turn.speaker == "agent":
            said.append(turn)
            if answers(turn, check.role("holding")):
                yield question, turn, said
                question = None
    if question is not None:
        yield question, None, said


def answer_time(check: Limit, dialogue: Dialogue) -> Reading:
    """Seconds from a question to the answer, where no other department had to be asked."""
    timeline = dialogue.timeline
    samples: list[Sample] = []
    came_up, missing = False, ""
    for question, answer, said in _waits(check, dialogue):
        if any(_commits(check, turn, "coordination") for turn in said):
            continue
        asked = timeline.turns[question.index]
        given = timeline.turns[answer.index] if answer else None
        until = given.start if given else timeline.end if answer is None else None
        came_up |= answer is not None
        if asked is None or until is None:
            missing = missing or ("部分话语没有时间" if answer else "")
            continue
        wait = until - asked.end
        shown = answer or question
        said_so = "答复" if answer else "仍没有答复"
        if answer is not None or check.beyond(wait):
            samples.append(sampled(wait, shown, f"提问后 {wait / 60:.1f} 分钟{said_so}"))
    if came_up or samples:
        missing = missing or timeline.fault
    return Reading(samples, came_up, missing)


def _promises(check: Limit, dialogue: Dialogue) -> list[tuple[MarkedTurn, float, datetime]]:
    """Return the times agreed for a call back: who said it when, and the latest moment."""
    timeline = dialogue.timeline
    agreed: list[tuple[MarkedTurn, float, datetime]] = []
    for event in dialogue.events("callback_promised"):
        due, at = timeline.seconds(event.due), timeline.seconds(event.at)
        latest = timeline.moment(due) if due is not None else None
        if latest is not None:
            agreed.append((dialogue.agent_turns[-1], at or 0.0, latest))
    if agreed:
        return agreed
    for turn in _promising(check, dialogue):
        stretch = timeline.turns[turn.index]
        now = timeline.moment(stretch.end if stretch else 0.0)
        times = agreed_times(turn.turn.text, now) if now else []
        if times:
            agreed.append((turn, stretch.end if stretch else 0.0, times[-1].latest))
    return agreed


def _promising(check: Limit, dialogue: Dialogue) -> list[MarkedTurn]:
    """Return the agent's turns that promise a call back."""
    return [turn for turn in dialogue.agent_turns if _commits(check, turn, "promise")]


def _commits(check: Limit, turn: MarkedTurn, role: str) -> bool:
    """Say whether the agent undertakes something, and does not only offer it (还是给您回电？)."""
    return turn.mentions_any(check.role(role)) and not turn.mentions_any(check.role("undecided"))


def _times_named(check: Limit, dialogue: Dialogue) -> bool:
    """Say whether any time was agreed, even one that cannot be placed without a date."""
    if any(event.due is not None for event in dialogue.events("callback_promised")):
        return True
    anywhen = datetime(2026, 3, 2, 9, tzinfo=dialogue.zone)
    return any(agreed_times(t.turn.text, anywhen) for t in _promising(check, dialogue))


def _kept(
    check: Limit, dialogue: Dialogue, after: float, turn: MarkedTurn, *events: str
) -> float | None:
    """Return when the customer first heard again, in a call back or in the same chat."""
    timeline = dialogue.timeline
    told = [timeline.seconds(event.at) for event in dialogue.events(*events)]
    if dialogue.channel != "phone":
        later = [run for run in dialogue.agent_runs if run[0].index > turn.index]
        if later and later[0][0].index == turn.index + 1:
            later = later[1:]
        told += [
            stretch.start
            for run in later
            for other in run
            if (stretch := timeline.turns[other.index]) is not None
            and answers(other, check.role("holding"))
            and not other.mentions_any(check.role("promise"))
        ]
    return min((at for at in told if at is not None and at >= after), default=None)


def feedback_time(check: Limit, dialogue: Dialogue) -> Reading:
    """Seconds from a question that others had to be asked about to the feedback."""
    timeline = dialogue.timeline
    turn = next((t for t in dialogue.agent_turns if _commits(check, t, "coordination")), None)
    question = _question_before(check, dialogue, turn) if turn else None
    if turn is None or question is None or _times_named(check, dialogue):
        return Reading((), came_up=False)
    asked, told = timeline.turns[question.index], timeline.turns[turn.index]
    if asked is None or told is None:
        return Reading((), missing="部分话语没有时间")
    heard = _kept(check, dialogue, told.end, turn, "callback", "resolved")
    if heard is None:
        return Reading((), missing=_NO_RECORD)
    wait = heard - asked.end
    return Reading([sampled(wait, turn, f"提问后 {wait / 60:.0f} 分钟才反馈")])


def _question_before(check: Limit, dialogue: Dialogue, turn: MarkedTurn) -> MarkedTurn | None:
    """Return what the agent has not answered yet, or else what the customer said last."""
    for question, answer, _ in _waits(check, dialogue):
        if question.index < turn.index and (answer is None or answer.index >= turn.index):
            return question
    said = [t for t in dialogue.turns[: turn.index] if t.turn.speaker == "customer"]
    return said[-1] if said else None


def callback_delay(check: Limit, dialogue: Dialogue) -> Reading:
    """Seconds by which a call back came later than was agreed; negative if earlier."""
    timeline = dialogue.timeline
    if not _times_named(check, dialogue):
        return Reading((), came_up=False)
    samples: list[Sample] = []
    promises = _promises(check, dialogue)
    missing = "" if promises else "不知道日期，无法确定约定的时间"
    for turn, after, latest in promises:
        heard = _kept(check, dialogue, after, turn, "callback")
        moment = timeline.moment(heard) if heard is not None else None
        if moment is None:
            missing = _NO_RECORD
            continue
        late = (moment - latest).total_seconds()
        samples.append(sampled(late, turn, f"比约定晚 {max(0.0, late) / 60:.0f} 分钟"))
    return Reading(samples, True, missing)


def callback_hours(check: Limit, dialogue: Dialogue) -> Reading:
    """Minutes by which a call back misses the working hours, where no time was agreed."""
    callbacks = dialogue.events("callback")
    if not callbacks or _times_named(check, dialogue):
        return Reading((), came_up=False)
    samples: list[Sample] = []
    for event in callbacks:
        at = dialogue.timeline.seconds(event.at)
        moment = dialogue.timeline.moment(at) if at is not None else None
        if moment is None:
            return Reading(samples, missing="不知道回电的时间")
        minutes = moment.hour * 60 + moment.minute + moment.second / 60
        missed = min(_missed(check, minutes, *half) for half in _HALVES)
        detail = f"{moment:%H:%M} 回电，不在工作时间"
        samples.append(sampled(missed, dialogue.agent_turns[-1], detail, at=event.at))
    return Reading(samples)


_HALVES = (("morning", "noon"), ("afternoon", "evening"))


def _missed(check: Limit, minutes: float, begin: str, end: str) -> float:
    low, high = check.setting(begin) * 60, check.setting(end) * 60
    return max(low - minutes, minutes - high, 0.0)


def repeated_request(check: Limit, dialogue: Dialogue) -> Reading:
    """How often a request had to be made again because the agent passed over it."""
    asked: list[tuple[MarkedTurn, frozenset[str], int]] = []
    samples: list[Sample] = []
    for turn in dialogue.turns:
        if not _asks(turn, check.role("request")):
            continue
        pairs = _pairs(turn)
        before = [
            skipped
            for other, known, skipped in asked
            if turn.index - other.index <= check.setting("turns")
            and _alike(pairs, known) >= check.setting("likeness")
            and _passed_over(check, dialogue, other, turn, pairs)
        ]
        skipped = max(before, default=-1) + 1
        asked.append((turn, pairs, skipped))
        if skipped:
            samples.append(sampled(skipped, turn, f"同一请求第 {skipped + 1} 次提出"))
    return Reading(samples)


def _pairs(turn: MarkedTurn) -> frozenset[str]:
    low, high = turn.bounds
    text = turn.block.text[low:high]
    return frozenset(text[i : i + 2] for i in range(len(text) - 1))


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    """Return which share of what either request says stands in both."""
    if min(len(one), len(other)) < SUBSTANCE:
        return 0.0
    return len(one & other) / len(one | other)


def _passed_over(
    check: Limit, dialogue: Dialogue, first: MarkedTurn, again: MarkedTurn, pairs: frozenset[str]
) -> bool:
    """Say whether the agent spoke in between of something else, and not to ask for time."""
    said = [t for t in dialogue.turns[first.index + 1 : again.index] if t.turn.speaker == "agent"]
    spoke = [turn for turn in said if answers(turn, check.role("holding"))]
    return bool(spoke) and not any(len(_pairs(t) & pairs) > 1 for t in spoke)
