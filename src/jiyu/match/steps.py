"""What each element of a phrase takes of a folded text, one small step after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from jiyu.match.literal import Literal
from jiyu.text.fold import SEPARATOR, Block

#: Folded texts of an element, each with what its folding left out.
Options = Mapping[str, Sequence[Literal]]


class Step(Protocol):
    """One element of a phrase, with the edges that may stand before its characters."""

    def ends(self, block: Block, start: int) -> Sequence[int]:
        """Return where the element may end if it begins at ``start``, the most wanted first."""
        ...

    def starts(self, block: Block, end: int) -> Iterable[int]:
        """Return where the element may begin if it ends at ``end``, and a few places more."""
        ...


class WordsStep:
    """Alternatives that are plain words; the longest is wanted most."""

    def __init__(self, options: Options, first: int, inner: int) -> None:
        """Sort the options by size.

        Args:
            options: What may stand here.
            first: Strongest edge that may stand before the words.
            inner: Strongest edge that may stand inside them, except at their breaks.
        """
        sizes: dict[int, dict[str, Sequence[Literal]]] = defaultdict(dict)
        for text, literals in options.items():
            # Where one writing asks for nothing beside its text, the others do not matter.
            asking = [o for o in literals if o.breaks or o.particles or o.repeats]
            sizes[len(text)][text] = asking if len(asking) == len(literals) else ()
        self._empty = sizes.pop(0, {}).get("")
        self._sizes = sorted(sizes.items(), reverse=True)
        self._heads = frozenset(text[0] for text in options if text)
        self._tails = frozenset(text[-1] for text in options if text)
        self._first, self._inner = first, inner

    def ends(self, block: Block, start: int) -> Sequence[int]:
        """Return the ends of the options that stand here."""
        found = []
        if block.text[start : start + 1] in self._heads:
            for size, options in self._sizes:
                literals = options.get(block.text[start : start + size])
                if literals is not None and self._stands(block, start, size, literals):
                    found.append(start + size)
        if self._empty is not None and self._stands(block, start, 0, self._empty):
            found.append(start)
        return found

    def _stands(self, block: Block, start: int, size: int, literals: Sequence[Literal]) -> bool:
        """Say whether edges and marks are right for a text that is there."""
        if literals:
            return any(self._fits(literal, block, start) for literal in literals)
        edges = block.edges
        return not size or (
            edges[start] <= self._first
            and (size == 1 or max(edges[start + 1 : start + size]) <= self._inner)
        )

    def starts(self, block: Block, end: int) -> Iterable[int]:
        """Return the starts of the options that end here, whatever edges they have."""
        text = block.text
        found = [end] if self._empty is not None else []
        if end and text[end - 1] in self._tails:
            found += (
                end - size for size, options in self._sizes if text[end - size : end] in options
            )
        return found

    def _fits(self, literal: Literal, block: Block, start: int) -> bool:
        """Say whether the edges in a literal and what its folding left out are right."""
        edges, breaks = block.edges, literal.breaks
        return (
            (not literal.text or 0 in breaks or edges[start] <= self._first)
            and all(
                edges[start + at] <= self._inner or at in breaks
                for at in range(1, len(literal.text))
            )
            and literal.fits(block, start)
        )


class SomeStep:
    """Between ``least`` and ``most`` characters; as few as possible are wanted most."""

    def __init__(
        self, least: int, most: int, edge: int, allowed: frozenset[str] | None = None
    ) -> None:
        """Say what is taken.

        Args:
            least: Fewest characters.
            most: Most characters.
            edge: Strongest edge that may stand before any of them.
            allowed: Which characters; any if ``None``.
        """
        self._least, self._most, self._edge = least, most, edge
        self._allowed = allowed

    def ends(self, block: Block, start: int) -> Sequence[int]:
        """Return every end up to the first character that may not be taken."""
        text, edges = block.text, block.edges
        last = start
        for at in range(start, min(start + self._most, len(text))):
            char = text[at]
            if edges[at] > self._edge or char == SEPARATOR:
                break
            if self._allowed is not None and char not in self._allowed:
                break
            last = at + 1
        return range(start + self._least, last + 1)

    def starts(self, block: Block, end: int) -> Iterable[int]:  # noqa: ARG002
        """Return every start within reach."""
        return range(max(0, end - self._most), end - self._least + 1)


def first_way(steps: Sequence[Step], block: Block, start: int) -> Sequence[int]:
    """Return the end of each of some steps in a row if the first begins at ``start``.

    Of several ways the one is taken that the earlier steps want most; none is an empty sequence.
    """
    ways = [iter(steps[0].ends(block, start))]
    path: list[int] = []
    while ways:
        end = next(ways[-1], None)
        if end is None:
            ways.pop()
            if path:
                path.pop()
        elif len(ways) == len(steps):
            return [*path, end]
        else:
            path.append(end)
            ways.append(iter(steps[len(path)].ends(block, end)))
    return ()
