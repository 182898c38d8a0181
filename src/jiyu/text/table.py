"""The fold table: one code point in, one code point and its class out.

Built once a process from OpenCC's own dictionaries, as the closure of every pair of characters
that any conversion among Simplified, Traditional, Taiwan and Hong Kong text links.  Two texts that
OpenCC turns into one another character by character therefore fold to the same string by
construction.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from functools import cache
from importlib import metadata
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

# Classes of a code point, in the high byte of a table entry.
CONTENT, SKIP, PAUSE, SOFT, HARD, PARTICLE, NUMERAL = range(7)
CODE_MASK = 0xFFFFFF
CLASS_SHIFT = 24

_CHARACTER_TABLES = (
    "STCharacters",
    "TSCharacters",
    "TWVariants",
    "TWVariantsRev",
    "HKVariants",
    "HKVariantsRev",
)
_PHRASE_TABLES = (
    "STPhrases",
    "TSPhrases",
    "HKVariantsPhrases",
    "HKVariantsRevPhrases",
    "TWVariantsRevPhrases",
)
# What OpenCC lacks, reviewed one by one: particles and pronouns that mean the same to a listener.
_EXTRA_VARIANTS = ("喽啰囉嘍", "你妳", "什甚", "它牠祂")

_PARTICLES = "啊呀呢嘛吧啦呃噢喔哦呗唄哟喲哇咧耶"
_NUMERALS = "〇零一二三四五六七八九十百千万萬亿億两兩幺"
_SOFT = "，,、：:()（）[]［］【】{}｛｝<>《》〈〉\"'“”‘’「」『』﹁﹂/／|｜＂＇"
_HARD = "。．.！!？?；;\n\r\v\f\u2028\u2029\x85"
_PAUSE = "_＿…‥—–―─~～〜·•・‧-－*＊"

Table = npt.NDArray[np.uint32]


def opencc_rows(name: str) -> list[tuple[str, list[str]]]:
    """Read one of OpenCC's dictionaries: rows of a key and its candidate values.

    The file is found through the package's metadata, never by ``import opencc``: a C++ package of
    the same import name may be installed beside it.
    """
    package = metadata.distribution("opencc-python-reimplemented")
    file = Path(str(package.locate_file(f"opencc/dictionary/{name}.txt")))
    text = file.read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if "\t" in line)
    return [(row[0], row[1].split(" ")) for row in rows]


def _linked_pairs() -> set[tuple[str, str]]:
    """Every two characters that a conversion may put in each other's place."""
    pairs = {
        (key, value)
        for table in _CHARACTER_TABLES
        for key, values in opencc_rows(table)
        for value in values
        if len(key) == len(value) == 1
    }
    for table in _PHRASE_TABLES:
        # Only the first candidate is ever used for a phrase; only equal lengths align.
        rows = [(k, v[0]) for k, v in opencc_rows(table) if len(k) == len(v[0])]
        keys, values = (np.array(list("".join(side)), "U1") for side in zip(*rows, strict=True))
        differ = keys != values
        pairs.update(zip(keys[differ].tolist(), values[differ].tolist(), strict=True))
    pairs.update((group[0], other) for group in _EXTRA_VARIANTS for other in group[1:])
    return pairs


def variant_classes() -> list[set[str]]:
    """Group all characters that fold together, each group with at least two members."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    for a, b in _linked_pairs():
        neighbours[a].add(b)
        neighbours[b].add(a)
    groups: list[set[str]] = []
    seen: set[str] = set()
    for start in neighbours:
        if start in seen:
            continue
        group, todo = {start}, [start]
        while todo:
            fresh = neighbours[todo.pop()] - group
            group |= fresh
            todo.extend(fresh)
        seen |= group
        groups.append(group)
    return groups


def _representatives() -> dict[str, str]:
    """Map each variant to the Simplified character that most of its group is written as."""
    # A Simplified character that stands for several Traditional ones is the one people write.
    breadth = {key: len(values) for key, values in opencc_rows("STCharacters")}
    simplified = Counter(values[0] for _, values in opencc_rows("TSCharacters"))
    chosen: dict[str, str] = {}
    for group in variant_classes():
        best = max(group, key=lambda c: (breadth.get(c, 0), simplified[c], -ord(c)))
        chosen.update(dict.fromkeys(group, best))
    for reviewed in _EXTRA_VARIANTS:
        # A reviewed group names its own representative first.
        old = chosen[reviewed[0]]
        chosen.update((c, reviewed[0]) for c, rep in list(chosen.items()) if rep == old)
    return chosen


def _compatible(code: int) -> int:
    """Fold width, compatibility forms and case, where the result is one code point."""
    char = chr(code)
    for candidate in (unicodedata.normalize("NFKC", char).casefold(), char.casefold()):
        if len(candidate) == 1:
            return ord(candidate)
    return code


def _category_class(code: int) -> int:
    """Class of a code point that no list above names, by its Unicode category."""
    category = unicodedata.category(chr(code))
    if category in {"Cf", "Cc", "Mn", "Me", "Cs"}:
        return SKIP
    if category == "Zs":
        return PAUSE
    # Emoji and other signs part clauses as a comma does.
    return SOFT if category[0] in "PS" else CONTENT


@cache
def fold_table() -> Table:
    """Return the table: index a code point, get ``class << 24 | folded code point``.

    Shape ``(0x110000,)``; built in about 0.15 s and kept for the life of the process.
    """
    table = np.arange(0x110000, dtype=np.uint32)
    # The only ranges with compatibility forms, case, punctuation or signs that text meets.
    spans = (
        (0, 0x3400),
        (0xF900, 0xFB00),
        (0xFE00, 0x10000),
        (0x1D400, 0x1D800),
        (0x2F800, 0x2FA20),
    )
    for code in chain.from_iterable(range(*span) for span in spans):
        table[code] = _category_class(code) << CLASS_SHIFT | _compatible(code)
    for low, high, kind in (
        (0xD800, 0xE000, SKIP),
        (0x1F000, 0x1FB00, SOFT),
        (0xE0000, 0xE0200, SKIP),
    ):
        table[low:high] |= kind << CLASS_SHIFT
    for char, representative in _representatives().items():
        table[ord(char)] = ord(representative)
    named = ((_SOFT, SOFT), (_HARD, HARD), (_PAUSE, PAUSE), (_PARTICLES, PARTICLE))
    for chars, kind in (*named, (_NUMERALS, NUMERAL), ("0123456789", NUMERAL)):
        for char in chars:
            table[ord(char)] = (kind << CLASS_SHIFT) | (int(table[ord(char)]) & CODE_MASK)
    table[ord("\t")] = table[ord(" ")]
    # A compatibility form may stand for a variant, which folds further.
    for _ in range(2):
        codes = table & CODE_MASK
        table = (table - codes) | codes[codes]
    return table


@cache
def wording_variants() -> tuple[tuple[str, str], ...]:
    """Pairs of words that differ between the mainland and Taiwan (信息/资讯), both folded.

    These change length or characters beyond folding, so phrases are expanded with them once, when
    a policy is compiled.
    """
    folded = fold_plain
    pairs = {
        (folded(key), folded(value)) for key, values in opencc_rows("TWPhrases") for value in values
    }
    return tuple(sorted((a, b) for a, b in pairs if a != b and a and b))


def fold_plain(text: str) -> str:
    """Fold character by character and drop nothing; for dictionary words and short strings."""
    table = fold_table()
    return "".join(chr(int(table[ord(char)]) & CODE_MASK) for char in text)
