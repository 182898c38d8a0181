"""Count the findings on real conversations, per 1,000 agent turns.

Reads canonical JSONL, e.g. chats that are known to be almost all polite; each finding is printed
with ``--show`` so that a person can say which were just.

    python benchmarks/false_alarms.py FILE… [--show]
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import msgspec

from jiyu import Checker, Conversation
from jiyu.policy.load import load_policy


def main() -> None:
    """Print the rate of findings, and with ``--show`` every one of them in its context."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--policy", type=Path, help="a policy folder; the shipped one if left out")
    options = parser.parse_args()
    checker = Checker(load_policy(options.policy))
    for path in options.files:
        agent_turns = 0
        rules: Counter[str] = Counter()
        for line in path.read_bytes().splitlines():
            conversation = msgspec.json.decode(line, type=Conversation)
            agent_turns += sum(turn.speaker == "agent" for turn in conversation.turns)
            for finding in checker.assess(conversation).findings:
                rules[finding.rule] += 1
                if options.show:
                    turn = conversation.turns[finding.turn]
                    before = conversation.turns[max(0, finding.turn - 1)]
                    print(f"{finding.rule} “{finding.spans[0].text}” {before.text} ⟶ {turn.text}")
        rate = 1000 * rules.total() / max(1, agent_turns)
        print(f"{path.name}: {rules.total()} findings in {agent_turns} agent turns, {rate:.2f} ‰")
        print("   ", dict(rules.most_common()))


if __name__ == "__main__":
    main()
