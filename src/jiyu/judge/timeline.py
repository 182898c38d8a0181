"""When the turns and events of a conversation were, in seconds from its start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

from jiyu.model import Conversation, Turn
from jiyu.text.clock import aware, moment

#: A recogniser's times may be off by so many seconds without being wrong.
TOLERANCE = 0.5


class Stretch(NamedTuple):
    """From when to when, in seconds from the start of the conversation."""

    start: float
    end: float


class Timeline:
    """The times of one conversation, and whether they can be relied on.

    Nothing is worked out before it is asked for: a live session asks little, and often.
    """

    def __init__(self, conversation: Conversation, turns: Sequence[Turn], zone: ZoneInfo) -> None:
        self._conversation = conversation
        self._turns = turns
        self._zone = zone

    @cached_property
    def _started(self) -> datetime | None:
        started = aware(self._conversation.started_at, self._zone)
        stamps = (aware(turn.at, self._zone) for turn in self._turns)
        return started or next((stamp for stamp in stamps if stamp), None)

    @cached_property
    def turns(self) -> Sequence[Stretch | None]:
        """For each turn its stretch."""
        return tuple(map(self.stretch, self._turns))

    @property
    def end(self) -> float | None:
        """When the conversation ended."""
        return self.seconds(self._conversation.ended_at)

    def stretch(self, turn: Turn) -> Stretch | None:
        """Return when a turn was, or ``None`` if the source does not say or says nonsense.

        A chat message has no length.
        """
        start, end = turn.start, turn.end
        if start is None and turn.at is not None:
            # A message may be older than the moment that a chat system calls its start.
            sent = self.seconds(turn.at)
            return None if sent is None else Stretch(sent, sent)
        if start is None or end is None or not (math.isfinite(start) and math.isfinite(end)):
            return None
        return Stretch(start, end) if 0 <= start <= end else None

    @cached_property
    def fault(self) -> str:
        """Why the times as a whole are no ground for a pass; empty if they are."""
        said = [
            (turn, stretch)
            for turn, stretch in zip(self._turns, self.turns, strict=True)
            if turn.speaker != "system"
        ]
        stamped = any(turn.at is not None for turn, _ in said)
        capabilities = self._conversation.capabilities
        if capabilities is not None and "timestamps" not in capabilities and not stamped:
            return "来源不提供时间"
        given = [(turn, stretch) for turn, stretch in said if stretch is not None]
        if not given:
            return "没有时间"
        if len(given) < len(said):
            return "部分话语没有可用的时间"
        last_end = dict.fromkeys((turn.speaker for turn, _ in given), -math.inf)
        before = -math.inf
        for turn, stretch in given:
            if stretch.start < before - TOLERANCE:
                return "时间倒置"
            if stretch.start < last_end[turn.speaker] - TOLERANCE:
                return "同一说话人的时间重叠"
            before = stretch.start
            last_end[turn.speaker] = max(last_end[turn.speaker], stretch.end)
        return ""

    def seconds(self, value: float | str | None) -> float | None:
        """Return when something was, in seconds from the start, or ``None`` if nobody knows."""
        if isinstance(value, str):
            read = aware(value, self._zone)
            if read is None or self._started is None:
                return None
            return (read - self._started).total_seconds()
        return value if value is not None and math.isfinite(value) else None

    def moment(self, seconds: float) -> datetime | None:
        """Return the local time of the policy, or ``None`` if no date is known."""
        return moment(max(0.0, seconds), self._started, self._zone)
