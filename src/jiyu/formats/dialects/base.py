"""What all dialects have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from jiyu.model import Segment

Json = Mapping[str, Any]


class Dialect(Protocol):
    """Turns the messages of one stream of one conversation into segments.

    A message that it does not know, or that lacks what it needs, says nothing.
    """

    def read(self, message: Json) -> Iterator[Segment]:
        """Yield what a message says; the channel, if any, stands in ``metadata``."""


class Utterances:
    """Segments of a source that gives them no ids: what is open on each channel has a number."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._open: set[str] = set()

    def name(self, channel: str = "") -> str:
        """Return the id of what is being said on a channel."""
        return f"{channel}#{self._number.get(channel, 0)}"

    def give(
        self,
        text: str,
        channel: str = "",
        *,
        final: bool,
        start: float | None = None,
        end: float | None = None,
    ) -> Iterator[Segment]:
        """Yield the newest writing of what is being said; nothing said at all is withdrawn."""
        known = channel in self._open
        name = self.name(channel)
        if text or known:
            withdrawn = final and not text
            yield segment(name, text, channel, start, end, final=final, withdrawn=withdrawn)
            self._open.add(channel)
        if final and (text or known):
            self._open.discard(channel)
            self._number[channel] = self._number.get(channel, 0) + 1


def segment(
    name: str,
    text: str,
    channel: str = "",
    start: float | None = None,
    end: float | None = None,
    *,
    final: bool,
    withdrawn: bool = False,
) -> Segment:
    """Return a segment of a channel; who speaks there is not the dialect's to know."""
    metadata = {"channel": channel} if channel else {}
    return Segment(name, text, "other", start, end, None, (), final, withdrawn, metadata)


def child(value: Any, *keys: str) -> Json:
    """Return an object inside objects; empty if it is not there or is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def children(value: Any) -> list[Json]:
    """Return the objects of a list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def first(value: Any) -> Json:
    """Return the first object of a list, or an empty one."""
    return next(iter(children(value)), {})


def text_of(value: Any) -> str:
    """Return a text, or nothing."""
    return value if isinstance(value, str) else ""


def either(message: Json, *keys: str) -> Any:
    """Return the value of the first key that is there: SDKs spell keys in several ways."""
    return next((message[key] for key in keys if message.get(key) is not None), None)


def seconds(value: Any, unit: float = 1.0) -> float | None:
    """Return a time in seconds, be it a number, a text or ``"1.2s"``; ``None`` if it is none."""
    if isinstance(value, str):
        try:
            value = float(value.removesuffix("s"))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return round(value * unit, 4)
