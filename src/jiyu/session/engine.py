"""A policy, compiled, and what it decides about a conversation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from jiyu.errors import PhraseError, PolicyError, Problem
from jiyu.judge.dialogue import Dialogue, MarkedTurn
from jiyu.judge.live import LiveWords
from jiyu.judge.panel import Judged, Panel
from jiyu.judge.ruling import Evidence
from jiyu.judge.watch import Watched
from jiyu.match.annotate import Annotator, ConceptPhrases
from jiyu.model import (
    Assessment,
    Conversation,
    Finding,
    Severity,
    Span,
    State,
    Turn,
    Verdict,
)
from jiyu.policy.schema import Policy, Rule
from jiyu.score import score
from jiyu.text.fold import Block, fold


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

    @cached_property
    def words(self) -> LiveWords:
        """The checks that a single turn can break, for sessions."""
        return LiveWords(self.policy, self.panel.forbid)

    @cached_property
    def watched(self) -> Watched:
        """The other checks that sessions look at before the end."""
        return Watched(self.policy, self.panel)

    @cached_property
    def no_words(self) -> Block:
        """A block that says nothing."""
        return fold([""], [False])

    def dialogue(self, conversation: Conversation) -> Dialogue:
        """Return a conversation with the mentions of its turns marked."""
        return self.dialogues([conversation])[0]

    def dialogues(self, conversations: Sequence[Conversation]) -> list[Dialogue]:
        """Return many, in one pass over their words; the faster, the more of them."""
        marked = self.marked([conversation.turns for conversation in conversations])
        dialogues = []
        for conversation, turns in zip(conversations, marked, strict=True):
            dialogue = Dialogue(conversation, self.policy.header.zone)
            for turn in turns:
                dialogue.add(turn)
            dialogues.append(dialogue)
        return dialogues

    def assess(self, dialogue: Dialogue) -> Assessment:
        """Decide about a whole conversation; batch and live sessions both end here."""
        conversation = dialogue.conversation
        judged = self.panel.judge(dialogue)
        findings = {one.rule.id: _findings(one, dialogue) for one in judged}
        broken = [(one.rule, len(findings[one.rule.id])) for one in judged]
        result = score(self.policy.scorecard, broken)
        ids = {name: tuple(f.finding_id for f in found) for name, found in findings.items()}
        verdicts = tuple(_verdict(one, ids, result.deductions) for one in judged)
        assessable = any(v.verdict in ("violation", "pass") for v in verdicts)
        return Assessment(
            conversation_id=conversation.conversation_id,
            agent_id=conversation.agent_id,
            team=conversation.team,
            policy=self.policy.ref,
            score=result.score if assessable else None,
            grade=result.grade if assessable else None,
            fatal=result.fatal,
            verdicts=verdicts,
            findings=tuple(sorted((f for g in findings.values() for f in g), key=_place)),
        )


def _findings(judged: Judged, dialogue: Dialogue) -> list[Finding]:
    """Make a finding of each piece of evidence of a rule; what two of its checks see is one."""
    findings: dict[str, Finding] = {}
    for evidence in judged.ruling.evidence:
        finding = finding_of(judged.rule, judged.severity, evidence, dialogue, "confirmed")
        findings.setdefault(finding.finding_id, finding)
    return list(findings.values())


def finding_of(
    rule: Rule, severity: Severity, evidence: Evidence, dialogue: Dialogue, state: State
) -> Finding:
    """Make a finding of a piece of evidence.

    Args:
        rule: The rule that is broken.
        severity: How grave that is here.
        evidence: Where it is broken.
        dialogue: The turns that the evidence counts.
        state: Whether it may still change.
    """
    turn = dialogue.turns[evidence.turn].turn
    at = turn.start if turn.start is not None else turn.at
    key = [str(evidence.at)] if evidence.at is not None else []
    detail = f"（{evidence.detail}）" if evidence.detail else ""
    name = dialogue.conversation.conversation_id
    return Finding(
        finding_id=_finding_id(name, rule.id, evidence.spans, key),
        rule=rule.id,
        category=rule.category,
        severity=severity,
        speaker=turn.speaker,
        turn=evidence.turn,
        spans=evidence.spans,
        at=at if evidence.at is None else evidence.at,
        state=state,
        explanation=f"{rule.clause}：{rule.title}{detail}",
        kind="advice" if rule.advice else "violation",
    )


def _placed(policy: Policy, problem: Problem) -> Problem:
    """Give a problem with a phrase the file and line where the phrase stands."""
    file, line = policy.origins.get(problem.source, (policy.header.name, None))
    return Problem(file, line, problem.message)


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
