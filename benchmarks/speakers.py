"""How often the agent is told from the customer, with the labels of real conversations hidden.

Run ``python benchmarks/speakers.py [FOLDER]``; the folder holds canonical JSONL with known speakers
(``../shared/data/conversations`` if left out).  Roles become 0 and 1 at random.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec

from jiyu import Checker, Conversation
from jiyu.formats.build import LABEL
from jiyu.formats.canonical import decode, read_lines
from jiyu.formats.speakers import MARGIN, Naming, name_speakers

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "conversations"
#: What the inference promises of those that it decides.
PROMISED = 0.98


def hidden(conversation: Conversation, chance: random.Random) -> tuple[Conversation, str]:
    """Return a conversation whose speakers are 0 and 1, and which of them is the agent."""
    agent = chance.choice("01")
    labels = {"agent": agent, "customer": "10"[int(agent)]}
    turns = tuple(
        msgspec.structs.replace(t, speaker="other", metadata={LABEL: labels[t.speaker]})
        if t.speaker in labels
        else t
        for t in conversation.turns
    )
    return msgspec.structs.replace(conversation, turns=turns), agent


def outcome(named: Conversation, agent: str) -> str:
    """Say whether the agent was found."""
    found = {t.metadata[LABEL] for t in named.turns if t.speaker == "agent" and t.metadata}
    return "undecided" if not found else "right" if found == {agent} else "wrong"


def main() -> None:
    """Print how many were decided, and how many of those rightly."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    chance, total = random.Random(6), Counter[str]()  # noqa: S311 - labels, not secrets
    engine = Checker().engine
    print(f"margin {MARGIN}\n{'':12}{'right':>7}{'wrong':>7}{'undecided':>11}{'sure':>9}")
    begin = time.perf_counter()
    for file in sorted(folder.glob("*.jsonl")):
        with file.open("rb") as stream:
            pairs = [hidden(decode(line), chance) for line in read_lines(stream, file.name)]
        named = name_speakers([c for c, _ in pairs], engine, Naming())
        count = Counter(outcome(c, agent) for c, (_, agent) in zip(named, pairs, strict=True))
        show(file.stem, count)
        total += count
    show("all", total)
    print(f"{total.total() / (time.perf_counter() - begin):,.0f} conversations/s")
    decided = total["right"] + total["wrong"]
    assert total["right"] >= PROMISED * decided, "fewer right than promised"


def show(name: str, count: Counter[str]) -> None:
    """Print one row."""
    decided = count["right"] + count["wrong"]
    sure = f"{count['right'] / decided:.2%}" if decided else "-"
    share = f"{count['undecided'] / count.total():.1%}"
    print(f"{name:12}{count['right']:7}{count['wrong']:7}{share:>11}{sure:>9}")


if __name__ == "__main__":
    main()
