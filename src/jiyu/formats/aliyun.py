"""Alibaba Cloud NLS: the result of a file transcription.

Read: ``nls-filetrans`` 2018-08-17, plain or inside its response; no real file was seen.  Times are
milliseconds.  The letter case of keys differs by version, and a sibling feed sends numbers as
strings.  Smoothing that drops fillers is off unless asked for, so fillers are promised.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from jiyu.formats.build import in_order, label_of, rest, shaped, spoken, turn
from jiyu.formats.times import milliseconds
from jiyu.model import Conversation, Turn


class _Sentence(msgspec.Struct):
    text: str | None = None
    begintime: float | None = None
    endtime: float | None = None
    channelid: str | float | None = None
    speakerid: str | float | None = None


class _Result(msgspec.Struct):
    sentences: list[_Sentence]
    #: Single words, once more.
    words: Any = None


def _lowered(value: Any) -> dict[str, Any]:
    """Return an object with its keys in one spelling: BeginTime, beginTime, begin_time."""
    if not isinstance(value, dict):
        return {}
    return {key.casefold().replace("_", ""): inner for key, inner in value.items()}


def _task(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the task and the result in it; a bare result is its own task."""
    task = _lowered(value)
    return task, _lowered(task.get("result")) if "sentences" not in task else task


def is_aliyun(value: Any) -> bool:
    """Recognise sentences with a time of beginning, whatever the letter case."""
    sentences = _task(value)[1].get("sentences")
    return (
        isinstance(sentences, list)
        and bool(sentences)
        and {"begintime", "text"} <= _lowered(sentences[0]).keys()
    )


def read_aliyun(value: Any, name: str) -> Iterator[Conversation]:
    """Yield the conversation of one recording."""
    task, result = _task(value)
    raws = result.get("sentences")
    if isinstance(raws, list):
        result["sentences"] = raws = [_lowered(r) if isinstance(r, dict) else r for r in raws]
    turns: list[Turn] = []
    for raw, sentence in zip(raws or (), shaped(result, _Result).sentences, strict=True):
        label = sentence.channelid if sentence.speakerid in (None, "") else sentence.speakerid
        turns += turn(
            sentence.text,
            label_of(label),
            rest(raw, _Sentence),
            start=milliseconds(sentence.begintime),
            end=milliseconds(sentence.endtime),
        )
    task_id = task.get("taskid")
    metadata = rest(task, _Result, "result") | rest(result, _Result)
    yield spoken(
        task_id if isinstance(task_id, str) and task_id else name,
        in_order(turns),
        metadata,
        "verbatim_fillers",
    )
