"""Canonical JSONL: what is read, what is refused, and that nothing said leaks into a message."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiyu.errors import InputError
from jiyu.formats.canonical import TOO_LONG, Line, decode, read_lines
from jiyu.model import Conversation, Event, Turn

FULL: dict[str, Any] = {
    "conversation_id": "c-1",
    "channel": "phone",
    "agent_id": "A017",
    "team": "物流一组",
    "started_at": "2026-03-02T09:14:05+08:00",
    "ended_at": "2026-03-02T09:15:05+08:00",
    "ended_by": "customer",
    "direction": "inbound",
    "capabilities": ["timestamps", "hangup_party"],
    "turns": [
        {"speaker": "agent", "text": "您好", "start": 0.4, "end": 3.1, "tags": ["sigh"]},
        {"speaker": "customer", "text": "喂", "at": "2026-03-02T09:14:09+08:00"},
    ],
    "events": [{"type": "transfer", "at": 41.0, "by": "agent", "due": None, "note": "售后"}],
    "metadata": {"queue": 3},
}


def read(data: object, **more: object) -> Conversation:
    """Decode one line of JSON."""
    merged = {**data, **more} if isinstance(data, dict) else data
    return decode(Line("in.jsonl", 7, json.dumps(merged, ensure_ascii=False).encode()))


def refusal(raw: bytes) -> str:
    """Return the reason for which a line is refused, once its place is checked."""
    with pytest.raises(InputError) as caught:
        decode(Line("in.jsonl", 7, raw))
    (problem,) = caught.value.problems
    assert (problem.source, problem.line) == ("in.jsonl", 7)
    assert str(caught.value) == f"in.jsonl:7: {problem.message}"
    return problem.message


def lines(content: bytes, limit: int = 1000) -> list[tuple[int, bytes, bool]]:
    """Read the lines of a stream."""
    found = read_lines(io.BytesIO(content), "in.jsonl", limit)
    return [(line.number, line.raw, bool(line.fault)) for line in found]


def test_minimal_conversation_gets_defaults() -> None:
    """Only an id and the texts are required; a speaker who is not named is ``other``."""
    conversation = read({"conversation_id": "c", "turns": [{"text": "您好"}]})
    assert conversation == Conversation("c", (Turn("您好", "other"),))
    assert conversation.capabilities is None
    assert conversation.metadata == {}


def test_conversation_without_turns_is_read() -> None:
    """A call in which nobody spoke is a conversation."""
    assert read({"conversation_id": "c", "turns": []}).turns == ()


def test_full_conversation_keeps_every_field() -> None:
    """All the fields of the format arrive where the model has them."""
    first = Turn("您好", "agent", 0.4, 3.1, tags=("sigh",))
    second = Turn("喂", "customer", at="2026-03-02T09:14:09+08:00")
    assert read(FULL) == Conversation(
        conversation_id="c-1",
        turns=(first, second),
        channel="phone",
        agent_id="A017",
        team="物流一组",
        started_at="2026-03-02T09:14:05+08:00",
        ended_at="2026-03-02T09:15:05+08:00",
        ended_by="customer",
        direction="inbound",
        capabilities=("timestamps", "hangup_party"),
        events=(Event("transfer", 41.0, "agent", note="售后"),),
        metadata={"queue": 3},
    )


def test_empty_capabilities_are_not_unknown_ones() -> None:
    """``[]`` says that a source delivers nothing, which is more than not saying."""
    assert read(FULL, capabilities=[]).capabilities == ()
    assert read(FULL, capabilities=None).capabilities is None


def test_unknown_keys_are_kept_where_they_stand() -> None:
    """What jiyu does not know stays under the metadata of conversation, turn or event."""
    conversation = read(
        {
            "conversation_id": "c",
            "batch": {"n": 1},
            "metadata": {"queue": 3},
            "turns": [{"text": "喂", "confidence": 0.9}, {"text": "嗯"}],
            "events": [{"type": "hold", "at": 1, "reason": "查件", "metadata": {"a": 1}}],
        }
    )
    assert conversation.metadata == {"queue": 3, "batch": {"n": 1}}
    assert [turn.metadata for turn in conversation.turns] == [{"confidence": 0.9}, {}]
    assert conversation.events[0].metadata == {"a": 1, "reason": "查件"}


def test_null_keeps_the_default() -> None:
    """An empty value of an optional field is the same as no value."""
    nothing = dict.fromkeys(("channel", "agent_id", "team", "ended_by", "events", "metadata"))
    turn = {"text": "喂", "speaker": None, "start": None, "tags": None, "metadata": None}
    assert read({"conversation_id": "c", "turns": [turn], **nothing}) == Conversation(
        "c", (Turn("喂"),)
    )


def test_null_under_an_unknown_key_is_kept() -> None:
    """Nothing of a source is dropped, not even that it said nothing."""
    assert read(FULL, queue_name=None).metadata["queue_name"] is None


@pytest.mark.parametrize("text", ["", "\u0000", "\ue000", "😀👨‍👩‍👧", "𠮷", "a\u202eb", "\r\n"])
def test_any_text_is_read_as_it_is(text: str) -> None:
    """A text is never changed, whatever signs it has."""
    assert read({"conversation_id": "c", "turns": [{"text": text}]}).turns[0].text == text


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{}", "Object missing required field `conversation_id`"),
        (b'{"conversation_id":"c"}', "Object missing required field `turns`"),
        (b'{"conversation_id":null,"turns":[]}', "missing required field `conversation_id`"),
        (b'{"conversation_id":"","turns":[]}', "no id"),
        (b'{"conversation_id":" \\t","turns":[]}', "no id"),
        (b'{"conversation_id":5,"turns":[]}', "Expected `str`, got `int` - at `$.conversation_id`"),
        (b'{"conversation_id":"c","turns":null}', "missing required field `turns`"),
        (b'{"conversation_id":"c","turns":"x"}', "Expected `array`, got `str` - at `$.turns`"),
        (b'{"conversation_id":"c","turns":["x"]}', "got `str` - at `$.turns[0]`"),
        (
            b'{"conversation_id":"c","turns":[{}]}',
            "missing required field `text` - at `$.turns[0]`",
        ),
        (
            b'{"conversation_id":"c","turns":[{"text":"x"},{"text":null}]}',
            "missing required field `text` - at `$.turns[1]`",
        ),
        (
            b'{"conversation_id":"c","turns":[{"text":1}]}',
            "Expected `str`, got `int` - at `$.turns[0].text`",
        ),
        (
            b'{"conversation_id":"c","turns":[{"text":"x","start":"1"}]}',
            "Expected `float | null`, got `str` - at `$.turns[0].start`",
        ),
        (
            b'{"conversation_id":"c","turns":[{"text":"x","speaker":"boss"}]}',
            "a value is not one of those allowed - at `$.turns[0].speaker`",
        ),
        (
            b'{"conversation_id":"c","turns":[],"events":[{"at":1}]}',
            "missing required field `type` - at `$.events[0]`",
        ),
        (b'{"conversation_id":"c","turns":[],"metadata":5}', "`int` - at `$.metadata`"),
        (b'{"conversation_id":"c","turns":[],"metadata":5,"x":1}', "`int` - at `$.metadata`"),
        (
            b'{"conversation_id":"c","turns":[{"text":"x","metadata":[],"x":1}]}',
            "got `array` - at `$.turns[0].metadata`",
        ),
        (b"[]", "Expected `object`, got `array`"),
        (b"null", "Expected `object`, got `null`"),
        (b'"x"', "Expected `object`, got `str`"),
    ],
)
def test_wrong_shape_is_refused_with_its_place(raw: bytes, reason: str) -> None:
    """A line of another shape says which field is wrong and where."""
    assert reason in refusal(raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"hello", "not JSON: invalid character"),
        (b'{"conversation_id":"c","turns":[]', "not JSON: Input data was truncated"),
        (b'{"x":1,', "not JSON: Input data was truncated"),
        (b'{"conversation_id":"c","turns":[]} {}', "not JSON: trailing characters"),
        (b"{'conversation_id':'c'}", "not JSON"),
        (b'{"conversation_id":"c","turns":[{"text":"x","start":NaN}]}', "not JSON"),
        (b'{"conversation_id":"c","turns":[],"x":-Infinity}', "not JSON"),
        (b'{"conversation_id":"c","turns":[{"text":"x","start":1e999}]}', "out of range"),
        (b'{"conversation_id":"c","turns":[],"x":1' + b"0" * 5000 + b"}", "out of range"),
        (b'{"conversation_id":"c","turns":[{"text":"\\ud800"}]}', "not JSON"),
        (b'{"conversation_id":"c","turns":[{"text":"\\udc00x"}]}', "not JSON"),
        (b'{"conversation_id":"c","turns":[{"text":"\xed\xa0\x80"}]}', "not UTF-8"),
        (b'{"conversation_id":"c\xff","turns":[]}', "not UTF-8"),
        (b'{"x":1,"conversation_id":"c\xff","turns":[]}', "not UTF-8"),
        (b'{"conversation_id":"c","turns":[],"x":"\xc4\xe3\xba\xc3"}', "not UTF-8"),
        ('{"conversation_id":"c","turns":[]}'.encode("utf-16"), "not JSON"),
        (b'{"conversation_id":"c","turns":[],"metadata":{"x":' + b"[" * 100_000, "too deeply"),
        (b'{"conversation_id":"c","turns":[],"x":' + b'{"x":' * 100_000, "too deeply"),
    ],
)
def test_line_that_is_no_json_is_refused(raw: bytes, reason: str) -> None:
    """Broken JSON, other encodings and bottomless nesting are refused, not raised through."""
    assert reason in refusal(raw)


@given(
    # Words that no message of ours contains, with the signs that messages quote values by.
    st.text("秘密的话'\"` -$.[]\\", min_size=1).map(lambda s: f"秘{s}密"),
    st.sampled_from(
        [
            lambda s: {"conversation_id": "c", "turns": [{"text": "x", "speaker": s}]},
            lambda s: {"conversation_id": "c", "turns": [{"text": s, "start": s}]},
            lambda s: {"conversation_id": "c", "turns": [{"text": "x", "at": [s], s: 1}]},
            lambda s: {"conversation_id": "c", "turns": [{"text": [s]}]},
            lambda s: {"conversation_id": "c", "turns": s},
            lambda s: {"conversation_id": "c", "turns": [], "metadata": s, s: s},
            lambda s: {"conversation_id": {s: s}, "turns": []},
            lambda s: {"turns": [{"text": s}], s: s},
            lambda s: [s],
        ]
    ),
    st.sampled_from([1, 0.5]),
)
def test_refusal_never_repeats_the_transcript(said: str, shape: Any, share: float) -> None:
    """An error message may end up in a log, and what was said must not, cut short or not."""
    raw = json.dumps(shape(said), ensure_ascii=False).encode()
    message = refusal(raw[: int(len(raw) * share)])
    assert not set(message) & set("秘密的话")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Whatever a line is, it is a conversation or an input error, and nothing else."""
    with suppress(InputError):
        assert isinstance(decode(Line("in.jsonl", 1, raw)), Conversation)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text("a秘'`"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = ("conversation_id", "turns", "events", "metadata", "text", "speaker", "start", "x")


@given(
    st.dictionaries(
        st.sampled_from(_FIELDS),
        _JSON | st.lists(st.dictionaries(st.sampled_from(_FIELDS), _JSON), max_size=2),
    )
)
def test_any_object_is_read_or_refused(data: dict[str, Any]) -> None:
    """Right names with wrong values anywhere are an input error, and nothing else."""
    with suppress(InputError):
        assert isinstance(read(data), Conversation)


def test_byte_order_mark_is_taken_off() -> None:
    """A mark before the first line is no part of it, as Windows programs write one."""
    assert lines(b"\xef\xbb\xbf{}\n{}") == [(1, b"{}", False), (2, b"{}", False)]
    assert lines(b"\xef\xbb\xbf\n{}") == [(2, b"{}", False)]
    assert lines(b"\xef\xbb\xbf") == []


def test_line_ends_and_blank_lines_are_skipped_but_counted() -> None:
    """Lines keep their numbers behind CRLF, blank lines and a last line without an end."""
    content = b"{1}\r\n\r\n  \n\t{2} \r\n\n{3}"
    assert lines(content) == [(1, b"{1}", False), (4, b"{2}", False), (6, b"{3}", False)]


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n \n"])
def test_empty_stream_has_no_lines(content: bytes) -> None:
    """A file without anything in it is no error."""
    assert lines(content) == []


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize("extra", [1, 10, 11, 12, 95])
def test_line_beyond_the_limit_is_marked(extra: int, end: bytes) -> None:
    """A line too long is told as such, and the lines behind it keep their numbers."""
    found = lines(b"{}\n" + b"x" * (10 + extra) + end + b"{3}" * bool(end), limit=10)
    assert found[0] == (1, b"{}", False)
    assert (found[1][0], found[1][2]) == (2, True)
    assert found[2:] == ([(3, b"{3}", False)] if end else [])


@pytest.mark.parametrize("end", [b"\n", b""])
def test_line_at_the_limit_is_whole(end: bytes) -> None:
    """The limit itself is allowed."""
    assert lines(b"x" * 10 + end, limit=10) == [(1, b"x" * 10, False)]


def test_line_too_long_is_refused() -> None:
    """A line beyond the limit is no conversation, even if its beginning looks like one."""
    with pytest.raises(InputError, match="too long"):
        decode(Line("in.jsonl", 1, b'{"conversation_id":"c","turns":[]}', TOO_LONG))


class _Endless(io.RawIOBase):
    """A stream of one line of many megabytes that is never in memory as a whole."""

    def __init__(self, megabytes: int) -> None:
        self.parts: Iterator[bytes] = iter(
            [b"{}\n", *[b"x" * 2**16] * megabytes * 16, b"\n", b"{3}\n"]
        )
        self.left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.left = self.left or next(self.parts, b"")
        size = min(len(buffer), len(self.left))
        buffer[:size], self.left = self.left[:size], self.left[size:]
        return size


def test_absurdly_long_line_costs_no_memory() -> None:
    """64 MB in one line are skipped within less than one."""
    tracemalloc.start()
    with io.BufferedReader(_Endless(64)) as stream:
        found = list(read_lines(stream, "in.jsonl", limit=100_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(line.number, bool(line.fault)) for line in found] == [
        (1, False),
        (2, True),
        (3, False),
    ]
    assert len(found[1].raw) <= 1024
    assert peak < 1_000_000
