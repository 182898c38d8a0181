"""FunASR's WebSocket server in two passes.

``2pass-online`` texts are appended to each other; a ``2pass-offline`` text replaces all of them
since the last one.  ``is_final`` is not reliable, the mode is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from jiyu.formats.dialects.base import Json, Utterances, seconds, text_of
from jiyu.model import Segment


class FunASR:
    """One stream."""

    def __init__(self) -> None:
        self._utterances = Utterances()
        self._said = ""

    def read(self, message: Json) -> Iterator[Segment]:
        """Yield what either pass has heard."""
        mode, text = text_of(message.get("mode")), text_of(message.get("text"))
        if mode.endswith("offline"):
            self._said = ""
            start, end = _times(message.get("timestamp"))
            yield from self._utterances.give(text, final=True, start=start, end=end)
        elif mode.endswith("online"):
            self._said += text
            # Without a second pass the end of the stream is all that there is.
            final = mode == "online" and message.get("is_final") is True
            yield from self._utterances.give(self._said, final=final)
            if final:
                self._said = ""


def _times(value: Any) -> tuple[float | None, float | None]:
    """Read ``[[ms, ms], …]``, which comes as a text."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None, None
    pairs = (
        [pair for pair in value if isinstance(pair, list) and len(pair) == 2]
        if isinstance(value, list)
        else []
    )
    return (seconds(pairs[0][0], 1e-3), seconds(pairs[-1][1], 1e-3)) if pairs else (None, None)
