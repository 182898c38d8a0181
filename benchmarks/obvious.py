"""The obvious program: OpenCC on every turn, a literal list, pydantic on every line.

It judges nothing either: it prints every place where a phrase of the list stands, whoever says it
and whatever it means there.  ``benchmarks/scan.py`` measures ``jiyu scan`` against it.

    python benchmarks/obvious.py IN OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

import ahocorasick
from opencc import OpenCC
from pydantic import BaseModel

from jiyu.policy.load import load_policy
from jiyu.session import Engine


class Turn(BaseModel):
    """A turn."""

    text: str
    speaker: str = "other"


class Conversation(BaseModel):
    """A conversation."""

    conversation_id: str
    turns: list[Turn]


class Line(BaseModel):
    """What is written for a conversation."""

    conversation_id: str
    found: list[str]


def main(source: Path, target: Path) -> None:
    """Scan a file of canonical JSONL."""
    machine = ahocorasick.Automaton()
    for literal in Engine.of(load_policy()).annotator.literals:
        machine.add_word(literal, literal)
    machine.make_automaton()
    converter = OpenCC("t2s")
    with source.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as out:
        for line in lines:
            conversation = Conversation.model_validate_json(line)
            found = [
                literal
                for turn in conversation.turns
                for _, literal in machine.iter(converter.convert(turn.text))
            ]
            result = Line(conversation_id=conversation.conversation_id, found=found)
            out.write(result.model_dump_json() + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
