"""A conversation as the rules see it: turns whose mentions are marked."""

from __future__ import annotations

import copy
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from zoneinfo import ZoneInfo

from jiyu.judge.ruling import Ruling, unknown
from jiyu.judge.timeline import Timeline
from jiyu.model import Conversation, Event, Mention, Span, Speaker, Turn
from jiyu.text.clauses import quotations
from jiyu.text.fold import Block

#: Where a recogniser left words out or masked them: silence about what was said is not a pass.
_WORDS_MISSING = re.compile(
    r"\*{2,}|＊{2,}|[\[［(（【](?:听不清|聽不清|inaudible|听不到|不清楚)[^\]］)）】]{0,6}"
)
#: As many turns back and ahead does any condition look.
HORIZON = 40


@dataclass(frozen=True)
class MarkedTurn:
    """One turn, its place in a folded block, and the mentions that end in it.

    Attributes:
        index: Position in the conversation, from 0.
        place: Position in the block; the turn before it in the block, if of the same speaker,
            stands right before it, so that a mention may begin there.
        before: Mentions that lie in that turn, in the coordinates of the same block.
    """

    index: int
    turn: Turn
    block: Block
    place: int
    mentions: Sequence[Mention]
    before: Sequence[Mention] = ()

    def at(self, index: int) -> MarkedTurn:
        """Return the same turn at another place of the conversation."""
        if index == self.index:
            return self
        # A copy, and not a new one: what was worked out about it is kept.
        moved = copy.copy(self)
        object.__setattr__(moved, "index", index)
        return moved

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """Folded characters of the turn in its block, half-open."""
        return self.block.range_of(self.place)

    @cached_property
    def by_concept(self) -> Mapping[str, Sequence[Mention]]:
        """The mentions that end in the turn, grouped, in the order in which they were said."""
        return _grouped(self.mentions)

    @cached_property
    def _before_by_concept(self) -> Mapping[str, Sequence[Mention]]:
        return _grouped(self.before)

    @cached_property
    def quotations(self) -> Sequence[tuple[int, int]]:
        """Source characters of the turn that stand inside quotation marks."""
        return quotations(self.turn.text)

    @property
    def whole_span(self) -> tuple[Span, ...]:
        """The turn itself as evidence; nothing if it is empty."""
        text = self.turn.text
        return (Span(self.index, 0, len(text), text),) if text else ()

    @cached_property
    def words_missing(self) -> bool:
        """Whether a recogniser left words out or masked them."""
        return bool(_WORDS_MISSING.search(self.turn.text))

    @property
    def length(self) -> int:
        """How many folded characters the turn has."""
        low, high = self.bounds
        return high - low

    def mentions_any(self, concepts: Iterable[str]) -> bool:
        """Say whether any of some concepts is mentioned."""
        return any(concept in self.by_concept for concept in concepts)

    def around(self, concept: str, low: int, high: int) -> Iterator[Mention]:
        """Yield the mentions of a concept that touch folded characters ``low`` to ``high``.

        Looks at the turn before too where the block has it.  The cost depends on how many there
        are, not on the length of the turn.
        """
        for grouped in (self._before_by_concept, self.by_concept):
            mentions = grouped.get(concept, ())
            # Mentions of one concept do not lie inside each other, so their ends rise too.
            first = bisect_left(mentions, low, key=lambda m: m.end)
            for index in range(first, len(mentions)):
                if mentions[index].start > high:
                    break
                yield mentions[index]

    def begins_before(self, mention: Mention) -> bool:
        """Say whether a mention of this turn begins in the turn before it."""
        return mention.start < self.bounds[0]

    def spans(self, mention: Mention) -> tuple[Span, ...]:
        """Return the exact evidence of a mention, a span for each turn it runs over."""
        block, (low, _) = self.block, self.bounds
        parts = [(self.index, max(mention.start, low), mention.end)]
        if self.begins_before(mention):
            _, end = block.range_of(self.place - 1)
            parts.insert(0, (self.index - 1, mention.start, end))
        return tuple(self._span(*part) for part in parts)

    def _span(self, index: int, low: int, high: int) -> Span:
        start, end = self.block.source_span(low, high)
        back = self.index - index
        return Span(index, start, end, self.block.texts[self.place - back][start:end])


class Dialogue:
    """The turns of one conversation so far, with what the rules ask about them.

    Attributes:
        conversation: What is known of the conversation besides its turns.
        zone: Where times without an offset are local.
    """

    def __init__(self, conversation: Conversation, zone: ZoneInfo) -> None:
        self.conversation = conversation
        self.zone = zone
        self.turns: list[MarkedTurn] = []
        # Of each turn the run that it belongs to, and who speaks in that run.
        self._runs: list[tuple[int, str]] = []
        self._stamped = self._heard = 0

    def add(self, turn: MarkedTurn) -> None:
        """Take in the next turn."""
        self.turns.append(turn)
        self._runs.append(self._run(len(self._runs), turn))
        self._count(turn, 1)
        self.forget()

    def put(self, turn: MarkedTurn) -> None:
        """Take in a turn in place of the one that has its index."""
        index, before = turn.index, self.turns[turn.index]
        self.turns[index] = turn
        self._count(before, -1)
        self._count(turn, 1)
        if before.turn.speaker != turn.turn.speaker:
            for later in range(index, len(self.turns)):
                self._runs[later] = self._run(later, self.turns[later])
        self.forget()

    def cut(self, length: int) -> None:
        """Let go of all turns but the first ``length``."""
        for turn in self.turns[length:]:
            self._count(turn, -1)
        del self.turns[length:], self._runs[length:]
        self.forget()

    def part(self, low: int, high: int) -> Dialogue:
        """Return turns ``low`` to ``high`` as a conversation of their own, counted from 0."""
        part = Dialogue(self.conversation, self.zone)
        for index, turn in enumerate(self.turns[low:high]):
            part.add(turn.at(index))
        return part

    def forget(self) -> None:
        """Work out anew what depends on all that is known."""
        for name in _ASKED_LATER:
            self.__dict__.pop(name, None)

    def _run(self, index: int, turn: MarkedTurn) -> tuple[int, str]:
        """Return the run of a turn, by that of the turn before it."""
        number, speaking = self._runs[index - 1] if index else (0, "")
        speaker = turn.turn.speaker
        if speaker in ("system", speaking):
            return number, speaking
        return number + 1, speaker

    def _count(self, turn: MarkedTurn, by: int) -> None:
        said = turn.turn
        self._stamped += by * (said.at is not None)
        self._heard += by * (said.start is not None or bool(said.tags))

    def ordinal(self, turn: MarkedTurn) -> int:
        """Return which turn of the conversation this is, from 1.

        A run of turns of one speaker counts once, and what a system says does not count.
        """
        return self._runs[turn.index][0]

    def words_before(self, turn: MarkedTurn) -> Iterator[MarkedTurn]:
        """Yield the other side's turns just before, back to this speaker's last turn."""
        speaker, reached = turn.turn.speaker, False
        for index in range(turn.index - 1, max(-1, turn.index - 1 - HORIZON), -1):
            other = self.turns[index]
            if other.turn.speaker == speaker:
                if reached:
                    return
                continue
            reached = True
            if other.turn.speaker != "system":
                yield other

    def following(self, turn: MarkedTurn, count: int) -> Iterator[MarkedTurn]:
        """Yield the speaker's next turns: the rest of this run, and ``count`` further runs."""
        runs, before = 0, turn.turn.speaker
        for other in self.turns[turn.index + 1 : turn.index + 1 + HORIZON]:
            same = other.turn.speaker == turn.turn.speaker
            runs += same and before != turn.turn.speaker
            if runs > count:
                return
            if same:
                yield other
            before = other.turn.speaker

    def followed(self, turn: MarkedTurn, count: int, upto: int) -> bool:
        """Say whether the turns before ``upto`` hold all that ``following`` will ever yield."""
        runs, before = 0, turn.turn.speaker
        for other in self.turns[turn.index + 1 : min(upto, turn.index + 1 + HORIZON)]:
            same = other.turn.speaker == turn.turn.speaker
            runs += same and before != turn.turn.speaker
            before = other.turn.speaker
            if runs > count or (runs == count and not same):
                return True
        return upto >= turn.index + 1 + HORIZON

    @property
    def channel(self) -> str | None:
        """Phone or chat, as the source says or its times and events show."""
        if self.conversation.channel is not None:
            return self.conversation.channel
        if self._stamped:
            return "chat"
        return "phone" if self._heard or self.events("hangup", "hold") else None

    @property
    def direction(self) -> str | None:
        """Who called whom, if the source says so."""
        return self.conversation.direction

    @cached_property
    def whole(self) -> bool:
        """Whether the source describes a conversation, and not only some sentences of one.

        What was not said at its beginning or end can only be told from the former.
        """
        known = self.conversation
        said = (known.started_at, known.ended_at, known.ended_by, known.direction)
        return (
            any(value is not None for value in said)
            or known.capabilities is not None
            or bool(known.events)
            or any(turn.turn.start is not None or turn.turn.at for turn in self.turns)
        )

    def can(self, capability: str) -> bool | None:
        """Say whether the source delivers something; ``None`` if it does not say."""
        known = self.conversation.capabilities
        return None if known is None else capability in known

    @cached_property
    def timeline(self) -> Timeline:
        """When the turns were."""
        return Timeline(self.conversation, [turn.turn for turn in self.turns], self.zone)

    def events(self, *types: str) -> list[Event]:
        """Return the events of some types, in the order of the source."""
        return [event for event in self.conversation.events if event.type in types]

    @cached_property
    def _said(self) -> Mapping[str, Sequence[tuple[MarkedTurn, Mention]]]:
        said: dict[str, list[tuple[MarkedTurn, Mention]]] = defaultdict(list)
        for turn in self.turns:
            for mention in turn.mentions:
                said[mention.concept].append((turn, mention))
        return said

    def said(self, concept: str) -> Sequence[tuple[MarkedTurn, Mention]]:
        """Return every mention of a concept with its turn, in the order of speech."""
        return self._said.get(concept, ())

    @cached_property
    def runs(self) -> Sequence[Sequence[MarkedTurn]]:
        """The turns, grouped by runs of one speaker; what a system says is left out."""
        runs: dict[int, list[MarkedTurn]] = defaultdict(list)
        for turn, (run, _) in zip(self.turns, self._runs, strict=True):
            if turn.turn.speaker != "system":
                runs[run].append(turn)
        return list(runs.values())

    @cached_property
    def agent_turns(self) -> Sequence[MarkedTurn]:
        """The agent's turns."""
        return [turn for turn in self.turns if turn.turn.speaker == "agent"]

    @cached_property
    def agent_runs(self) -> Sequence[Sequence[MarkedTurn]]:
        """The runs of the agent."""
        return [run for run in self.runs if run[0].turn.speaker == "agent"]

    @cached_property
    def _holds(self) -> Sequence[tuple[float, float]]:
        """Stretches in which the customer was on hold, in seconds."""
        holds: list[tuple[float, float]] = []
        for event in self.events("hold", "resume"):
            at = self.timeline.seconds(event.at)
            if at is None:
                continue
            if event.type == "hold":
                holds.append((at, inf))
            elif holds and holds[-1][1] == inf:
                holds[-1] = (holds[-1][0], at)
        return holds

    def held_between(self, asked: MarkedTurn, run: Sequence[MarkedTurn]) -> bool:
        """Say whether the customer was put on hold between a turn and the run that answers it."""
        before, after = self.timeline.turns[asked.index], self.timeline.turns[run[0].index]
        if before is None or after is None:
            return False
        return any(low < after.start and before.end < up for low, up in self._holds)

    @cached_property
    def released_by(self) -> str | None:
        """Whose side hung up, if the source says so."""
        sides = (event.by for event in self.events("hangup") if event.by)
        return self.conversation.ended_by or next(sides, None)

    @cached_property
    def released_at(self) -> float | None:
        """When that was, in seconds."""
        times = (self.timeline.seconds(event.at) for event in self.events("hangup"))
        known = [at for at in times if at is not None]
        return known[-1] if known else self.timeline.end

    def words_missing(self, speaker: str) -> bool:
        """Say whether words of a speaker are inaudible or masked."""
        return any(turn.words_missing for turn in self.turns if turn.turn.speaker == speaker)

    def heard(self, speaker: Speaker) -> Ruling | None:
        """Rule on a speaker of whom nothing was heard; ``None`` if something was."""
        if any(turn.turn.speaker == speaker for turn in self.turns):
            return None
        if any(turn.turn.speaker == "other" for turn in self.turns):
            return unknown("说话人未标明")
        return Ruling("not_applicable", reason="没有该说话人的话")

    def on_line(self, turn: MarkedTurn) -> bool:
        """Say whether the customer could hear a turn: not on hold, nor after the hang-up."""
        stretch, released = self.timeline.stretch(turn.turn), self.released_at
        if stretch is None:
            return True
        if released is not None and stretch.start > released and not self.timeline.fault:
            return False
        return not any(low <= stretch.start < up for low, up in self._holds)


#: What is worked out when it is first asked for, and again after another turn.
_ASKED_LATER = [
    name for name, value in vars(Dialogue).items() if isinstance(value, cached_property)
]


def _grouped(mentions: Sequence[Mention]) -> Mapping[str, Sequence[Mention]]:
    grouped: dict[str, list[Mention]] = defaultdict(list)
    for mention in mentions:
        grouped[mention.concept].append(mention)
    return dict(grouped)
