"""Which encoding a text is in: byte order mark, then strict UTF-8, then a guess among few."""

from __future__ import annotations

import codecs
import importlib
from typing import Any

from jiyu.formats.source import refused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like the mark of UTF-16, so it is asked for first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What Chinese call centres write; a guess among all encodings of the world is often wrong.
_LIKELY = ("gb18030", "big5hkscs", "utf-16-le", "utf-16-be")


def extra(module: str, purpose: str) -> Any:
    """Import a module of the extra ``formats``.

    Raises:
        InputError: It is not installed; the message says how to.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise refused(f"{purpose} needs {module}: pip install 'jiyu[formats]'") from None


def encoding_of(head: bytes) -> str:
    """Return the codec of a text, by its beginning.

    A text with a few damaged bytes is UTF-8 all the same: its damaged lines are refused one by one.

    Raises:
        InputError: It is not UTF-8, and the library that tells the others apart is missing.
    """
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return codec
    if b"\0" not in head and _is_utf8(head):
        return "utf-8"
    if b"\0" in head and _has_ascii(head):
        # ASCII letters and line ends are every other byte of UTF-16.
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    chardet = extra("chardet", "text that is not UTF-8")
    guess = chardet.detect(
        head, include_encodings=_LIKELY, compat_names=False, no_match_encoding="gb18030"
    )
    return guess["encoding"] or "utf-8"


def _is_utf8(head: bytes) -> bool:
    """Whether nearly everything beyond ASCII is; the head may end within a character."""
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(head)
    damaged = text.count("\ufffd")
    beyond = sum(c > "\x7f" for c in text) - damaged if damaged else 0
    return damaged * 4 <= beyond


def _has_ascii(head: bytes) -> bool:
    nulls = max(head[::2].count(0), head[1::2].count(0))
    return nulls * 20 >= len(head)
