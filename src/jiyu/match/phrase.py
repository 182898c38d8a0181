"""The phrase language, and its translation into literals and short checks around them.

============  =================================================================================
``有完没完``    a literal; script, width, case, spaces, pause marks and stretching do not matter
``{a|b|}``    alternatives, which may nest; an empty one makes the whole optional
``…``         a gap of at most 6 characters inside one clause
``……``        a gap of at most 12 characters inside one sentence, commas allowed
``,``         here, and only here, a sentence may end inside a short phrase
``吧``         a particle (啊 呀 呢 嘛 吧 啦 …) after a word: some particle must follow it
``<name>``    a slot: ``<number>``, ``<name>``, or a word list of the policy such as ``<you>``
``X`` ``Y``   1–4 characters that must be the same wherever the letter stands: 不想X就别X
============  =================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from jiyu.errors import PhraseError, Problem

GAP = 6
WIDE_GAP = 12
REFERENCE = 4
#: So many options are written out at most where neighbours must be joined.
MOST_JOINED = 64
_NUMBER = frozenset("0123456789〇零一二三四五六七八九十百千万亿两几多n")


@dataclass(frozen=True, slots=True)
class Words:
    """Alternatives that are plain words."""

    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Anything short, inside one clause, or inside one sentence if ``wide``."""

    wide: bool


@dataclass(frozen=True, slots=True)
class Slot:
    """A built-in slot: ``number`` or ``name``."""

    name: str


@dataclass(frozen=True, slots=True)
class Reference:
    """``X`` or ``Y``."""

    letter: str


Element = Words | Gap | Slot | Reference
Sequences = list[list[Element]]

#: For each built-in slot the characters it takes (``None``: any), and how many.
BUILTIN_SLOTS: Mapping[str, tuple[frozenset[str] | None, int]] = {
    "number": (_NUMBER, 12),
    "name": (None, 4),
}
_TOKEN = re.compile(r"……|…|<([^<>{}|]*)>|[{}|]|[^…<>{}|XY]+|[XY]")


class Slots(dict[str, Sequence[str]]):
    """The word lists of a policy, each parsed once."""

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        super().__init__(lists)
        self.parsed: dict[str, Sequences] = {}


class _Parser:
    """Recursive descent over one phrase; see the module's table for the language."""

    def __init__(self, text: str, slots: Slots) -> None:
        self.text = text
        self.slots = slots
        self.tokens = list(_TOKEN.finditer(text))
        self.next = 0
        self.open_slots: list[str] = []
        if sum(len(token[0]) for token in self.tokens) != len(text):
            raise self.error("stray '<' or '>'")

    def error(self, message: str) -> PhraseError:
        return PhraseError(Problem(self.text, None, message))

    def parse(self) -> Sequences:
        sequences = self.alternatives(top=True)
        if self.next < len(self.tokens):
            raise self.error(f"unexpected {self.tokens[self.next][0]!r}")
        return sequences

    def alternatives(self, *, top: bool = False) -> Sequences:
        """Parse ``a|b|c`` up to a closing brace or the end; at the top ``|`` is not allowed."""
        branches = [self.sequence()]
        while not top and self.peek() == "|":
            self.next += 1
            branches.append(self.sequence())
        return [sequence for branch in branches for sequence in branch]

    def peek(self) -> str:
        return self.tokens[self.next][0] if self.next < len(self.tokens) else ""

    def sequence(self) -> Sequences:
        done: Sequences = [[]]
        while (token := self.peek()) and token not in "|}":
            match = self.tokens[self.next]
            self.next += 1
            done = _concatenated(done, self.element(token, match))
        return done

    def element(self, token: str, match: re.Match[str]) -> Sequences:
        if token == "{":
            inner = self.alternatives()
            if self.peek() != "}":
                raise self.error("'{' is never closed")
            self.next += 1
            return _gathered(inner)
        if token in ("…", "……"):
            return [[Gap(token == "……")]]
        if token[0] == "<":
            return self.slot(match[1])
        if token in ("X", "Y") and not self.in_latin(match):
            return [[Reference(token)]]
        return [[Words((token,))]]

    def in_latin(self, match: re.Match[str]) -> bool:
        """Say whether a token stands beside Latin letters, as in VX or XL."""
        around = self.text[max(0, match.start() - 1) : match.end() + 1]
        return sum(char.isascii() and char.isalpha() for char in around) > 1

    def slot(self, name: str) -> Sequences:
        if name in BUILTIN_SLOTS:
            return [[Slot(name)]]
        if name not in self.slots:
            raise self.error(f"unknown slot <{name}>")
        if name in self.open_slots:
            raise self.error(f"slot <{name}> contains itself")
        if name not in self.slots.parsed:
            inner: Sequences = []
            for text in self.slots[name]:
                parser = _Parser(text, self.slots)
                parser.open_slots = [*self.open_slots, name]
                inner += parser.parse()
            self.slots.parsed[name] = _gathered(inner)
        return self.slots.parsed[name]


def _gathered(sequences: Sequences) -> Sequences:
    """Make one element of all branches that are plain words; leave the others as they are."""
    options: dict[str, None] = {}
    others: Sequences = []
    for sequence in sequences:
        match sequence:
            case []:
                options[""] = None
            case [Words(words)]:
                options.update(dict.fromkeys(words))
            case _:
                others.append(sequence)
    plain: Sequences = [[Words(tuple(options))]] if options else []
    return plain + others


def _concatenated(left: Sequences, right: Sequences) -> Sequences:
    """Put every right branch behind every left one, joining neighbouring words if few."""
    return [_joined(a, b) for a, b in product(left, right)]


def _joined(left: list[Element], right: list[Element]) -> list[Element]:
    if left and right and isinstance(left[-1], Words) and isinstance(right[0], Words):
        a, b = left[-1].options, right[0].options
        if min(len(a), len(b)) == 1 or (_may_repeat(a, b) and len(a) * len(b) <= MOST_JOINED):
            return [*left[:-1], joined_words(left[-1], right[0]), *right[1:]]
    return [*left, *right]


def joined_words(left: Words, right: Words) -> Words:
    """Write out every option of the left followed by every option of the right."""
    return Words(tuple(dict.fromkeys(x + y for x, y in product(left.options, right.options))))


def _may_repeat(left: Sequence[str], right: Sequence[str]) -> bool:
    """Say whether a character may stand on both sides of the seam, where folding would join it."""
    ends = {option.rstrip(",，")[-1:] for option in left}
    return not (ends - {""}).isdisjoint(option.lstrip(",，")[:1] for option in right)


def _heads(sequence: list[Element]) -> Iterator[list[Element]]:
    """Yield a sequence once for each element that it may begin with.

    What begins a phrase may stand after any edge and is folded as the head of a sentence, so what
    follows an optional beginning is the head of a sequence of its own.
    """
    while sequence:
        first, rest = sequence[0], sequence[1:]
        if not isinstance(first, Words):
            if not isinstance(first, Gap):
                yield sequence
                return
        elif "" not in first.options or not rest:
            yield sequence
            return
        elif said := tuple(filter(None, first.options)):
            yield [Words(said), *rest]
        sequence = rest


def parse(text: str, slots: Mapping[str, Sequence[str]]) -> Sequences:
    """Parse one phrase into the sequences of elements that it stands for.

    Args:
        text: The phrase as the policy writes it.
        slots: The policy's word lists, by name; their entries are phrases themselves.

    Raises:
        PhraseError: The phrase is not well formed, empty, or has nothing but gaps and slots.
    """
    if not text.strip():
        raise PhraseError(Problem(text, None, "an empty phrase"))
    parser = _Parser(text, slots if isinstance(slots, Slots) else Slots(slots))
    sequences = [headed for sequence in parser.parse() for headed in _heads(sequence)]
    sure = [any(isinstance(e, Words) and all(e.options) for e in s) for s in sequences]
    if not sequences or not all(sure):
        message = "no part of this phrase is always there to be looked for"
        raise PhraseError(Problem(text, None, message))
    return sequences
