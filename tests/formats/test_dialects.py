"""What recognisers and chat systems send becomes the segments that it means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from jiyu.errors import InputError
from jiyu.formats.canonical import Line
from jiyu.formats.dialects import DIALECTS, reader_of
from jiyu.model import Segment


def read(dialect: str, *messages: Any, **envelope: Any) -> list[Segment]:
    """Read messages of one stream."""
    reader = reader_of(dialect)
    lines = ({"conversation_id": "c", "message": message} | envelope for message in messages)
    return [
        item
        for line in lines
        for item in reader.read(Line("-", 1, json.dumps(line).encode())).items
        if isinstance(item, Segment)
    ]


def shown(segments: Sequence[Segment]) -> list[tuple[str, str, bool]]:
    """Number the segments as they are first seen, with text (``-`` is withdrawn) and finality."""
    names: dict[str, str] = {}
    return [
        (
            names.setdefault(s.segment_id, str(len(names))),
            "-" if s.withdrawn else s.text,
            s.final,
        )
        for s in segments
    ]


def transcribe(name: str, start: float, text: str, *, partial: bool, channel: str = "ch_0") -> Any:
    result = {
        "ResultId": name,
        "StartTime": start,
        "EndTime": start + 1,
        "IsPartial": partial,
        "ChannelId": channel,
        "Alternatives": [{"Transcript": text, "Items": [{"Content": text, "Stable": False}]}],
    }
    return {"TranscriptEvent": {"Transcript": {"Results": [result]}}}


def test_transcribe_may_change_the_id_of_a_result() -> None:
    """Its start and channel say which one it is."""
    segments = read(
        "transcribe",
        transcribe("a", 0.5, "您好", partial=True),
        transcribe("b", 0.5, "您好物流", partial=True, channel="ch_1"),
        transcribe("x", 0.5, "您好啊", partial=False),
        transcribe("b", 0.7, "您好物流部", partial=False, channel="ch_1"),
        transcribe("c", 2.0, "嗯", partial=False),
        speakers={"ch_0": "customer", "ch_1": "agent"},
    )
    assert shown(segments) == [
        ("0", "您好", False),
        ("1", "您好物流", False),
        ("0", "您好啊", True),
        ("1", "您好物流部", True),
        ("2", "嗯", True),
    ]
    assert [segment.speaker for segment in segments[:2]] == ["customer", "agent"]
    assert (segments[2].start, segments[2].end) == (0.5, 1.5)


def test_funasr_appends_in_its_first_pass_and_replaces_in_its_second() -> None:
    """``is_final`` says nothing in two passes."""
    online = {"mode": "2pass-online", "wav_name": "w", "is_final": True}
    offline = {"mode": "2pass-offline", "wav_name": "w", "is_final": False}
    segments = read(
        "funasr",
        online | {"text": "有完"},
        online | {"text": "没玩"},
        offline | {"text": "有完没完。", "timestamp": "[[430,670],[670,1810]]"},
        online | {"text": "嗯"},
        offline | {"text": ""},
        offline | {"text": "好的。"},
    )
    assert shown(segments) == [
        ("0", "有完", False),
        ("0", "有完没玩", False),
        ("0", "有完没完。", True),
        ("1", "嗯", False),
        ("1", "-", True),
        ("2", "好的。", True),
    ]
    assert (segments[2].start, segments[2].end) == (0.43, 1.81)


def test_nls_numbers_its_sentences() -> None:
    """Intermediate results are replaced; a sentence may come without any."""

    def message(name: str, index: int, time: int, **payload: Any) -> Any:
        payload |= {"index": index, "time": time}
        return {"header": {"name": name, "task_id": "t"}, "payload": payload}

    segments = read(
        "nls",
        {"header": {"name": "TranscriptionStarted", "task_id": "t"}, "payload": {}},
        message("SentenceBegin", 1, 320),
        message("TranscriptionResultChanged", 1, 1500, result="有玩"),
        message("SentenceEnd", 1, 2100, begin_time=330, result="有完没完"),
        message("SentenceEnd", 2, 3000, result="好的"),
    )
    assert shown(segments) == [("0", "有玩", False), ("0", "有完没完", True), ("1", "好的", True)]
    assert [(s.start, s.end) for s in segments] == [(0.32, 1.5), (0.33, 2.1), (None, 3.0)]


def test_dashscope_has_heartbeats() -> None:
    """They are dropped; older models have no ``sentence_id``."""

    def message(**sentence: Any) -> Any:
        return {
            "header": {"event": "result-generated", "task_id": "t"},
            "payload": {"output": {"sentence": sentence}},
        }

    segments = read(
        "dashscope",
        message(sentence_id=1, begin_time=170, end_time=None, text="有玩", sentence_end=False),
        message(sentence_id=0, begin_time=0, end_time=None, text="", heartbeat=True),
        message(sentence_id=1, begin_time=170, end_time=920, text="有完没完", sentence_end=True),
        message(begin_time=1500, end_time=None, text="好"),
        message(begin_time=1500, end_time=1800, text="好的"),
    )
    assert shown(segments) == [
        ("0", "有玩", False),
        ("0", "有完没完", True),
        ("1", "好", False),
        ("1", "好的", True),
    ]
    assert (segments[1].start, segments[1].end) == (0.17, 0.92)


def test_tencent_begins_anew_after_a_reconnection() -> None:
    """A new ``voice_id``, the same index; a slice may be final at once."""

    def message(voice: str, index: int, kind: int, text: str) -> Any:
        result = {"slice_type": kind, "index": index, "start_time": 0, "end_time": 1240}
        return {"code": 0, "voice_id": voice, "result": result | {"voice_text_str": text}}

    segments = read(
        "tencent",
        message("v1", 0, 0, "有"),
        message("v1", 0, 1, "有玩"),
        message("v1", 0, 2, "有完没完"),
        message("v2", 0, 2, "好的"),
        {"code": 4008, "message": "timeout", "result": {"index": 1}},
        {"code": 0, "voice_id": "v2", "final": 1},
    )
    assert shown(segments) == [
        ("0", "有", False),
        ("0", "有玩", False),
        ("0", "有完没完", True),
        ("1", "好的", True),
    ]
    assert segments[2].end == 1.24


def test_iflytek_takes_back_several_results() -> None:
    """``rpl`` stands in the place of a range of them."""

    def message(number: int, text: str, status: int = 1, **more: Any) -> Any:
        words = [{"bg": 0, "cw": [{"w": char, "sc": 0}]} for char in text]
        result = {"sn": number, "ls": status == 2, "ws": words} | more
        return {"code": 0, "sid": "s", "data": {"status": status, "result": result}}

    segments = read(
        "iflytek",
        message(1, "你有", pgs="apd"),
        message(2, "玩没", pgs="apd"),
        message(3, "有完没", pgs="rpl", rg=[1, 2]),
        message(4, "完", pgs="apd"),
        message(5, "。", 2, pgs="apd"),
        message(1, "好的", pgs="apd"),
    )
    assert shown(segments) == [
        ("0", "你有", False),
        ("0", "你有玩没", False),
        ("0", "有完没", False),
        ("0", "有完没完", False),
        ("0", "有完没完。", True),
        ("1", "好的", False),
    ]


def test_iflytek_transcription_packs_json_into_json() -> None:
    """Type 0 is final."""

    def message(text: str, kind: str) -> Any:
        sentence = {"rt": [{"ws": [{"cw": [{"w": text}]}]}], "type": kind, "bg": "820", "ed": "0"}
        data = json.dumps({"cn": {"st": sentence}, "seg_id": 5})
        return {"action": "result", "code": "0", "data": data, "sid": "s"}

    segments = read("iflytek", message("有玩", "1"), message("有完没完", "0"), message("好", "1"))
    assert shown(segments) == [("0", "有玩", False), ("0", "有完没完", True), ("1", "好", False)]
    assert (segments[0].start, segments[0].end) == (0.82, None)


def test_google_has_no_ids() -> None:
    """What is not final in one response is one utterance in parts."""

    def result(text: str, *, final: bool, channel: int = 1, **more: Any) -> Any:
        return {
            "alternatives": [{"transcript": text}],
            "isFinal": final,
            "channelTag": channel,
        } | more

    segments = read(
        "google",
        {"results": [result("有玩", final=False, stability=0.9), result("没玩", final=False)]},
        {"results": [result("嗯", final=False, channel=2)]},
        {"results": [result("有完没完", final=True, resultEndOffset="2.500s")]},
        {
            "results": [
                {"alternatives": [{"transcript": "好"}], "is_final": False, "channel_tag": 1}
            ]
        },
        speakers={"1": "agent", "2": "customer"},
    )
    assert shown(segments) == [
        ("0", "有玩没玩", False),
        ("1", "嗯", False),
        ("0", "有完没完", True),
        ("2", "好", False),
    ]
    assert [s.speaker for s in segments] == ["agent", "customer", "agent", "agent"]
    assert segments[2].end == 2.5


def test_azure_masks_what_it_displays() -> None:
    """The words as they were said stand beside it."""
    segments = read(
        "azure",
        {"Text": "有玩", "Offset": 15000000, "Duration": 3000000},
        {
            "RecognitionStatus": "Success",
            "DisplayText": "有***。",
            "Offset": 15000000,
            "Duration": 9000000,
            "NBest": [{"Lexical": "有完没完", "Display": "有***。"}],
        },
        {"reason": "RecognizingSpeech", "text": "好", "offset": 30000000, "duration": 10},
        {"RecognitionStatus": "NoMatch", "Offset": 30000000, "Duration": 10},
        {"reason": "RecognizedSpeech", "text": "好的。", "offset": 40000000, "duration": 5000000},
    )
    assert shown(segments) == [
        ("0", "有玩", False),
        ("0", "有完没完", True),
        ("1", "好", False),
        ("1", "-", True),
        ("2", "好的。", True),
    ]
    assert (segments[1].start, segments[1].end) == (1.5, 2.4)


def test_deepgram_ends_results_and_not_speech() -> None:
    """``speech_final`` is of no account; silence is no segment."""

    def message(start: float, text: str, *, final: bool, channel: int = 0) -> Any:
        return {
            "type": "Results",
            "channel_index": [channel, 2],
            "start": start,
            "duration": 1.5,
            "is_final": final,
            "speech_final": False,
            "channel": {"alternatives": [{"transcript": text, "words": []}]},
        }

    segments = read(
        "deepgram",
        message(0.0, "有玩", final=False),
        message(0.0, "嗯", final=False, channel=1),
        message(0.0, "有完没完", final=True),
        message(0.0, "", final=True, channel=1),
        message(1.5, "", final=True),
        {"type": "UtteranceEnd", "last_word_end": 1.5},
    )
    assert shown(segments) == [
        ("0", "有玩", False),
        ("1", "嗯", False),
        ("0", "有完没完", True),
        ("1", "-", True),
    ]
    assert segments[2].end == 1.5


def test_chatwoot_edits_and_deletes() -> None:
    """Private notes are not part of the conversation."""
    created = {"event": "message_created", "id": 7, "content": "有完没完", "created_at": 1772414045}
    segments = read(
        "chatwoot",
        created | {"message_type": "outgoing"},
        created | {"message_type": "outgoing", "id": 8, "private": True},
        created | {"message_type": "outgoing", "event": "message_updated", "content": "好的"},
        created | {"message_type": "incoming", "id": 9},
        created
        | {
            "message_type": "outgoing",
            "event": "message_updated",
            "content_attributes": {"deleted": True},
        },
        {"event": "conversation_resolved", "id": 1},
    )
    assert [(s.segment_id, s.speaker, s.withdrawn) for s in segments] == [
        ("7", "agent", False),
        ("7", "agent", False),
        ("9", "customer", False),
        ("7", "agent", True),
    ]
    assert segments[0].at == "2026-03-02T01:14:05+00:00"


def test_wecom_takes_messages_back() -> None:
    """The archive names the message that was; people outside have ids of their own kind."""
    text = {"msgtype": "text", "action": "send", "msgtime": 1772414045000}
    segments = read(
        "wecom",
        text | {"msgid": "m1_external", "from": "wmAB", "text": {"content": "在吗"}},
        text | {"msgid": "m2", "from": "zhangsan", "text": {"content": "有完没完"}},
        {"msgid": "m3", "msgtype": "image", "from": "zhangsan"},
        {"msgid": "m4", "msgtype": "revoke", "from": "zhangsan", "revoke": {"pre_msgid": "m2"}},
    )
    assert [(s.segment_id, s.speaker, s.withdrawn) for s in segments] == [
        ("m1_external", "customer", False),
        ("m2", "agent", False),
        ("m2", "other", True),
    ]


def test_streams_of_one_conversation_are_kept_apart() -> None:
    """Two recognisers, one a speaker, both number from 0."""
    message = {"code": 0, "voice_id": "v", "result": {"index": 0, "slice_type": 2}}
    reader = reader_of("tencent")
    ids = set()
    for speaker in ("agent", "customer"):
        line = {"conversation_id": "c", "speaker": speaker, "message": message}
        (segment,) = reader.read(Line("-", 1, json.dumps(line).encode())).items
        assert isinstance(segment, Segment)
        assert segment.speaker == speaker
        ids.add(segment.segment_id)
    assert len(ids) == 2


def test_a_source_may_name_its_own_conversation() -> None:
    """Without an envelope, by the name that it gives a call."""
    raw = json.dumps({"mode": "2pass-online", "wav_name": "call-7", "text": "您"}).encode()
    assert reader_of("funasr").read(Line("-", 1, raw)).conversation_id == "call-7"


@pytest.mark.parametrize("raw", [b"[]", b"{}", b"nothing", b'{"message":{}}', b"\xff"])
@pytest.mark.parametrize("dialect", ["jiyu", "google"])
def test_a_line_of_no_conversation_is_an_error(dialect: str, raw: bytes) -> None:
    """With its place, and without what it says."""
    with pytest.raises(InputError, match=r"^-:3: "):
        reader_of(dialect).read(Line("-", 3, raw))


_KEYS = (
    "TranscriptEvent Transcript Results results mode text timestamp header payload index name "
    "output sentence result slice_type data code cn st rt ws alternatives transcript NBest Text "
    "channel channel_index start event id content msgtype revoke msgid type is_final sn rg pgs"
)
KEYS = _KEYS.split()
LEAVES = (None, True, False, 0, -1, 2**70, 1.5, "", "1.2s", "[[", "[[1,", "2pass-online", "rpl")


def anything(random: Random, depth: int = 0) -> Any:
    kind = random.random()
    if depth > 4 or kind < 0.3:
        return random.choice([*LEAVES, *KEYS])
    count = random.randrange(4)
    if kind < 0.45:
        return [anything(random, depth + 1) for _ in range(count)]
    return {random.choice(KEYS): anything(random, depth + 1) for _ in range(count + 1)}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_message_breaks_a_dialect(dialect: str) -> None:
    """What is not as documented says nothing, or something harmless."""
    random = Random(3)
    for _ in range(3000):
        message = {random.choice(KEYS): anything(random) for _ in range(6)}
        for segment in read(dialect, message):
            assert isinstance(segment.text, str)
