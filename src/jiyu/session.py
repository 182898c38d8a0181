"""One conversation being judged: the only place with state."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jiyu.errors import PhraseError, PolicyError, Problem, SessionError
from jiyu.judge.dialogue import Dialogue, MarkedTurn
from jiyu.judge.panel import Judged, Panel
from jiyu.judge.ruling import Evidence
from jiyu.match.annotate import Annotator, ConceptPhrases
from jiyu.model import (
    Assessment,
    Conversation,
    Finding,
    Span,
    Turn,
    Verdict,
)
from jiyu.policy.schema import Policy
from jiyu.score import score
from jiyu.text.fold import fold


@dataclass(frozen=True)
class Engine:
    """A policy, compiled: everything that sessions share and nobody changes."""

    policy: Policy
    annotator: Annotator
    panel: Panel

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
        return cls(policy, annotator, Panel(policy))

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
        self._dialogue = Dialogue(conversation, engine.policy.header.zone)
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
        judged = self._engine.panel.judge(self._dialogue)
        findings = {one.rule.id: self._findings(one) for one in judged}
        broken = [(one.rule, len(findings[one.rule.id])) for one in judged]
        result = score(policy.scorecard, broken)
        ids = {name: tuple(f.finding_id for f in found) for name, found in findings.items()}
        verdicts = tuple(_verdict(one, ids, result.deductions) for one in judged)
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
            findings=tuple(sorted((f for g in findings.values() for f in g), key=_place)),
        )

    def _check_open(self) -> None:
        if self._closed:
            raise SessionError(self._problem("the session is closed"))

    def _problem(self, message: str) -> Problem:
        return Problem(self._conversation.conversation_id, None, message)

    def _findings(self, judged: Judged) -> list[Finding]:
        """Make a finding of each piece of evidence."""
        return [self._finding(judged, evidence) for evidence in judged.ruling.evidence]

    def _finding(self, judged: Judged, evidence: Evidence) -> Finding:
        rule, turn = judged.rule, self._dialogue.turns[evidence.turn].turn
        at = turn.start if turn.start is not None else turn.at
        key = [str(evidence.at)] if evidence.at is not None else []
        detail = f"（{evidence.detail}）" if evidence.detail else ""
        return Finding(
            finding_id=_finding_id(
                self._conversation.conversation_id, rule.id, evidence.spans, key
            ),
            rule=rule.id,
            category=rule.category,
            severity=judged.severity,
            speaker=turn.speaker,
            turn=evidence.turn,
            spans=evidence.spans,
            at=at if evidence.at is None else evidence.at,
            state="confirmed",
            explanation=f"{rule.clause}：{rule.title}{detail}",
            kind="advice" if rule.advice else "violation",
        )


def _place(finding: Finding) -> tuple[int, int]:
    """Sort findings by where they are said; rules keep their order among equals."""
    return finding.turn, finding.spans[0].start if finding.spans else 0


def _finding_id(
    conversation_id: str, rule: str, spans: Sequence[Span], more: Sequence[str] = ()
) -> str:
    places = (f"{s.turn}:{s.start}-{s.end}" for s in spans)
    key = "\0".join([conversation_id, rule, *places, *more])
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _verdict(
    judged: Judged, findings: Mapping[str, tuple[str, ...]], deductions: Mapping[str, float]
) -> Verdict:
    """Say what a rule comes to, with the findings of the rules that it gathers."""
    rule, ruling = judged.rule, judged.ruling
    if ruling.judgement != "violation":
        return Verdict(rule.id, ruling.judgement, reason=ruling.reason)
    gathered = (name for name in judged.gathered if findings[name])
    ids = (*findings[rule.id], *(i for name in judged.gathered for i in findings[name]))
    reason = rule.title if ruling.evidence else f"{rule.title}：见 {'、'.join(gathered)}"
    return Verdict(rule.id, "violation", deductions.get(rule.id, 0.0), ids, reason)
