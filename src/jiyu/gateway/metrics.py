"""Figures for Prometheus: counted by hand, as a library's counters would cost more than judging.

A scrape meets one of several worker processes by chance.  So each writes its figures into a common
folder every second, and whoever is scraped adds them up: all series are of the whole machine.
Counters of a process that has died still count, its gauges do not.  Several machines are scraped
one by one.
"""

from __future__ import annotations

import contextlib
import os
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from secrets import token_hex

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from jiyu.gateway.auth import state_of
from jiyu.gateway.documented import KEYED

#: Upper ends in seconds; a judged message takes well below a millisecond.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
#: After so long without a word a process is dead, and its gauges with it.
_STALE = 10.0

#: Name → what it counts, and its labels.
_COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "messages": ("Messages judged, by what was decided.", ("decision",)),
    "alerts": ("Alerts, by rule and what became of the finding.", ("rule", "state")),
    "segments": ("Live segments and events taken in.", ()),
    "conversations": ("Conversations assessed.", ("source",)),
    "requests": ("Requests answered, by the template of the path.", ("method", "path", "status")),
    "deliveries": ("Attempts to deliver to webhooks.", ("outcome",)),
    "policy_changes": ("Policies that were taken up or refused.", ("outcome",)),
    "purged": ("Conversations deleted for their age.", ()),
}
_HISTOGRAMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "request_seconds": ("Time to answer, by the template of the path.", ("path",)),
    "judge_seconds": ("Time to judge, without transport and store.", ("kind",)),
    "commit_seconds": ("Time from a line's arrival to its commit.", ()),
}
_GAUGES = {
    "open_sessions": "Live conversations that are judged here.",
    "queue_depth": "Writes that wait for a commit.",
    "open_sockets": "WebSockets and event streams.",
}
_Key = tuple[str, tuple[str, ...]]


class _Figures(msgspec.Struct):
    """What one process has counted."""

    counts: list[tuple[str, tuple[str, ...], float]]
    histograms: list[tuple[str, tuple[str, ...], list[int], float]]
    gauges: dict[str, float]
    at: float


class Metrics:
    """The figures of one process; to be used from its event loop."""

    def __init__(self, folder: Path | None = None) -> None:
        """Begin at zero.

        Args:
            folder: Common to all worker processes of a server; ``None`` if there is one only.
        """
        self._counts: Counter[_Key] = Counter()
        self._histograms: dict[_Key, tuple[list[int], list[float]]] = {}
        self._gauges: dict[str, Callable[[], float]] = {}
        self._folder = folder
        self._file = None if folder is None else folder / f"{os.getpid()}-{token_hex(4)}.json"

    def message(self, decision: str, n: int = 1) -> None:
        """Count messages that were judged."""
        self._counts["messages", (decision,)] += n

    def alert(self, rule: str, state: str) -> None:
        """Count an alert: ``raised``, ``updated``, ``confirmed`` or ``retracted``."""
        self._counts["alerts", (rule, state)] += 1

    def count(self, name: str, *labels: str, n: int = 1) -> None:
        """Count anything else that this module has a line for."""
        self._counts[name, labels] += n

    def observe(self, name: str, seconds: float, *labels: str) -> None:
        """Note how long something took."""
        known = self._histograms.get((name, labels))
        if known is None:
            known = self._histograms[name, labels] = ([0] * (len(BUCKETS) + 1), [0.0])
        known[0][bisect_left(BUCKETS, seconds)] += 1
        known[1][0] += seconds

    def gauge(self, name: str, function: Callable[[], float]) -> None:
        """Let a figure be asked for whenever it is wanted."""
        self._gauges[name] = function

    def dump(self) -> None:
        """Write the figures down for the other processes."""
        if self._file is None:
            return
        draft = self._file.with_suffix(".tmp")
        draft.write_bytes(msgspec.json.encode(self._figures()))
        draft.replace(self._file)

    def render(self) -> bytes:
        """Return the figures of all processes as Prometheus reads them."""
        registry = CollectorRegistry()
        registry.register(_Collected([self._figures(), *self._others()]))
        return generate_latest(registry)

    def _figures(self) -> _Figures:
        return _Figures(
            [(name, labels, n) for (name, labels), n in self._counts.items()],
            [
                (n, labels, buckets, total[0])
                for (n, labels), (buckets, total) in self._histograms.items()
            ],
            {name: float(function()) for name, function in self._gauges.items()},
            time.time(),
        )

    def _others(self) -> Iterator[_Figures]:
        files = [] if self._folder is None else self._folder.glob("*.json")
        for file in files:
            with contextlib.suppress(OSError, msgspec.DecodeError):
                if file != self._file:
                    yield msgspec.json.decode(file.read_bytes(), type=_Figures)


class _Collected:
    """The sum of the figures of several processes."""

    def __init__(self, figures: list[_Figures]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """Yield every series."""
        yield from self._counters()
        yield from self._times()
        alive = [one for one in self._figures if time.time() - one.at < _STALE]
        for name, said in _GAUGES.items():
            gauge = GaugeMetricFamily(f"jiyu_{name}", said)
            gauge.add_metric((), sum(one.gauges.get(name, 0.0) for one in alive))
            yield gauge
        workers = GaugeMetricFamily("jiyu_workers", "Worker processes that are alive.")
        workers.add_metric((), len(alive))
        yield workers

    def _counters(self) -> Iterator[Metric]:
        total: defaultdict[_Key, float] = defaultdict(float)
        for one in self._figures:
            for name, labels, n in one.counts:
                total[name, labels] += n
        for name, (said, labels) in _COUNTERS.items():
            family = CounterMetricFamily(f"jiyu_{name}", said, labels=labels)
            for (counted, values), n in sorted(total.items()):
                if counted == name:
                    family.add_metric(values, n)
            yield family

    def _times(self) -> Iterator[Metric]:
        total: dict[_Key, tuple[list[int], float]] = {}
        for one in self._figures:
            for name, labels, buckets, seconds in one.histograms:
                before, so_far = total.get((name, labels), ([0] * len(buckets), 0.0))
                summed = [a + b for a, b in zip(before, buckets, strict=True)]
                total[name, labels] = (summed, so_far + seconds)
        for name, (said, names) in _HISTOGRAMS.items():
            family = HistogramMetricFamily(f"jiyu_{name}", said, labels=names)
            for (counted, values), (buckets, seconds) in sorted(total.items()):
                if counted == name:
                    family.add_metric(values, _cumulated(buckets), seconds)
            yield family


def _cumulated(buckets: list[int]) -> list[tuple[str, float]]:
    """Return for each upper end how many were no longer."""
    ends = [*map(str, BUCKETS), "+Inf"]
    sums = [sum(buckets[: i + 1]) for i in range(len(buckets))]
    return [(end, float(n)) for end, n in zip(ends, sums, strict=True)]


router = APIRouter(tags=["operations"], responses=KEYED)


@router.get("/metrics", response_class=PlainTextResponse, summary="Figures for Prometheus")
async def metrics(request: Request) -> PlainTextResponse:
    """Return all figures of this machine's worker processes."""
    state = state_of(request)
    return PlainTextResponse(state.metrics.render(), media_type=CONTENT_TYPE_LATEST)
