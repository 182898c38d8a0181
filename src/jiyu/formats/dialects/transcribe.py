"""Amazon Transcribe streaming: ``Results`` replace each other until one is not partial.

The id of a result may change between partial and final; its start time and channel stay.
"""

from __future__ import annotations

from collections.abc import Iterator

from jiyu.formats.dialects.base import Json, children, either, first, seconds, segment, text_of
from jiyu.model import Segment


class Transcribe:
    """One stream, of one channel or two."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def read(self, message: Json) -> Iterator[Segment]:
        """Yield the results of a ``TranscriptEvent``."""
        event = either(message, "TranscriptEvent", "transcript_event") or message
        transcript = either(event, "Transcript", "transcript") if isinstance(event, dict) else None
        results = either(transcript, "Results", "results") if isinstance(transcript, dict) else None
        for result in children(results):
            yield from self._result(result)

    def _result(self, result: Json) -> Iterator[Segment]:
        channel = text_of(either(result, "ChannelId", "channel_id"))
        start = seconds(either(result, "StartTime", "start_time"))
        result_id = text_of(either(result, "ResultId", "result_id"))
        by_id, by_start = f"{channel} {result_id}", f"{channel} @{start}"
        name = (self._names.get(by_id) if result_id else None) or self._names.get(by_start)
        name = name or (by_id if start is None else by_start)
        partial = bool(either(result, "IsPartial", "is_partial"))
        for key in (by_id, by_start):
            if partial:
                self._names[key] = name
            else:
                self._names.pop(key, None)
        best = first(either(result, "Alternatives", "alternatives"))
        text = text_of(either(best, "Transcript", "transcript"))
        end = seconds(either(result, "EndTime", "end_time"))
        yield segment(name, text, channel, start, end, final=not partial)
