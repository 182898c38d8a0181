"""Word edges by jieba, asked only for the few characters around a hit."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

#: Characters on each side of a hit that jieba sees.
CONTEXT = 12


@cache
def _segmenter() -> Any:
    # Imported here: its dictionary takes most of a second, and few texts need it.
    import jieba  # noqa: PLC0415

    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    return jieba


def on_word_edges(text: str, start: int, end: int) -> bool:
    """Say whether ``text[start:end]`` begins and ends between words.

    Args:
        text: Folded text of one turn.
        start: First character of the hit.
        end: One past its last character.
    """
    low, high = max(0, start - CONTEXT), min(len(text), end + CONTEXT)
    edges = {low}
    for word in _segmenter().cut(text[low:high], HMM=False):
        edges.add(max(edges) + len(word))
    return start in edges and end in edges


def word_frequency(word: str) -> int:
    """Return how often a folded word stands in jieba's dictionary; 0 if it is no word."""
    return int(_segmenter().dt.FREQ.get(word) or 0)
