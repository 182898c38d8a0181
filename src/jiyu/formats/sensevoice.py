"""The tags that SenseVoice writes into its text, raw or as the emoji of its post-processing.

Read: SenseVoiceSmall as FunASR 1.x writes it (its tables of events and emotions); no file of a user
was seen.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

_TAG = r"<\|([A-Za-z0-9_/ ]{1,32})\|>"
_EMOJI = {
    "🎼": "music",
    "👏": "applause",
    "😀": "laughter",
    "😭": "cry",
    "🤧": "sneeze",
    "😷": "cough",
    "😊": "happy",
    "😔": "sad",
    "😡": "angry",
    "😰": "fearful",
    "🤢": "disgusted",
    "😮": "surprised",
}
_WORDS = {"bgm": "music"}
#: They say nothing of what is heard.
_PLAIN = {
    "speech", "neutral", "emo_unknown", "event_unk", "unk", "withitn", "woitn", "specialtoken",
    "nospeech",
}  # fmt: skip
_LANGUAGES = {"zh", "en", "yue", "ja", "ko", "auto"}
_MARK = re.compile(rf"{_TAG}|([{''.join(_EMOJI)}])️?|❓")


class Heard(NamedTuple):
    """A text without its marks.

    Attributes:
        text: What is said.
        tags: What else is heard.
        metadata: The languages, and under ``removed`` every mark with the place in ``text``
            where it stood, so that a place in the source can be found again.
    """

    text: str
    tags: tuple[str, ...]
    metadata: dict[str, Any]


def is_tagged(text: str) -> bool:
    """Say whether a text has raw marks."""
    return re.search(_TAG, text) is not None


def heard(source: str) -> Heard:
    """Take the marks out of a text."""
    text, last = "", 0
    tags: dict[str, None] = {}
    languages: dict[str, None] = {}
    removed: list[tuple[int, str]] = []
    for mark in _MARK.finditer(source):
        text += source[last : mark.start()]
        last = mark.end()
        text = text if text.strip() else ""
        removed.append((len(text), mark[0]))
        word = (mark[1] or "").lower()
        if word in _LANGUAGES:
            languages[word] = None
        elif mark[2]:
            tags[_EMOJI[mark[2]]] = None
        elif word and word not in _PLAIN:
            tags[_WORDS.get(word, word)] = None
    text = (text + source[last:]).rstrip()
    lead = len(text) - len(text.lstrip())
    metadata: dict[str, Any] = {}
    if removed:
        metadata["removed"] = [[max(0, at - lead), mark] for at, mark in removed]
    if languages:
        metadata["languages"] = list(languages)
    return Heard(text.lstrip(), tuple(tags), metadata)
