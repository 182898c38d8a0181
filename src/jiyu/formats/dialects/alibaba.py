"""Alibaba: the NLS gateway (``SentenceEnd``) and DashScope (``sentence_end``)."""

from __future__ import annotations

from collections.abc import Iterator

from jiyu.formats.dialects.base import Json, child, seconds, segment, text_of
from jiyu.model import Segment


class NLS:
    """One task of real-time transcription: sentences are numbered by ``index``."""

    def __init__(self) -> None:
        self._began: dict[str, float | None] = {}

    def read(self, message: Json) -> Iterator[Segment]:
        """Yield a sentence as it grows, and as it is in the end."""
        header, payload = child(message, "header"), child(message, "payload")
        if payload.get("index") is None:
            return
        name = f"{text_of(header.get('task_id'))} {payload['index']}"
        time = seconds(payload.get("time"), 1e-3)
        match header.get("name"):
            case "SentenceBegin":
                self._began[name] = time
            case "TranscriptionResultChanged":
                text = text_of(payload.get("result"))
                yield segment(name, text, "", self._began.get(name), time, final=False)
            case "SentenceEnd":
                began = self._began.pop(name, None)
                given = seconds(payload.get("begin_time"), 1e-3)
                start = began if given is None else given
                yield segment(name, text_of(payload.get("result")), "", start, time, final=True)


class DashScope:
    """One task of a real-time model; heartbeats say nothing."""

    def read(self, message: Json) -> Iterator[Segment]:
        """Yield a sentence as it grows, and as it is in the end."""
        sentence = child(message, "payload", "output", "sentence") or child(
            message, "output", "sentence"
        )
        if not sentence or sentence.get("heartbeat") is True:
            return
        number = sentence.get("sentence_id")
        begin = sentence.get("begin_time")
        task = text_of(child(message, "header").get("task_id"))
        name = f"{task} {f'@{begin}' if number is None else number}"
        end = seconds(sentence.get("end_time"), 1e-3)
        # Older models do not say so, but know the end of a sentence only then.
        final = sentence.get("sentence_end", end is not None) is True
        text = text_of(sentence.get("text"))
        yield segment(name, text, "", seconds(begin, 1e-3), end, final=final)
