"""One conversation being judged: the only place with state."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from jiyu.errors import PhraseError, PolicyError, Problem, SessionError
from jiyu.judge.dialogue import Dialogue, MarkedTurn
from jiyu.judge.forbid import Candidate, ForbidJudge
from jiyu.match.annotate import Annotator, ConceptPhrases
from jiyu.model import (
    Assessment,
    Conversation,
    Finding,
    Judgement,
    Span,
    Speaker,
    Turn,
    Verdict,
)
from jiyu.policy.schema import Policy, Rule
from jiyu.score import score
from jiyu.text.fold import fold

#: Where a recogniser left words out or masked them: silence about what was said is not a pass.
_WORDS_MISSING = re.compile(
    r"\*{2,}|＊{2,}|[\[［(（【](?:听不清|聽不清|inaudible|听不到|不清楚)[^\]］)）】]{0,6}"
)


@dataclass(frozen=True)
class Engine:
    """A policy, compiled: everything that sessions share and nobody changes."""

    policy: Policy
    annotator: Annotator
    forbid: ForbidJudge

    @classmethod
    def of(cls, policy: Policy) -> Engine:
        """Compile a policy.

        Raises:
            PolicyError: Every phrase of it that is not well formed, each with its place.
        """
        concepts = {
            name: ConceptPhrases(concept.phrases, concept.exceptions)
            for name, concept in policy.concepts.items()
        }
        try:
            annotator = Annotator(concepts, policy.slots)
        except PhraseError as error:
            raise PolicyError(*(_placed(policy, problem) for problem in error.problems)) from None
        return cls(policy, annotator, ForbidJudge(policy.rules))

    def marked(self, conversations: Sequence[Sequence[Turn]]) -> list[list[MarkedTurn]]:
        """Fold the turns of any number of conversations together and mark their mentions."""
        turns = [turn for conversation in conversations for turn in conversation]
        joined = [
            i > 0 and conversation[i - 1].speaker == turn.speaker
            for conversation in conversations
            for i, turn in enumerate(conversation)
        ]
        block = fold([turn.text for turn in turns], joined)
        found = iter(enumerate(self.annotator.annotate(block)))
        return [
            [
                MarkedTurn(index, turn, block, place, *mentions)
                for (index, turn), (place, mentions) in zip(enumerate(turns_), found, strict=False)
            ]
            for turns_ in conversations
        ]


def _placed(policy: Policy, problem: Problem) -> Problem:
    """Give a problem with a phrase the file and line where the phrase stands."""
    file, line = policy.origins.get(problem.source, (policy.header.name, None))
    return Problem(file, line, problem.message)


class Session:
    """Judges one conversation as its turns come in; not shared between threads.

    Feed it final turns in order, then close it.  The assessment of a session does not depend on
    whether its turns came one by one or all at once.
    """

    def __init__(self, engine: Engine, conversation: Conversation) -> None:
        """Open a session.

        Args:
            engine: A compiled policy.
            conversation: What is known of the conversation so far; its turns are not looked at.
        """
        self._engine = engine
        self._conversation = conversation
        self._dialogue = Dialogue(conversation.channel, conversation.direction)
        self._closed = False

    @property
    def dialogue(self) -> Dialogue:
        """The turns fed so far, marked."""
        return self._dialogue

    def feed(self, turn: Turn) -> None:
        """Take in the next final turn.

        Raises:
            SessionError: The session is closed.
        """
        self._check_open()
        turns = self._dialogue.turns
        # A phrase may run over two turns of one speaker, so the last turn is looked at again.
        context = [turns[-1].turn] if turns and turns[-1].turn.speaker == turn.speaker else []
        marked = self._engine.marked([[*context, turn]])[0][-1]
        self._dialogue.add(dataclasses.replace(marked, index=len(turns)))

    def feed_marked(self, turns: Sequence[MarkedTurn]) -> None:
        """Take in all turns of a conversation, marked already; the same as feeding each.

        Raises:
            SessionError: The session is closed, or was fed before.
        """
        self._check_open()
        if self._dialogue.turns:
            raise SessionError(self._problem("turns were fed before"))
        for turn in turns:
            self._dialogue.add(turn)

    def close(self) -> Assessment:
        """End the conversation and return what was decided about it.

        Raises:
            SessionError: The session is closed already.
        """
        self._check_open()
        self._closed = True
        policy, conversation = self._engine.policy, self._conversation
        found: dict[str, list[Finding]] = defaultdict(list)
        findings = [self._finding(c) for c in self._engine.forbid.violations(self._dialogue)]
        for finding in findings:
            found[finding.rule].append(finding)
        broken = [(rule, len(found[rule.id])) for rule in policy.rules if rule.id in found]
        result = score(policy.scorecard, broken)
        clean = {speaker: self._clean(speaker) for speaker in {r.speaker for r in policy.rules}}
        verdicts = tuple(
            _violation(rule, found[rule.id], result.deductions[rule.id])
            if rule.id in found
            else Verdict(rule.id, clean[rule.speaker][0], reason=clean[rule.speaker][1])
            for rule in policy.rules
        )
        assessable = any(v.verdict in ("violation", "pass") for v in verdicts)
        return Assessment(
            conversation_id=conversation.conversation_id,
            agent_id=conversation.agent_id,
            team=conversation.team,
            policy=policy.ref,
            score=result.score if assessable else None,
            grade=result.grade if assessable else None,
            fatal=result.fatal,
            verdicts=verdicts,
            findings=tuple(findings),
        )

    def _check_open(self) -> None:
        if self._closed:
            raise SessionError(self._problem("the session is closed"))

    def _problem(self, message: str) -> Problem:
        return Problem(self._conversation.conversation_id, None, message)

    def _clean(self, speaker: Speaker) -> tuple[Judgement, str]:
        """Judge a speaker in whose words nothing was found, with the reason if it is no pass."""
        turns = [turn.turn for turn in self._dialogue.turns]
        own = [turn.text for turn in turns if turn.speaker == speaker]
        if not own and any(turn.speaker == "other" for turn in turns):
            return "not_assessable", "说话人未标明"
        if not own:
            return "not_applicable", "没有该说话人的话"
        if any(_WORDS_MISSING.search(text) for text in own):
            return "not_assessable", "部分话语听不清或被屏蔽"
        return "pass", ""

    def _finding(self, candidate: Candidate) -> Finding:
        rule, turn = candidate.rule, candidate.turn
        spans = turn.spans(candidate.mention)
        first = self._dialogue.turns[spans[0].turn].turn
        return Finding(
            finding_id=_finding_id(self._conversation.conversation_id, rule.id, spans),
            rule=rule.id,
            category=rule.category,
            severity=rule.severity,
            speaker=turn.turn.speaker,
            turn=spans[0].turn,
            spans=spans,
            at=first.start if first.start is not None else first.at,
            state="confirmed",
            explanation=f"{rule.clause}：{rule.title}",
        )


def _finding_id(conversation_id: str, rule: str, spans: Sequence[Span]) -> str:
    key = "\0".join([conversation_id, rule, *(f"{s.turn}:{s.start}-{s.end}" for s in spans)])
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _violation(rule: Rule, findings: Sequence[Finding], deduction: float) -> Verdict:
    return Verdict(
        rule.id, "violation", deduction, tuple(f.finding_id for f in findings), rule.title
    )
