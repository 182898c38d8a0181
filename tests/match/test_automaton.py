"""The automaton against the plainest way of finding things."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jiyu.match.automaton import Automaton

SMALL = st.text("你我有完没", min_size=1, max_size=4)


def codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def naive(literals: list[str], text: str) -> set[tuple[int, int]]:
    return {
        (number, start)
        for number, literal in enumerate(literals)
        for start in range(len(text))
        if text.startswith(literal, start)
    }


@given(literals=st.lists(SMALL, unique=True, max_size=8), text=st.text("你我有完没X", max_size=40))
def test_it_finds_every_occurrence_of_every_literal(literals: list[str], text: str) -> None:
    """Overlapping, nested and repeated occurrences are all there, and nothing else."""
    found = list(Automaton(literals).find(codes(text)))
    assert len(found) == len(set(found))
    assert set(found) == naive(literals, text)


@given(literals=st.lists(st.text(min_size=1, max_size=3), unique=True, max_size=6), text=st.text())
def test_it_knows_the_whole_of_unicode(literals: list[str], text: str) -> None:
    """Characters outside the lexicon, outside the BMP and lone surrogates are no exception."""
    assert set(Automaton(literals).find(codes(text))) == naive(literals, text)


def test_an_automaton_of_nothing_finds_nothing() -> None:
    """An empty policy is not an error."""
    assert list(Automaton([]).find(codes("你好"))) == []
