"""Measure how many verdicts on labelled conversations are right.

Reads JSON lines ``{"pair", "expect": {rule: verdict}, "conversation", "model"?}``.  ``clean``
expects anything but a violation or a missing verdict; a ``model`` conversation breaks nothing.

    python benchmarks/pairs.py FILE… [--wrong] [--rule ID]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import msgspec

from jiyu import Assessment, Checker, Conversation
from jiyu.policy.load import load_policy


def right(expected: str, verdict: str | None) -> bool:
    """Say whether a verdict is what was expected."""
    if expected == "clean":
        return verdict in ("pass", "not_applicable")
    return verdict == expected


def main() -> None:
    """Print the share of right verdicts by rule and by expectation, and what models break."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--wrong", action="store_true", help="print what came out otherwise")
    parser.add_argument("--rule", help="only rules that begin so")
    parser.add_argument("--policy", type=Path, help="a policy folder; the shipped one if left out")
    options = parser.parse_args()
    checker = Checker(load_policy(options.policy))
    total: Counter[tuple[str, str]] = Counter()
    good: Counter[tuple[str, str]] = Counter()
    broken = models = 0
    lines = (line for file in options.files for line in file.read_text("utf-8").splitlines())
    for item in map(json.loads, lines):
        conversation = msgspec.convert(item["conversation"], Conversation)
        assessment = checker.assess(conversation)
        verdicts = {v.rule: v.verdict for v in assessment.verdicts}
        if item.get("model"):
            models += 1
            bad = [name for name, verdict in verdicts.items() if verdict == "violation"]
            broken += bool(bad)
            if bad and options.wrong:
                print("MODEL", conversation.conversation_id, bad, _shown(conversation, assessment))
        for rule, expected in item["expect"].items():
            if options.rule and not rule.startswith(options.rule):
                continue
            for key in (("rule", rule), ("expected", expected), ("all", "")):
                total[key] += 1
                good[key] += right(expected, verdicts.get(rule))
            if options.wrong and not right(expected, verdicts.get(rule)):
                name = f"{conversation.conversation_id} {rule} {expected}≠{verdicts.get(rule)}"
                print("WRONG", name, _shown(conversation, assessment))
    for key in sorted(total):
        print(f"{key[0]:9}{key[1]:16}{good[key]:4}/{total[key]:<4}{good[key] / total[key]:7.1%}")
    print(f"model conversations with a violation: {broken}/{models}")


def _shown(conversation: Conversation, assessment: Assessment) -> str:
    names = {"agent": "服", "customer": "客", "system": "系", "other": "他"}
    turns = (f"\n   {names[t.speaker]} {t.start}-{t.end} {t.text}" for t in conversation.turns)
    found = (f"\n   ! {f.rule} {f.turn} {f.explanation}" for f in assessment.findings)
    return "".join((*turns, *found))


if __name__ == "__main__":
    main()
