"""The least that any scan must do: parse, fold by one table, one automaton pass, write a line.

It judges nothing; ``benchmarks/scan.py`` measures ``jiyu scan`` against it.

    python benchmarks/limit.py IN OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import numpy as np

from jiyu import Conversation
from jiyu.match.automaton import Automaton
from jiyu.policy.load import load_policy
from jiyu.session import Engine
from jiyu.text.table import CODE_MASK, fold_table


def main(source: Path, target: Path) -> None:
    """Scan a file of canonical JSONL in chunks and write one line for each conversation."""
    literals = Engine.of(load_policy()).annotator.literals
    automaton = Automaton(literals)
    table = fold_table() & CODE_MASK
    decoder = msgspec.json.Decoder(Conversation)
    encoder = msgspec.json.Encoder()
    with source.open("rb") as lines, target.open("wb") as out:
        chunk = []
        for line in lines:
            chunk.append(decoder.decode(line))
            if len(chunk) == 200:
                write(chunk, table, automaton, encoder, out)
                chunk = []
        write(chunk, table, automaton, encoder, out)


def write(chunk, table, automaton, encoder, out) -> None:  # type: ignore[no-untyped-def]
    """Fold a chunk in one look-up, pass the automaton over it once, write its lines."""
    text = "\n".join(turn.text for conversation in chunk for turn in conversation.turns)
    codes = table[np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)]
    hits = sum(1 for _ in automaton.find(codes))
    for conversation in chunk:
        line = {"conversation_id": conversation.conversation_id, "hits": hits}
        out.write(encoder.encode(line) + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
