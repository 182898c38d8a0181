"""Run the examples that rules carry: what must be flagged is, and what must pass does."""

from __future__ import annotations

from collections.abc import Iterator

from jiyu.checker import Checker
from jiyu.errors import Problem
from jiyu.model import Conversation, Event, Turn
from jiyu.policy.schema import Example, Policy, Rule


def example_conversation(rule: Rule, example: Example) -> Conversation:
    """Make a conversation of an example, in the first channel that the rule looks at."""
    fields = example.model_dump(exclude_unset=True, exclude={"turns", "events"})
    channels = (cue.channel for cue in rule.every_cue if cue.channel)
    fields.setdefault("channel", next(channels, None))
    turns = tuple(Turn(**turn) for turn in example.turns)
    events = tuple(Event(**event) for event in example.events)
    return Conversation(f"example of {rule.id}", turns, events=events, **fields)


def missing_examples(policy: Policy) -> Iterator[Problem]:
    """Yield the rules that nobody has shown to do what they should."""
    for rule in policy.rules:
        for kind in ("flags", "passes"):
            if not getattr(rule.examples, kind):
                place = policy.origins[f"rule {rule.id}"]
                yield Problem(*place, f"{rule.id}: no example under {kind!r}")


def failing_examples(checker: Checker) -> Iterator[Problem]:
    """Yield a problem for each example that does not come out as its rule says.

    An example under ``flags`` must break its own rule; one under ``passes`` must break none, or the
    look-alike of one rule would be the false alarm of another.
    """
    for rule in checker.policy.rules:
        place = checker.policy.origins[f"rule {rule.id}"]
        for kind in ("flags", "passes"):
            for example in getattr(rule.examples, kind):
                shown = " / ".join(str(turn["text"]) for turn in example.turns)
                verdicts = checker.assess(example_conversation(rule, example)).verdicts
                names = {v.rule for v in verdicts if v.verdict == "violation"}
                if kind == "flags" and rule.id not in names:
                    other = f", found by {'、'.join(sorted(names))}" if names else ""
                    yield Problem(*place, f"{rule.id}: not flagged{other}: {shown}")
                if kind == "passes" and names:
                    found = "、".join(sorted(names))
                    yield Problem(*place, f"{rule.id}: flagged by {found}: {shown}")
