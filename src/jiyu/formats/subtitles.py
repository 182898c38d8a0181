"""WebVTT and SRT: cues with times, and speakers where somebody wrote them down.

Read: WebVTT as of the W3C candidate of 2019 (files of its test suites were seen: with and without
a byte order mark, comments, voices, damaged times) and SubRip as ffmpeg, whisper and WhisperX write
it.  A speaker is a voice ``<v Name>``, of which a cue may hold several, or a label before the text
(``客服：``, ``[SPEAKER_00]: ``).

webvtt-py is not used: it leaves damaged cues out without a word and knows no line numbers, and its
captions keep the markup of voices all the same.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from jiyu.formats.build import in_order, joined, spoken, turn
from jiyu.formats.roles import split_label
from jiyu.formats.source import Fault, Read, Source, Unit, refused
from jiyu.formats.times import clock
from jiyu.model import Turn

_ARROW = "-->"
_TIMING = re.compile(r"\s*(\S+)\s*-->\s*(\S+)")
_STAMP = re.compile(r"(?:\d{1,3}:)?\d{1,2}:\d{1,2}[.,]\d{1,3}\s*-->")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^>]*)>|</v>")
_MARKUP = re.compile(
    r"</?(?:c|i|b|u|ruby|rt|lang|font)\b[^>]*>|<\d[\d:.]*>|\{\\[^}]*\}", re.IGNORECASE
)
_NO_CUE = ("NOTE", "STYLE", "REGION", "WEBVTT")


class _Block(NamedTuple):
    """Lines between blank ones, the first of which has a number."""

    number: int
    lines: list[str]


def is_vtt(head: str) -> bool:
    """Recognise WebVTT by its first line."""
    return re.match(r"WEBVTT(?:[ \t\r\n]|$)", head) is not None


def is_srt(head: str) -> bool:
    """Recognise SubRip, or WebVTT that lost its first line, by the times of the first cues."""
    lines = head.lstrip("\ufeff").split("\n", 12)[:12]
    return not is_vtt(head) and any(_STAMP.match(line.strip()) for line in lines)


def read_subtitles(source: Source, name: str) -> Read:
    """Yield the one conversation of a file, and a fault for every cue without readable times.

    Raises:
        InputError: There is no text in it.
    """
    turns: list[Turn] = []
    raw = source.whole()
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        yield Fault(raw.count(b"\n", 0, error.start) + 1, "damaged text")
        text = raw.decode("utf-8", "replace")
    for block in _blocks(text):
        if block.lines[0].lstrip().startswith(_NO_CUE):
            continue
        at = next((i for i, line in enumerate(block.lines[:2]) if _ARROW in line), None)
        start, end = (None, None) if at is None else _times(block.lines[at])
        said = [line for line in block.lines[0 if at is None else at + 1 :] if line.strip()]
        bare = len(said) == 1 and said[0].strip().isdigit() and at is None
        if said and (start is None or end is None) and not bare:
            yield Fault(block.number + (at or 0), "the times of the cue cannot be read")
        if not bare:
            turns.extend(_turns(said, start, end))
    if not turns:
        raise refused("there is nothing said in it")
    yield Unit(None, spoken(name, in_order(turns), {}))


def _blocks(text: str) -> Iterator[_Block]:
    begin, lines = 1, list[str]()
    for number, line in enumerate((*re.split("\r\n|\r|\n", text), ""), 1):
        if line.strip():
            begin = begin if lines else number
            lines.append(line)
        elif lines:
            yield _Block(begin, lines)
            lines = []


def _times(line: str) -> tuple[float | None, float | None]:
    found = _TIMING.match(line)
    return (clock(found[1]), clock(found[2])) if found else (None, None)


def _turns(lines: list[str], start: float | None, end: float | None) -> Iterator[Turn]:
    """Split a cue where the speaker changes; a line without a label goes on with the last one."""
    said: list[tuple[str | None, list[str]]] = []
    for voice, text in _voices("\n".join(lines)):
        label = voice
        for line in map(_plain, text.split("\n")):
            named, words = (None, line) if voice else split_label(line)
            label = named or label
            if words.strip():
                if not said or said[-1][0] != label:
                    said.append((label, []))
                said[-1][1].append(words.strip())
    for label, parts in said:
        yield from turn(joined(parts), label, start=start, end=end)


def _voices(text: str) -> Iterator[tuple[str | None, str]]:
    """Yield stretches of text with their voices."""
    label: str | None = None
    last = 0
    for tag in _VOICE.finditer(text):
        yield label, text[last : tag.start()]
        label, last = (html.unescape(tag[1]).strip() or None) if tag[1] else None, tag.end()
    yield label, text[last:]


def _plain(text: str) -> str:
    return html.unescape(_MARKUP.sub("", text))
