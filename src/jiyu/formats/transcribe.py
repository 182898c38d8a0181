"""Amazon Transcribe: the result of a batch job, with channels or with speaker labels.

Read: the 2017-10-26 API; Amazon's two published samples were seen.  Seconds are strings.  Words
carry their speaker themselves in newer files and only in ``speaker_labels`` in older ones.
Transcribe leaves out fillers, and a vocabulary filter may write ``***``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from jiyu.formats.build import Word, rest, shaped, spoken, turn, turns_of
from jiyu.formats.times import seconds
from jiyu.model import Conversation


class _Alternative(msgspec.Struct):
    content: str = ""


class _Item(msgspec.Struct):
    alternatives: list[_Alternative]
    start_time: float | None = None
    end_time: float | None = None
    channel_label: str | None = None
    speaker_label: str | None = None


class _Mark(msgspec.Struct):
    start_time: float | None = None
    speaker_label: str | None = None


class _Segment(msgspec.Struct):
    speaker_label: str | None = None
    items: list[_Mark] = []


class _SpeakerLabels(msgspec.Struct):
    segments: list[_Segment] = []


class _Channel(msgspec.Struct):
    channel_label: str | None = None
    items: list[_Item] = []


class _ChannelLabels(msgspec.Struct):
    channels: list[_Channel] = []


class _Transcript(msgspec.Struct):
    transcript: str = ""


class _Results(msgspec.Struct):
    transcripts: list[_Transcript] = []
    items: list[_Item] = []
    speaker_labels: _SpeakerLabels | None = None
    channel_labels: _ChannelLabels | None = None
    #: The same words once more.
    audio_segments: Any = None
    segments: Any = None


class _Job(msgspec.Struct):
    results: _Results
    jobName: str | None = None


def is_transcribe(value: Any) -> bool:
    """Recognise a job by its results, which hold transcripts."""
    results = value.get("results")
    return isinstance(results, dict) and "transcripts" in results


def read_transcribe(value: Any, name: str) -> Iterator[Conversation]:
    """Yield the conversation of one job."""
    job = shaped(value, _Job)
    results = job.results
    turns = turns_of(_words(results), apart=results.channel_labels is not None)
    if not turns:
        turns = tuple(t for one in results.transcripts for t in turn(one.transcript, None))
    metadata = rest(value, _Job) | rest(value["results"], _Results)
    yield spoken(job.jobName or name, turns, metadata)


def _words(results: _Results) -> Iterator[Word]:
    speakers = {
        item.start_time: item.speaker_label or segment.speaker_label
        for segment in (results.speaker_labels or _SpeakerLabels()).segments
        for item in segment.items
    }
    channels = (results.channel_labels or _ChannelLabels()).channels
    labelled = [(c.channel_label, item) for c in channels for item in c.items]
    last: str | None = None
    for channel, item in labelled or [(None, item) for item in results.items]:
        label = channel or item.channel_label if labelled else item.speaker_label
        label = label or speakers.get(item.start_time)
        # Punctuation has no time, and in older files no speaker: it is that of the word before.
        last = label if item.start_time is not None else label or last
        if item.alternatives:
            content = item.alternatives[0].content
            yield Word(content, last, seconds(item.start_time), seconds(item.end_time))
