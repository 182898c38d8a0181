"""Fold source text into the form in which phrases are looked for, keeping every offset.

A *block* is any number of turns folded in one go.  What does not carry words is left out of its
text (spaces, punctuation, pause marks, stretched repeats, sentence-final particles) and kept beside
it as marks, so that a phrase is found however a recogniser or a typist spaced it, and the rules can
still ask where a clause ends.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from jiyu.text.table import (
    CLASS_SHIFT,
    CODE_MASK,
    CONTENT,
    HARD,
    NUMERAL,
    PARTICLE,
    PAUSE,
    SKIP,
    SOFT,
    fold_table,
)

# Strength of what lies between two neighbouring folded characters.
EDGE_NONE, EDGE_PAUSE, EDGE_SOFT, EDGE_HARD = range(4)
#: Stands in the folded text between turns of different speakers; no phrase contains it.
SEPARATOR = "\n"
#: Stands for a bracketed code such as ``[呵呵]`` or ``[订单x]``: a thing, not words.
OBJECT = "\ufffc"

_SEPARATOR_CLASS = 7
_OBJECT_CODE = ord(OBJECT)
_BRACKETED = re.compile(r"\[[^\[\]\n]{1,12}\]|［[^［］\n]{1,12}］|#E-\w{1,8}|<\|[^|\n]{1,20}\|>")
#: From this share of spaces on, a recogniser has parted every word and a space means nothing.
_SPACED_SHARE = 0.4
_STRENGTH = np.zeros(8, np.uint8)
_STRENGTH[[PAUSE, SOFT, HARD, _SEPARATOR_CLASS]] = [EDGE_PAUSE, EDGE_SOFT, EDGE_HARD, EDGE_HARD]
_GAN, _MA, _NI = ord("干"), ord("嘛"), ord("呢")
_MEASURES = np.array([*map(ord, "个几啲件度批张单种次日边两样间条位只排轮阵")], np.uint32)

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.uint32]


class Block:
    """Some consecutive turns, folded together.

    Attributes:
        text: The folded characters.  Turns of one speaker that follow each other stand without a
            gap, so that a phrase may run over both; others are parted by ``SEPARATOR``.
        codes: The same as code points, shape ``(len(text),)``.
        source: For each folded character its offset in the source text of its turn.
        edges: ``edges[i]`` is the strength of what lies before character ``i``
            (``EDGE_NONE`` … ``EDGE_HARD``), as bytes.
        particles: ``particles[i]`` is 1 where a particle (啊 呀 呢 …) was left out after ``i``.
        repeats: ``repeats[i]`` is 1 where character ``i`` was said at least twice in a row.
        starts: First folded character of each turn, and one past the last one.
        texts: The source texts.
    """

    def __init__(
        self,
        texts: Sequence[str],
        codes: Codes,
        source: Ints,
        edges: Bytes,
        marks: tuple[bytes, bytes],
        starts: Ints,
    ) -> None:
        self.texts = texts
        self.codes = codes
        self.text = codes.tobytes().decode("utf-32-le", "surrogatepass")
        self.source = source
        self.edges = edges.tobytes()
        self.particles, self.repeats = marks
        self.starts = starts

    @cached_property
    def _starts(self) -> list[int]:
        starts: list[int] = self.starts.tolist()
        return starts

    def turn_at(self, position: int) -> int:
        """Return which turn of the block a folded character belongs to."""
        return bisect_right(self._starts, position) - 1

    def range_of(self, turn: int) -> tuple[int, int]:
        """Return the folded characters of a turn, half-open, without a separator."""
        low, high = self._starts[turn], self._starts[turn + 1]
        if high > low and self.text[high - 1] == SEPARATOR:
            high -= 1
        return low, high

    def said_around(self, turn: int) -> frozenset[str]:
        """Return the characters of a turn and of its neighbours."""
        low, high = max(0, turn - 1), min(turn + 2, len(self._starts) - 1)
        return frozenset(self.text[self._starts[low] : self._starts[high]])

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Map folded characters of one turn to the source text of that turn.

        A character that was stretched (谢谢, 烦烦烦) belongs to the words with all its repeats.
        """
        first, last = int(self.source[start]), int(self.source[end - 1]) + 1
        if self.repeats[end - 1]:
            text = self.texts[self.turn_at(end - 1)]
            while last < len(text) and text[last] == text[last - 1]:
                last += 1
        return first, last


def fold(texts: Sequence[str], joined: Sequence[bool]) -> Block:
    """Fold turns into one block.

    Args:
        texts: Source text of each turn.
        joined: For each turn, whether it goes on where the turn before it ended (same speaker).

    Returns:
        The block; its cost is linear in the length of the texts.
    """
    big = SEPARATOR.join([*texts, ""])
    raw = np.frombuffer(big.encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.cumsum([len(text) + 1 for text in texts], dtype=np.int64) - 1
    begins = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)
    entries = fold_table()[raw]
    classes = (entries >> CLASS_SHIFT).astype(np.uint8)
    codes: Codes = (entries & CODE_MASK).astype(np.uint32)
    parted = ~np.array([*joined[1:], False], bool)
    classes[ends] = np.where(parted, _SEPARATOR_CLASS, SKIP)
    codes[ends] = ord(SEPARATOR)
    _hide_bracketed(big, classes, codes)
    strengths = _STRENGTH[classes]
    _ignore_word_spaces(classes, strengths, begins)

    kept = np.flatnonzero((classes == CONTENT) | (classes >= PARTICLE))
    first = np.searchsorted(kept, begins)
    kept, repeats = _without_stretches(kept, classes, codes, strengths, first)
    first = np.searchsorted(kept, begins)
    kept, particles = _without_particles(kept, classes, codes, strengths, first)
    repeats_kept = np.zeros(len(raw), np.uint8)
    repeats_kept[repeats] = 1
    starts = np.append(np.searchsorted(kept, begins), len(kept))
    return Block(
        texts,
        np.ascontiguousarray(codes[kept], np.uint32),
        kept - np.repeat(begins, np.diff(starts)),
        _edges_before(strengths, kept),
        (particles[kept].tobytes(), repeats_kept[kept].tobytes()),
        starts,
    )


def _hide_bracketed(big: str, classes: Bytes, codes: Codes) -> None:
    """Make each bracketed code one opaque character, in place."""
    if "[" not in big and "［" not in big and "<|" not in big and "#E-" not in big:
        return
    for found in _BRACKETED.finditer(big):
        low, high = found.span()
        classes[low:high] = SKIP
        classes[low] = CONTENT
        codes[low] = _OBJECT_CODE


def _ignore_word_spaces(classes: Bytes, strengths: Bytes, begins: Ints) -> None:
    """Take the meaning from the spaces of turns in which every word is spaced, in place."""
    pauses = classes == PAUSE
    if not pauses.any() or not len(begins):
        return
    spaces = np.add.reduceat(pauses, begins, dtype=np.int64)
    content = (classes == CONTENT) | (classes == PARTICLE) | (classes == NUMERAL)
    words = np.add.reduceat(content, begins, dtype=np.int64)
    spaced = (spaces >= 2) & (spaces >= _SPACED_SHARE * words)
    if spaced.any():
        places = np.flatnonzero(pauses)
        turns = np.searchsorted(begins, places, side="right") - 1
        strengths[places[spaced[turns]]] = EDGE_NONE


def _edges_before(strengths: Bytes, kept: Ints) -> Bytes:
    """Return the strongest edge before each kept character; a block begins with a hard one."""
    if not len(kept):
        return np.zeros(0, np.uint8)
    after = np.maximum.reduceat(strengths, kept)
    return np.concatenate([[EDGE_HARD], after[:-1]]).astype(np.uint8)


def _without_stretches(
    kept: Ints, classes: Bytes, codes: Codes, strengths: Bytes, first: Ints
) -> tuple[Ints, Ints]:
    """Leave one of each run of the same character (烦烦烦死了); also say which were such runs."""
    if not len(kept):
        return kept, kept
    here = codes[kept]
    same = np.zeros(len(kept), bool)
    same[1:] = (here[1:] == here[:-1]) & (_edges_before(strengths, kept)[1:] <= EDGE_PAUSE)
    # Digits and Latin letters carry meaning in every repeat.
    same &= (classes[kept] != NUMERAL) & (here > 0x2FF) & (here != _OBJECT_CODE)
    same[first[first < len(kept)]] = False
    survivors = kept[~same]
    runs = np.unique(np.searchsorted(survivors, kept[same], side="right") - 1)
    return survivors, survivors[runs]


def _without_particles(
    kept: Ints, classes: Bytes, codes: Codes, strengths: Bytes, first: Ints
) -> tuple[Ints, Bytes]:
    """Leave out particles that follow a word; mark the characters that they followed."""
    marks = np.zeros(len(classes), np.uint8)
    droppable = classes[kept] == PARTICLE
    if not droppable.any():
        return kept, marks
    # At the head of a sentence the same character is an interjection, a word of its own.
    droppable &= _edges_before(strengths, kept) < EDGE_HARD
    droppable[first[first < len(kept)]] = False
    here = codes[kept]
    droppable[1:] &= ~((here[1:] == _MA) & (here[:-1] == _GAN))
    # Before a measure word, Cantonese 呢 is "this".
    counted = np.isin(here[1:], _MEASURES) & (_edges_before(strengths, kept)[1:] == EDGE_NONE)
    droppable[:-1] &= ~((here[:-1] == _NI) & counted)
    survivors = kept[~droppable]
    marks[survivors[np.searchsorted(survivors, kept[droppable], side="right") - 1]] = 1
    return survivors, marks
