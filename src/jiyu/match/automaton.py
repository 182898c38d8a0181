"""The one Aho-Corasick automaton; nothing else in jiyu knows which library finds the literals.

Each folded character is recoded as two symbols of two disjoint alphabets of at most 128 each,
because the library searches a node's children one after the other: with two small alphabets a scan
stays about as fast with 100,000 literals as with 40.  Only ``iter()`` is used; ``iter_long()`` of
the library is known to be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import ahocorasick
import numpy as np
import numpy.typing as npt

_SMALL = 128


class Automaton:
    """Finds every occurrence of every literal, overlapping ones included.

    Immutable once built and safe to share between threads.
    """

    def __init__(self, literals: Iterable[str]) -> None:
        """Build from distinct, non-empty literals; they are numbered in the order given."""
        self.literals = tuple(literals)
        self._lengths = [len(literal) for literal in self.literals]
        alphabet = sorted(set().union(*self.literals)) if self.literals else []
        if len(alphabet) >= _SMALL * _SMALL:
            raise ValueError("more distinct characters than two symbols can name")
        # Symbol 0 stands for every character that no literal contains.
        self._symbols = np.zeros(0x110000, np.uint16)
        for number, char in enumerate(alphabet, 1):
            self._symbols[ord(char)] = number
        self._machine = ahocorasick.Automaton(ahocorasick.STORE_INTS)
        whole = "".join(self.literals).encode("utf-32-le", "surrogatepass")
        symbols = self._recoded(np.frombuffer(whole, np.uint32))
        start = 0
        for number, literal in enumerate(self.literals):
            end = start + 2 * len(literal)
            self._machine.add_word(symbols[start:end], number)
            start = end
        self._machine.make_automaton()

    def _recoded(self, codes: npt.NDArray[np.uint32]) -> str:
        numbers = self._symbols[codes]
        symbols = np.empty(2 * len(codes), np.uint8)
        symbols[0::2] = numbers // _SMALL
        symbols[1::2] = numbers % _SMALL + _SMALL
        return symbols.tobytes().decode("latin-1")

    def find(self, codes: npt.NDArray[np.uint32]) -> Iterator[tuple[int, int]]:
        """Yield ``(number of the literal, start)`` for every occurrence, by end, in linear time."""
        if not self.literals or not len(codes):
            return
        for end, number in self._machine.iter(self._recoded(codes)):
            yield number, (end + 1) // 2 - self._lengths[number]
