"""What a measure returns: samples, each with its evidence, and what could not be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jiyu.judge.dialogue import MarkedTurn
from jiyu.judge.ruling import Evidence
from jiyu.model import Span


class Sample(NamedTuple):
    """One value, in the unit of its measure, and where it was taken."""

    value: float
    evidence: Evidence


class Reading(NamedTuple):
    """All values of a measure in one conversation.

    Attributes:
        samples: The values.
        came_up: Whether there was anything to measure.
        missing: Why values may have been missed, so that none is no pass; empty if none was.
    """

    samples: Sequence[Sample]
    came_up: bool = True
    missing: str = ""


def sampled(
    value: float,
    turn: MarkedTurn,
    detail: str,
    spans: tuple[Span, ...] | None = None,
    at: float | str | None = None,
) -> Sample:
    """Return a sample whose evidence is a turn, or some words of it."""
    shown = turn.whole_span if spans is None else spans
    return Sample(value, Evidence(turn.index, shown, at, detail))
