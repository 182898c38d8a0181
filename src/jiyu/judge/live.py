"""What forbidden words and disclosed data come to before the end, and from when on that stands.

Nothing here is said rule by rule: it follows from what a check looks at.  Most conditions look at
the words of a turn, at the turn before it and at what the other side said before; they are decided
once these are final.  A remedy may still come, so many turns later.  Channel and direction, if the
source has not named them, holds, and words that make a breach graver are known at the end only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from jiyu.judge.dialogue import Dialogue, MarkedTurn
from jiyu.judge.forbid import Candidate, Claims, ForbidJudge, precedence
from jiyu.judge.panel import alone, concerns
from jiyu.judge.protect import disclosed
from jiyu.judge.ruling import Evidence
from jiyu.policy.checks import Check, Protect, Says
from jiyu.policy.load import ESCAPE_CONCEPTS
from jiyu.policy.schema import Policy, Rule

#: Whether something can still change: no more, with further turns, or up to the very end.
Standing = Literal["stands", "open", "end"]
REMEDY = ESCAPE_CONCEPTS["remedy"]
_ASKED_OF_REMEDY = "unless: remedy"


class Shown(NamedTuple):
    """A breach as it looks now."""

    rule: Rule
    evidence: Evidence
    standing: Standing


@dataclass(frozen=True, slots=True)
class Claim:
    """Words that break a rule now, or may do so later.

    Attributes:
        late: What is known at the end only decides whether they do.
        ahead: So does what the speaker says next.
    """

    candidate: Candidate
    late: bool
    ahead: bool

    @property
    def crosses(self) -> bool:
        """Whether the words begin in the turn before."""
        return self.candidate.turn.begins_before(self.candidate.mention)


def known_late(check: Check | Says, dialogue: Dialogue) -> bool:
    """Say whether a check or cue asks for what the source has not said so far."""
    known = dialogue.conversation
    return bool(
        (check.channel and known.channel is None) or (check.direction and known.direction is None)
    )


class LiveWords:
    """The checks of a policy that a single turn can break; immutable."""

    def __init__(self, policy: Policy, forbid: ForbidJudge) -> None:
        self._forbid = forbid
        self._protect = [
            (rule, check)
            for rule in policy.rules
            for check in alone(rule)
            if isinstance(check, Protect)
        ]

    def claims(self, dialogue: Dialogue, turn: MarkedTurn) -> list[Claim]:
        """Return the words of a turn that break a rule now, or may do so later."""
        claims: list[Claim] = []
        for candidate in self._forbid.candidates_in(dialogue, turn):
            says = candidate.says
            late = says.on_line or known_late(says, dialogue)
            ahead = "remedy" in says.unless
            # Questions are asked up to the first that fails.
            excused = ahead and candidate.asked[-1].condition == _ASKED_OF_REMEDY
            if candidate.counts or late or excused:
                claims.append(Claim(candidate, late, ahead))
        return claims

    def disclosures(self, dialogue: Dialogue, turn: MarkedTurn, sealed: int) -> list[Shown]:
        """Return the personal data that a turn discloses; later turns change nothing in that."""
        if turn.turn.speaker != "agent":
            return []
        return [
            Shown(rule, evidence, _standing(rule, check, dialogue, closed=turn.index < sealed))
            for rule, check in self._protect
            if concerns(check, dialogue)
            for evidence in disclosed(check, dialogue, turn)
        ]


def resolve(
    dialogue: Dialogue, first: int, turns: Sequence[Sequence[Claim]], sealed: int
) -> list[list[Shown]]:
    """Decide which of the claims of some turns in a row have their words.

    Args:
        dialogue: The conversation as it is now.
        first: Index of the first of the turns.
        turns: Of each turn its claims; no claim runs over into the first turn, or out of the last.
        sealed: So many turns at the beginning of the conversation will not change any more.

    Returns:
        What is broken in each of the turns, in the order of speech.
    """
    shown: list[list[Shown]] = [[] for _ in turns]
    for group in _overlapping(_placed(dialogue, turns, first)):
        taken = Claims()
        closed = all(_decided(claim, dialogue, sealed) for _, _, claim in group)
        counted = [placed for placed in group if placed[2].candidate.counts]
        counted.sort(key=lambda placed: precedence(placed[2].candidate))
        for start, end, claim in counted:
            candidate = claim.candidate
            if taken.claim(start, end) and concerns(candidate.check, dialogue):
                spans = candidate.turn.spans(candidate.mention)
                late = any(claim.late for _, _, claim in group)
                standing = _standing(candidate.rule, candidate.check, dialogue, closed=closed)
                evidence = Evidence(spans[0].turn, spans)
                shown[candidate.turn.index - first].append(
                    Shown(candidate.rule, evidence, "end" if late else standing)
                )
    for some in shown:
        some.sort(key=lambda one: (one.evidence.turn, one.evidence.spans[0].start))
    return shown


def _standing(rule: Rule, check: Check, dialogue: Dialogue, *, closed: bool) -> Standing:
    if rule.escalates or known_late(check, dialogue):
        return "end"
    return "stands" if closed else "open"


_Placed = tuple[int, int, Claim]


def _placed(dialogue: Dialogue, turns: Sequence[Sequence[Claim]], first: int) -> Iterator[_Placed]:
    """Yield each claim with its place in the text of all turns together."""
    base = 0
    for index, claims in enumerate(turns, first):
        for claim in claims:
            mention, (low, _) = claim.candidate.mention, claim.candidate.turn.bounds
            yield base + mention.start - low, base + mention.end - low, claim
        base += dialogue.turns[index].length


def _overlapping(placed: Iterable[_Placed]) -> Iterator[list[_Placed]]:
    """Group claims of which any two neighbours overlap."""
    group: list[_Placed] = []
    reach = 0
    for one in sorted(placed, key=lambda placed: placed[:2]):
        if group and one[0] >= reach:
            yield group
            group = []
        reach = max(reach, one[1]) if group else one[1]
        group.append(one)
    if group:
        yield group


def _decided(claim: Claim, dialogue: Dialogue, sealed: int) -> bool:
    """Say whether nothing that is said later decides about a claim any more."""
    turn, check = claim.candidate.turn, claim.candidate.says
    # Words of the same speaker that run over into the next turn may take these.
    if turn.index + 1 >= sealed:
        return False
    return not claim.ahead or dialogue.followed(turn, check.remedy_turns, sealed)
