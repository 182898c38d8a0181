"""Tencent real-time recognition: slices of type 0 and 1 replace each other until one of type 2."""

from __future__ import annotations

from collections.abc import Iterator

from jiyu.formats.dialects.base import Json, child, seconds, segment, text_of
from jiyu.model import Segment


class Tencent:
    """One stream; after a reconnection its ``voice_id`` is a new one and ``index`` begins anew."""

    def read(self, message: Json) -> Iterator[Segment]:
        """Yield a sentence as it grows, and as it is in the end."""
        result = child(message, "result")
        if result.get("index") is None or message.get("code", 0) != 0:
            return
        name = f"{text_of(message.get('voice_id'))} {result['index']}"
        yield segment(
            name,
            text_of(result.get("voice_text_str")),
            "",
            seconds(result.get("start_time"), 1e-3),
            seconds(result.get("end_time"), 1e-3),
            final=result.get("slice_type") == 2,
        )
