"""The closed set of conditions that decide whether words that were found count.

Each condition is a pure function of the dialogue and a mention.  All that were asked are returned
with their answers, so that a supervisor can see why something was flagged, or was not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from jiyu.judge.dialogue import Dialogue, MarkedTurn
from jiyu.model import Mention
from jiyu.policy.checks import Cue, Escape, Says
from jiyu.policy.load import ESCAPE_CONCEPTS, FILLER_CONCEPT, QUOTED_CONCEPT
from jiyu.text.clauses import Scope, extent, in_quotes, is_edge
from jiyu.text.fold import EDGE_SOFT
from jiyu.text.times import names_time
from jiyu.text.words import CONTEXT, on_word_edges

#: A negation may stand this many characters before what it negates (没有_说您_无理取闹).
NEGATION_REACH = 4
#: So far before the words may the one who is quoted be named (您刚才说的是…).
QUOTING_REACH = 10
#: More fillers in a row are no longer fillers.
MOST_FILLERS = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """One condition that was asked of a mention.

    Attributes:
        condition: Its name in the policy, with its argument.
        holds: Whether the mention still counts after it.
    """

    condition: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """A mention that a rule looks at."""

    dialogue: Dialogue
    turn: MarkedTurn
    mention: Mention

    @property
    def bounds(self) -> tuple[int, int]:
        """Folded characters of the turn, or of both turns that the mention runs over."""
        low, high = self.turn.bounds
        if self.turn.begins_before(self.mention):
            low = self.turn.block.range_of(self.turn.place - 1)[0]
        return low, high

    def around(self, concepts: Iterable[str], low: int, high: int) -> Iterator[Mention]:
        """Yield the mentions of some concepts that touch folded characters ``low`` to ``high``."""
        floor = self.bounds[0]
        for concept in concepts:
            for mention in self.turn.around(concept, low, high):
                if mention.start >= floor:
                    yield mention


def ask(says: Says, hit: Hit) -> Iterator[Asked]:
    """Ask the conditions of one way of saying, cheapest first, up to the first that fails."""
    for condition, holds in _questions(says, hit):
        asked = Asked(condition, holds())
        yield asked
        if not asked.holds:
            return


def select(cues: Iterable[Cue], dialogue: Dialogue) -> list[Hit]:
    """Return every mention that meets one of some cues, in the order of speech."""
    hits = {
        (turn.index, mention.start, mention.end): Hit(dialogue, turn, mention)
        for cue in cues
        for concept in cue.concept
        for turn, mention in dialogue.said(concept)
        if turn.turn.speaker == cue.speaker
        and all(asked.holds for asked in ask(cue, Hit(dialogue, turn, mention)))
    }
    return [hits[place] for place in sorted(hits)]


def fills_turn(dialogue: Dialogue, turn: MarkedTurn, concepts: Iterable[str]) -> bool:
    """Say whether mentions of some concepts are all that a turn says, fillers aside."""
    return any(
        _starts(hit, "turn") and _ends(hit, "turn")
        for concept in concepts
        for mention in turn.by_concept.get(concept, ())
        for hit in [Hit(dialogue, turn, mention)]
    )


def _questions(says: Says, hit: Hit) -> Iterator[tuple[str, Callable[[], bool]]]:
    yield from _turn_questions(says, hit)
    for name in ("fills", "starts", "ends"):
        scope: Scope | None = getattr(says, name)
        if scope:
            yield f"{name}: {scope}", _edge_question(name, scope, hit)
    yield from _company_questions(says, hit)
    for escape in says.unless:
        yield f"unless: {escape}", _escape_question(escape, says, hit)
    if says.word:
        yield "word", lambda: _is_word(hit)


def _turn_questions(says: Says, hit: Hit) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Yield the questions about the conversation and the turn as a whole."""
    dialogue, turn = hit.dialogue, hit.turn
    if says.channel:
        yield f"channel: {says.channel}", lambda: dialogue.channel in (None, says.channel)
    if says.direction:
        yield f"direction: {says.direction}", lambda: dialogue.direction in (None, says.direction)
    if says.from_turn or says.to_turn:
        low, high = says.from_turn or 1, says.to_turn or len(dialogue.turns)
        yield f"turns: {low}…", lambda: low <= dialogue.ordinal(turn) <= high
    if (least := says.longer) is not None:
        yield f"longer: {least}", lambda: turn.length > least
    if says.no_time:
        yield "no_time", lambda: not names_time(turn.turn.text)
    if says.on_line:
        yield "on_line", lambda: dialogue.on_line(turn)


def _company_questions(says: Says, hit: Hit) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Yield the questions about what else is said, by this side and by the other one."""
    if says.near:
        yield f"near: {'、'.join(says.near)}", lambda: _in_scope(hit, says.near, says.scope)
    if says.without:
        yield (
            f"without: {'、'.join(says.without)}",
            lambda: not _in_scope(hit, says.without, says.scope),
        )
    if says.answers:
        yield f"answers: {'、'.join(says.answers)}", lambda: _answers(hit, says.answers)
    if says.not_answering:
        yield (
            f"not_answering: {'、'.join(says.not_answering)}",
            lambda: not _answers(hit, says.not_answering),
        )


def _edge_question(name: str, scope: Scope, hit: Hit) -> Callable[[], bool]:
    sides = {"starts": (_starts,), "ends": (_ends,), "fills": (_starts, _ends)}[name]
    return lambda: all(side(hit, scope) for side in sides)


def _starts(hit: Hit, scope: Scope) -> bool:
    """Say whether nothing but fillers stands between the scope's beginning and the mention."""
    return _reaches_edge(
        hit,
        scope,
        hit.mention.start,
        lambda fillers, at: min((m.start for m in fillers), default=at),
    )


def _ends(hit: Hit, scope: Scope) -> bool:
    """Say whether nothing but fillers stands between the mention and the scope's end."""
    return _reaches_edge(
        hit, scope, hit.mention.end, lambda fillers, at: max((m.end for m in fillers), default=at)
    )


def _reaches_edge(
    hit: Hit, scope: Scope, position: int, beyond: Callable[[Iterator[Mention], int], int]
) -> bool:
    """Go on over fillers, ``beyond`` one after the other, until an edge or something else."""
    for _ in range(MOST_FILLERS):
        if is_edge(hit.turn.block, position, hit.bounds, scope):
            return True
        further = beyond(hit.around([FILLER_CONCEPT], position, position), position)
        if further == position:
            return False
        position = further
    return False


def _is_word(hit: Hit) -> bool:
    low, high = hit.bounds
    low, high = max(low, hit.mention.start - CONTEXT), min(high, hit.mention.end + CONTEXT)
    text = hit.turn.block.text[low:high]
    return on_word_edges(text, hit.mention.start - low, hit.mention.end - low)


def _in_scope(hit: Hit, concepts: Iterable[str], scope: Scope) -> bool:
    low, high = extent(hit.turn.block, hit.mention.start, hit.mention.end, scope)
    return any(m.start < high and low < m.end for m in hit.around(concepts, low, high))


def _answers(hit: Hit, concepts: Iterable[str]) -> bool:
    return any(
        concept in turn.by_concept
        for turn in hit.dialogue.words_before(hit.turn)
        for concept in concepts
    )


def _escape_question(escape: Escape, says: Says, hit: Hit) -> Callable[[], bool]:
    return lambda: not _ESCAPES[escape](says, hit)


def _negated(_: Says, hit: Hit) -> bool:
    """Say whether a negation ends shortly before the mention, in the same clause."""
    return _ends_before(hit, ESCAPE_CONCEPTS["negated"], NEGATION_REACH, overlap=2)


def _quoted(_: Says, hit: Hit) -> bool:
    """Say whether the words are someone else's: in quotes, or after 您刚才说 and the like."""
    if _ends_before(hit, ESCAPE_CONCEPTS["quoted"], QUOTING_REACH) or _begins_after(hit):
        return True
    turns = hit.dialogue.turns
    return all(
        in_quotes(turns[span.turn].quotations, span.start, span.end)
        for span in hit.turn.spans(hit.mention)
    )


def _begins_after(hit: Hit) -> bool:
    """Say whether 这种话 or the like follows at once: the words were only named."""
    end = hit.mention.end
    mentions = hit.around([QUOTED_CONCEPT], end, end + 1)
    return any(end <= m.start <= end + 1 for m in mentions)


def _ends_before(hit: Hit, concept: str, reach: int, overlap: int = 0) -> bool:
    """Say whether a concept is mentioned shortly before, in the same sentence.

    Args:
        hit: What it stands before.
        concept: Its name.
        reach: Most characters between the two.
        overlap: Most characters that the two may share (不会_让您_闭嘴).
    """
    block, start = hit.turn.block, hit.mention.start
    return any(
        start - reach <= m.end <= start + overlap
        and m.start < start
        and max(block.edges[m.end : start + 1], default=0) <= EDGE_SOFT
        for m in hit.around([concept], start - reach, start)
    )


def _polite(_: Says, hit: Hit) -> bool:
    """Say whether the sentence asks politely (请 / 麻烦 / 不好意思 … 您)."""
    return _in_scope(hit, [ESCAPE_CONCEPTS["polite"]], "sentence")


def _remedy(says: Says, hit: Hit) -> bool:
    """Say whether help follows or precedes: in the same turn or the speaker's next ones."""
    concept = ESCAPE_CONCEPTS["remedy"]
    if any(True for _ in hit.around([concept], *hit.bounds)):
        return True
    later = hit.dialogue.following(hit.turn, says.remedy_turns)
    return any(concept in turn.by_concept for turn in later)


def _courteous(_: Says, hit: Hit) -> bool:
    """Say whether the turn apologises, thanks, feels with the customer or sets out to help."""
    return any(True for _ in hit.around([ESCAPE_CONCEPTS["courteous"]], *hit.bounds))


_ESCAPES: Mapping[Escape, Callable[[Says, Hit], bool]] = {
    "negated": _negated,
    "quoted": _quoted,
    "polite": _polite,
    "remedy": _remedy,
    "courteous": _courteous,
}
