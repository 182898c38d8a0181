"""Look for what is wrong with a policy beyond its form: dead, doubled and reckless phrases."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from jiyu.authoring.coverage import missing_rows
from jiyu.authoring.examples import failing_examples, missing_examples
from jiyu.checker import Checker
from jiyu.errors import Problem
from jiyu.match.phrase import Element, Gap, Reference, Slot, Words, parse
from jiyu.model import Turn
from jiyu.policy.checks import Forbid, Says
from jiyu.policy.schema import Policy, Rule
from jiyu.text.table import fold_plain
from jiyu.text.words import word_frequency

#: From this frequency on (per about 60 million words) jieba's dictionary calls a word common.
EVERYDAY = 3000
_FILLING: Mapping[type, str] = {Gap: "某", Slot: "三", Reference: "甲乙"}


_Pick = Callable[[Sequence[str]], str]
# Some writings of a phrase run into an exception of their concept; the others keep it alive.
_PICKS: Sequence[_Pick] = (
    partial(min, key=len),
    partial(max, key=len),
    operator.itemgetter(0),
    operator.itemgetter(-1),
)


class Sample(NamedTuple):
    """A text that a phrase stands for."""

    concept: str
    phrase: str
    text: str


def lint(checker: Checker) -> list[Problem]:
    """Return everything wrong with a loaded policy, in the order of its files."""
    policy = checker.policy
    samples = list(_samples(policy))
    problems = [
        *missing_rows(policy),
        *missing_examples(policy),
        *failing_examples(checker),
        *_dead_and_doubled(checker, samples),
        *_reckless(policy, samples),
    ]
    return sorted(problems, key=lambda p: (p.source, p.line or 0))


def _samples(policy: Policy) -> Iterator[Sample]:
    for name, concept in policy.concepts.items():
        for phrase in concept.phrases:
            for sequence in parse(phrase, policy.slots):
                texts = ("".join(_sampled(e, pick) for e in sequence) for pick in _PICKS)
                yield from (Sample(name, phrase, text) for text in dict.fromkeys(texts))


def _sampled(element: Element, pick: _Pick) -> str:
    """Return a text of an element."""
    return pick(element.options) if isinstance(element, Words) else _FILLING[type(element)]


def _triggers(policy: Policy) -> Mapping[str, Sequence[tuple[Rule, Says]]]:
    """For each concept the rules that forbid it."""
    triggers: dict[str, list[tuple[Rule, Says]]] = defaultdict(list)
    for rule in policy.rules:
        for check in rule.checks:
            for says in check.says if isinstance(check, Forbid) else ():
                for concept in says.concept:
                    triggers[concept].append((rule, says))
    return triggers


def _dead_and_doubled(checker: Checker, samples: Sequence[Sample]) -> Iterator[Problem]:
    """Yield phrases that their own concept does not find, and those that two rules claim."""
    policy, triggers = checker.policy, _triggers(checker.policy)
    # Speakers in turn, so that no sample runs on into the next.
    turns = [Turn(s.text, "customer" if i % 2 else "agent") for i, s in enumerate(samples)]
    claims: dict[tuple[str, str], list[set[str]]] = defaultdict(list)
    for sample, turn in zip(samples, checker.engine.marked([turns])[0], strict=True):
        own = next((m for m in turn.mentions if m.concept == sample.concept), None)
        if own is not None:
            same = (m for m in turn.mentions if (m.start, m.end) == (own.start, own.end))
            others = {m.concept for m in same if _both_claim(triggers, own.concept, m.concept)}
            claims[sample.concept, sample.phrase].append(others)
    for concept, phrase in dict.fromkeys((s.concept, s.phrase) for s in samples):
        place = policy.phrase_place(concept, phrase)
        found = claims.get((concept, phrase))
        if found is None:
            yield Problem(*place, f"{concept}: can never match: {phrase}")
        elif covering := set.intersection(*found):
            names = "、".join(sorted(covering))
            yield Problem(*place, f"{concept}: already covered by {names}: {phrase}")


def _both_claim(
    triggers: Mapping[str, Sequence[tuple[Rule, Says]]], concept: str, other: str
) -> bool:
    """Say whether two concepts begin different rules under the same conditions."""
    return concept != other and any(
        a.id != b.id and _conditions(x) == _conditions(y)
        for a, x in triggers.get(concept, ())
        for b, y in triggers.get(other, ())
    )


def _conditions(says: Says) -> Says:
    return says.model_copy(update={"concept": ()})


def _reckless(policy: Policy, samples: Sequence[Sample]) -> Iterator[Problem]:
    """Yield one-character and everyday words that a rule forbids wherever they stand."""
    triggers = _triggers(policy)
    told: set[tuple[str, str]] = set()
    for sample in samples:
        free = [r for r, says in triggers.get(sample.concept, ()) if not _narrowed(says)]
        if not free or (sample.concept, sample.phrase) in told:
            continue
        word = fold_plain(sample.text)
        common = word_frequency(word) >= EVERYDAY
        if len(word) <= 1 or common:
            told.add((sample.concept, sample.phrase))
            what = "an everyday word" if common else "a single character"
            place = policy.phrase_place(sample.concept, sample.phrase)
            yield Problem(*place, f"{sample.concept}: {what} without a condition: {sample.phrase}")


def _narrowed(says: Says) -> bool:
    """Say whether any condition beyond negation and quoting decides."""
    positions = says.fills or says.starts or says.ends or says.from_turn or says.to_turn
    return bool(positions or says.word or says.near or says.answers or "remedy" in says.unless)
