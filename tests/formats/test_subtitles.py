"""WebVTT and SRT: voices, labels, markup and damage."""

from __future__ import annotations

import pytest

from jiyu.formats.reading import Reading
from reading import conversations, faults

CUE = "00:00.000 --> 00:02.000\n"


def said(text: str, name: str = "in.vtt") -> list[tuple[str, str | None, str]]:
    """Return speaker, label and words of each turn."""
    (found,) = conversations(text.encode(), name)
    return [(t.speaker, t.metadata.get("speaker_label"), t.text) for t in found.turns]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("<v 客服>您好</v>", [("agent", "客服", "您好")]),
        ("<v.loud.x 客户>您好", [("customer", "客户", "您好")]),
        ("<v 客服>早</v> <v 客户>喂</v>", [("agent", "客服", "早"), ("customer", "客户", "喂")]),
        ("<v 小林>您好</v>\n好的", [("other", "小林", "您好"), ("other", None, "好的")]),
        ("<v 客服>A &amp; B &lt;3", [("agent", "客服", "A & B <3")]),
        ("<c.red>您<i>好</i></c><00:00:01.000>吗", [("other", None, "您好吗")]),
        ("[SPEAKER_00]: 您好", [("other", "SPEAKER_00", "您好")]),
        ("客服：早\n客户: 货\n在哪", [("agent", "客服", "早"), ("customer", "客户", "货在哪")]),
        ("说话人1：您好", [("other", "说话人1", "您好")]),
        ("时间：三点", [("other", None, "时间：三点")]),
        ("[音乐]", [("other", None, "[音乐]")]),
        ("hello\nworld", [("other", None, "hello world")]),
    ],
)  # fmt: skip
def test_speakers_of_a_cue(payload: str, expected: list[tuple[str, str | None, str]]) -> None:
    """A voice or a label says who speaks, several times a cue if need be."""
    assert said(f"WEBVTT\n\n{CUE}{payload}\n") == expected


def test_what_is_no_cue_is_left_out() -> None:
    """Headers, notes, styles and empty cues are no turns."""
    text = (
        f"WEBVTT - title\nKind: x\n\nNOTE\n客服：不算\n\nSTYLE\n::cue {{}}\n\n{CUE}\n\n7\n{CUE}好"
    )
    assert said(text) == [("other", None, "好")]


def test_damaged_times_are_told_and_the_words_kept() -> None:
    """What was said counts, its time does not, and the line is told."""
    text = "1\n00:00:00,000 --> 00:00:01,000\n您好\n\n2\n00:00:0x,000 --> 00:00:03,000\n有完没完\n"
    data = text.replace("\n", "\r\n").encode()
    assert faults(data, "in.srt") == [(6, "the times of the cue cannot be read")]


def test_srt_markup_and_missing_numbers() -> None:
    """Tags of players are no words; a file without numbers is read."""
    text = "00:00:00,000 --> 00:00:01,000\n{\\an8}<i>您好</i>\n\n00:00:01,000 --> 00:00:02,000\n喂"
    assert said(text, "in.srt") == [("other", None, "您好"), ("other", None, "喂")]


def test_damaged_bytes_are_told() -> None:
    """A file with a broken character is read, and its line told."""
    data = f"WEBVTT\n\n{CUE}您好吗您好吗".encode() + b"\xff\n"
    assert faults(data) == [(4, "damaged text")]


def test_nothing_said_is_no_conversation() -> None:
    """A file of headers only is told."""
    assert faults(b"WEBVTT\n\n", "in.vtt") == [(None, "there is nothing said in it")]
    assert faults(b"", "in.srt", Reading("srt")) == [(None, "there is nothing said in it")]
