"""All rules of a policy over one conversation: what each of them says of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from jiyu.judge import limit, protect, require, sequence
from jiyu.judge.conditions import select
from jiyu.judge.dialogue import Dialogue
from jiyu.judge.forbid import ForbidJudge
from jiyu.judge.ruling import (
    NEVER_CAME_UP,
    PASS,
    Evidence,
    Ruling,
    gravest,
    unknown,
    violation,
)
from jiyu.model import Severity
from jiyu.policy.checks import Check, Forbid, Limit, Protect, Require, Sequence
from jiyu.policy.schema import Policy, Rule

_WORDS_MISSING = unknown("部分话语听不清或被屏蔽")
_CAPABILITIES = {
    "timestamps": "来源不提供时间",
    "hangup_party": "来源不提供挂机方",
    "audio_events": "来源不提供声音事件",
    "verbatim_fillers": "转写不保留语气词",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """What one rule says of a conversation.

    Attributes:
        ruling: Its judgement; the evidence is its own.
        severity: How grave a breach is here.
        gathered: Rules whose breach is this rule's too.
    """

    rule: Rule
    ruling: Ruling
    severity: Severity
    gathered: tuple[str, ...] = ()


class Panel:
    """The rules of a policy, compiled; immutable."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.forbid = ForbidJudge(policy.rules)
        self._gathered = {rule.id: tuple(_gathered(rule, policy.rules)) for rule in policy.rules}

    def judge(self, dialogue: Dialogue) -> list[Judged]:
        """Return what every rule says, in the order of the policy."""
        said: dict[int, list[Evidence]] = defaultdict(list)
        for candidate in self.forbid.violations(dialogue):
            spans = candidate.turn.spans(candidate.mention)
            said[id(candidate.check)].append(Evidence(spans[0].turn, spans))
        own = {
            rule.id: gravest(self.ruling(check, dialogue, said) for check in alone(rule))
            for rule in self._policy.rules
        }
        return [self._judged(rule, dialogue, own) for rule in self._policy.rules]

    def ruling(
        self, check: Check, dialogue: Dialogue, said: Mapping[int, list[Evidence]]
    ) -> Ruling:
        """Ask one check, after what stands in the way of any.

        Args:
            check: What is asked.
            dialogue: The conversation.
            said: Forbidden words that were said, by the ``id`` of their check.
        """
        speaker = check.speaker if isinstance(check, Forbid) else "agent"
        if (nothing := dialogue.heard(speaker)) is not None:
            return nothing
        if not concerns(check, dialogue):
            return NEVER_CAME_UP
        ruling = self._asked(check, dialogue, said)
        if ruling.judgement == "pass":
            missing = next((c for c in check.requires if not _delivers(dialogue, c)), None)
            return unknown(_CAPABILITIES[missing]) if missing else ruling
        return ruling

    def _asked(
        self, check: Check, dialogue: Dialogue, said: Mapping[int, list[Evidence]]
    ) -> Ruling:
        match check:
            case Forbid():
                if evidence := said.get(id(check)):
                    return violation(evidence)
                return _WORDS_MISSING if dialogue.words_missing(check.speaker) else PASS
            case Require():
                return require.judge(check, dialogue, self._policy.header.country)
            case Limit():
                return limit.judge(check, dialogue)
            case Sequence():
                ruling = sequence.judge(check, dialogue)
            case Protect():
                ruling = protect.judge(check, dialogue)
            case _:
                raise AssertionError("the kinds of check are a closed set")
        doubtful = ruling.judgement == "pass" and dialogue.words_missing("agent")
        return _WORDS_MISSING if doubtful else ruling

    def _judged(self, rule: Rule, dialogue: Dialogue, own: Mapping[str, Ruling]) -> Judged:
        ruling, severity = own[rule.id], rule.severity
        others = self._gathered[rule.id]
        if others:
            joined = gravest((ruling, *(own[name] for name in others)))
            ruling = joined._replace(evidence=ruling.evidence)
        if ruling.evidence and rule.escalates and select(rule.escalates.says, dialogue):
            severity = rule.escalates.severity
        broken = tuple(name for name in others if own[name].judgement == "violation")
        return Judged(rule, ruling, severity, broken)


def _gathered(rule: Rule, rules: Iterable[Rule]) -> Iterator[str]:
    """Yield the other rules whose breach is this rule's too, by id or by category."""
    names = {n for check in rule.checks if isinstance(check, Forbid) for n in check.gathers}
    for other in rules:
        if other.id != rule.id and not names.isdisjoint((other.id, other.category)):
            yield other.id


def concerns(check: Check, dialogue: Dialogue) -> bool:
    """Say whether a check looks at conversations of this channel and direction."""
    return (not check.channel or dialogue.channel in (None, check.channel)) and (
        not check.direction or dialogue.direction in (None, check.direction)
    )


def alone(rule: Rule) -> Iterator[Check]:
    """Yield the checks of a rule that look at the conversation, and not at other rules."""
    for check in rule.checks:
        if not isinstance(check, Forbid) or check.says:
            yield check


def _delivers(dialogue: Dialogue, capability: str) -> bool:
    """Say whether a source delivers something; what is typed is verbatim, and nothing sounds."""
    if dialogue.channel == "chat":
        return True
    return bool(dialogue.can(capability))
