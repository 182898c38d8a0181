"""Run the examples that rules carry: what must be flagged is, and what must pass does."""

from __future__ import annotations

from collections.abc import Iterator

from jiyu.checker import Checker
from jiyu.errors import Problem
from jiyu.model import Conversation, Turn
from jiyu.policy.schema import Dialogue, Rule


def example_conversation(rule: Rule, dialogue: Dialogue) -> Conversation:
    """Make a conversation of an example dialogue, in the first channel that the rule looks at."""
    turns = tuple(Turn(turn.text, turn.speaker) for turn in dialogue)
    channel = next((says.channel for says in rule.says if says.channel), None)
    return Conversation(f"example of {rule.id}", turns, channel=channel)


def failing_examples(checker: Checker) -> Iterator[Problem]:
    """Yield a problem for each example that does not come out as its rule says.

    An example under ``flags`` must be found by its own rule; one under ``passes`` must be found by
    none, or the look-alike of one rule would be the false alarm of another.
    """
    for rule in checker.policy.rules:
        place = checker.policy.origins[f"rule {rule.id}"]
        for kind in ("flags", "passes"):
            for dialogue in getattr(rule.examples, kind):
                found = checker.assess(example_conversation(rule, dialogue)).findings
                names = {finding.rule for finding in found}
                shown = " / ".join(turn.text for turn in dialogue)
                if kind == "flags" and rule.id not in names:
                    other = f", found by {'、'.join(sorted(names))}" if names else ""
                    yield Problem(*place, f"{rule.id}: not flagged{other}: {shown}")
                if kind == "passes" and names:
                    yield Problem(
                        *place, f"{rule.id}: flagged by {'、'.join(sorted(names))}: {shown}"
                    )
