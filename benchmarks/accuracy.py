"""Measure how many violating turns are found, and how many innocent ones are flagged.

Reads dialogues as JSON lines: ``{"id", "script", "family", "violates", "turns": [{"speaker",
"text"}], "target"}``, ``target`` being the index of the agent turn in question.

    python benchmarks/accuracy.py FILE… [--misses] [--alarms] [--family NAME]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jiyu import Checker, Conversation, Turn
from jiyu.policy.load import load_policy


def read(paths: list[Path]) -> Iterator[dict[str, Any]]:
    """Yield the dialogues of all files."""
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


#: What should have been said is no bad word; ``pairs.py`` measures that.
DUTIES = {"phrases", "situations", "advice"}


def flagged(checker: Checker, item: dict[str, Any]) -> dict[int, list[str]]:
    """Return for each flagged turn the rules that flagged it."""
    turns = tuple(Turn(t["text"], t["speaker"]) for t in item["turns"])
    assessment = checker.assess(Conversation(item["id"], turns, channel=item.get("medium")))
    rules: dict[int, list[str]] = {}
    for finding in assessment.findings:
        if finding.category in DUTIES:
            continue
        for span in finding.spans:
            words = f"{finding.rule}“{span.text}”"
            rules.setdefault(span.turn, []).append(words)
    return rules


def main() -> None:
    """Print recall by family and script, and precision over all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--misses", action="store_true", help="print what was not found")
    parser.add_argument("--alarms", action="store_true", help="print what was flagged wrongly")
    parser.add_argument("--family", help="only this family")
    parser.add_argument("--policy", type=Path, help="a policy folder; the shipped one if left out")
    options = parser.parse_args()
    checker = Checker(load_policy(options.policy))
    total: Counter[tuple[str, str]] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    hits = alarms = innocent = 0
    for item in read(options.files):
        if options.family and item["family"] != options.family:
            continue
        rules = flagged(checker, item)
        wrong = {i: r for i, r in rules.items() if not (item["violates"] and i == item["target"])}
        if item["violates"]:
            for key in (("family", item["family"]), ("script", item["script"]), ("all", "")):
                total[key] += 1
                found[key] += item["target"] in rules
            hits += item["target"] in rules
            if options.misses and item["target"] not in rules:
                print("MISS ", _shown(item))
        else:
            innocent += 1
        alarms += bool(wrong)
        if options.alarms and wrong:
            print("ALARM", _shown(item), wrong)
    for key in sorted(total):
        print(
            f"{key[0]:7} {key[1]:12} {found[key]:4}/{total[key]:<4} {found[key] / total[key]:6.1%}"
        )
    print(
        f"precision {hits}/{hits + alarms} {hits / max(1, hits + alarms):.1%} ({innocent} innocent)"
    )


def _shown(item: dict[str, Any]) -> str:
    names = {"agent": "服", "customer": "客"}
    turns = " / ".join(f"{names.get(t['speaker'], '?')}：{t['text']}" for t in item["turns"])
    return f"{item['id']} [{item['family']}] →{item['target']} {turns}"


if __name__ == "__main__":
    main()
