"""Google, Azure and Deepgram."""

from __future__ import annotations

from collections.abc import Iterator

from jiyu.formats.dialects.base import (
    Json,
    Utterances,
    children,
    either,
    first,
    seconds,
    segment,
    text_of,
)
from jiyu.model import Segment

#: Azure counts time in units of 100 nanoseconds.
_TICK = 1e-7


class Google:
    """One stream of Speech-to-Text, v1 or v2; results have no ids."""

    def __init__(self) -> None:
        self._utterances = Utterances()
        self._ended: dict[str, float | None] = {}

    def read(self, message: Json) -> Iterator[Segment]:
        """Yield what is final, then what is not: the parts of it are one utterance."""
        growing: dict[str, str] = {}
        for result in children(message.get("results")):
            channel = str(either(result, "channelTag", "channel_tag") or "")
            text = text_of(first(result.get("alternatives")).get("transcript"))
            end = seconds(
                either(
                    result,
                    "resultEndOffset",
                    "result_end_offset",
                    "resultEndTime",
                    "result_end_time",
                )
            )
            if either(result, "isFinal", "is_final") is True:
                start = self._ended.get(channel)
                yield from self._utterances.give(text, channel, final=True, start=start, end=end)
                self._ended[channel] = end
            else:
                growing[channel] = growing.get(channel, "") + text
        for channel, text in growing.items():
            yield from self._utterances.give(text, channel, final=False)


class Azure:
    """One recogniser of the Speech service: its messages, or the events of its SDK."""

    def __init__(self) -> None:
        self._utterances = Utterances()

    def read(self, message: Json) -> Iterator[Segment]:
        """Yield hypotheses and phrases; only one of them is open at a time."""
        channel = str(either(message, "Channel", "channel") or "")
        reason = text_of(message.get("reason"))
        phrase = "RecognitionStatus" in message or reason in ("RecognizedSpeech", "NoMatch")
        if not phrase and "Text" not in message and reason != "RecognizingSpeech":
            return
        start = seconds(either(message, "Offset", "offset"), _TICK)
        length = seconds(either(message, "Duration", "duration"), _TICK)
        end = None if start is None or length is None else round(start + length, 4)
        text = text_of(either(message, "DisplayText", "Text", "text"))
        best = first(either(message, "NBest", "nBest"))
        text = text or text_of(either(best, "Display", "display"))
        # What is masked on display may be there as it was said.
        if "**" in text:
            text = text_of(either(best, "Lexical", "lexical")) or text
        yield from self._utterances.give(text, channel, final=phrase, start=start, end=end)


class Deepgram:
    """One stream; a result is known by its channel and start."""

    def __init__(self) -> None:
        self._open: set[str] = set()

    def read(self, message: Json) -> Iterator[Segment]:
        """Yield results; ``speech_final`` is about pauses and of no account."""
        if message.get("type", "Results") != "Results":
            return
        index = message.get("channel_index")
        channel = str(index[0]) if isinstance(index, list) and index else ""
        start, length = seconds(message.get("start")), seconds(message.get("duration"))
        within = message.get("channel")
        best = first(within.get("alternatives")) if isinstance(within, dict) else {}
        text = text_of(best.get("transcript"))
        name, final = f"{channel} @{start}", message.get("is_final") is True
        if not text and name not in self._open:
            return
        (self._open.discard if final else self._open.add)(name)
        end = None if start is None or length is None else round(start + length, 4)
        withdrawn = final and not text
        yield segment(name, text, channel, start, end, final=final, withdrawn=withdrawn)
