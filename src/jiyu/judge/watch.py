"""The checks that look at more than words, as the final turns come in.

A duty is looked at when its window has closed, things said in order when the last of them is said,
and a measure when the turn that it measures is there.  Whatever needs the whole conversation waits
for its end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from jiyu.judge import require, sequence
from jiyu.judge.conditions import Hit, ask
from jiyu.judge.dialogue import HORIZON, Dialogue, MarkedTurn
from jiyu.judge.live import Shown, Standing, known_late
from jiyu.judge.panel import Panel, alone, concerns
from jiyu.judge.ruling import Evidence
from jiyu.policy.checks import Check, Cue, Limit, Measure, Require, Sequence
from jiyu.policy.schema import Policy, Rule

#: Turns before the newest that tell what it was said into or after.
_NEAR = 12


@dataclass(frozen=True, slots=True)
class _Watched:
    """One check that is looked at before the end."""

    place: str
    rule: Rule
    check: Check


class Watched:
    """The checks of a policy that are looked at before the end, indexed; immutable."""

    def __init__(self, policy: Policy, panel: Panel) -> None:
        self.panel = panel
        self.country = policy.header.country
        self.openings: list[_Watched] = []
        self.measures: list[_Watched] = []
        self.cues: dict[str, list[tuple[_Watched, int, Cue]]] = defaultdict(list)
        for rule in policy.rules:
            for number, check in enumerate(alone(rule)):
                self._take(_Watched(f"{rule.id}#{number}", rule, check))

    def _take(self, watched: _Watched) -> None:
        match watched.check:
            case Require(opening=int()):
                self.openings.append(watched)
            case Require(anywhere=False) as check if check.when:
                self._listen(watched, check.when)
            case Sequence() as check if not any("remedy" in step.unless for step in check.steps):
                self._listen(watched, check.steps)
            case Limit(times=1, together=(), together_tags=()) as check if check.measure in _AT:
                self.measures.append(watched)
            case _:
                pass

    def _listen(self, watched: _Watched, cues: tuple[Cue, ...]) -> None:
        for number, cue in enumerate(cues):
            for concept in cue.concept:
                self.cues[concept].append((watched, number, cue))


@dataclass(slots=True)
class _Duty:
    """What has become of a duty that came up so far."""

    met: bool = False
    unmet: list[Evidence] = field(default_factory=list)


@dataclass(slots=True)
class _Chain:
    """What was said of a sequence since it was last complete, and how often it was."""

    hits: list[list[Hit]]
    found: list[Evidence] = field(default_factory=list)


class Watch:
    """What was watched in one conversation; a pure function of its turns so far."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._speaking = ""
        self._runs = 0
        self._duties: dict[str, _Duty] = defaultdict(_Duty)
        self._chains: dict[str, _Chain] = {}
        # By the number of the agent's run whose end closes the window.
        self._due: dict[int, list[tuple[_Watched, Hit]]] = defaultdict(list)

    def take(self, dialogue: Dialogue, turn: MarkedTurn) -> Iterator[tuple[str, list[Shown]]]:
        """Take in the next final turn.

        Yields:
            For each check that has something new to say the key under which it reports, with all
            that it reports under that key now.
        """
        speaker = turn.turn.speaker
        ended = self._speaking == "agent" and speaker not in ("agent", "system")
        if ended:
            yield from self._run_ended(dialogue, turn.index)
        if speaker != "system":
            self._runs += speaker == "agent" and self._speaking != "agent"
            self._speaking = speaker
        yield from self._listen(dialogue, turn)
        yield from self._measure(dialogue, turn)

    def _run_ended(self, dialogue: Dialogue, upto: int) -> Iterator[tuple[str, list[Shown]]]:
        for watched in self._watched.openings:
            check = watched.check
            if isinstance(check, Require) and check.opening == self._runs:
                ruling = self._watched.panel.ruling(check, dialogue.part(0, upto), {})
                late = any(need.outbound for need in check.needs) and dialogue.direction is None
                standing = _standing(watched, dialogue, late=late)
                yield watched.place, [Shown(watched.rule, e, standing) for e in ruling.evidence]
        for watched, hit in self._due.pop(self._runs, ()):
            yield from self._window_closed(watched, hit, dialogue, upto)

    def _window_closed(
        self, watched: _Watched, hit: Hit, dialogue: Dialogue, upto: int
    ) -> Iterator[tuple[str, list[Shown]]]:
        check, duty = watched.check, self._duties[watched.place]
        if not isinstance(check, Require):
            return
        low = max(0, hit.turn.index - HORIZON)
        part = dialogue.part(low, min(upto, hit.turn.index + HORIZON))
        turn = part.turns[hit.turn.index - low]
        met, evidence = require.around(check, part, turn, turn.spans(hit.mention))
        duty.met |= met
        duty.unmet += [_shifted(e, low) for e in evidence]
        unmet = duty.unmet if check.each else [] if duty.met else duty.unmet[:1]
        if concerns(check, dialogue):
            yield watched.place, [Shown(watched.rule, e, "end") for e in unmet]

    def _listen(self, dialogue: Dialogue, turn: MarkedTurn) -> Iterator[tuple[str, list[Shown]]]:
        """Take note of words that bring up a duty, or are a step of a sequence."""
        said: dict[str, tuple[_Watched, dict[int, list[Hit]]]] = {}
        for concept in turn.by_concept:
            for watched, number, cue in self._watched.cues.get(concept, ()):
                if cue.speaker != turn.turn.speaker:
                    continue
                hits = [Hit(dialogue, turn, mention) for mention in turn.by_concept[concept]]
                counted = [hit for hit in hits if all(asked.holds for asked in ask(cue, hit))]
                steps = said.setdefault(watched.place, (watched, defaultdict(list)))[1]
                steps[number] += counted
        for watched, steps in said.values():
            if isinstance(watched.check, Require):
                within = watched.check.within - (turn.turn.speaker == "agent")
                said_at = {(h.mention.start, h.mention.end): h for s in steps.values() for h in s}
                due = self._due[self._runs + within]
                due += [(watched, said_at[place]) for place in sorted(said_at)]
            elif isinstance(watched.check, Sequence):
                yield from self._step(watched, watched.check, steps, dialogue)

    def _step(
        self,
        watched: _Watched,
        check: Sequence,
        steps: Mapping[int, list[Hit]],
        dialogue: Dialogue,
    ) -> Iterator[tuple[str, list[Shown]]]:
        chain = self._chains.setdefault(watched.place, _Chain([[] for _ in check.steps]))
        for number, hits in steps.items():
            chain.hits[number] += sorted(hits, key=lambda h: (h.mention.start, h.mention.end))
        found, rest = sequence.chains(check, dialogue, chain.hits)
        chain.hits = rest
        chain.found += found
        if found and concerns(check, dialogue):
            late = any(step.on_line or known_late(step, dialogue) for step in check.steps)
            standing = _standing(watched, dialogue, late=late)
            yield watched.place, [Shown(watched.rule, e, standing) for e in chain.found]

    def _measure(self, dialogue: Dialogue, turn: MarkedTurn) -> Iterator[tuple[str, list[Shown]]]:
        measured = [
            watched
            for watched in self._watched.measures
            if isinstance(watched.check, Limit)
            and _AT[watched.check.measure](watched.check, dialogue, turn)
        ]
        if not measured:
            return
        low = max(0, turn.index - _NEAR)
        part = dialogue.part(low, turn.index + 1)
        for watched in measured:
            ruling = self._watched.panel.ruling(watched.check, part, {})
            here = [_shifted(e, low) for e in ruling.evidence if e.turn + low == turn.index]
            place = f"{watched.place}@{turn.index}"
            yield place, [Shown(watched.rule, evidence, "end") for evidence in here]


def _standing(watched: _Watched, dialogue: Dialogue, *, late: bool) -> Standing:
    late = late or bool(watched.rule.escalates) or known_late(watched.check, dialogue)
    return "end" if late else "stands"


def _shifted(evidence: Evidence, by: int) -> Evidence:
    spans = tuple(type(s)(s.turn + by, s.start, s.end, s.text) for s in evidence.spans)
    return evidence._replace(turn=evidence.turn + by, spans=spans)


def _cuts_in(_: Limit, dialogue: Dialogue, turn: MarkedTurn) -> bool:
    start = turn.turn.start
    near = dialogue.turns[max(0, turn.index - _NEAR) : turn.index]
    return (
        turn.turn.speaker == "agent"
        and start is not None
        and any(
            other.turn.end is not None and other.turn.end > start
            for other in near
            if other.turn.speaker == "customer"
        )
    )


def _sounds(check: Limit, _: Dialogue, turn: MarkedTurn) -> bool:
    return turn.turn.speaker == "agent" and not set(check.tags).isdisjoint(turn.turn.tags)


def _says_many(check: Limit, _: Dialogue, turn: MarkedTurn) -> bool:
    """Say whether the agent uses so many of some words that it may be too many."""
    least = check.at_least if check.at_least is not None else check.over
    if turn.turn.speaker != "agent" or least is None:
        return False
    said = {
        (mention.concept, mention.phrase)
        for cue in check.says
        for concept in cue.concept
        for mention in turn.by_concept.get(concept, ())
    }
    return len(said) >= least


#: The measures that are known as soon as their turn is there, each with a quick look at whether
#: anything can be the matter.
_AT: Mapping[Measure, Callable[[Limit, Dialogue, MarkedTurn], bool]] = {
    "interruption": _cuts_in,
    "tag": _sounds,
    "distinct_in_turn": _says_many,
}
