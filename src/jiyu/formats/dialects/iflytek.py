"""iFlytek: dictation with dynamic correction, and real-time transcription.

In dictation a result of ``pgs: rpl`` takes the place of a range of earlier results, which may be
several; all results of one recognition are one utterance.  In transcription results of type 1 are
replaced until one of type 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from jiyu.formats.dialects.base import Json, Utterances, child, children, first, seconds, text_of
from jiyu.model import Segment


class IFlytek:
    """One stream."""

    def __init__(self) -> None:
        self._utterances = Utterances()
        self._results: dict[int, str] = {}

    def read(self, message: Json) -> Iterator[Segment]:
        """Yield what was heard."""
        if message.get("code") not in (None, 0, "0"):
            return
        data = message.get("data")
        if isinstance(data, str):
            yield from self._transcription(data)
        else:
            yield from self._dictation(child(message, "data"))

    def _dictation(self, data: Json) -> Iterator[Segment]:
        result = child(data, "result")
        number = result.get("sn")
        if isinstance(number, int):
            if result.get("pgs") == "rpl":
                for gone in _replaced(result.get("rg")):
                    self._results.pop(gone, None)
            self._results[number] = _words(result)
        last = result.get("ls") is True or data.get("status") == 2
        text = "".join(self._results[sn] for sn in sorted(self._results))
        yield from self._utterances.give(text, final=last)
        if last:
            self._results.clear()

    def _transcription(self, data: str) -> Iterator[Segment]:
        try:
            sentence = child(msgspec.json.decode(data), "cn", "st")
        except (msgspec.DecodeError, RecursionError):
            return
        if not sentence:
            return
        text = "".join(map(_words, children(sentence.get("rt"))))
        final = str(sentence.get("type")) == "0"
        start, end = seconds(sentence.get("bg"), 1e-3), seconds(sentence.get("ed"), 1e-3)
        yield from self._utterances.give(text, final=final, start=start, end=end or None)


def _words(result: Json) -> str:
    return "".join(text_of(first(word.get("cw")).get("w")) for word in children(result.get("ws")))


def _replaced(value: object) -> range:
    match value:
        case [int(low), int(high)] if high - low < 10_000:
            return range(low, high + 1)
    return range(0)
