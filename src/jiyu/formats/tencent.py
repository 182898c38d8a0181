"""Tencent Cloud ASR: the result of a recording.

Read: ``DescribeTaskStatus`` of API 2019-06-14 as its SDK describes it, plain or inside its
response; no real file was seen.  Nearly every field may be null.  In stereo recordings speaker 0 is
the left channel and 1 the right one.  Filters of profanity and fillers are off unless asked for, so
fillers are promised.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from jiyu.formats.build import in_order, label_of, rest, shaped, spoken, turn
from jiyu.formats.times import milliseconds
from jiyu.model import Conversation, Turn


class _Sentence(msgspec.Struct):
    FinalSentence: str | None = None
    StartMs: float | None = None
    EndMs: float | None = None
    SpeakerId: str | float | None = None
    #: The same words once more.
    SliceSentence: Any = None
    Words: Any = None
    WrittenText: Any = None


class _Task(msgspec.Struct):
    ResultDetail: list[_Sentence]
    TaskId: str | float | None = None
    Result: Any = None


def _inner(value: Any) -> Any:
    for key in ("Response", "Data"):
        value = value[key] if isinstance(value.get(key), dict) else value
    if "resultDetail" in value:  # as a callback spells it
        value = {**value, "ResultDetail": value["resultDetail"]}
        del value["resultDetail"]
    return value


def is_tencent(value: Any) -> bool:
    """Recognise a task by the details of its result."""
    return isinstance(_inner(value).get("ResultDetail"), list)


def read_tencent(value: Any, name: str) -> Iterator[Conversation]:
    """Yield the conversation of one recording."""
    raw = _inner(value)
    task = shaped(raw, _Task)
    turns: list[Turn] = []
    for given, sentence in zip(raw["ResultDetail"], task.ResultDetail, strict=True):
        turns += turn(
            sentence.FinalSentence,
            label_of(sentence.SpeakerId),
            rest(given, _Sentence),
            start=milliseconds(sentence.StartMs),
            end=milliseconds(sentence.EndMs),
        )
    task_id = label_of(task.TaskId)
    yield spoken(
        f"tencent-{task_id}" if task_id else name,
        in_order(turns),
        rest(raw, _Task),
        "verbatim_fillers",
    )
